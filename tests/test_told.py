"""Every note is in docs/inputs.md, and every note that is there can be said.

The first is checked while the other tests run: in tests/masks, tests/dcgan/pictures and tests/completion, a mask, a
file or a picture with another note fails the test that brought it about; see their conftest.py.
"""

import ast
from pathlib import Path

import numpy as np
import pytest

from masks import DrawnMask
from tests.told import FIXED_MIN, checked, documented_notes, fixed_parts, undocumented

ROOT = Path(__file__).parents[1]


def texts():
    """Return all strings of the packages but docstrings."""
    found = []
    for package in ("masks", "dcgan", "completion"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            found += [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in lone
            ]
    return found


def test_every_row_is_a_note_of_the_code():
    rows, said = documented_notes(), texts()
    assert len(rows) == len(set(rows)) > 40
    # The words for a transparency are made from those for a mask.
    rows = [row.replace("its transparency has", "its mask has") for row in rows]
    stale = [row for row in rows if not all(any(part.strip() in text for text in said) for part in fixed_parts(row))]
    assert stale == []


def test_no_row_matches_nearly_anything():
    assert [row for row in documented_notes() if max(map(len, fixed_parts(row))) < FIXED_MIN] == ["first of ... frames"]
    assert undocumented(["some note about nothing", "first of 2 frames", "its mask: first of 2 frames"]) == [
        "some note about nothing"
    ]


def test_a_note_that_is_not_documented_is_refused(monkeypatch):
    monkeypatch.setattr(DrawnMask, "__init__", checked(DrawnMask))
    mask = np.zeros((1, 1), bool)
    assert DrawnMask(mask, ("its mask was resized from 1x1 to 2x2",)).notes
    with pytest.raises(AssertionError, match="some note"):
        DrawnMask(mask, ("some note",))

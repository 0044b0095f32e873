"""The notes of docs/inputs.md, and a check of all notes that the tests bring about."""

import functools
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "inputs.md"
FIXED_MIN = 12  # characters of a row that stand for themselves: a row of less would match anything


@functools.cache
def documented_notes():
    """Return the notes of the table, as they are written there."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Notes\n")[1]
    return tuple(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))


def fixed_parts(row):
    """Return what of a row is the same in every note."""
    return [part for part in row.split("...") if part.strip()]


@functools.cache
def _patterns():
    return [re.compile(".+".join(map(re.escape, row.split("..."))), re.DOTALL) for row in documented_notes()]


def undocumented(notes):
    """Return those notes that no row of the table has."""
    return [
        note
        for note in (note.removeprefix("its mask: ") for note in notes)
        if not any(pattern.fullmatch(note) for pattern in _patterns())
    ]


def checked(kind):
    """Return an `__init__` for a class with notes that refuses those that are not documented."""
    made = kind.__init__

    @functools.wraps(made)
    def make(self, *arguments, **options):
        made(self, *arguments, **options)
        missing = undocumented(self.notes)
        if missing:
            raise AssertionError(f"not in the notes of {PAGE.name}: {missing}")

    return make

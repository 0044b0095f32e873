"""complete-images over a folder in which there are files, folders and links of others."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from completion.cli import complete_command
from tests.completion.helpers import write_pictures
from tests.foreign import assert_kept, foreign_trees, plant, snapshot, without_unfinished

NAMES = (
    *("a.png", "x", "x/b.png", "sheet.png", "manifest.jsonl", "manifest-1-of-2.jsonl", ".manifest.jsonl.files"),
    *(".manifest.jsonl.lock", ".dcgan.json"),
)
LISTED = ("a.png", "x/b.png", "sheet.png")  # by the record of a first run
OPTIONS = ([], ["--overwrite"], ["--skip-existing"], ["--overwrite", "--shard", "1/2"])


def complete(root, *options):
    arguments = [root / "in", "--recursive", "--output", root / "out", "--sheet", *options]
    return CliRunner().invoke(complete_command, ["--method", "telea", "--quiet", *map(str, arguments)])


@settings(max_examples=60, deadline=None)
@given(
    tree=foreign_trees(NAMES),
    first=st.booleans(),
    calls=st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=3),
)
@example(tree={"manifest.jsonl": ("file", b'{"input": "a.png"}')}, first=False, calls=[[]])
@example(tree={"manifest.jsonl": ("link to a file", b"theirs")}, first=False, calls=[["--overwrite"]])
@example(tree={"x": ("link to a folder", b"theirs")}, first=False, calls=[["--overwrite"]])
def test_nothing_of_others_changes(tmp_path_factory, tree, first, calls):
    root = tmp_path_factory.mktemp("complete")
    write_pictures(root / "in", ["a.png", "x/b.png"])
    if first:
        assert complete(root).exit_code == 0
        for name in tree.keys() & {"manifest.jsonl", ".manifest.jsonl.files", ".dcgan.json"}:
            (root / "out" / name).unlink()  # theirs take the place of ours
        tree = without_unfinished(tree, ["manifest.jsonl", "manifest-1-of-2.jsonl", ".manifest.jsonl.files"])
    own = snapshot(root / "out")
    plant(root / "out", tree)
    theirs = {name: content for name, content in snapshot(root).items() if name not in own}
    for options in calls:
        result = complete(root, *options)
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert_kept(theirs, root)


@pytest.mark.parametrize("name", LISTED)
def test_a_message_about_files_of_others_does_not_advise_to_overwrite(tmp_path, name):
    write_pictures(tmp_path / "in", ["a.png", "x/b.png"])
    path = Path(tmp_path, "out", name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"theirs")
    for options in ([], ["--overwrite"]):
        result = complete(tmp_path, *options)
        assert result.exit_code == 1
        assert result.stderr == (
            f"Error: {path}: exists, and this program has not written it; choose another folder, or move this file\n"
        )

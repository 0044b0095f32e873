import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from completion.folder.inputs import InputPicture, list_inputs, take_shard
from dcgan.errors import FaceCompletionError
from dcgan.pictures.names import PICTURE_SUFFIXES
from masks.matching import MASK_SUFFIXES


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder of empty files; the current folder is the one above."""
    names = ["b.png", "a.jpg", "A.JPEG", "notes.txt", ".hidden.png", "x/c.png", "x/y/d.webp", "z/a.jpg"]
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments, **options):
    return [picture.relative for picture in list_inputs(arguments, **options)]


def test_suffixes_are_those_of_the_other_packages():
    assert set(PICTURE_SUFFIXES) == set(MASK_SUFFIXES)


def test_a_folder(tree):
    assert names("in") == ["A.JPEG", "a.jpg", "b.png"]
    assert names("in", recursive=True) == ["A.JPEG", "a.jpg", "b.png", "x/c.png", "x/y/d.webp", "z/a.jpg"]
    assert names(tree / "in") == names("in") == names("./in/") == names("in/../in")


def test_paths_are_those_that_were_typed(tree):
    picture = list_inputs(["in/a.jpg"])[0]
    assert picture == InputPicture(Path("in/a.jpg"), "a.jpg", tree / "in", own="a.jpg")


def test_the_common_folder_of_several_inputs_is_left_out(tree):
    assert names("in/x", "in/z") == ["x/c.png", "z/a.jpg"]
    assert names("in/x/c.png", "in/z/a.jpg") == ["x/c.png", "z/a.jpg"]
    assert names("in/a.jpg", "in/b.png") == ["a.jpg", "b.png"]
    assert names("in/a.jpg", "in/x") == ["a.jpg", "x/c.png"]


def test_every_file_once(tree):
    assert names("in/a.jpg", "in", tree / "in" / "a.jpg", "in/../in/a.jpg") == ["a.jpg", "A.JPEG", "b.png"]


def test_patterns(tree):
    assert names("in/*.png") == ["b.png"]
    assert names("in/**/*.jpg") == ["a.jpg", "z/a.jpg"]
    with pytest.raises(FaceCompletionError, match=r"in/\*\.tif: expected a file, a folder or a pattern, found nothing"):
        names("in/*.tif")


def test_a_file_whose_name_looks_like_a_pattern(tree):
    (tree / "in" / "face[1].png").touch()
    assert names("in/face[1].png") == ["face[1].png"]


def test_a_named_file_is_taken_whatever_its_suffix(tree):
    assert names("in/notes.txt", "in/.hidden.png") == ["notes.txt", ".hidden.png"]


@pytest.mark.parametrize("argument", ["nowhere", "in/none.png", "empty"])
def test_nothing_to_complete_is_an_error(tree, argument):
    (tree / "empty").mkdir()
    with pytest.raises(FaceCompletionError, match=r"expected .*, found no"):
        names(argument)


def test_the_output_folder_is_not_completed_again(tree):
    (tree / "in" / "done").mkdir()
    (tree / "in" / "done" / "a.jpg.png").touch()
    assert "done/a.jpg.png" in names("in", recursive=True)
    assert "done/a.jpg.png" not in names("in", recursive=True, output_dir=Path("in/done"))
    assert "done/a.jpg.png" not in names("in", recursive=True, output_dir=tree / "in" / "done")
    assert names("in/**/*.png") == ["b.png", "done/a.jpg.png", "x/c.png"]
    assert names("in/**/*.png", output_dir=Path("in/done")) == ["b.png", "x/c.png"]
    assert names("in/done/a.jpg.png", output_dir=Path("in/done")) == ["a.jpg.png"]  # named, and so meant


def test_masks_among_the_pictures_are_left_out(tree):
    for name in ("a_mask.png", "a-mask.png", "a.mask.png", "a_mask001.png", "mask_a.png"):
        (tree / "in" / name).touch()
    (tree / "in" / "x" / "c_MASK.png").touch()
    assert "a_mask.png" in names("in")
    assert names("in", mask_dir=Path("in")) == ["A.JPEG", "a.jpg", "b.png"]
    assert "x/c_MASK.png" not in names("in", mask_dir=tree / "in", recursive=True)


def test_a_folder_of_masks_inside_the_pictures_is_left_out(tree):
    for name in ("a.png", "b.png"):
        (tree / "in" / "masks" / name).parent.mkdir(exist_ok=True)
        (tree / "in" / "masks" / name).touch()
    everything = names("in", recursive=True, mask_dir=Path("in/masks"))
    assert not [name for name in everything if name.startswith("masks")]
    assert "x/c.png" in everything


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_listed(tree):
    (tree / "in" / "x").chmod(0)
    try:
        with pytest.raises(FaceCompletionError, match="in/x: cannot list the folder"):
            names("in", recursive=True)
    finally:
        (tree / "in" / "x").chmod(0o755)


@given(count=st.integers(0, 30), shards=st.integers(1, 9))
def test_shards_are_a_partition(count, shards):
    inputs = [InputPicture(Path(f"{number}.png"), f"{number}.png", Path()) for number in range(count)]
    parts = [take_shard(inputs, (index, shards)) for index in range(1, shards + 1)]
    assert sorted((picture for part in parts for picture in part), key=inputs.index) == inputs
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("shard", [(0, 1), (2, 1), (1, 0), (-1, 3)])
def test_impossible_shards(shard):
    with pytest.raises(ValueError, match="Expected `shard` i/n with 1 <= i <= n"):
        take_shard([], shard)


def test_what_was_left_out_of_a_folder_is_said_once(tree):
    (tree / "in" / "scan.heic").touch()
    lines = []
    assert names("in", on_left_out=lines.append) == ["A.JPEG", "a.jpg", "b.png"]
    assert lines[0].startswith("in: left out: 1 file without a picture's suffix (.heic), 2 sub-folders")
    assert len(lines) == 1
    lines.clear()
    names("in/scan.heic", "in/a.jpg", on_left_out=lines.append)
    assert lines == []

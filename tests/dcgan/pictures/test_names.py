import os
from pathlib import Path

import pytest

from dcgan.errors import DatasetError, FaceCompletionError
from dcgan.pictures.names import PICTURE_SUFFIXES, is_picture_name, list_pictures


@pytest.fixture
def tree(tmp_path):
    for name in ["b.png", "a.JPG", "notes.txt", ".c.png", "x/c.png", "x/y/a.gif", "w/a.png", "__MACOSX/._a.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder, **options):
    return [path.relative_to(folder).as_posix() for path in list_pictures(folder, **options)]


def test_every_suffix_in_any_case():
    for suffix in PICTURE_SUFFIXES:
        assert is_picture_name(f"x/a{suffix}")
        assert is_picture_name(f"a{suffix.upper()}")
    assert not any(map(is_picture_name, ("a", "a.txt", "png", "x.png/a", "x/.a.png", "__MACOSX/a.png")))


def test_files_of_a_folder_come_before_those_below_it(tree):
    assert names(tree) == ["a.JPG", "b.png", "w/a.png", "x/c.png", "x/y/a.gif"]
    assert names(tree, recursive=False) == ["a.JPG", "b.png"]


def test_folders_that_are_left_out(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert names(tree, left_out=[None, "x/y", tree / "w"]) == ["a.JPG", "b.png", "x/c.png"]
    (tree / "link").symlink_to("x")
    assert names(tree, left_out=[tree / "link"]) == ["a.JPG", "b.png", "w/a.png"]


def test_paths_begin_with_the_folder(tree, monkeypatch):
    monkeypatch.chdir(tree)
    assert list_pictures("x", recursive=False) == [Path("x/c.png")]
    assert list_pictures(tree / "x", recursive=False) == [tree / "x" / "c.png"]


@pytest.mark.parametrize("kind", [FaceCompletionError, DatasetError])
def test_a_folder_that_cannot_be_listed(tree, monkeypatch, kind):
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "y":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(kind, match=r"x/y: cannot list the folder: Permission denied$"):
        list_pictures(tree, error=kind)

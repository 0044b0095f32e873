import os
from pathlib import Path

import pytest

from dcgan.errors import DatasetError, FaceCompletionError
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.names import PICTURE_SUFFIXES, is_picture_name


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


@pytest.fixture
def linked(tmp_path):
    """Return a folder with links out of it, to itself, to a folder that it holds, and to nowhere."""
    folder = tmp_path / "in"
    for name in ["in/z/a.png", "elsewhere/kid.png", "elsewhere/deep/b.png", "in/c.png"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (folder / "a-link-to-z").symlink_to("z")
    (folder / "kids").symlink_to("../elsewhere")
    (folder / "kids-again").symlink_to("../elsewhere/deep")
    (tmp_path / "elsewhere" / "back").symlink_to("../in")
    (folder / "z" / "up").symlink_to("../..")
    (folder / "z" / "self").symlink_to(".")
    (folder / "nowhere").symlink_to("nothing")
    (folder / "round").symlink_to("round")
    (folder / "lost.png").symlink_to("nothing.png")
    return folder


def test_links_to_folders_are_followed_once(linked):
    lines = []
    found = names(linked, on_left_out=lines.append)
    assert found == ["c.png", "lost.png", "kids/kid.png", "kids/deep/b.png", "z/a.png"]
    assert lines == [
        f"{linked}: left out: 2 broken links, 5 links to a folder that is read without it",
    ]


def test_a_linked_folder_that_is_left_out(linked):
    lines = []
    assert names(linked, left_out=[linked.parent / "elsewhere"]) == ["c.png", "lost.png", "kids-again/b.png", "z/a.png"]
    assert names(linked, left_out=[linked / "kids", linked / "kids-again"], on_left_out=lines.append)[-1] == "z/a.png"


def test_what_could_have_been_meant_is_counted(tmp_path):
    for name in [
        "a.png",
        "b.HEIC",
        "c.heic",
        "scan",
        "d.psd",
        "x.txt",
        "list.csv",
        ".DS_Store",
        "._e.heic",
        "Thumbs.db",
    ]:
        (tmp_path / name).touch()
    for name in ["x", "y", ".git"]:
        (tmp_path / name).mkdir()
    lines = []
    names(tmp_path, on_left_out=lines.append)
    assert lines == [f"{tmp_path}: left out: 4 files without a picture's suffix (.heic, .psd, none)"]
    lines.clear()
    (tmp_path / "d.psd").unlink()
    (tmp_path / "scan").unlink()
    names(tmp_path, recursive=False, on_left_out=lines.append)
    assert lines == [
        f"{tmp_path}: left out: 2 files without a picture's suffix (.heic), 2 sub-folders (see --recursive)"
    ]


def test_nothing_is_said_where_nothing_was_left_out(tree):
    names(tree, on_left_out=pytest.fail)

import os

import pytest

from masks import MaskFolder, is_mask_name


@pytest.fixture
def make_files(tmp_path):
    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.png"], "a.png"),
        (["a_mask.png"], "a_mask.png"),
        (["A.png", "ab.png", "b.png"], None),
        (["a.txt", "a"], None),
        (["a.PNG"], "a.PNG"),
        (["a_MASK.Png"], "a_MASK.Png"),
        (["a.png", "a_mask.png"], "a_mask.png"),
        (["a.bmp", "a_mask.webp"], "a_mask.webp"),
        (["a.png", "a.jpg"], "a.jpg"),
        (["a.png", "a.JPG"], "a.JPG"),
        (["a_mask.png", "a_mask.bmp", "a.bmp"], "a_mask.bmp"),
        (["deep/a.png"], None),
    ],
)
def test_match_by_stem(make_files, names, expected):
    folder = make_files(*[f"masks/{name}" for name in names]) / "masks"
    found = MaskFolder(folder).match("elsewhere/a.jpg")
    assert found == (folder / expected if expected else None)


def test_a_stem_may_hold_dots(make_files):
    folder = make_files("masks/a.b.png", "masks/a.png") / "masks"
    assert MaskFolder(folder).match("a.b.jpg") == folder / "a.b.png"


def test_the_same_subfolder_wins_over_the_top(make_files):
    root = make_files("masks/a_mask.png", "masks/one/a.png", "masks/one/deep/b.png", "masks/b.png", "photos/one/a.jpg")
    folder, photos = MaskFolder(root / "masks"), root / "photos"
    assert len(folder) == 4
    assert folder.match(photos / "one/a.jpg", root=photos) == root / "masks/one/a.png"
    assert folder.match(photos / "two/a.jpg", root=photos) == root / "masks/a_mask.png"
    assert folder.match(photos / "a.jpg", root=photos) == root / "masks/a_mask.png"
    assert folder.match(photos / "one/a.jpg") == root / "masks/a_mask.png"
    assert folder.match(photos / "one/deep/b.jpg", root=photos) == root / "masks/one/deep/b.png"
    assert folder.match(photos / "one/b.jpg", root=photos) == root / "masks/b.png"


def test_beside_the_pictures_only_the_mark_counts(make_files):
    photos = make_files("a.jpg", "a_mask.png", "b.jpg", "b.png", "c.png", "sub/d.png", "sub/d_mask.gif")
    folder = MaskFolder(photos)
    assert folder.match(photos / "a.jpg", root=photos) == photos / "a_mask.png"
    assert folder.match(photos / "b.jpg", root=photos) is None
    assert folder.match(photos / "c.png", root=photos) is None
    assert folder.match(photos / "sub/d.png", root=photos) == photos / "sub/d_mask.gif"
    assert folder.match(photos / "a_mask.png", root=photos) is None


def test_the_pictures_folder_is_recognised_by_any_path(make_files, monkeypatch):
    photos = make_files("photos/a.jpg") / "photos"
    try:
        os.symlink(photos, photos.parent / "link", target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    assert MaskFolder(photos.parent / "link").match(photos / "a.jpg") is None
    assert MaskFolder(photos).match(photos.parent / "link/a.jpg") is None
    monkeypatch.chdir(photos)
    assert MaskFolder(".").match("a.jpg") is None
    assert MaskFolder(photos).match("a.jpg", root=".") is None


def test_a_picture_named_like_a_mask_finds_its_mask_elsewhere(make_files):
    folder = make_files("masks/me_mask.png", "masks/you_mask_mask.png") / "masks"
    assert MaskFolder(folder).match("photos/me_mask.jpg") == folder / "me_mask.png"
    assert MaskFolder(folder).match("photos/you_mask.jpg") == folder / "you_mask_mask.png"


def test_the_folder_is_listed_once(make_files, monkeypatch):
    photos = make_files(*[f"masks/{index}.png" for index in range(20)])
    folder = MaskFolder(photos / "masks")
    for name in ("walk", "listdir", "scandir"):
        monkeypatch.setattr(os, name, lambda *_, **__: pytest.fail("listed again"))
    assert all(folder.match(f"photos/{index}.jpg") for index in range(20))


def test_wrong_arguments(make_files):
    folder = make_files("masks/a.png") / "masks"
    with pytest.raises(NotADirectoryError, match=r"Expected `folder` to be a folder\. Received: "):
        MaskFolder(folder / "a.png")
    with pytest.raises(ValueError, match=r"Expected `picture` to lie under .*photos.* Received: "):
        MaskFolder(folder).match("other/a.jpg", root="photos")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a_mask.png", True),
        ("photos/A_Mask.JPG", True),
        ("a.png", False),
        ("mask.png", False),
        ("_mask.png", False),
        ("a_mask", False),
        ("a_mask.txt", False),
        ("a_mask/b.png", False),
    ],
)
def test_is_mask_name(path, expected):
    assert is_mask_name(path) is expected

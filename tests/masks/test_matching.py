import os
import time
import unicodedata

import pytest

from masks import MaskFolder, MaskMatch, is_mask_name


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
        (["ab.png", "b.png", "amask.png", "a_masked.png", "a_mask_b.png", "masks_a.png"], None),
        (["A.png", "ab.png", "b.png"], "A.png"),
        (["A_MASK.png", "a.png"], "a.png"),
        (["A_mask.png", "A-mask.png"], None),
        (["a-mask.png"], "a-mask.png"),
        (["a.mask.png"], "a.mask.png"),
        (["a mask.png"], "a mask.png"),
        (["a_mask001.png", "a.png"], "a_mask001.png"),
        (["a_mask_2.png"], "a_mask_2.png"),
        (["a-Mask12.png"], "a-Mask12.png"),
        (["mask_a.png", "a.png"], "mask_a.png"),
        (["mask-a.png", "a_mask.png"], "a_mask.png"),
        (["a.jpg.png"], "a.jpg.png"),
        (["a.jpg_mask.png"], "a.jpg_mask.png"),
        (["a.jpg.mask.png", "b.jpg.mask.png"], "a.jpg.mask.png"),
        (["a-mask.png", "a_mask001.png", "a_mask.png"], "a_mask.png"),
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


@pytest.mark.parametrize(("picture", "mask"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
@pytest.mark.parametrize("form", ["{}_mask.png", "{}.png", "mask_{}.png"])
def test_composed_and_decomposed_names_are_the_same(make_files, picture, mask, form):
    name = form.format(unicodedata.normalize(mask, "näme"))
    folder = make_files(f"masks/{name}") / "masks"
    found = MaskFolder(folder).find(unicodedata.normalize(picture, "photos/näme.jpg"))
    assert found == MaskMatch(folder / name)


def test_subfolders_are_compared_in_the_same_form(make_files):
    folder = make_files(f"masks/{unicodedata.normalize('NFD', 'fü')}/a.png") / "masks"
    root = folder.parent / "photos"
    assert MaskFolder(folder).match(root / unicodedata.normalize("NFC", "fü") / "a.jpg", root=root) is not None


def test_of_equally_good_masks_the_first_is_taken_and_said(make_files):
    folder = make_files("masks/a_mask.png", "masks/a_mask.bmp", "masks/b_mask001.png", "masks/b_mask002.png") / "masks"
    (note,) = MaskFolder(folder).find("a.jpg").notes
    assert note.startswith("its mask may be a_mask.bmp or a_mask.png: the first was taken")
    (note,) = MaskFolder(folder).find("b.jpg").notes
    assert "b_mask001.png or b_mask002.png" in note
    make_files("masks/a-mask.png", "masks/a.png")
    assert len(MaskFolder(folder).find("a.jpg").notes) == 1


def test_another_letter_case_is_said_and_never_between_two(make_files):
    folder = make_files("masks/IMG_1.png", "masks/Ab_mask.png", "masks/aB_mask.png") / "masks"
    assert MaskFolder(folder).find("img_1.jpg").notes == ("its mask was taken to be IMG_1.png, in other letter case",)
    assert MaskFolder(folder).find("IMG_1.jpg").notes == ()
    assert MaskFolder(folder).find("ab.jpg") is None
    assert "; Ab_mask.png and aB_mask.png differ" in MaskFolder(folder).looked_for("ab.jpg")
    assert MaskFolder(folder).looked_for("c.jpg") == ("c_mask, c-mask, c.mask, c_mask001, mask_c, c or c.jpg_mask")


def test_many_files_are_found_quickly(tmp_path, monkeypatch):
    names = [f"picture{number:06}_mask.png" for number in range(100_000)]
    monkeypatch.setattr(os, "walk", lambda _: iter([(str(tmp_path), [], names)]))
    started = time.perf_counter()
    folder = MaskFolder(tmp_path)
    found = [folder.match(f"photos/picture{number:06}.jpg") for number in range(0, 100_000, 10)]
    assert all(found)
    assert time.perf_counter() - started < 10  # 1 s on an idle machine


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


def unmatched(folder, *pictures, root, left_out=()):
    return MaskFolder(folder).unmatched([(root / name, root) for name in pictures], left_out=left_out)


def test_masks_of_no_picture_are_told(make_files):
    root = make_files(
        *("masks/a_mask.png", "masks/b_mask.png", "masks/sub/c.png", "masks/sub/d-mask.png", "masks/._e.png"),
        *("masks/notes.txt", "masks/out/z.png"),
    )
    found = unmatched(root / "masks", "a.jpg", "sub/c.jpg", root=root / "photos", left_out=[root / "masks/out"])
    assert found == ["b_mask.png", "sub/d-mask.png"]
    assert unmatched(root / "masks", "a.jpg", "c.jpg", "d.jpg", root=root) == [
        *("b_mask.png", "out/z.png", "sub/c.png", "sub/d-mask.png")  # a mask in a subfolder is of a picture in one
    ]


def test_a_mask_that_gives_way_to_another_is_told_unless_a_note_names_it(make_files):
    folder = make_files("m/a_mask.png", "m/a_mask.gif", "m/a.png", "m/B_mask.png", "m/b_MASK.PNG", "m/sub/a_mask.png")
    assert unmatched(folder / "m", "sub/a.jpg", "b.jpg", root=folder) == [
        "B_mask.png",
        "a.png",
        "a_mask.gif",
        "a_mask.png",
    ]
    assert unmatched(folder / "m", "a.jpg", "B.jpg", root=folder) == ["a.png", "b_MASK.PNG", "sub/a_mask.png"]


def test_pictures_and_what_lies_beside_them_are_no_masks_of_none(make_files):
    photos = make_files("a.jpg", "b.jpg", "a_mask.png", "b_mask.png", "old_mask.png", "sub/c.jpg", "sub/c_mask.png")
    assert unmatched(photos, "a.jpg", "b.jpg", "sub/c.jpg", root=photos) == ["old_mask.png"]
    assert unmatched(photos, "a.jpg", root=photos) == ["b_mask.png", "old_mask.png", "sub/c.jpg", "sub/c_mask.png"]


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
        ("a-mask.png", True),
        ("a.mask.png", True),
        ("a_mask001.png", True),
        ("mask_a.png", True),
        ("masked_a.png", False),
        ("a_masked.png", False),
    ],
)
def test_is_mask_name(path, expected):
    assert is_mask_name(path) is expected

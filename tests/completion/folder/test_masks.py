import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from completion.folder.inputs import InputPicture, list_inputs, take_shard
from completion.folder.masks import MaskSource
from dcgan.errors import ImageFileError
from masks import MaskFolder, MaskSpec, dilate
from tests.completion.helpers import make_picture

PICTURE = make_picture(12, 20)


def source(relative="a.png", root="/photos"):
    return InputPicture(Path(root, relative), relative, Path(root))


def write_mask(path, *, left):
    """Write a mask whose `left` columns of 20 are missing."""
    mask = np.zeros((12, 20), np.uint8)
    mask[:, :left] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def columns(mask):
    """Return how many of the columns, from the left, are missing."""
    assert mask.dtype == np.bool_
    assert mask.shape == (12, 20)
    count = int(mask[0].sum())
    assert (mask == (np.arange(20) < count)).all()
    return count


def test_a_named_mask():
    assert columns(MaskSource(MaskSpec("left")).mask_for(PICTURE, source()).mask) == 10


@pytest.mark.parametrize("name", ["half", "random", "strokes"])
def test_random_masks_depend_on_seed_and_relative_name_alone(name):
    masks = MaskSource(MaskSpec(name))

    def mask(relative, *, seed=0, root="/photos"):
        return masks.mask_for(PICTURE, source(relative, root), seed=seed).mask.tobytes()

    assert mask("a.png") == mask("a.png", root="/elsewhere")
    assert len({mask(f"{number}.png") for number in range(20)}) > 1
    assert len({mask("a.png", seed=seed) for seed in range(20)}) > 1


def test_random_masks_stay_when_arguments_are_added(tmp_path):
    for name in ("a/x.png", "a/s/z.png", "b/y.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    masks = MaskSource(MaskSpec("random"))

    def of(*arguments):
        inputs = list_inputs([tmp_path / argument for argument in arguments], recursive=True)
        return {picture.path.name: masks.mask_for(PICTURE, picture).mask.tobytes() for picture in inputs}

    assert of("a/x.png")["x.png"] == of("a/x.png", "b/y.png")["x.png"] == of("a")["x.png"]
    assert of("a").items() <= of("a", "b").items()
    assert len({*of("a", "b").values()}) == 3


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("quality", [60, 75, 95])
@pytest.mark.parametrize("invert", [False, True])
def test_a_colour_in_a_file_with_losses(tmp_path, kind, quality, invert):
    picture = np.asarray(Image.fromarray(make_picture(8, 8)).resize((96, 96), Image.Resampling.BICUBIC)).copy()
    hole = np.zeros((96, 96), bool)
    hole[20:60, 30:70] = hole[70:74, 5:90] = True
    picture[hole] = (255, 0, 255)
    path = tmp_path / "a.picture"
    Image.fromarray(picture).save(path, kind, quality=quality)
    pixels = np.asarray(Image.open(path))
    masks = MaskSource(MaskSpec(invert=invert), color=(255, 0, 255))
    found = masks.mask_for(pixels, InputPicture(path, "a.picture", tmp_path))
    missing = ~hole if invert else hole
    assert (found.mask >= dilate(missing, 2)).mean() > 0.999
    assert (found.mask <= dilate(missing, 6)).mean() > 0.99
    assert found.notes[0].startswith("its file alters colours: all within 32 of #ff00ff was taken, and 4 px more")
    exact = dataclasses.replace(masks, color_tolerance=0).mask_for(pixels, InputPicture(path, "a.picture", tmp_path))
    assert exact.mask.sum() != found.mask.sum()


def test_a_colour_with_soft_edges_in_a_file_without_losses(tmp_path):
    picture = np.full((12, 20, 3), 90, np.uint8)
    picture[:, :6], picture[:, 6] = (255, 0, 255), (220, 30, 220)
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    found = MaskSource(color=(255, 0, 255)).mask_for(picture, InputPicture(path, "a.png", tmp_path))
    assert columns(found.mask) == 6
    assert found.notes[0].startswith("12 pixels beside those of #ff00ff are nearly so and were not taken")
    picture[:, 6] = 90
    assert MaskSource(color=(255, 0, 255)).mask_for(picture, InputPicture(path, "a.png", tmp_path)).notes == ()


@pytest.mark.parametrize("invert", [False, True])
def test_soft_transparency(invert):
    alpha = np.zeros((12, 20, 1), np.uint8)
    alpha[:, 8:] = 255
    alpha[:, 7] = 100
    found = MaskSource(MaskSpec(invert=invert), alpha=True).mask_for(np.dstack([PICTURE, alpha]), source())
    assert found.mask[0].tolist() == ([False] * 6 + [True] * 14 if invert else [True] * 9 + [False] * 11)
    assert "its transparency has soft edges" in found.notes[0]
    half = MaskSource(alpha=True, threshold=200).mask_for(np.dstack([PICTURE, alpha]), source())
    assert columns(half.mask) == 7
    assert half.notes == ()


def test_random_masks_do_not_depend_on_the_shard(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").touch()
    inputs = list_inputs([tmp_path])
    masks = MaskSource(MaskSpec("random"))
    whole = {picture.relative: masks.mask_for(PICTURE, picture).mask.tobytes() for picture in inputs}
    for index in (1, 2):
        for picture in take_shard(inputs, (index, 2)):
            assert masks.mask_for(PICTURE, picture).mask.tobytes() == whole[picture.relative]


def test_a_name_that_is_no_utf8():
    name = os.fsdecode(b"a\xff.png")
    assert MaskSource(MaskSpec("random")).mask_for(PICTURE, source(name)).mask.any()


def test_one_file_for_all_is_resized_and_noted(tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(np.repeat(np.arange(10)[None] < 2, 6, axis=0)).save(path)
    found = MaskSource(file=path).mask_for(PICTURE, source())
    assert columns(found.mask) == 4
    assert found.notes == ("its mask was resized from 10x6 to 20x12",)


def test_one_file_for_all_fails_for_the_pictures_of_another_shape(tmp_path):
    write_mask(tmp_path / "mask.png", left=3)
    masks = MaskSource(file=tmp_path / "mask.png")
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: Expected .* 12x20\. Received: 20x12 in .*mask\.png"):
        masks.mask_for(PICTURE.transpose(1, 0, 2), source())
    assert columns(masks.mask_for(PICTURE, source()).mask) == 3
    turned = masks.mask_for(PICTURE.transpose(1, 0, 2), source(), orientation=6)
    assert turned.mask.shape == (20, 12)
    assert turned.mask[:3].all()
    assert not turned.mask[3:].any()
    assert "its mask was turned" in turned.notes[0]


def test_a_masks_own_orientation_is_honoured(tmp_path):
    stored = Image.fromarray((np.arange(12)[None] < 3).repeat(20, axis=0))
    exif = Image.Exif()
    exif[0x0112] = 8
    stored.save(tmp_path / "mask.png", exif=exif)
    found = MaskSource(file=tmp_path / "mask.png").mask_for(PICTURE, source())
    assert found.mask[-3:].all()
    assert not found.mask[:-3].any()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, bool])
@pytest.mark.parametrize("high", [1, 255])
def test_a_file_of_any_two_values(tmp_path, depth, high):
    Image.fromarray(((np.arange(20)[None] < 3) * np.ones((12, 1)) * high).astype(depth)).save(tmp_path / "a.png")
    masks = MaskSource(folder=MaskFolder(tmp_path))
    assert columns(masks.mask_for(PICTURE, source("a.jpg")).mask) == 3
    masks = MaskSource(MaskSpec(invert=True), folder=MaskFolder(tmp_path))
    np.testing.assert_array_equal(masks.mask_for(PICTURE, source("a.jpg")).mask[0], np.arange(20) >= 3)


@pytest.mark.parametrize(
    ("dtype", "high"), [(np.uint16, 255), (np.uint16, 65535), (np.float32, 1), (np.float32, 255), (np.int32, 1)]
)
def test_how_the_values_of_a_mask_are_stored_is_not_told(tmp_path, dtype, high):
    Image.fromarray(((np.arange(20)[None] < 3) * np.ones((12, 1)) * high).astype(dtype)).save(tmp_path / "a.tif")
    found = MaskSource(file=tmp_path / "a.tif").mask_for(PICTURE, source())
    assert (columns(found.mask), found.notes) == (3, ())


def test_a_second_frame_of_a_mask_is_told(tmp_path):
    frames = [Image.fromarray(np.repeat((np.arange(20)[None] < left) * np.uint8(255), 12, axis=0)) for left in (3, 5)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    found = MaskSource(file=tmp_path / "a.tif").mask_for(PICTURE, source())
    assert (columns(found.mask), found.notes) == (3, ("its mask: first of 2 frames",))


def test_a_mask_drawn_on_a_clear_ground(tmp_path):
    pixels = np.full((12, 20, 4), 255, np.uint8)
    pixels[:, 4:, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert columns(MaskSource(file=tmp_path / "mask.png").mask_for(PICTURE, source()).mask) == 4


@pytest.mark.parametrize("left", [3, 17])
@pytest.mark.parametrize(
    ("colors", "note"),
    [((0, 0, 0, 128, 0, 0), ""), ((120, 120, 120, 180, 20, 90), "#b4145a, not label 0, was taken as missing")],
)
def test_a_palette_of_labels(tmp_path, left, colors, note):
    labels = Image.fromarray((np.arange(20, dtype=np.uint8)[None] < left).astype(np.uint8).repeat(12, axis=0), "L")
    labels.putpalette(colors)
    labels.save(tmp_path / "a.png")
    found = MaskSource(file=tmp_path / "a.png").mask_for(PICTURE, source())
    assert columns(found.mask) == left
    assert any(note in clause for clause in (*found.notes, "" if not note else "nothing"))


def test_a_file_that_is_no_mask(tmp_path):
    Image.fromarray(np.repeat(np.arange(20, dtype=np.uint8)[None] // 7, 12, axis=0)).save(tmp_path / "a.png")
    with pytest.raises(ImageFileError, match=r"a\.png: Expected a mask of two values\. Received: 3 values"):
        MaskSource(folder=MaskFolder(tmp_path)).mask_for(PICTURE, source("a.jpg"))
    masks = MaskSource(folder=MaskFolder(tmp_path), threshold=200)
    np.testing.assert_array_equal(masks.mask_for(PICTURE, source("a.jpg")).mask[0], np.arange(20) >= 14)
    with pytest.raises(ImageFileError, match=r"^[^:]*a\.png: Expected a mask of two values"):
        _ = MaskSource(file=tmp_path / "a.png").file_mask


def test_a_mask_that_hides_nothing_or_nearly_all(tmp_path):
    masks = MaskSource(file=tmp_path / "mask.png")
    write_mask(tmp_path / "mask.png", left=0)
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: its mask hides nothing$"):
        masks.mask_for(PICTURE, source())
    opaque = np.concatenate([PICTURE, np.full((12, 20, 1), 255, np.uint8)], axis=2)
    with pytest.raises(ImageFileError, match=r"its mask hides nothing: no pixel is transparent"):
        MaskSource(alpha=True).mask_for(opaque, source())
    with pytest.raises(ImageFileError, match=r"its mask hides nothing: no pixel is #ff01ff"):
        MaskSource(color=(255, 1, 255), color_tolerance=0).mask_for(PICTURE, source())
    assert not MaskSource(MaskSpec("random", fraction=0)).mask_for(PICTURE, source()).mask.any()
    write_mask(tmp_path / "wide.png", left=13)
    wide = MaskSource(file=tmp_path / "wide.png").mask_for(PICTURE, source())
    assert wide.notes == ("its mask hides 65% of it; if it was drawn the other way round, --invert-mask",)
    write_mask(tmp_path / "narrow.png", left=7)
    turned = MaskSource(MaskSpec(invert=True), file=tmp_path / "narrow.png").mask_for(PICTURE, source())
    assert turned.notes == ("its mask hides 65% of it; if it was drawn the other way round, without --invert-mask",)


def test_a_mask_for_each(tmp_path):
    write_mask(tmp_path / "a.png", left=3)
    write_mask(tmp_path / "sub" / "a_mask.png", left=4)
    masks = MaskSource(folder=MaskFolder(tmp_path))
    assert columns(masks.mask_for(PICTURE, source("a.jpg")).mask) == 3
    assert columns(masks.mask_for(PICTURE, source("sub/a.jpg")).mask) == 4
    with pytest.raises(
        ImageFileError, match=r"/photos/b\.jpg: expected a mask in .*, found none named b_mask, b-mask, "
    ):
        masks.mask_for(PICTURE, source("b.jpg"))


def test_a_mask_for_a_picture_that_was_named_by_a_relative_path(tmp_path, monkeypatch):
    write_mask(tmp_path / "masks" / "a.png", left=3)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    (picture,) = list_inputs(["photos/a.jpg"])
    assert columns(MaskSource(folder=MaskFolder("masks")).mask_for(PICTURE, picture).mask) == 3


def test_a_damaged_mask_names_picture_and_mask(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageFileError, match=r"/photos/a\.jpg: cannot read its mask: .*a\.png: expected a picture"):
        MaskSource(folder=MaskFolder(tmp_path)).mask_for(PICTURE, source("a.jpg"))


def test_transparency():
    alpha = np.full((12, 20, 1), 255, np.uint8)
    alpha[:, :5] = 0
    picture = np.concatenate([PICTURE, alpha], axis=2)
    assert columns(MaskSource(alpha=True).mask_for(picture, source()).mask) == 5
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: expected an alpha channel, found none"):
        MaskSource(alpha=True).mask_for(PICTURE, source())


def test_a_colour():
    picture = PICTURE.copy()
    picture[:, :6] = (250, 0, 250)
    masks = MaskSource(color=(255, 0, 255), color_tolerance=5)
    assert columns(masks.mask_for(picture, source()).mask) == 6
    with pytest.raises(ImageFileError, match="no pixel is #ff00ff"):
        dataclasses.replace(masks, color_tolerance=4).mask_for(picture, source())


def test_operations_hold_for_every_source(tmp_path):
    mask = tmp_path / "mask.png"
    Image.fromarray(np.repeat(np.arange(20)[None] >= 15, 12, axis=0)).save(mask)
    spec = MaskSpec(invert=True, dilate_px=1)
    assert columns(MaskSource(spec, file=mask).mask_for(PICTURE, source()).mask) == 16
    assert columns(MaskSource(MaskSpec("right", invert=True, dilate_px=1)).mask_for(PICTURE, source()).mask) == 11


def test_a_rectangle_outside_the_picture():
    spec = MaskSpec("rectangle", x=100, y=100, width=5, height=5)
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: Expected"):
        MaskSource(spec).mask_for(PICTURE, source())


def test_block_means_are_those_of_the_named_mask():
    assert MaskSource(MaskSpec("lowres", blocks=4)).blocks == 4
    assert MaskSource(MaskSpec("full")).blocks == 0
    assert MaskSource(MaskSpec("lowres", blocks=4), alpha=True).blocks == 0

"""What a Python user passes is understood where it is unambiguous, and otherwise refused with what to do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from completion.completer import complete
from completion.inputs import read_masks, read_pictures
from masks import MaskSpec, make_mask
from tests.completion.helpers import SIZE, center_hole, make_picture

COLOR, GREY = make_picture(), make_picture(channels=1)
HOLE = center_hole()


@pytest.mark.parametrize(
    ("images", "shapes"),
    [
        (COLOR, [(SIZE, SIZE, 3)]),
        ([COLOR, GREY], [(SIZE, SIZE, 3), (SIZE, SIZE, 1)]),
        (GREY, [(SIZE, SIZE, 1)]),
        (GREY[..., 0], [(SIZE, SIZE)]),
        (np.stack([COLOR, COLOR]), [(SIZE, SIZE, 3)] * 2),
        (Image.fromarray(COLOR), [(SIZE, SIZE, 3)]),
        ((Image.fromarray(GREY[..., 0]), COLOR), [(SIZE, SIZE), (SIZE, SIZE, 3)]),
        (iter([COLOR, COLOR]), [(SIZE, SIZE, 3)] * 2),
    ],
)
def test_pictures(images, shapes):
    given = read_pictures(images, channels=3)
    assert [each.shape for each in given] == shapes
    for each in given:
        assert each.pixels.shape == (SIZE, SIZE, 3)
        assert each.finish(each.pixels).shape == each.shape


@pytest.mark.parametrize(
    ("images", "channels", "error", "message"),
    [
        (COLOR / 255.0, 3, TypeError, r"dtype uint8\. Received: float64 \(values in 0..1: \(x \* 255\)\.round"),
        (COLOR.astype(int), 3, TypeError, r"Received: int64 \(values in 0..255: x\.astype\(np\.uint8\)\)"),
        (COLOR > 9, 3, TypeError, "dtype uint8. Received: bool"),
        (np.dstack([COLOR, GREY]), 3, ValueError, r"\(without transparency: picture\[\.\.\., :3\]\)\. Received"),
        (COLOR, 1, ValueError, r"Expected pictures of shape \(H, W, 1\)"),
        (Image.fromarray(COLOR).convert("P"), 3, ValueError, r'image\.convert\("RGB"\)\)\. Received: mode P'),
        ("face.png", 3, TypeError, r"read_picture reads a file\)\. Received: the path 'face\.png'"),
        ([Path("face.png")], 3, TypeError, "Received: the path 'face.png'"),
        ([None], 3, TypeError, "Expected pictures as NumPy arrays or Pillow images. Received: NoneType"),
        (
            np.zeros((2, 8, 8), np.uint8),
            3,
            ValueError,
            r"grey pictures: images\[\.\.\., None\]\)\. Received: \(2, 8, 8",
        ),
        ([], 3, ValueError, "Expected at least one picture"),
        (np.zeros((0, 8, 3), np.uint8), None, ValueError, r"Expected pictures of shape \(H, W, 1 or 3\)"),
    ],
)
def test_pictures_that_are_refused(images, channels, error, message):
    with pytest.raises(error, match=message):
        read_pictures(images, channels=channels)


@pytest.mark.parametrize(
    "masks",
    [
        HOLE,
        HOLE[..., None],
        HOLE.astype(int),
        HOLE.astype(np.uint8) * 255,
        HOLE.astype(np.float32),
        Image.fromarray(HOLE.astype(np.uint8) * 255),
        [HOLE, HOLE[..., None]],
        (HOLE, Image.fromarray(HOLE)),
        np.stack([HOLE, HOLE]),
        "center",
        MaskSpec("center"),
        ["center", HOLE],
    ],
    ids=lambda masks: type(masks).__name__,
)
def test_masks(masks):
    for mask in read_masks(masks, [COLOR, COLOR]):
        assert mask.dtype == np.bool_
        assert np.array_equal(mask, HOLE)


def test_a_random_mask_comes_from_the_seed():
    (mask,) = read_masks("random", [COLOR], seed=3)
    assert np.array_equal(mask, make_mask("random", (SIZE, SIZE), seed=3))


@pytest.mark.parametrize(
    ("masks", "error", "message"),
    [
        (HOLE[:8], ValueError, r"Expected `mask` of shape \(16, 16\)\. Received: \(8, 16\)"),
        ([HOLE] * 3, ValueError, "Expected a mask for each of 2 pictures. Received: 3"),
        (HOLE * 77, ValueError, r"make it bool: `mask >= 128`"),
        ("centre", ValueError, "centre"),
        (None, TypeError, "Expected `masks` as an array, a Pillow image, a mask's name, or .* Received: NoneType"),
        ([HOLE, None], TypeError, "Expected `mask` of dtype bool or of numbers"),
    ],
)
def test_masks_that_are_refused(masks, error, message):
    with pytest.raises(error, match=message):
        read_masks(masks, [COLOR, COLOR])


@pytest.mark.parametrize("method", ["harmonic", "fast"])
@pytest.mark.parametrize("picture", [GREY, GREY[..., 0], Image.fromarray(GREY[..., 0])], ids=["HW1", "HW", "Pillow"])
def test_a_grey_picture_comes_back_grey(encoded, method, picture):
    """A model of colours completes it as grey."""
    result = complete(picture, "center", model=encoded, method=method)
    assert len(result.pictures) == 1
    given = np.asarray(picture)
    assert result.pictures[0].shape == given.shape
    assert np.array_equal(result.pictures[0][~HOLE], given[~HOLE])
    colors = complete(GREY.repeat(3, axis=2), HOLE, model=encoded, method=method).pictures[0]
    assert np.array_equal(colors[..., 0].ravel(), result.pictures[0].ravel())
    assert (colors == colors[..., :1]).all()


def test_pictures_that_are_none():
    with pytest.raises(TypeError, match=r"Expected pictures as NumPy arrays or Pillow images\. Received: NoneType"):
        read_pictures(None, channels=3)


def test_several_masks_for_one_picture():
    with pytest.raises(ValueError, match=r"Expected one mask for one picture\. Received: 3"):
        read_masks([HOLE] * 3, [COLOR])


def with_tag(image, tag):
    """Return an image as Pillow opens one whose orientation tag is this."""
    image.getexif()[274] = tag
    return image


@pytest.mark.parametrize("tag", [0, 1, 9])
def test_a_pillow_image_that_is_upright(tag):
    assert len(read_pictures(with_tag(Image.fromarray(COLOR), tag), channels=3)) == 1


@pytest.mark.parametrize("tag", [2, 6, 8])
def test_a_pillow_image_that_is_to_be_turned_is_refused(tag):
    with pytest.raises(ValueError, match=f"exif_transpose.*orientation tag is {tag}"):
        read_pictures(with_tag(Image.fromarray(COLOR), tag), channels=3)
    with pytest.raises(ValueError, match=f"a mask upright.*orientation tag is {tag}"):
        read_masks(with_tag(Image.fromarray(HOLE), tag), [COLOR])


def test_channels_first():
    with pytest.raises(ValueError, match=r"channels first: np\.moveaxis\(images, 0, 2\)"):
        read_pictures(np.moveaxis(COLOR, 2, 0), channels=3)


def palette_mask():
    """Return a mask whose hole has index 1, which is black."""
    image = Image.frombytes("P", HOLE.shape[::-1], HOLE.astype(np.uint8).tobytes())
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


@pytest.mark.parametrize(
    ("mask", "line"),
    [
        (np.repeat(HOLE[..., None], 3, axis=2), r"read_drawn_mask\(mask\)"),
        (np.repeat(HOLE[..., None], 4, axis=2).astype(np.uint8) * 255, r"read_drawn_mask\(mask\)"),
        (Image.fromarray(HOLE).convert("RGB"), r"read_drawn_mask\(np\.asarray\(image\)\)"),
        (Image.fromarray(HOLE).convert("LA"), r'image\.convert\("RGBA"\)'),
        (palette_mask(), r'image\.convert\("RGBA"\)'),
    ],
)
def test_masks_of_files_that_need_to_be_read(mask, line):
    with pytest.raises(ValueError, match=line):
        read_masks(mask, [COLOR])


@pytest.mark.parametrize("path", ["masks/a.png", Path("a.png")])
def test_the_path_of_a_mask(path):
    with pytest.raises(TypeError, match=r"read_mask\(pathlib\.Path\(path\)\)\.mask reads a file"):
        read_masks(path, [COLOR])

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from masks import MaskSpec, dilate, invert, make_mask, read_drawn_mask

HOLE = np.zeros((96, 128), bool)
HOLE[30:60, 40:90] = True
SHAPE = HOLE.shape


def paint(missing, known):
    """Return a picture with these two values or colours."""
    values = np.array([known, missing])
    return values[HOLE.astype(int)].astype(np.uint8)


def save_as(picture, kind, quality):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=quality)
    return np.asarray(Image.open(file))


def photograph(*, grey=False):
    """Return what has the statistics of a photograph: soft areas, edges and texture."""
    random = np.random.default_rng(3)
    planes = [cv2.resize(random.uniform(30, 220, (7, 9)), SHAPE[::-1]) for _ in range(3)]
    picture = np.clip(np.dstack(planes) + random.normal(0, 4, (*SHAPE, 1)), 0, 255).astype(np.uint8)
    return picture[..., 0] if grey else picture


def with_alpha(picture, alpha):
    picture = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return np.dstack([picture, alpha.astype(np.uint8)])


@pytest.mark.parametrize(
    ("picture", "note"),
    [
        (paint(255, 0), ""),
        (paint(1, 0), ""),
        (paint(7, 0)[..., None], ""),
        (paint(255, 100), ""),
        (paint(200, 100), "the values 100 and 200: 200"),
        (paint(255, 0).astype(np.uint16), ""),
        (paint(255, 0).astype(np.uint16) * 257, ""),
        (paint(1, 0).astype(np.uint16), ""),
        (paint((255, 255, 255), (0, 0, 0)), ""),
        (paint((255, 0, 0), (0, 0, 0)), ""),
        (paint((128, 0, 0), (0, 0, 0)), ""),
        (paint((0, 0, 200), (5, 0, 9)), ""),
        (paint((255, 0, 0), (255, 255, 255)), "#ff0000 on white"),
        (paint((0, 200, 0), (120, 0, 90)), "#00c800 and #780000|#00c800 and #78005a"),
        (with_alpha(paint(255, 0), HOLE * 255), ""),
        (with_alpha(np.full(SHAPE, 255, np.uint8), HOLE * 255), ""),
        (with_alpha(paint((255, 0, 0), (0, 0, 0)), HOLE * 255), ""),
        (with_alpha(np.full(SHAPE, 255, np.uint8), HOLE * 128), ""),
        (with_alpha(np.zeros(SHAPE, np.uint8), HOLE * 255), "in black on a clear ground"),
        (with_alpha(np.zeros(SHAPE, np.uint8), ~HOLE * 255), "black with transparent holes"),
        (with_alpha(photograph(), ~HOLE * 255), "a picture with transparent holes"),
        (with_alpha(photograph(grey=True), ~HOLE * 255), "a picture with transparent holes"),
        (with_alpha(paint(255, 0), np.tile(np.arange(128) < 100, (96, 1)) * 255), "black, white and clear"),
        (with_alpha(paint(255, 0), np.full(SHAPE, 255)), ""),
    ],
)
def test_two_values_of_any_kind(picture, note):
    found = read_drawn_mask(picture)
    np.testing.assert_array_equal(found.mask, HOLE)
    assert len(found.notes) == bool(note)
    assert any(words in "".join(found.notes) for words in note.split("|"))
    turned = read_drawn_mask(picture, invert=True)
    np.testing.assert_array_equal(turned.mask, ~HOLE)


@pytest.mark.parametrize("high", [1, 255])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_value(high, dtype):
    assert not read_drawn_mask(np.zeros((3, 4), dtype)).mask.any()
    assert not read_drawn_mask(np.ones((3, 4), dtype)).mask.any()
    assert read_drawn_mask(np.full((3, 4), np.iinfo(dtype).max, dtype)).mask.all()
    assert not read_drawn_mask(np.zeros((3, 4, 4), dtype)).mask.any()  # nothing is drawn on a clear ground


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("color", [None, (255, 0, 0), (0, 255, 0)])
@pytest.mark.parametrize("name", ["rectangle", "thin", "thick"])
def test_masks_saved_with_losses(kind, quality, color, name):
    hole = HOLE if name == "rectangle" else make_mask(MaskSpec(name), (256, 256))
    picture = hole.astype(np.uint8) * 255
    if color is not None:
        picture = hole[..., None] * np.array(color, np.uint8)
    found = read_drawn_mask(save_as(picture, kind, quality))
    assert (found.mask >= dilate(hole, 1)).mean() > 0.999
    assert (found.mask <= dilate(hole, 4)).mean() > 0.98
    assert "soft edges" in found.notes[-1]
    inverted = read_drawn_mask(save_as(picture, kind, quality), invert=True)
    assert (inverted.mask >= invert(hole)).mean() > 0.999


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize(("low", "high"), [(3, 255), (6, 250), (16, 235), (40, 220)])
def test_lossy_masks_whose_ends_are_not_black_and_white(low, high, quality, inverted):
    hole = make_mask(MaskSpec("rectangle", x=90, y=60, width=70, height=90), (256, 256))
    ends = (high, low) if inverted else (low, high)
    picture = np.where(hole, ends[1], ends[0]).astype(np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 1)
    mask = read_drawn_mask(save_as(picture, "JPEG", quality), invert=inverted).mask
    assert mask[hole].all()
    assert not mask[~dilate(hole, 8)].any()


def test_a_large_dark_area_is_not_taken_for_the_ground():
    picture = np.zeros((256, 256), np.uint8)
    picture[:, :180] = 20  # more of it than of the ground
    picture[100:150, 100:150] = 255
    assert read_drawn_mask(save_as(picture, "JPEG", 75)).mask[:, :180].all()


@pytest.mark.parametrize("radius", [1, 2, 4, 10])
def test_a_soft_edge_leaves_no_rim(radius):
    """What a soft mask painted over is missing as far as its colour can be seen."""
    picture = np.asarray(Image.fromarray(paint(255, 0)).filter(ImageFilter.GaussianBlur(radius)))
    for invert_it in (False, True):
        found = read_drawn_mask(picture, invert=invert_it)
        painted = picture.max() - picture if invert_it else picture
        assert painted[~found.mask].max(initial=0) <= 2
        assert "soft edges" in found.notes[0]
    half = read_drawn_mask(picture, threshold=128)
    np.testing.assert_array_equal(half.mask, picture * (255 / picture.max()) >= 127.5)
    assert half.notes == ()


def test_antialiased_strokes():
    picture = np.zeros((64, 64), np.uint8)
    cv2.line(picture, (5, 5), (50, 40), 255, 3, cv2.LINE_AA)
    np.testing.assert_array_equal(read_drawn_mask(picture).mask, dilate(picture > 2, 1))
    drawn = with_alpha(np.full((64, 64), 255, np.uint8), picture)
    np.testing.assert_array_equal(read_drawn_mask(drawn).mask, dilate(picture > 2, 1))


def labels(*values):
    picture = np.zeros(SHAPE, np.uint8)
    for number, value in enumerate(values):
        picture[10 * number : 10 * number + 30, 20 * number : 20 * number + 40] = value
    return picture


PALETTE = np.array([[128 * (index >> bit & 1) for bit in range(3)] for index in range(8)], np.uint8)


def soft_labels():
    """Return three labels with antialiased edges."""
    large = cv2.resize(labels(1, 2), None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return cv2.GaussianBlur(PALETTE[large], (5, 5), 0.7)


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (photograph(), "a picture of many colours; .* complete it with --mask-color or --mask-from-alpha"),
        (
            np.where(HOLE[..., None], np.array([255, 0, 255], np.uint8), photograph()),
            "many colours; .* --mask-color or",
        ),
        (photograph(grey=True), "a picture, .* of it neither dark nor bright; .* --mask-color or"),
        (np.where(HOLE, photograph(grey=True), np.uint8(0)), "a picture, .* neither dark nor bright"),
        (np.where(HOLE[..., None], photograph(), np.uint8(0)), "a picture"),
        (save_as(photograph(), "JPEG", 80), "a picture"),
        (labels(128, 255), "3 values"),
        (labels(1, 2), "3 values"),
        (labels(245, 255), "3 values"),
        (labels(*range(1, 6)), "6 values"),
        (save_as(labels(128, 255), "JPEG", 80), "neither dark nor bright"),
        (labels(1, 2)[..., None] * np.array([90, 0, 0], np.uint8), "3 values"),
        (PALETTE[labels(1, 2)], r"3 colours \(#000000, #008000, #800000\); draw in white what is missing"),
        (PALETTE[labels(*range(1, 8))], r"8 colours \(#000000, (#[0-9a-f]{6}, ){5}2 more\); draw in white"),
        (soft_labels(), r"3 colours \(#000000, #800000, #008000\)|3 colours \(#000000, #008000, #800000\)"),
    ],
)
def test_what_is_no_mask(picture, found):
    with pytest.raises(ValueError, match=rf"Expected a mask of two .*Received: .*{found}.*--mask-threshold says"):
        read_drawn_mask(picture)
    assert read_drawn_mask(picture, threshold=100).mask.any()


@pytest.mark.parametrize("threshold", [0, 256, 1.5])
def test_a_wrong_threshold(threshold):
    with pytest.raises(ValueError, match="Expected `threshold`"):
        read_drawn_mask(paint(255, 0), threshold=threshold)


def test_a_wrong_array():
    with pytest.raises(TypeError, match="Expected `picture` of dtype uint8 or uint16"):
        read_drawn_mask(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"Expected `picture` of shape .* Received: \(2, 2, 2\)"):
        read_drawn_mask(np.zeros((2, 2, 2), np.uint8))

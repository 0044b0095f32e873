import itertools

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from masks import MaskSpec, dilate, make_mask, suggest_scratches

ENDS_PX = 14  # how far beyond the ends of a line the mask may reach


def ramp(side=160, *, noise=0.0, seed=0):
    """A grey picture that grows brighter from left to right, (side, side)."""
    values = np.tile(np.linspace(70, 130, side), (side, 1))
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def with_line(picture, start, end, *, value=235, width=2):
    """The picture with a line, and where the line is."""
    drawn = cv2.line(np.zeros(picture.shape[:2], np.uint8), start, end, 1, width) > 0
    picture = picture.copy()
    picture[drawn] = value
    return picture, drawn


@pytest.mark.parametrize("value", [235, 5])
@pytest.mark.parametrize("end", [(80, 145), (140, 130), (145, 90)])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_a_line_is_found_and_nothing_else(value, end, width):
    picture, drawn = with_line(ramp(noise=2), (20, 15), end, value=value, width=width)
    mask = suggest_scratches(picture, sureness=0.5)
    assert mask[drawn].mean() > 0.9
    assert not (mask & ~dilate(drawn, ENDS_PX)).any()


def test_a_line_is_found_in_colour_and_beside_transparency():
    grey, drawn = with_line(ramp(), (20, 15), (140, 130))
    color = np.stack([grey, grey // 2, grey // 3], axis=2)
    color[drawn] = 240
    for picture in (color, np.dstack([color, np.full(grey.shape, 255, np.uint8)])):
        assert suggest_scratches(picture, sureness=0.5)[drawn].mean() > 0.9


def test_a_spot_is_found():
    picture = ramp(noise=2)
    drawn = cv2.circle(np.zeros(picture.shape, np.uint8), (70, 90), 3, 1, -1) > 0
    picture[drawn] = 245
    mask = suggest_scratches(picture, sureness=0.5)
    assert mask[drawn].mean() > 0.9
    assert not (mask & ~dilate(drawn, 4)).any()


def test_a_step_is_no_scratch():
    picture = ramp(noise=2)
    picture[:, 80:] += 90
    assert not suggest_scratches(picture).any()


@pytest.mark.parametrize("gap", [4, 6, 8])
def test_many_lines_side_by_side_are_no_scratches(gap):
    picture = ramp(noise=2)
    picture[:, ::gap] = 200
    assert suggest_scratches(picture)[10:-10, 10:-10].mean() < 0.01


@given(seed=st.integers(0, 2**16), noise=st.floats(0, 12))
@settings(max_examples=15, deadline=None)
def test_a_smooth_picture_with_noise_has_none(seed, noise):
    assert suggest_scratches(ramp(96, noise=noise, seed=seed)).mean() < 0.001


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee"])
def test_little_is_marked_on_a_clean_photograph(name):
    assert suggest_scratches(getattr(skimage.data, name)()).mean() < 0.005


def test_a_higher_sureness_marks_less():
    picture, _ = with_line(skimage.data.camera(), (20, 100), (400, 60))
    masks = [suggest_scratches(picture, sureness=sureness) for sureness in (0.2, 0.5, 0.9, 1)]
    for more, less in itertools.pairwise(masks):
        assert (more | ~less).all()
    assert masks[0].sum() > masks[2].sum() > masks[3].sum() == 0


def test_a_large_picture_is_looked_at_in_a_smaller_size():
    picture, drawn = with_line(ramp(1600, noise=2), (200, 150), (900, 1500), width=4)
    mask = suggest_scratches(picture, sureness=0.5)
    assert mask.shape == picture.shape
    assert mask[drawn].mean() > 0.9
    assert not (mask & ~dilate(drawn, 2 * ENDS_PX)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (15, 15), (16, 16), (17, 900)])
def test_a_tiny_picture_has_none(shape):
    assert not suggest_scratches(np.full(shape, 128, np.uint8)).any()


def test_the_picture_is_not_changed_and_the_mask_is_the_same_again():
    picture, _ = with_line(ramp(noise=3), (20, 15), (140, 130))
    before = picture.copy()
    first = suggest_scratches(picture)
    np.testing.assert_array_equal(suggest_scratches(picture), first)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        (np.zeros((20, 20)), TypeError, "Expected `picture` of dtype uint8. Received: dtype=float64"),
        (
            np.zeros((20, 20, 2), np.uint8),
            ValueError,
            r"Expected `picture` of shape \(H, W\), .*Received: \(20, 20, 2\)",
        ),
        (np.zeros((0, 20, 3), np.uint8), ValueError, "not empty"),
    ],
)
def test_other_arrays_are_refused(picture, error, message):
    with pytest.raises(error, match=message):
        suggest_scratches(picture)


@pytest.mark.parametrize("sureness", [-0.1, 1.1, float("nan"), "much"])
def test_sureness_is_checked(sureness):
    with pytest.raises(ValueError, match="Expected `sureness`"):
        suggest_scratches(ramp(), sureness=sureness)


def test_make_mask_needs_the_picture():
    picture, _ = with_line(ramp(noise=2), (20, 15), (140, 130))
    mask = make_mask(MaskSpec("scratches", sureness=0.7, dilate_px=2), picture.shape, picture=picture[..., None])
    np.testing.assert_array_equal(mask, dilate(suggest_scratches(picture, sureness=0.7), 2))
    for wrong in (None, picture[:50]):
        with pytest.raises(ValueError, match="Expected `picture` of shape"):
            make_mask("scratches", picture.shape, picture=wrong)

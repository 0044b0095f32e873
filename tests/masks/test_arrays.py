import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from masks import mask_from_alpha, mask_from_array, mask_from_color, mask_from_picture, resize_mask

GREY = np.array([[0, 127, 128, 255]], np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        GREY,
        GREY[..., None],
        np.repeat(GREY[..., None], 3, axis=2),
        np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)]),
    ],
)
def test_white_is_missing(picture):
    mask = mask_from_picture(picture, threshold=128)
    np.testing.assert_array_equal(mask, [[False, False, True, True]])
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask_from_picture(picture, threshold=128, invert=True), ~mask)


@given(
    picture=hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)),
    shape=hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
)
def test_two_values_and_resize_commute(picture, shape):
    mask = mask_from_picture(picture.astype(np.uint8) * 255, shape)
    assert mask.shape == shape
    np.testing.assert_array_equal(mask, resize_mask(picture, shape))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint16, np.float32])
@pytest.mark.parametrize("high", [1, 255])
@pytest.mark.parametrize("axes", [(), (None,)])
def test_an_array_of_two_numbers(dtype, high, axes):
    array = (np.array([[0, 1, 0], [1, 1, 0]]) * high).astype(dtype)[(..., *axes)]
    mask = mask_from_array(array)
    assert mask.dtype == np.bool_
    np.testing.assert_array_equal(mask, [[False, True, False], [True, True, False]])


def test_arrays_of_one_number_and_lists():
    assert not mask_from_array(np.zeros((2, 3), np.uint8)).any()
    assert mask_from_array(np.full((2, 3), 255, np.uint8)).all()
    assert mask_from_array([[True, False]]).tolist() == [[True, False]]
    mask = np.zeros((2, 3), bool)
    assert mask_from_array(mask) is mask


@pytest.mark.parametrize(
    ("array", "error", "found"),
    [
        ([[0, 128]], ValueError, "a mask with 128"),
        ([[0, -1]], ValueError, "a mask with -1"),
        ([[0, 1, 255]], ValueError, "a mask with 1 and 255"),
        ([[0, 0.25, 1]], ValueError, r"`mask >= 0\.5`.*a mask with 0\.25"),
        ([[0, np.nan]], ValueError, "a mask with nan"),
        (np.zeros((2, 2, 3)), ValueError, r"\(2, 2, 3\)"),
        (np.zeros((0, 2)), ValueError, r"\(0, 2\)"),
        ([["a"]], TypeError, "dtype=<U1"),
        ([[1j]], TypeError, "complex"),
    ],
)
def test_an_array_that_is_no_mask(array, error, found):
    with pytest.raises(error, match=found):
        mask_from_array(array)


def test_transparent_is_missing():
    picture = np.full((1, 4, 4), 77, np.uint8)
    picture[0, :, 3] = [0, 255, 255, 0]
    np.testing.assert_array_equal(mask_from_alpha(picture), [[True, False, False, True]])
    picture[0, :, 3] = [0, 127, 128, 255]
    np.testing.assert_array_equal(mask_from_alpha(picture, threshold=128), [[True, True, False, False]])


def test_soft_transparency_is_missing_with_a_pixel_more():
    picture = np.full((1, 8, 4), 77, np.uint8)
    picture[0, :, 3] = [0, 0, 60, 200, 255, 255, 255, 255]
    np.testing.assert_array_equal(mask_from_alpha(picture), [[True] * 5 + [False] * 3])


def test_key_colour_is_missing():
    picture = np.array([[[255, 0, 255], [250, 5, 249], [0, 255, 0]]], np.uint8)
    np.testing.assert_array_equal(mask_from_color(picture, (255, 0, 255)), [[True, False, False]])
    np.testing.assert_array_equal(mask_from_color(picture, (255, 0, 255), tolerance=5), [[True, False, False]])
    np.testing.assert_array_equal(mask_from_color(picture, (255, 0, 255), tolerance=6), [[True, True, False]])
    np.testing.assert_array_equal(mask_from_color(picture, (0, 0, 0), tolerance=255), [[True, True, True]])
    with_alpha = np.dstack([picture, np.zeros((1, 3), np.uint8)])
    np.testing.assert_array_equal(mask_from_color(with_alpha, (255, 0, 255)), [[True, False, False]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mask_from_picture(GREY.astype(float)), TypeError, "Expected `picture` of dtype uint8"),
        (lambda: mask_from_picture(np.zeros((2, 2, 2), np.uint8)), ValueError, r"\(H, W, 4\)\. Received: \(2, 2, 2\)"),
        (lambda: mask_from_picture(np.zeros(2, np.uint8)), ValueError, "Expected `picture` of shape"),
        (lambda: mask_from_picture(np.zeros((0, 2), np.uint8)), ValueError, r"Received: \(0, 2\)"),
        (lambda: mask_from_picture(GREY, (0, 1), threshold=9), ValueError, "Expected `shape`"),
        (lambda: mask_from_alpha(np.zeros((2, 2, 3), np.uint8)), ValueError, r"\(H, W, 4\).* Received: \(2, 2, 3\)"),
        (lambda: mask_from_color(GREY, (0, 0, 0)), ValueError, r"Expected `picture` of shape \(H, W, 3\)"),
        (lambda: mask_from_color(np.zeros((1, 1, 3), np.uint8), (0, 0, 256)), ValueError, "Expected `color`"),
        (lambda: mask_from_color(np.zeros((1, 1, 3), np.uint8), (0, 0)), ValueError, "Expected `color`"),
        (
            lambda: mask_from_color(np.zeros((1, 1, 3), np.uint8), (0, 0, 0), tolerance=-1),
            ValueError,
            "Expected `tolerance` .* Received: tolerance=-1",
        ),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()

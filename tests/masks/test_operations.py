import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from masks import dilate, hole_fraction, invert, resize_mask, validate_mask

shapes = hnp.array_shapes(min_dims=2, max_dims=2, max_side=24)
some_masks = hnp.arrays(bool, shapes)


def dilate_slowly(mask, radius):
    """The definition: every pixel within `radius` of a missing one."""
    rows, columns = np.indices(mask.shape)
    grown = np.zeros(mask.shape, bool)
    for row, column in np.argwhere(mask):
        grown |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return grown


def test_dilate_draws_a_disc():
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    disc = ["...#...", ".#####.", ".#####.", "#######", ".#####.", ".#####.", "...#..."]
    np.testing.assert_array_equal(dilate(mask, 3), [[letter == "#" for letter in row] for row in disc])


def test_dilate_is_exact_for_large_radii():
    mask = np.zeros((40, 900), bool)
    mask[0, 0] = True
    np.testing.assert_array_equal(dilate(mask, 700), dilate_slowly(mask, 700))


@given(mask=hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)), radius=st.integers(0, 8))
def test_dilate_agrees_with_its_definition(mask, radius):
    np.testing.assert_array_equal(dilate(mask, radius), dilate_slowly(mask, radius))


@given(mask=some_masks, other=st.data(), radius=st.integers(0, 30), more=st.integers(0, 5))
def test_dilate_is_monotone(mask, other, radius, more):
    grown = dilate(mask, radius)
    superset = mask | other.draw(hnp.arrays(bool, mask.shape))
    assert grown.shape == mask.shape
    assert grown[mask].all()
    assert dilate(mask, radius + more)[grown].all()
    assert dilate(superset, radius)[grown].all()


@given(mask=some_masks, radius=st.integers(0, 2))
def test_results_are_copies(mask, radius):
    before = mask.copy()
    for result in (dilate(mask, radius), invert(mask), resize_mask(mask, mask.shape)):
        assert not np.shares_memory(result, mask)
    np.testing.assert_array_equal(mask, before)


@given(mask=some_masks)
def test_invert_twice_is_the_identity(mask):
    np.testing.assert_array_equal(invert(invert(mask)), mask)
    assert hole_fraction(mask) + hole_fraction(invert(mask)) == pytest.approx(1)


@given(mask=some_masks)
def test_resize_to_the_same_shape_is_the_identity(mask):
    np.testing.assert_array_equal(resize_mask(mask, mask.shape), mask)


@given(mask=some_masks, down=st.integers(1, 5), right=st.integers(1, 5))
def test_resize_up_by_whole_numbers_repeats_pixels(mask, down, right):
    shape = (mask.shape[0] * down, mask.shape[1] * right)
    large = resize_mask(mask, shape)
    np.testing.assert_array_equal(large, np.repeat(np.repeat(mask, down, axis=0), right, axis=1))
    np.testing.assert_array_equal(resize_mask(large, mask.shape), mask)


@given(mask=some_masks, shape=shapes)
def test_resize_has_the_shape_asked_for_and_keeps_the_extremes(mask, shape):
    small = resize_mask(mask, shape)
    assert small.shape == shape
    assert small.dtype == np.bool_
    assert not small.any() or mask.any()
    assert small.all() or not mask.all()


def test_resize_down_takes_the_pixel_under_the_centre():
    mask = np.array([[0, 1, 0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(resize_mask(mask, (1, 2)), [[True, False]])


def test_hole_fraction():
    assert hole_fraction(np.array([[True, False, False, False]])) == 0.25


def test_validate_mask_returns_the_array_itself():
    mask = np.ones((2, 3), bool)
    assert validate_mask(mask, (2, 3)) is mask
    assert validate_mask([[True, False]]).shape == (1, 2)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.zeros((2, 2), np.uint8), TypeError, "Expected `mask` of dtype bool.* Received: dtype=uint8"),
        (None, TypeError, "Received: dtype=object"),
        (np.zeros((2, 2, 1), bool), ValueError, r"Expected `mask` of shape \(H, W\).* Received: \(2, 2, 1\)"),
        (np.zeros((0, 2), bool), ValueError, "not empty"),
        (np.zeros((32, 64), bool), ValueError, r"Expected `mask` of shape \(64, 64\). Received: \(32, 64\)"),
    ],
)
def test_validate_mask_says_what_is_wrong(mask, error, message):
    with pytest.raises(error, match=message):
        validate_mask(mask, (64, 64))


def test_wrong_options():
    mask = np.ones((2, 2), bool)
    with pytest.raises(ValueError, match=r"Expected `pixels` .* at least 0\. Received: pixels=-1"):
        dilate(mask, -1)
    with pytest.raises(ValueError, match="Expected `shape`"):
        resize_mask(mask, (0, 2))

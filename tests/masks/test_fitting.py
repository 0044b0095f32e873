import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from masks import fit_mask, resize_mask

MASK = np.zeros((6, 4), bool)
MASK[0, 1:] = MASK[:3, 3] = True


def test_a_mask_that_fits_is_taken_as_it_is():
    found = fit_mask(MASK, (6, 4))
    np.testing.assert_array_equal(found.mask, MASK)
    assert found.notes == ()


@given(height=st.integers(1, 4000), width=st.integers(1, 4000), scale=st.floats(0.02, 1))
def test_a_mask_of_the_same_proportions_is_resized(height, width, scale):
    """Every way to round the sides of a smaller copy is accepted, in both directions."""
    for side in (np.floor, np.ceil, np.round):
        small = tuple(max(1, int(side(length * scale))) for length in (height, width))
        assert fit_mask(np.ones((1, 1), bool).repeat(small[0], 0).repeat(small[1], 1), (height, width)).mask.all()


def test_resizing_takes_the_nearest_pixel_and_is_noted():
    found = fit_mask(MASK, (12, 8))
    np.testing.assert_array_equal(found.mask, resize_mask(MASK, (12, 8)))
    assert found.notes == ("its mask was resized from 4x6 to 8x12",)


@pytest.mark.parametrize("shape", [(40, 60), (100, 63), (60, 44), (56, 41), (512, 512), (10, 100)])
def test_other_proportions(shape):
    message = rf"Expected a mask of the picture's proportions, {shape[1]}x{shape[0]}\. Received: 40x60"
    with pytest.raises(ValueError, match=message):
        fit_mask(np.ones((60, 40), bool), shape)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("scale", [1, 3])
def test_a_mask_of_the_picture_as_stored_is_turned_as_the_picture_was(orientation, scale):
    stored = Image.fromarray(MASK)
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    found = fit_mask(MASK, [scale * side for side in upright.shape], orientation=orientation)
    if orientation > 4:
        np.testing.assert_array_equal(found.mask, resize_mask(upright, found.mask.shape))
        assert "its mask was turned" in found.notes[0]
        with pytest.raises(ValueError, match="Expected a mask of the picture's proportions"):
            fit_mask(MASK, upright.shape)
    else:
        np.testing.assert_array_equal(found.mask, resize_mask(MASK, found.mask.shape))
        assert ("taken as drawn on the upright picture" in "".join(found.notes)) is (orientation > 1)


def test_a_mask_that_fits_upright_alone_is_taken_without_a_word():
    assert fit_mask(MASK, (6, 4), orientation=6).notes == ()


def test_a_square_mask_of_a_turned_picture_is_noted():
    found = fit_mask(np.eye(5, dtype=bool), (5, 5), orientation=6)
    assert "taken as drawn on the upright picture" in found.notes[0]
    np.testing.assert_array_equal(found.mask, np.eye(5, dtype=bool))

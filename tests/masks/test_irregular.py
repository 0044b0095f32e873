import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masks import medium_mask, strokes_mask, thick_mask, thin_mask

LOWEST = {strokes_mask: 0.05, thin_mask: 0.02, medium_mask: 0.02, thick_mask: 0.02}
functions = pytest.mark.parametrize("function", LOWEST)


def width_px(mask):
    """The diameter of the largest disc that fits into the hole, inside a picture that is known all around."""
    return 2 * cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5).max()


@functions
@pytest.mark.parametrize("shape", [(16, 16), (28, 28), (64, 64), (256, 256), (40, 160)])
def test_hole_stays_in_its_bounds(function, shape):
    holes = [function(shape, seed=seed).mean() for seed in range(12)]
    assert LOWEST[function] <= min(holes)
    assert max(holes) <= 0.5
    assert 0.1 <= np.mean(holes) <= 0.4


@functions
def test_hole_does_not_depend_on_the_size_of_the_picture(function):
    small, large = (np.mean([function((side, side), seed=seed).mean() for seed in range(60)]) for side in (64, 384))
    assert abs(small - large) < 0.06


@functions
def test_a_large_photograph(function):
    mask = function((2000, 3000), seed=1)
    assert mask.shape == (2000, 3000)
    assert LOWEST[function] <= mask.mean() <= 0.5


def test_thin_is_thin_and_thick_is_thick():
    thin, medium, thick = (
        np.median([width_px(function((256, 256), seed=seed)) for seed in range(25)])
        for function in (thin_mask, medium_mask, thick_mask)
    )
    assert thin < 35
    assert thin < medium < thick
    assert thick > 75


@given(
    function=st.sampled_from(list(LOWEST)),
    shape=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    seed=st.integers(0, 1000),
)
def test_never_empty_and_never_everything(function, shape, seed):
    mask = function(shape, seed=seed)
    assert mask.any()
    assert not mask.all() or shape == (1, 1)

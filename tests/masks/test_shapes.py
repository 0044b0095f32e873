import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import masks

sides = st.integers(1, 80)
sizes = st.tuples(sides, sides)


def picture(*rows):
    """A mask from rows of '.' (known) and '#' (missing)."""
    return np.array([[letter == "#" for letter in row] for row in rows])


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (masks.center_mask((4, 6)), picture("......", ".###..", ".###..", "......")),
        (masks.center_mask((5, 5)), picture(".....", ".###.", ".###.", ".###.", ".....")),
        (masks.center_mask((4, 4), scale=1), picture("####", "####", "####", "####")),
        (masks.center_mask((3, 3), scale=0.01), picture("...", ".#.", "...")),
        (masks.left_mask((2, 4)), picture("##..", "##..")),
        (masks.left_mask((1, 5)), picture("###..")),
        (masks.right_mask((1, 5)), picture("..###")),
        (masks.top_mask((4, 2)), picture("##", "##", "..", "..")),
        (masks.top_mask((3, 1)), picture("#", "#", ".")),
        (masks.bottom_mask((3, 1)), picture(".", "#", "#")),
        (masks.grid_mask((3, 5), step=2), picture(".#.#.", "#####", ".#.#.")),
        (masks.grid_mask((2, 6)), picture(".###.#", "######")),
        (masks.full_mask((1, 2)), picture("##")),
        (masks.lowres_mask((2, 1)), picture("#", "#")),
        (masks.rectangle_mask((3, 4), x=1, y=0, width=2, height=2), picture(".##.", ".##.", "....")),
        (masks.rectangle_mask((3, 4), x=-5, y=2, width=6, height=9), picture("....", "....", "#...")),
    ],
)
def test_exact(mask, expected):
    np.testing.assert_array_equal(mask, expected)
    assert mask.dtype == np.bool_


def test_center_hides_the_central_half_as_in_the_papers():
    mask = masks.center_mask((64, 64))
    assert mask[16:48, 16:48].all()
    assert mask.sum() == 32 * 32


@given(size=sizes, fraction=st.floats(0, 1), seed=st.integers(0, 2**40))
def test_random_hides_exactly_its_fraction(size, fraction, seed):
    mask = masks.random_mask(size, fraction=fraction, seed=seed)
    assert mask.shape == size
    assert mask.sum() == round(fraction * (size[0] * size[1]))


def test_random_is_spread_evenly():
    mask = masks.random_mask((200, 200), fraction=0.5, seed=3)
    quarters = mask.reshape(2, 100, 2, 100).mean(axis=(1, 3))
    assert np.abs(quarters - 0.5).max() < 0.03


def test_half_is_each_of_the_four():
    halves = [masks.left_mask((6, 6)), masks.right_mask((6, 6)), masks.top_mask((6, 6)), masks.bottom_mask((6, 6))]
    picked = {
        next(i for i, half in enumerate(halves) if np.array_equal(half, mask))
        for mask in (masks.half_mask((6, 6), seed=seed) for seed in range(40))
    }
    assert picked == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (masks.center_mask, {"scale": 0}, "Expected `scale` .* Received: scale=0"),
        (masks.center_mask, {"scale": float("nan")}, "Expected `scale`"),
        (masks.center_mask, {"scale": "half"}, "Expected `scale`"),
        (masks.random_mask, {"fraction": 1.1}, "Expected `fraction` .* Received: fraction=1.1"),
        (masks.random_mask, {"seed": -1}, "Expected `seed` .* Received: seed=-1"),
        (masks.half_mask, {"seed": None}, "Expected `seed` .* Received: seed=None"),
        (masks.thick_mask, {"seed": 0.5}, "Expected `seed`"),
        (masks.grid_mask, {"step": 1}, "Expected `step` .* at least 2. Received: step=1"),
        (masks.grid_mask, {"step": 2.5}, "Expected `step` to be a whole number"),
        (masks.lowres_mask, {"blocks": 0}, "Expected `blocks` .* at least 1. Received: blocks=0"),
        (masks.rectangle_mask, {"x": 0, "y": 0, "width": 0, "height": 1}, "Expected `width`"),
        (masks.rectangle_mask, {"x": 0, "y": 0, "width": 1, "height": -1}, "Expected `height`"),
        (masks.rectangle_mask, {"x": 8, "y": 0, "width": 1, "height": 1}, "Expected the rectangle to overlap .* x=8"),
        (masks.rectangle_mask, {"x": 0, "y": -2, "width": 1, "height": 2}, "Expected the rectangle to overlap"),
    ],
)
def test_wrong_options(function, options, message):
    with pytest.raises(ValueError, match=message):
        function((8, 8), **options)

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import masks
from masks import MASK_NAMES, MaskSpec, make_mask

sides = st.integers(1, 80)
sizes = st.tuples(sides, sides)
scatter = st.sampled_from(["half", "random", "strokes", "thin", "medium", "thick"])


def picture(*rows):
    """A mask from rows of '.' (known) and '#' (missing)."""
    return np.array([[letter == "#" for letter in row] for row in rows])


def spec_of(name):
    return MaskSpec(name, x=0, y=0, width=1, height=1)


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


@pytest.mark.parametrize(("name", "hidden"), [("center", 1), ("left", 1), ("bottom", 1), ("grid", 0), ("strokes", 1)])
def test_a_single_pixel(name, hidden):
    assert make_mask(MaskSpec(name), (1, 1)).sum() == hidden


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


@given(name=st.sampled_from(MASK_NAMES), size=sizes)
def test_every_mask_has_the_shape_asked_for(name, size):
    mask = make_mask(spec_of(name), size)
    assert mask.shape == size
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous


@given(name=scatter, seed=st.lists(st.integers(0, 2**32), min_size=1, max_size=3))
def test_same_seed_same_mask(name, seed):
    first, second = (make_mask(MaskSpec(name), (40, 30), seed=seed) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["random", "strokes", "thin", "medium", "thick"])
def test_another_seed_another_mask(name):
    drawn = {make_mask(MaskSpec(name), (64, 64), seed=[7, index]).tobytes() for index in range(10)}
    assert len(drawn) == 10


def test_make_mask_hands_on_every_option():
    size = (12, 12)
    for spec, mask in [
        (MaskSpec(scale=0.25), masks.center_mask(size, scale=0.25)),
        (MaskSpec("random", fraction=0.3), masks.random_mask(size, fraction=0.3, seed=5)),
        (MaskSpec("grid", step=3), masks.grid_mask(size, step=3)),
        (MaskSpec("rectangle", x=1, y=2, width=3, height=4), masks.rectangle_mask(size, x=1, y=2, width=3, height=4)),
        (MaskSpec("left", invert=True), masks.right_mask(size)),
        (MaskSpec("left", invert=True, dilate_px=2), masks.dilate(masks.right_mask(size), 2)),
        (MaskSpec("thin"), masks.thin_mask(size, seed=5)),
    ]:
        np.testing.assert_array_equal(make_mask(spec, size, seed=5), mask)


@pytest.mark.parametrize("name", MASK_NAMES)
def test_defaults_agree_with_the_spec(name):
    for option, parameter in inspect.signature(getattr(masks, f"{name}_mask")).parameters.items():
        if option == "shape":
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            continue
        assert parameter.kind is parameter.KEYWORD_ONLY
        if option == "seed":
            assert parameter.default == 0
        elif name == "rectangle":
            assert parameter.default is parameter.empty
        else:
            assert parameter.default == getattr(MaskSpec(), option)


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
        (masks.rectangle_mask, {"x": 0, "y": 0, "width": 0, "height": 1}, "Expected `width`"),
        (masks.rectangle_mask, {"x": 0, "y": 0, "width": 1, "height": -1}, "Expected `height`"),
        (masks.rectangle_mask, {"x": 8, "y": 0, "width": 1, "height": 1}, "Expected the rectangle to overlap .* x=8"),
        (masks.rectangle_mask, {"x": 0, "y": -2, "width": 1, "height": 2}, "Expected the rectangle to overlap"),
    ],
)
def test_wrong_options(function, options, message):
    with pytest.raises(ValueError, match=message):
        function((8, 8), **options)


@pytest.mark.parametrize("shape", [(0, 4), (4,), (4, 4, 3), 4, (2.5, 2), None])
@pytest.mark.parametrize("name", ["center", "random", "thin"])
def test_wrong_shape(name, shape):
    with pytest.raises(ValueError, match=r"Expected `shape` to be .* Received"):
        make_mask(MaskSpec(name), shape)

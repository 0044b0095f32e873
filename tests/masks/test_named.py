import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import masks
from masks import MASK_NAMES, MaskSpec, make_mask
from masks.table import MASKS, MaskOption, NamedMask

sides = st.integers(1, 80)
random_names = st.sampled_from([name for name, mask in MASKS.items() if mask.takes_seed])


def spec_of(name):
    """A spec with the smallest value of every option that has no default."""
    needed = [option for option in MASKS[name].options if option.default is None]
    return MaskSpec(name, **{option.name: option.minimum or 0 for option in needed})


@pytest.mark.parametrize(("name", "hidden"), [("center", 1), ("left", 1), ("bottom", 1), ("grid", 0), ("strokes", 1)])
def test_a_single_pixel(name, hidden):
    assert make_mask(MaskSpec(name), (1, 1)).sum() == hidden


@given(name=st.sampled_from(MASK_NAMES), size=st.tuples(sides, sides))
def test_every_mask_has_the_shape_asked_for(name, size):
    mask = make_mask(spec_of(name), size, picture=np.zeros((*size, 3), np.uint8))
    assert mask.shape == size
    assert mask.dtype == np.bool_
    assert mask.flags.c_contiguous


@given(name=random_names, seed=st.lists(st.integers(0, 2**32), min_size=1, max_size=3))
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


def test_a_name_alone_stands_for_its_default_options():
    np.testing.assert_array_equal(make_mask("grid", (5, 7)), masks.grid_mask((5, 7), step=4))
    np.testing.assert_array_equal(make_mask("random", (5, 7), seed=3), masks.random_mask((5, 7), fraction=0.8, seed=3))


def test_a_new_entry_of_the_table_is_a_mask(monkeypatch):
    def dummy_mask(shape, *, gap, seed):
        mask = np.ones(shape, bool)
        mask[:, seed::gap] = False
        return mask

    monkeypatch.setattr("masks.shapes.dummy_mask", dummy_mask, raising=False)
    gap = MaskOption("gap", int, default=3, minimum=2)
    monkeypatch.setitem(MASKS, "dummy", NamedMask("shapes.dummy_mask", options=(gap,), takes_seed=True))
    assert make_mask("dummy", (1, 5), seed=1).tolist() == [[True, False, True, True, False]]
    assert make_mask(MaskSpec("dummy", gap=2, invert=True), (1, 5)).tolist() == [[True, False, True, False, True]]
    with pytest.raises(ValueError, match=r"Expected `gap` to be a whole number of at least 2\. Received: gap=1"):
        MaskSpec("dummy", gap=1)


@pytest.mark.parametrize("shape", [(0, 4), (4,), (4, 4, 3), 4, (2.5, 2), None])
@pytest.mark.parametrize("name", ["center", "random", "thin"])
def test_wrong_shape(name, shape):
    with pytest.raises(ValueError, match=r"Expected `shape` to be .* Received"):
        make_mask(MaskSpec(name), shape)

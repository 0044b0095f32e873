import dataclasses

import pytest

import masks
from masks.spec import MASK_NAMES, MaskSpec


def test_defaults():
    assert dataclasses.astuple(MaskSpec()) == ("center", 0.5, 0.8, 4, 8, None, None, None, None, False, 0)


def test_every_name_has_a_function():
    assert {f"{name}_mask" for name in MASK_NAMES} == {name for name in masks.__all__ if name.endswith("_mask")} - {
        "make_mask",
        "resize_mask",
        "validate_mask",
    }


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MaskSpec().name = "left"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "centre"}, "Expected `name` to be one of center, left, .* Received: name='centre'"),
        ({"scale": 1.5}, "Expected `scale`"),
        ({"fraction": -0.1}, "Expected `fraction`"),
        ({"step": 1}, "Expected `step`"),
        ({"blocks": 0}, "Expected `blocks`"),
        ({"dilate_px": -1}, "Expected `dilate_px`"),
        ({"dilate_px": True}, "Expected `dilate_px`"),
        ({"invert": 1}, "Expected `invert`"),
        ({"width": 0}, "Expected `width`"),
        ({"x": 0.5}, "Expected `x`"),
        ({"name": "rectangle"}, "Expected `x`, `y`, `width` and `height` for a rectangle. Received: x=None"),
        ({"name": "rectangle", "x": 0, "y": 0, "width": 4}, "height=None"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        MaskSpec(**options)


def test_a_rectangle_may_start_outside_the_picture():
    assert MaskSpec("rectangle", x=-3, y=0, width=4, height=1).x == -3


def test_a_name_alone_stands_for_its_default_options():
    assert (masks.make_mask("grid", (5, 7)) == masks.make_mask(MaskSpec("grid"), (5, 7))).all()

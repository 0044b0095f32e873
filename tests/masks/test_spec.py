import dataclasses
import pickle

import pytest

from masks.spec import MASK_NAMES, MaskSpec

DEFAULTS = {"center": {"scale": 0.5}, "random": {"fraction": 0.8}, "grid": {"step": 4}, "lowres": {"blocks": 8}}


def test_defaults():
    spec = MaskSpec()
    assert (spec.name, spec.options, spec.invert, spec.dilate_px) == ("center", {"scale": 0.5}, False, 0)
    for name in ("center", "left", "random", "grid", "lowres", "strokes"):
        assert MaskSpec(name).options == DEFAULTS.get(name, {})


def test_names():
    assert MASK_NAMES[:2] == ("center", "left")
    assert len(MASK_NAMES) == len(set(MASK_NAMES)) >= 15


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MaskSpec().name = "left"


def test_equal_specs_are_equal_and_have_one_hash():
    assert MaskSpec("grid") == MaskSpec("grid", step=4) != MaskSpec("grid", step=3)
    assert MaskSpec("left") != MaskSpec("left", invert=True) != MaskSpec("left", dilate_px=1)
    assert len({MaskSpec("grid"), MaskSpec("grid", step=4), MaskSpec("grid", step=3)}) == 2


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (MaskSpec("left"), "MaskSpec('left')"),
        (MaskSpec("grid", step=3, invert=True, dilate_px=2), "MaskSpec('grid', step=3, invert=True, dilate_px=2)"),
    ],
)
def test_repr_makes_the_spec_again(spec, text):
    assert repr(spec) == text
    assert eval(text) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "centre"}, "Expected `name` to be one of center, left, .* Received: name='centre'"),
        ({"scale": 1.5}, "Expected `scale`"),
        ({"scale": None}, "Expected `scale`"),
        ({"name": "random", "fraction": -0.1}, "Expected `fraction`"),
        ({"name": "grid", "step": 1}, "Expected `step`"),
        ({"name": "lowres", "blocks": 0}, "Expected `blocks`"),
        ({"dilate_px": -1}, "Expected `dilate_px`"),
        ({"dilate_px": True}, "Expected `dilate_px`"),
        ({"invert": 1}, "Expected `invert`"),
        ({"name": "rectangle", "x": 0, "y": 0, "width": 0, "height": 4}, "Expected `width`"),
        ({"name": "rectangle", "x": 0.5, "y": 0, "width": 4, "height": 4}, "Expected `x`"),
        ({"name": "rectangle"}, "Expected the options x, y, width, height for the mask 'rectangle'. Received: none"),
        ({"name": "rectangle", "x": 0, "y": 0, "width": 4}, "Expected the options x, .* Received: x=0, y=0, width=4"),
    ],
)
def test_wrong_values(options, message):
    with pytest.raises(ValueError, match=message):
        MaskSpec(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 3}, "Expected only the options scale for the mask 'center'. Received: colour=3"),
        ({"name": "grid", "scale": 0.5}, "Expected only the options step for the mask 'grid'. Received: scale=0.5"),
        ({"name": "left", "step": 4}, "Expected no options for the mask 'left'. Received: step=4"),
        ({"name": "half", "seed": 4}, "Expected no options for the mask 'half'. Received: seed=4"),
    ],
)
def test_options_that_the_mask_does_not_have(options, message):
    with pytest.raises(TypeError, match=message):
        MaskSpec(**options)


def test_a_rectangle_may_start_outside_the_picture():
    spec = MaskSpec("rectangle", height=1, width=4, y=0, x=-3)
    assert list(spec.options.items()) == [("x", -3), ("y", 0), ("width", 4), ("height", 1)]

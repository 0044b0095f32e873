"""Floors under what the bundled model makes of the example pictures, with the default settings.

A broken model file, or a picture that reaches the model in the wrong order of channels or in another range, falls below
a floor. The model forgives much: in the wrong order only hopper.png, with its red skin, is completed worse.
"""

from pathlib import Path

import numpy as np
import pytest

from completion import complete
from completion.evaluation.metrics import picture_metrics
from dcgan.pictures.files import read_picture
from masks import make_mask

EXAMPLES = Path(__file__).parents[2] / "examples"
#: PSNR of the hole in dB. Measured: 22.76 and 17.81; biharmonic interpolation reaches 18.13 and 14.37.
FLOORS = {"astronaut": 22.2, "hopper": 17.4}


def dim(picture):
    """Return a picture whose values lie in the middle half of their range."""
    return picture // 2 + np.uint8(64)


def undim(picture):
    """Return a picture that was dimmed, to a grey level."""
    return (2 * np.clip(picture.astype(np.int16) - 64, 0, 127)).astype(np.uint8)


@pytest.fixture(scope="module")
def hole_psnr():
    """Complete the examples, and each with damage that is undone afterwards; return each one's PSNR."""
    pictures = {name: read_picture(EXAMPLES / f"{name}.png") for name in FLOORS}
    damaged = {"blue first": np.flip(pictures["hopper"], axis=2), "half the range": dim(pictures["astronaut"])}
    pictures |= damaged
    masks = [make_mask("center", picture.shape[:2]) for picture in pictures.values()]
    completed = complete(list(pictures.values()), masks).pictures
    pairs = dict(zip(pictures, zip(pictures.values(), completed, masks, strict=True), strict=True))
    original, result, mask = pairs["half the range"]
    pairs["half the range"] = undim(original), undim(result), mask
    return {name: picture_metrics(*each)["hole_psnr"] for name, each in pairs.items()}


@pytest.mark.parametrize("name", FLOORS)
def test_the_examples_are_completed_as_well_as_they_were(hole_psnr, name):
    assert hole_psnr[name] >= FLOORS[name]


@pytest.mark.parametrize(("damage", "name"), [("blue first", "hopper"), ("half the range", "astronaut")])
def test_the_floor_is_above_damaged_input(hole_psnr, damage, name):
    assert hole_psnr[damage] < FLOORS[name]

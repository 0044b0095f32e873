"""Where the grain of a completed photograph is strong: it must not show at the hole's border."""

import numpy as np
import pytest
from scipy import ndimage

from completion import Completer, SearchConfig
from dcgan.faces.locate import GivenFaces

SIDE = 200
SCALE = 8.0  # of the photograph's pixels along one of the toy model's 16
#: In a frame of 128 pixels in the middle, whose template has the two inner eye corners and the lip there.
LANDMARKS = np.array([(0.364, 0.178), (0.619, 0.173), (0.500, 0.751)]) * 16 * SCALE + (SIDE - 16 * SCALE) / 2


@pytest.fixture(scope="module")
def strength(prior):
    """Return the grain's standard deviation at each distance from the known pixels, in steps of one pixel."""
    noise = np.random.default_rng(0).normal(128.0, 12.0, (SIDE, SIDE, 3))
    picture = np.clip(np.rint(noise), 0, 255).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[76:124, 88:136] = True  # well inside the frame, with room for a patch of known skin beside it
    given = GivenFaces(landmarks=(LANDMARKS,))

    def complete(grain):
        completer = Completer(prior, SearchConfig(iterations=1), blend="poisson", detector=object(), grain=grain)
        return completer.complete([picture], [mask], faces=given).pictures[0]

    with_grain, without = complete(True), complete(False)
    grain = with_grain.astype(float) - without
    depth = np.floor(ndimage.distance_transform_edt(mask)).astype(int)
    return [float(grain[depth == each].std()) for each in range(depth.max() + 1)]


def test_known_pixels_have_their_own_grain(strength):
    assert strength[0] == 0.0


def test_the_grain_begins_at_the_border_of_the_hole(strength):
    """It grows in proportion to the distance, over one pixel of the model's."""
    full = np.mean(strength[9:20])
    assert full > 8.0
    assert np.array(strength[1:8]) / full == pytest.approx(np.arange(1, 8) / SCALE, abs=0.12)


def test_the_grain_is_even_inside(strength):
    full = np.mean(strength[9:20])
    assert np.array(strength[8:21]) / full == pytest.approx(1.0, abs=0.2)

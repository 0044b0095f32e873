import numpy as np
import pytest

from completion.blending.classical import fill_classical
from completion.config import CLASSICAL_METHODS
from completion.blending.quick_fill import QuickFiller, fill_smaller
from tests.completion.helpers import make_picture


def make_hole(height=120, width=150):
    mask = np.zeros((height, width), bool)
    mask[30:90, 40:110] = True
    return mask


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
@pytest.mark.parametrize("unknowns_max", [100_000, 200])
def test_known_pixels_stay_and_hidden_ones_are_not_seen(method, unknowns_max):
    picture, mask = make_picture(120, 150), make_hole()
    other = picture.copy()
    other[mask] = 255 - other[mask]
    filler = QuickFiller(method, unknowns_max=unknowns_max)
    one, two = filler(picture, mask), filler(other, mask)
    assert np.array_equal(one, two)
    assert np.array_equal(one[~mask], picture[~mask])
    assert not np.array_equal(one, picture)


@pytest.mark.parametrize("method", ["telea", "ns", "harmonic"])  # biharmonic stays in the range of what it sees
def test_a_small_hole_is_filled_as_by_the_method(method):
    picture, mask = make_picture(120, 150, channels=1), make_hole()
    assert np.array_equal(
        QuickFiller(method, unknowns_max=100_000)(picture, mask), fill_classical(method, picture[None], mask[None])[0]
    )


@pytest.mark.parametrize("method", ["harmonic", "biharmonic"])
def test_a_large_hole_is_filled_nearly_as_by_the_method(method):
    """A smooth picture is filled on a tenth of the pixels as on all of them; without a step at the border."""
    y, x = np.mgrid[:120, :150]
    picture = np.clip(40 + x + 0.3 * y + 12 * np.sin(x / 9), 0, 255).astype(np.uint8)[..., None]
    mask = make_hole()
    exact = fill_classical(method, picture[None], mask[None])[0].astype(int)
    quick = QuickFiller(method, unknowns_max=int(mask.sum()) // 10)(picture, mask).astype(int)
    assert np.abs(quick - exact).max() <= 6
    assert np.abs(quick - exact).mean() < 2.0
    assert np.abs(np.diff(quick[..., 0], axis=1)[30:90]).max() <= 8


def test_scattered_holes():
    """On the smaller grid hardly anything is missing; the fine holes are filled all the same."""
    picture = np.full((100, 100, 3), 77, np.uint8)
    mask = np.random.default_rng(0).random((100, 100)) < 0.8
    picture[mask] = 0
    filled = QuickFiller("harmonic", unknowns_max=500)(picture, mask)
    assert (filled == 77).all()


def test_nothing_missing():
    picture = make_picture(20, 20)
    result = QuickFiller("telea", unknowns_max=10)(picture, np.zeros((20, 20), bool))
    assert np.array_equal(result, picture)
    assert result is not picture


def test_the_smaller_grid_gets_means_of_known_values():
    values = np.arange(64, dtype=np.float32).reshape(8, 8, 1)
    mask = np.zeros((8, 8), bool)
    mask[:4, :4] = True
    mask[4, 4] = True
    values[mask] = 1e9

    def fill(small, hole):
        assert small.shape == (4, 4, 1)
        assert hole.sum() == 4
        assert small[2, 2, 0] == pytest.approx((37 + 44 + 45) / 3)
        small[hole] = 5.0
        return small

    result = fill_smaller(values, mask, 0.5, fill)
    assert result[0, 0, 0] == 5.0
    assert np.array_equal(result[~mask], values[~mask])

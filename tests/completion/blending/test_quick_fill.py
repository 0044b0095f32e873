import numpy as np
import pytest
from scipy import ndimage

from completion.blending.classical import ClassicalFiller, fill_classical
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


def test_a_cell_of_which_little_is_known_is_known():
    values, mask = np.full((8, 8, 1), 40, np.uint8), np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    mask[2, 2] = False  # a quarter of its cell
    holes = []
    fill_smaller(values, mask, 0.5, lambda small, hole: holes.append(hole) or small)
    assert holes[0][1:3, 1:3].tolist() == [[False, True], [True, True]]


def test_fine_detail_at_the_border_fades_within_two_cells():
    """Known values 100 about a filling of 0: the share of the border's difference falls by half a cosine."""
    values, mask = np.full((60, 60, 1), 100, np.uint8), np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    result = fill_smaller(values, mask, 0.2, lambda small, hole: np.zeros_like(small))[30, 10:22, 0]
    distance = np.arange(1, 13)  # two cells are ten pixels
    assert result == pytest.approx(50.0 + 50.0 * np.cos(np.pi * np.minimum(distance / 10, 1.0)), abs=1e-3)


def test_the_filling_is_enlarged_without_steps():
    """A ramp on the smaller grid is a ramp on the larger one."""
    values, mask = np.zeros((40, 200, 1), np.float32), np.ones((40, 200), bool)
    mask[:, :10] = mask[:, -10:] = False

    def fill(small, hole):
        return np.broadcast_to(np.arange(small.shape[1], dtype=np.float32)[:, None], small.shape).copy()

    inside = fill_smaller(values, mask, 0.1, fill)[:, 40:160, 0]  # beyond the border's two cells
    np.testing.assert_allclose(np.diff(inside, axis=1), 0.1, atol=1e-4)


def test_the_smaller_hole_has_the_pixels_that_were_allowed(monkeypatch):
    holes = []

    class Counted(ClassicalFiller):
        def __call__(self, pictures, masks):
            holes.append(np.count_nonzero(masks))
            return super().__call__(pictures, masks)

    monkeypatch.setattr("completion.blending.quick_fill.ClassicalFiller", Counted)
    mask = make_hole()
    for unknowns_max in (400, 1600):
        QuickFiller("harmonic", unknowns_max=unknowns_max)(make_picture(120, 150), mask)
        assert 0.7 * unknowns_max <= holes.pop() <= unknowns_max


def test_known_pixels_far_enough_away_decide_a_large_hole():
    """The slope of a plane is read off two cells of the smaller grid, here twenty pixels wide together."""
    y, x = np.mgrid[:200, :220]
    plane = (20.0 + 0.6 * x + 0.4 * y)[..., None]
    mask = np.zeros(plane.shape[:2], bool)
    mask[50:150, 60:160] = True
    filled = QuickFiller("biharmonic", unknowns_max=100)(np.rint(plane).astype(np.uint8), mask)
    assert np.abs(filled - plane)[mask].max() < 3.0


def test_what_the_fine_detail_adds_stays_in_the_range():
    """Rows of 0 and 120 beside a hole, whose other side is 0: the dark rows do not fall below 0 and turn bright."""
    picture, mask = np.zeros((100, 100, 1), np.uint8), np.zeros((100, 100), bool)
    picture[::2, :20] = 120
    mask[:, 20:80] = True
    filled = QuickFiller("harmonic", unknowns_max=240)(picture, mask)
    assert filled.max() <= 121
    assert filled[1::2].min() == 0


@pytest.mark.parametrize("shape", [(1, 400), (400, 1)])
def test_a_picture_of_one_row(shape):
    """However much smaller the grid is, it has a row."""
    picture, mask = np.full((*shape, 3), 90, np.uint8), np.zeros(shape, bool)
    mask.reshape(-1)[20:380] = True
    assert (QuickFiller("harmonic", unknowns_max=20)(picture, mask) == 90).all()


def test_the_distances_in_a_hole_are_computed_once_for_all_channels(monkeypatch):
    calls, real = [], ndimage.distance_transform_edt
    monkeypatch.setattr(ndimage, "distance_transform_edt", lambda *args, **more: calls.append(1) or real(*args, **more))
    values = np.random.default_rng(0).uniform(0.0, 255.0, (40, 40, 3)).astype(np.float32)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    together = fill_smaller(values, mask, 0.25, lambda small, hole: small)
    assert len(calls) == 1
    alone = [fill_smaller(values[..., [each]], mask, 0.25, lambda small, hole: small) for each in range(3)]
    assert np.array_equal(together, np.concatenate(alone, axis=2))

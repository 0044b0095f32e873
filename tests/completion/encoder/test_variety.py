import numpy as np
import pytest

from completion.encoder.variety import Sample, hide_surroundings, misplace, wear
from tests.dcgan.helpers import make_pictures


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_picture_that_is_not_moved_stays_as_it_is():
    picture = make_pictures(1, size=32)[0]
    sample = misplace(picture, rng(), moved=False)
    assert np.array_equal(sample.truth, picture)
    assert sample.inside.all()


def test_a_smaller_picture_lies_in_the_middle():
    sample = misplace(np.full((32, 32, 3), 200, np.uint8), rng(), scale=0.5, moved=False)
    expected = np.zeros((32, 32), bool)
    expected[8:24, 8:24] = True
    assert np.array_equal(sample.inside, expected)
    assert (sample.truth[expected] == 200).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_where_a_moved_picture_goes(channels):
    """A disc in the middle goes at most 8% of the side along each axis, and grows or shrinks by at most a quarter."""
    rows, columns = np.mgrid[:100, :100] - 49.5
    disc = np.where(np.hypot(rows, columns) < 20, 255, 0).astype(np.uint8)[..., None].repeat(channels, axis=2)
    shifts, areas, turned = [], [], 0
    for seed in range(60):
        sample = misplace(disc, rng(seed))
        assert sample.truth.shape == disc.shape
        seen = sample.truth[..., 0] > 127
        shifts.append(np.array(np.nonzero(seen)).mean(axis=1) - 49.5)
        areas.append(seen.sum() / (disc[..., 0] > 127).sum())
        turned += not sample.inside.all()
    assert np.abs(shifts).max() <= 8.1
    assert np.abs(shifts).max(axis=0).min() > 5
    assert 0.62 < min(areas) < 0.75
    assert 1.35 < max(areas) < 1.6
    assert turned > 20


def test_surroundings_are_the_frame_or_beyond_a_border():
    whole, kinds = np.ones((30, 30), bool), set()
    for seed in range(40):
        known = hide_surroundings(whole, rng(seed), tight=2 / 3)
        if known.sum() == 400:
            assert known[5:25, 5:25].all()
            kinds.add("tight")
        else:
            rows, columns = known.all(axis=1), known.all(axis=0)
            assert known.any()
            assert not known.all()
            assert rows.any() != columns.any()  # a strip along one side
            kinds.add((bool(rows.any()), bool(known[0, 0])))
    assert len(kinds) == 5
    part = np.zeros_like(whole)
    part[:, :8] = True
    assert not (hide_surroundings(part, rng(), tight=2 / 3) & ~part).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_wear_changes_the_look_and_hides_nothing(channels):
    picture = make_pictures(1, size=32)[0][..., :channels]
    truths, noisy = 0, 0
    for seed in range(60):
        worn = wear(Sample.whole(picture), rng(seed))
        assert worn.truth.shape == worn.seen.shape == picture.shape
        assert worn.truth.dtype == worn.seen.dtype == np.uint8
        assert worn.inside.all()
        truths += not np.array_equal(worn.truth, picture)
        noisy += not np.array_equal(worn.seen, worn.truth)
        again = wear(Sample.whole(picture), rng(seed))
        assert np.array_equal(again.seen, worn.seen)
    assert truths > 20
    assert noisy > 20


def test_grey_and_toned_pictures_lie_on_one_curve():
    """Where a truth has no colour of its own, each brightness has one colour."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=2)
    curves = 0
    for seed in range(80):
        worn = wear(Sample.whole(grey), rng(seed)).truth.reshape(-1, 3)
        if (worn.std(axis=1) > 1.0).any():
            curves += 1
            order = np.argsort(worn[:, 1], kind="stable")
            assert (np.diff(worn[order].astype(int), axis=0) >= -12).all()  # blurring mixes neighbours
    assert curves > 5

import numpy as np
import pytest

from completion.search.observation import Observation, Observations, observe
from dcgan.faces.placement import Placement
from dcgan.pictures.tones import GREY, SKIN_TONE
from dcgan.pictures.values import to_float
from tests.completion.helpers import SIZE, center_hole, make_picture

WHOLE = Placement.whole((SIZE, SIZE), SIZE)


def test_known_pixels_are_observed():
    picture, mask = make_picture(), center_hole()
    observation = observe(picture, mask, WHOLE)
    np.testing.assert_array_equal(observation.target[~mask], to_float(picture)[~mask])
    np.testing.assert_array_equal(observation.known, (~mask).astype(np.float32))
    assert not observation.target[mask].any()
    assert observation.blocks == 0


def test_a_face_is_observed_where_it_lies():
    picture = make_picture(40, 50)
    placement = Placement(np.array([[1.0, 0.0, -20.0], [0.0, 1.0, -10.0]]), SIZE)
    observation = observe(picture, np.zeros((40, 50), np.bool_), placement)
    np.testing.assert_allclose(observation.target, to_float(picture)[10:26, 20:36], atol=1e-6)


@pytest.mark.parametrize("mask", [center_hole(), np.ones((SIZE, SIZE), np.bool_)], ids=["center", "full"])
def test_block_means_are_those_of_the_whole_picture(mask):
    picture = make_picture()
    observation = observe(picture, mask, WHOLE, blocks=4)
    means = to_float(picture).reshape(4, 4, 4, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(observation.target, means.repeat(4, axis=0).repeat(4, axis=1), atol=1e-6)
    assert not observation.known.any()
    assert observation.blocks == 4


@pytest.mark.parametrize("blocks", [0, 4])
def test_a_picture_of_one_tone_is_shown_in_that_of_skin(blocks):
    picture, mask = make_picture(channels=1).repeat(3, axis=2), center_hole()
    plain, shown = (observe(picture, mask, WHOLE, blocks=blocks, tone=tone) for tone in (None, GREY))
    known = np.ones_like(mask) if blocks else ~mask
    expected = SKIN_TONE.colors(plain.target[known][:, :1])
    np.testing.assert_allclose(shown.target[known], expected, atol=1e-5)
    assert not shown.target[~known].any()
    np.testing.assert_array_equal(shown.known, plain.known)


@pytest.mark.parametrize("blocks", [5, 32, -4])
def test_blocks_that_do_not_divide_the_size(blocks):
    message = f"Expected `blocks` to divide the model's size 16. Received: blocks={blocks}"
    with pytest.raises(ValueError, match=message):
        observe(make_picture(), center_hole(), WHOLE, blocks=blocks)


def test_a_batch_has_a_row_for_each():
    one, other = (observe(make_picture(seed=seed), center_hole(), WHOLE) for seed in (0, 1))
    batch = Observations.stack([one, other])
    assert batch.targets.shape == (2, SIZE, SIZE, 3)
    np.testing.assert_array_equal(batch.targets[1], other.target)
    np.testing.assert_array_equal(batch.known[0], one.known)
    assert batch.blocks == 0
    assert Observations.stack([Observation(one.target, one.known, 4)] * 3).blocks == 4


def test_a_batch_is_of_one_kind():
    pixels, means = (observe(make_picture(), center_hole(), WHOLE, blocks=blocks) for blocks in (0, 4))
    with pytest.raises(ValueError, match="Expected observations of one kind"):
        Observations.stack([pixels, means])

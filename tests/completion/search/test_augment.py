import numpy as np
import pytest

from completion import complete
from completion.config import AUGMENTATIONS_MAX, METHODS, EncoderConfig
from completion.search.augment import AUGMENTATIONS, Augmentation, nearness
from completion.search.encoder import EncoderAnswerer
from completion.search.weights import contextual_weights
from completion.search.observation import Observations
from tests.completion.helpers import SIZE, center_hole, make_picture

SEVERAL = EncoderConfig(augmentations=4)


def make_observations(count=2, *, known=None):
    """Return observations whose targets show what is hidden as well."""
    pictures = np.stack([make_picture(seed=seed) for seed in range(count)]).astype(np.float32) / 127.5 - 1.0
    shares = np.float32(~center_hole()) if known is None else known
    return Observations(pictures, np.broadcast_to(shares, pictures.shape[:3]).astype(np.float32))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=str)
def test_there_and_back(augmentation):
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 9, 7, 3)).astype(np.float32)
    back, valid = augmentation.undo(augmentation.apply(pictures, edge=True))
    assert np.array_equal(back[:, valid], pictures[:, valid])
    lost = abs(augmentation.down) * 7 + abs(augmentation.right) * 9
    assert (~valid).sum() == lost


def test_an_augmentation_moves_the_way_it_says():
    picture = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    assert Augmentation(mirrored=True).apply(picture, edge=True)[0, ..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert Augmentation(right=1).apply(picture, edge=True)[0, ..., 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert Augmentation(down=1).apply(picture, edge=False)[0, ..., 0].tolist() == [[0, 0, 0], [0, 1, 2]]


def test_augmentations_differ_and_the_first_changes_nothing():
    assert AUGMENTATIONS[0] == Augmentation()
    assert len(set(AUGMENTATIONS)) == len(AUGMENTATIONS) == AUGMENTATIONS_MAX
    for number in (0, AUGMENTATIONS_MAX + 1):
        with pytest.raises(
            ValueError, match=f"Expected `augmentations` from 1 to 10. Received: augmentations={number}"
        ):
            EncoderConfig(augmentations=number)
    assert [METHODS[name].augmentations for name in ("fast", "balanced", "best")] == [1, 4, 10]


def test_nothing_known_is_near_to_nothing():
    known = np.zeros((2, 8, 8), np.float32)
    known[1, 0, 0] = 0.5
    near = nearness(known)
    assert not near[0].any()
    assert near[1, 0, 0] == 1.0
    assert near[1, 7, 7] == 0.0


def test_far_from_known_pixels_the_first_answer_stands_alone(encoded):
    known = np.zeros((SIZE, SIZE), np.float32)
    known[:, :2] = 1.0
    observations = make_observations(known=known)
    alone, together = (
        EncoderAnswerer(encoded, config).answer(observations).generated for config in (EncoderConfig(), SEVERAL)
    )
    far = nearness(observations.known) == 0.0
    assert far.any()
    assert np.allclose(alone[far], together[far], atol=1e-6)
    assert np.abs(alone - together)[~far].max() > 1e-4


def test_two_augmentations_are_the_mean_with_the_mirrored_answer(encoded):
    one, two = (EncoderAnswerer(encoded, EncoderConfig(number)) for number in (1, 2))
    known = np.ones((SIZE, SIZE), np.float32)
    known[::2, ::2] = 0.5  # every pixel is near: something is known of it
    observations = make_observations(known=known)
    mirrored = Observations(observations.targets[:, :, ::-1].copy(), observations.known[:, :, ::-1].copy())
    parts = [one.answer(each).generated for each in (observations, mirrored)]
    found = two.answer(observations).generated
    assert np.allclose(found, (parts[0] + parts[1][:, :, ::-1]) / 2, atol=1e-5)
    assert np.allclose(two.answer(mirrored).generated[:, :, ::-1], found, atol=1e-5)


@pytest.mark.parametrize("number", [2, 4, 10])
def test_augmented_observations_show_nothing_of_the_hole(encoded, number):
    answerer, observations = EncoderAnswerer(encoded, EncoderConfig(number)), make_observations()
    hidden = observations.targets.copy()
    hidden[:, center_hole()] = 0.7
    one, other = (answerer.answer(each) for each in (observations, Observations(hidden, observations.known)))
    assert np.array_equal(one.generated, other.generated)
    assert not np.array_equal(one.generated, EncoderAnswerer(encoded, EncoderConfig()).answer(observations).generated)


def test_a_picture_does_not_depend_on_its_neighbours(encoded):
    nothing_known = np.ones((SIZE, SIZE), bool)
    pictures = [make_picture(seed=seed) for seed in range(2)]
    together = complete(pictures, [center_hole(), nothing_known], model=encoded, method=SEVERAL)
    for index, mask in enumerate((center_hole(), nothing_known)):
        alone = complete([pictures[index]], mask, model=encoded, method=SEVERAL)
        assert np.abs(alone.generated[0] - together.generated[index]).max() < 1e-4


def test_the_losses_are_those_of_the_averaged_picture(encoded):
    """The contextual loss is measured on what is returned."""
    observations = make_observations()
    answerer = EncoderAnswerer(encoded, SEVERAL)
    answers = answerer.answer(observations)
    difference = np.abs(answers.generated - observations.targets).mean(axis=3)
    weights = np.stack([contextual_weights(known)[0] for known in observations.known])
    assert answers.contextual == pytest.approx((difference * weights).sum(axis=(1, 2)), abs=1e-5)
    assert np.array_equal(answers.score, answers.contextual)

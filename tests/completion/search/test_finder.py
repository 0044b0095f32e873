import dataclasses
import itertools

import numpy as np
import pytest

from completion.config import METHODS, EncoderConfig, SearchConfig
from completion.search.adam import LatentSearch, start_latents
from completion.search.encoder import EncoderAnswerer
from completion.search.finder import Finder
from completion.search.search_solver import ENCODER_SPREAD
from completion.search.hmc import HamiltonianSampler
from completion.search.observation import Observations
from dcgan.errors import ModelFileError
from tests.completion.helpers import SIZE
from tests.completion.search.helpers import observe_all

QUICK = SearchConfig(iterations=5)
AROUND = SearchConfig(start="encoder", iterations=1, learning_rate=1e-7)  # stays where it starts


def test_an_answer_is_that_of_a_search_from_the_seeds_start(prior):
    observations = observe_all(3)
    answers = Finder(prior, QUICK, seed=4).find(observations)
    expected = LatentSearch(prior, QUICK).search(Observations.stack(observations), start_latents(3, 8, seed=4))
    np.testing.assert_array_equal(answers.latents, expected.latents)
    np.testing.assert_array_equal(answers.score, expected.score)
    assert not np.array_equal(Finder(prior, QUICK, seed=5).find(observations).latents, answers.latents)


def test_an_answer_is_that_of_the_encoder(encoded):
    observations = observe_all(3)
    for config in (METHODS["fast"], METHODS["balanced"]):
        answers = Finder(encoded, config).find(observations)
        expected = EncoderAnswerer(encoded, config).answer(Observations.stack(observations))
        np.testing.assert_array_equal(answers.generated, expected.generated)


def test_candidates_are_ranked_and_the_best_is_kept(prior):
    config = dataclasses.replace(QUICK, candidates=4)
    finder, observations = Finder(prior, config), observe_all(2)
    every, best = (finder.find(observations, keep=keep) for keep in ("all", "best"))
    scores = every.score.reshape(2, 4)
    assert (np.diff(scores, axis=1) >= 0).all()
    assert (scores[:, 0] < scores[:, -1]).all()
    np.testing.assert_array_equal(best.latents, every.latents[::4])
    for index in range(2):  # every start is there, whatever its rank
        singles = [
            LatentSearch(prior, QUICK).search(
                Observations.stack([observations[index]]), start_latents(1, 8, candidate=candidate)
            )
            for candidate in range(4)
        ]
        expected = sorted(answers.score[0] for answers in singles)
        np.testing.assert_allclose(scores[index], expected, atol=5e-3)


@pytest.mark.parametrize("count", [1, 4, 5])
def test_calls_are_padded_to_the_number_of_rows(prior, count):
    """So an answer has the same bytes however many others there are."""
    finder, observations = Finder(prior, QUICK), observe_all(5)
    reference = finder.find(observations, rows=4)
    answers = finder.find(observations[:count], rows=4)
    assert len(answers.latents) == count
    np.testing.assert_array_equal(answers.latents, reference.latents[:count])
    np.testing.assert_array_equal(answers.score, reference.score[:count])


def test_candidates_start_around_the_encoders_latents(encoded):
    observations = observe_all(2)
    latents, _ = EncoderAnswerer(encoded, EncoderConfig()).encode(Observations.stack(observations))
    answers = Finder(encoded, dataclasses.replace(AROUND, candidates=3), seed=6).find(observations, keep="all")
    assert np.abs(answers.latents).max() <= 1.0
    starts = np.concatenate([start_latents(1, 8, seed=6, candidate=candidate) for candidate in range(3)])
    offsets = np.stack([0.0 * starts[0], ENCODER_SPREAD * starts[1], ENCODER_SPREAD * starts[2]])
    for index in range(2):
        expected = np.clip(latents[index] + offsets, -1.0, 1.0)
        found = answers.latents[3 * index : 3 * index + 3]
        distances = np.abs(found[:, None] - expected[None]).max(axis=2)  # (found, expected): any order of ranks
        assert sorted(distances.argmin(axis=1)) == [0, 1, 2]
        assert distances.min(axis=1).max() < 1e-5
        assert all(np.abs(one - other).max() > 0.01 for one, other in itertools.combinations(found, 2))


def test_a_search_from_the_encoders_latents_gets_no_worse(encoded):
    config = SearchConfig(start="encoder", iterations=20, perceptual_weight=0.0)
    observations = observe_all(3)
    batch = Observations.stack(observations)
    latents, _ = EncoderAnswerer(encoded, EncoderConfig()).encode(batch)
    search = LatentSearch(encoded, config)
    before = search.judge(latents, search.objective.prepare(batch))
    after = Finder(encoded, config).find(observations)
    assert (after.contextual <= before.contextual + 1e-6).all()
    assert after.contextual.mean() < before.contextual.mean()


def test_monte_carlo_starts_where_adam_ends(prior):
    config = dataclasses.replace(QUICK, sampler="hmc", hmc_samples=4)
    observations = observe_all(2)
    adam = Finder(prior, QUICK, seed=3).find(observations)
    drawn = Finder(prior, config, seed=3).find(observations)
    expected = HamiltonianSampler(LatentSearch(prior, config)).draw(
        Observations.stack(observations), adam.latents, chains=np.zeros(2, int), seed=3
    )
    np.testing.assert_array_equal(drawn.latents, expected.latents)
    np.testing.assert_array_equal(drawn.acceptance, expected.acceptance)
    assert not np.array_equal(drawn.latents, adam.latents)
    assert adam.acceptance is None


def test_progress_and_frames(prior):
    config = SearchConfig(iterations=25, candidates=2, sampler="hmc", hmc_samples=2)
    shares, frames = [], []
    answers = Finder(prior, config).find(
        observe_all(3), keep="all", rows=4, on_frame=frames.append, on_progress=shares.append
    )
    assert len(answers.latents) == 6
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)
    assert [frame.shape for frame in frames] == [(4, SIZE, SIZE, 3)] * 4  # after 0, 10, 20 and 25 steps


def test_frames_show_the_best_so_far(prior):
    frames = []
    observations = observe_all(2)
    answers = Finder(prior, QUICK).find(observations, rows=8, on_frame=frames.append)
    search = LatentSearch(prior, QUICK)
    np.testing.assert_allclose(frames[0], search.generate(start_latents(2, 8)), atol=1e-6)
    np.testing.assert_allclose(frames[-1], answers.generated, atol=1e-6)


@pytest.mark.parametrize("config", [EncoderConfig(), SearchConfig(start="encoder")])
def test_settings_that_need_an_encoder(prior, config):
    with pytest.raises(ModelFileError, match="expected a model with an encoder, this one has none"):
        Finder(prior, config)


def test_what_to_keep_is_checked(prior):
    with pytest.raises(ValueError, match=r"Expected `keep` to be 'best' or 'all'\. Received: 'worst'"):
        Finder(prior, QUICK).find(observe_all(1), keep="worst")


@pytest.mark.parametrize("config", [QUICK, dataclasses.replace(QUICK, start="encoder"), METHODS["balanced"]])
def test_warming_up_changes_nothing(encoded, config):
    warm, cold = Finder(encoded, config), Finder(encoded, config)
    warm.warm_up(3)
    observations = observe_all(3)
    np.testing.assert_array_equal(warm.find(observations).generated, cold.find(observations).generated)

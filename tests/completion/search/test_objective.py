import dataclasses

import numpy as np
import pytest

from completion.config import SearchConfig
from completion.search.adam import LatentSearch
from completion.search.weights import contextual_weights
from completion.search.objective import Objective
from tests.completion.search.helpers import draw_latents, generated_block_means, generated_observations


@pytest.fixture(scope="module")
def search(prior):
    """Draws pictures; its own losses are not used."""
    return LatentSearch(prior, SearchConfig())


def evaluate(objective, search, observations, **options):
    generated = search.generate(draw_latents(len(observations.targets), seed=1))
    total, parts = objective(generated, objective.prepare(observations), blocks=observations.blocks, **options)
    return generated, np.asarray(total), {name: np.asarray(part) for name, part in parts.items()}


def test_the_total_is_the_weighted_sum_written_out(prior, search):
    observations = generated_observations(search, 3)
    config = SearchConfig(perceptual_weight=0.25, weight_floor=0.5)
    generated, total, parts = evaluate(Objective(prior, config), search, observations)
    weights, _ = contextual_weights(observations.known[0], floor=0.5)
    contextual = (weights * np.abs(generated - observations.targets).mean(axis=3)).sum(axis=(1, 2))
    logits = np.asarray(prior.discriminator(generated, training=False))
    perceptual = np.log1p(np.exp(-logits))
    np.testing.assert_allclose(parts["contextual"], contextual, rtol=1e-4)
    np.testing.assert_allclose(parts["perceptual"], perceptual, rtol=1e-4)
    np.testing.assert_allclose(total, contextual + 0.25 * perceptual, rtol=1e-4)


def test_the_sum_is_that_of_the_papers(prior, search):
    """With loss_scale="sum" the total, times its number of terms, is the papers' loss."""
    observations = generated_observations(search, 1)
    config = SearchConfig(loss_scale="sum", perceptual_weight=2.0)
    weights, terms = contextual_weights(observations.known[0], floor=config.weight_floor)
    generated, total, parts = evaluate(Objective(prior, config), search, observations)
    difference = np.abs(generated - observations.targets).sum(axis=3)
    paper = (terms * weights * difference).sum()
    np.testing.assert_allclose(3 * terms * parts["contextual"], paper, rtol=1e-5)
    np.testing.assert_allclose(3 * terms * total, paper + 2.0 * parts["perceptual"], rtol=1e-5)


@pytest.mark.parametrize("blocks", [2, 4])
def test_the_sum_over_block_means(prior, search, blocks):
    objective = Objective(prior, SearchConfig(loss_scale="sum", perceptual_weight=2.0))
    observations = generated_block_means(search, 1, blocks=blocks)
    terms = blocks * blocks * 3
    np.testing.assert_allclose(objective.prepare(observations)[2], [1.0 / terms], rtol=1e-6)
    _, total, parts = evaluate(objective, search, observations)
    np.testing.assert_allclose(total, parts["contextual"] + 2.0 / terms * parts["perceptual"], rtol=1e-5)


def test_where_nothing_is_known_there_is_no_scale(prior, search):
    observations = generated_observations(search, 2, mask=np.ones((16, 16), np.bool_))
    _, weights, scale = Objective(prior, SearchConfig(loss_scale="sum")).prepare(observations)
    assert not weights.any()
    assert scale.tolist() == [1.0, 1.0]


def test_a_loss_of_weight_0_is_evaluated_on_request_alone(prior, search):
    objective = Objective(prior, SearchConfig(perceptual_weight=0.0))
    observations = generated_observations(search, 2)
    _, total, parts = evaluate(objective, search, observations)
    assert set(parts) == {"contextual"}
    _, again, every = evaluate(objective, search, observations, complete=True)
    assert set(every) == {"contextual", "perceptual"}
    assert (every["perceptual"] > 0).all()
    np.testing.assert_array_equal(total, again)
    np.testing.assert_array_equal(total, parts["contextual"])


@pytest.mark.parametrize("weighting", ["yeh", "uniform"])
def test_the_weights_are_those_of_the_settings(prior, search, weighting):
    config = SearchConfig(weighting=weighting, window=3, weight_floor=0.1)
    observations = generated_observations(search, 2)
    targets, weights, _ = Objective(prior, config).prepare(observations)
    expected, _ = contextual_weights(observations.known[1], weighting=weighting, window=3, floor=0.1)
    np.testing.assert_array_equal(weights[1, ..., 0], expected)
    np.testing.assert_array_equal(targets, observations.targets)
    other = Objective(prior, dataclasses.replace(config, window=7)).prepare(observations)[1]
    assert np.array_equal(other, weights) == (weighting == "uniform")

import dataclasses

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from completion.config import SearchConfig
from completion.search.adam import LatentSearch, start_latents
from completion.search.hmc import HamiltonianSampler
from completion.search.losses import LOSSES, block_means, contextual_loss, perceptual_loss
from completion.search.weights import contextual_weights
from completion.search.objective import Objective
from tests.completion.search.helpers import draw_latents, generated_observations

KNOWN = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(0, 1, width=32))


def value(tensor):
    return np.asarray(tensor)


def test_weights_are_the_missing_share_of_the_window():
    known = np.ones((3, 4), np.float32)
    known[1, 1] = 0
    weights, total = contextual_weights(known, window=3)
    # By hand: one missing pixel in a window of 4 pixels at a corner, 6 at an edge, 9 inside.
    shares = np.array([[1 / 4, 1 / 6, 1 / 6, 0], [1 / 6, 0, 1 / 9, 0], [1 / 4, 1 / 6, 1 / 6, 0]])
    assert total == pytest.approx(shares.sum())
    np.testing.assert_allclose(weights, shares / shares.sum(), rtol=1e-6)


def test_a_floor_weighs_the_pixels_far_from_the_hole():
    known = np.array([[0, 1, 1, 1, 1]], np.float32)
    weights, total = contextual_weights(known, window=3, floor=0.5)
    shares = np.array([[0, 1 / 3 + 0.5, 0.5, 0.5, 0.5]])
    assert total == pytest.approx(shares.sum())
    np.testing.assert_allclose(weights, shares / shares.sum(), rtol=1e-6)


def test_a_pixel_known_in_part_counts_in_part():
    known = np.array([[0.25, 1.0, 1.0, 1.0]], np.float32)
    weights, _ = contextual_weights(known, window=3)
    shares = np.array([[0.25 * 0.75 / 2, 0.75 / 3, 0, 0]])
    np.testing.assert_allclose(weights, shares / shares.sum(), rtol=1e-6)


def test_uniform_weights():
    known = np.array([[0, 1], [1, 0.5]], np.float32)
    weights, total = contextual_weights(known, weighting="uniform", floor=3.0)
    assert total == 2.5
    np.testing.assert_allclose(weights, known / 2.5)


@pytest.mark.parametrize("weighting", ["yeh", "uniform"])
@pytest.mark.parametrize("floor", [0.0, 0.5])
def test_nothing_missing_weighs_all_alike_and_nothing_known_weighs_nothing(weighting, floor):
    weights, total = contextual_weights(np.ones((4, 5), np.float32), weighting=weighting, floor=floor)
    np.testing.assert_allclose(weights, np.full((4, 5), 1 / 20), rtol=1e-6)
    assert total > 0
    weights, total = contextual_weights(np.zeros((4, 5), np.float32), weighting=weighting, floor=floor)
    assert total == 0
    assert not weights.any()


@given(known=KNOWN, weighting=st.sampled_from(["yeh", "uniform"]), floor=st.sampled_from([0, 0.5]), window=st.just(5))
@settings(deadline=None)
def test_weights_are_a_distribution_over_the_known_pixels(known, weighting, floor, window):
    weights, _ = contextual_weights(known, weighting=weighting, floor=floor, window=window)
    assert weights.dtype == np.float32
    assert np.isfinite(weights).all()
    assert weights.min() >= 0
    assert not weights[known == 0].any()
    if known.max() > 1e-6:
        assert weights.sum() == pytest.approx(1, abs=1e-5)


def test_contextual_loss_is_the_weighted_mean_difference():
    target = np.zeros((2, 1, 2, 2), np.float32)
    generated = np.array([[[[0.5, -0.1], [1.0, 1.0]]], [[[0.0, 0.2], [0.4, 0.0]]]], np.float32)
    weights = np.array([[[[0.75], [0.25]]], [[[0.0], [1.0]]]], np.float32)
    loss = value(contextual_loss(generated, target, weights))
    np.testing.assert_allclose(loss, [0.75 * 0.3 + 0.25 * 1.0, 0.2], rtol=1e-6)


def test_contextual_loss_of_block_means():
    target = np.zeros((1, 4, 4, 1), np.float32)
    generated = np.zeros((1, 4, 4, 1), np.float32)
    generated[0, :2, :2, 0] = [[1.0, -1.0], [0.5, 0.5]]  # of mean 0.25
    generated[0, 2:, 2:, 0] = -0.5
    weights = np.zeros((1, 4, 4, 1), np.float32)
    np.testing.assert_allclose(value(contextual_loss(generated, target, weights, blocks=2)), [0.75 / 4], rtol=1e-6)


def test_block_means():
    pictures = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    np.testing.assert_allclose(value(block_means(pictures, 2))[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(value(block_means(pictures, 4)), pictures)
    with pytest.raises(ValueError, match=r"Expected `blocks` to divide the model.s size 4\. Received: blocks=3"):
        block_means(pictures, 3)


def test_perceptual_forms():
    logits = np.array([-2.0, 0.0, 3.0], np.float32)
    probability = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(value(perceptual_loss(logits)), -np.log(probability), rtol=1e-5)
    np.testing.assert_allclose(value(perceptual_loss(logits, form="saturating")), np.log(1 - probability), rtol=1e-5)


def test_perceptual_loss_of_extreme_logits_is_finite():
    logits = np.array([-1e4, 1e4], np.float32)
    for form in ("nonsaturating", "saturating"):
        assert np.isfinite(value(perceptual_loss(logits, form=form))).all()


def middle(generated):
    """Return the sum of the values in the middle of pictures, which the hole hides."""
    return value(generated)[:, 6:10, 6:10].sum(axis=(1, 2, 3))


class TestAddALoss:
    """An entry in `LOSSES` is all that a loss needs: what minimises, samples or ranks has it then."""

    @pytest.fixture
    def add(self, monkeypatch):
        """Return a function that adds a loss: how bright a picture is in its middle."""

        def brightness(seen):
            return ops.sum(seen.generated[:, 6:10, 6:10], axis=(1, 2, 3))

        return lambda: monkeypatch.setitem(LOSSES, "brightness", brightness)

    def test_adam_minimises_it(self, prior, add):
        observations = generated_observations(LatentSearch(prior, SearchConfig()), 3)
        results = []
        for _ in range(2):
            search = LatentSearch(prior, SearchConfig(iterations=60))
            results.append(search.search(observations, start_latents(3, 8)))
            add()
        before, after = results
        assert (middle(after.generated) < middle(before.generated) - 0.5).all()
        assert (after.contextual > before.contextual).all()

    def test_the_score_contains_it(self, prior, add):
        add()
        search = LatentSearch(prior, SearchConfig(iterations=2, perceptual_weight=0.1))
        observations = generated_observations(search, 3)
        answers = search.search(observations, start_latents(3, 8))
        expected = answers.contextual + 0.1 * answers.perceptual + middle(answers.generated)
        np.testing.assert_allclose(answers.score, expected, atol=1e-5)

    def test_the_energy_of_hamiltonian_monte_carlo_contains_it(self, prior, add):
        config = SearchConfig(sampler="hmc", hmc_samples=20, hmc_leapfrog_steps=5)
        observations = generated_observations(LatentSearch(prior, config), 4)
        results = []
        for _ in range(2):
            sampler = HamiltonianSampler(LatentSearch(prior, config))
            results.append(sampler.draw(observations, draw_latents(4), chains=np.arange(4)))
            add()
        before, after = results
        assert (middle(after.generated) < middle(before.generated) - 0.5).all()

    def test_its_weight_is_the_setting_of_its_name(self, prior, add):
        @dataclasses.dataclass(frozen=True)
        class WithBrightness(SearchConfig):
            brightness_weight: float = 0.5

        add()
        search = LatentSearch(prior, SearchConfig())
        generated, observations = search.generate(draw_latents(2)), generated_observations(search, 2)
        totals = []
        for config in (SearchConfig(), WithBrightness(), WithBrightness(brightness_weight=0.0)):
            objective = Objective(prior, config)
            total, parts = objective(generated, objective.prepare(observations))
            totals.append(value(total))
            assert ("brightness" in parts) == (getattr(config, "brightness_weight", 1.0) > 0.0)
        np.testing.assert_allclose(totals[0] - totals[2], middle(generated), atol=1e-5)
        np.testing.assert_allclose(totals[1] - totals[2], 0.5 * middle(generated), atol=1e-5)

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.config import METHODS, SearchConfig
from completion.search import adam
from completion.search.adam import LatentSearch, start_latents
from completion.search.observation import Observations
from dcgan.autodiff import value_and_grad
from tests.completion.helpers import AVX512, SIZE
from tests.completion.search.helpers import draw_latents, generated_block_means, generated_observations

QUICK = SearchConfig(iterations=25)
FULL = np.ones((SIZE, SIZE), np.bool_)


def rows(observations, indices):
    return Observations(observations.targets[indices], observations.known[indices], observations.blocks)


def starts(count):
    return start_latents(count, 8)


def evaluate(search, observations, latents):
    """Return total, contextual and perceptual loss, each (B,), without the search's compiled functions."""
    data = search.objective.prepare(observations)
    generated = search.generate(latents)
    total, parts = search.objective(generated, data, blocks=observations.blocks, complete=True)
    return [np.asarray(part) for part in (total, parts["contextual"], parts["perceptual"])]


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("latents", "generated"))


@pytest.mark.parametrize(("blocks", "form"), [(0, "nonsaturating"), (4, "saturating")])
def test_gradient_by_z_is_that_of_finite_differences(prior, blocks, form):
    search = LatentSearch(prior, SearchConfig(perceptual_weight=0.1, perceptual_form=form))
    observations = generated_block_means(search, 2, blocks=blocks) if blocks else generated_observations(search, 2)
    latents = draw_latents(2, seed=1)
    data = search.objective.prepare(observations)
    losses = value_and_grad(lambda z, *data: (search.losses(z, data, blocks=blocks), ()))
    (total, _), gradient = losses(latents, *data)
    np.testing.assert_allclose(np.asarray(total), evaluate(search, observations, latents)[0], rtol=1e-5)
    step = 2e-3
    for entry in range(8):
        shift = np.zeros_like(latents)
        shift[:, entry] = step
        high, low = (evaluate(search, observations, latents + sign * shift)[0] for sign in (1, -1))
        # The loss has kinks (absolute values, ReLU) and rounding of about 1e-7 / step.
        np.testing.assert_allclose(np.asarray(gradient)[:, entry], (high - low) / (2 * step), rtol=0.05, atol=1e-3)


def test_the_search_finds_a_picture_that_the_generator_can_make(prior):
    search = LatentSearch(prior, SearchConfig(iterations=200, perceptual_weight=0.0))
    observations = generated_observations(search, 4)
    answers = search.search(observations, starts(4))
    before = evaluate(search, observations, starts(4))[1]
    assert (answers.contextual < 0.1 * before).all()


@pytest.mark.parametrize(("iterations", "schedule"), [(1, "cosine"), (25, "cosine"), (25, "constant")])
def test_the_best_iterate_is_returned_with_its_own_losses(prior, iterations, schedule):
    config = SearchConfig(iterations=iterations, schedule=schedule, learning_rate=0.5, perceptual_weight=0.1)
    search = LatentSearch(prior, config)
    observations = generated_observations(search, 3)
    answers = search.search(observations, starts(3))
    total, contextual, perceptual = evaluate(search, observations, answers.latents)
    np.testing.assert_allclose(answers.contextual, contextual, rtol=1e-5)
    np.testing.assert_allclose(answers.perceptual, perceptual, rtol=1e-5)
    np.testing.assert_allclose(answers.score, contextual + 0.1 * perceptual, rtol=1e-5)
    np.testing.assert_array_equal(answers.generated, search.generate(answers.latents))
    assert (total <= evaluate(search, observations, starts(3))[0] * (1 + 1e-6)).all()


def test_a_rate_that_only_makes_it_worse_returns_the_start(prior):
    search = LatentSearch(prior, SearchConfig(iterations=5, learning_rate=1e-3, perceptual_weight=0.0))
    latents = draw_latents(2, seed=3)
    observations = Observations(search.generate(latents), np.ones((2, SIZE, SIZE), np.float32))
    answers = search.search(observations, latents)
    np.testing.assert_array_equal(answers.latents, latents)
    np.testing.assert_allclose(answers.contextual, 0, atol=1e-6)


@given(rate=st.floats(0.01, 50), seed=st.integers(0, 99), scale=st.sampled_from(["mean", "sum"]), floor=st.floats(0, 1))
@settings(deadline=None, max_examples=8)
def test_latents_stay_in_their_box(prior, rate, seed, scale, floor):
    config = SearchConfig(iterations=4, learning_rate=rate, loss_scale=scale, weight_floor=floor)
    search = LatentSearch(prior, config)
    visited = []
    observations = generated_observations(search, 2, seed=seed)
    answers = search.search(observations, starts(2), on_chunk=lambda _, best: visited.append(best))
    for latents in (answers.latents, *visited):
        assert np.abs(latents).max() <= 1
        assert np.isfinite(latents).all()


def test_same_start_same_bytes(prior):
    results = []
    for _ in range(2):
        search = LatentSearch(prior, QUICK)
        results.append(search.search(generated_observations(search, 3), starts(3)))
    assert same(*results)
    np.testing.assert_array_equal(results[0].contextual, results[1].contextual)


def test_starts_depend_on_seed_and_candidate_alone():
    first = start_latents(3, 8, seed=5, candidate=1)
    assert first.shape == (3, 8)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(first, start_latents(3, 8, seed=5, candidate=1))
    assert not np.array_equal(first, start_latents(3, 8, seed=5, candidate=2))
    assert not np.array_equal(first, start_latents(3, 8, seed=6, candidate=1))


@pytest.mark.parametrize("count", [5, 8, 16])
def test_neither_place_nor_neighbours_change_a_result_but_for_rounding(prior, count):
    """To the bit with AVX-512; without it, the library computes a batch's last rows in another order."""
    search = LatentSearch(prior, QUICK)
    observations = generated_observations(search, 2 * count)
    answers = search.search(rows(observations, np.arange(count)), starts(count))
    order = np.random.default_rng(0).permutation(count)
    others = np.concatenate([[0], np.arange(count + 1, 2 * count)])
    found = (
        (search.search(rows(observations, order), starts(count)), answers.take(order)),
        (search.search(rows(observations, others), starts(count)).take([0]), answers.take([0])),
    )
    for mine, expected in found:
        assert same(mine, expected) or not AVX512
        np.testing.assert_allclose(mine.latents, expected.latents, atol=5e-3)
        np.testing.assert_allclose(mine.generated, expected.generated, atol=1e-2)
        np.testing.assert_allclose(mine.score, expected.score, rtol=1e-3)


def test_a_batch_is_its_members_one_at_a_time_but_for_rounding(prior):
    search = LatentSearch(prior, QUICK)
    observations = generated_observations(search, 5)
    batch = search.search(observations, starts(5))
    for index in range(5):
        single = search.search(rows(observations, [index]), starts(1))
        # Rounding differs with the number of rows, by 1e-7 in a gradient; Adam makes at most this of it.
        np.testing.assert_allclose(single.latents[0], batch.latents[index], atol=5e-3)
        np.testing.assert_allclose(single.generated[0], batch.generated[index], atol=1e-2)
        np.testing.assert_allclose(single.contextual[0], batch.contextual[index], rtol=1e-3)


def test_chunks_do_not_change_the_result(prior, monkeypatch):
    results = []
    for steps in (1, 7, 1000):
        monkeypatch.setattr(adam, "CHUNK_STEPS", 1000)
        monkeypatch.setattr(adam, "CHUNK_ROWS", 2 * steps)
        search = LatentSearch(prior, QUICK)
        calls = []
        observations = generated_observations(search, 2)
        results.append(search.search(observations, starts(2), on_chunk=lambda done, _, to=calls: to.append(done)))
        assert calls == [*range(0, 25, steps), 25]
    assert same(results[0], results[1])
    assert same(results[0], results[2])


def test_the_loop_is_compiled_once_for_each_size_of_batch(prior):
    search = LatentSearch(prior, dataclasses.replace(QUICK, iterations=2))
    for count in (3, 5, 5, 2, 7):
        search.search(generated_observations(search, count), starts(count))
    assert search._loop(0).experimental_get_tracing_count() <= 2


def test_nothing_known_is_a_purely_perceptual_search(prior):
    search = LatentSearch(prior, SearchConfig(iterations=40))
    one, other = (generated_observations(search, 2, seed=seed, mask=FULL) for seed in (0, 1))
    answers = search.search(one, starts(2))
    assert not answers.contextual.any()
    assert (answers.perceptual < evaluate(search, one, starts(2))[2]).all()
    assert same(answers, search.search(other, starts(2)))


def test_lowres_compares_block_means_alone(prior):
    search = LatentSearch(prior, SearchConfig(iterations=40, perceptual_weight=0.0))
    observations = generated_block_means(search, 2, blocks=4)
    answers = search.search(observations, starts(2))
    means = [
        pictures.reshape(2, 4, 4, 4, 4, 3).mean(axis=(2, 4)) for pictures in (answers.generated, observations.targets)
    ]
    np.testing.assert_allclose(answers.contextual, np.abs(means[0] - means[1]).mean(axis=(1, 2, 3)), rtol=1e-4)
    assert (answers.contextual < evaluate(search, observations, starts(2))[1]).all()


def test_sum_over_the_terms_is_the_mean_with_another_lambda(prior):
    """Adam's path is the same."""
    by_sum = LatentSearch(prior, dataclasses.replace(QUICK, loss_scale="sum", perceptual_weight=2.0))
    observations = generated_observations(by_sum, 1)
    scale = float(by_sum.objective.prepare(observations)[2][0])
    by_mean = LatentSearch(prior, dataclasses.replace(QUICK, perceptual_weight=2.0 * scale))
    assert same(by_sum.search(observations, starts(1)), by_mean.search(observations, starts(1)))


@pytest.mark.parametrize("name", ["yeh2017", "amos2016"])
def test_published_settings_run(prior, name):
    search = LatentSearch(prior, dataclasses.replace(METHODS[name], iterations=10))
    observations = generated_observations(search, 2)
    answers = search.search(observations, starts(2))
    before = evaluate(search, observations, starts(2))[0]
    assert (evaluate(search, observations, answers.latents)[0] <= before).all()


def test_warming_up_changes_nothing(prior):
    search = LatentSearch(prior, QUICK)
    observations = generated_observations(search, 3)
    search.warm_up(observations)
    assert same(search.search(observations, starts(3)), LatentSearch(prior, QUICK).search(observations, starts(3)))

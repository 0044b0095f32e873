import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.search import adam as search_module
from completion.config import PRESETS, SearchConfig
from completion.search.adam import LatentSearch, Problem, SearchResult, start_latents
from dcgan.autodiff import value_and_grad
from tests.completion.helpers import SIZE, center_hole

QUICK = SearchConfig(iterations=25)


def draw_latents(count, *, seed=0, latent_dim=8):
    return np.random.default_rng(seed).uniform(-1, 1, (count, latent_dim)).astype(np.float32)


def make_problem(search, count, *, seed=0, mask=None, blocks=0):
    """Ask for pictures that the generator can make."""
    targets = search.generate(draw_latents(count, seed=1000 + seed))
    known = (~center_hole() if mask is None else ~mask).astype(np.float32)
    return Problem(targets, np.repeat(known[None], count, axis=0), blocks)


def rows(problem, indices):
    return Problem(problem.targets[indices], problem.known[indices], problem.blocks)


def starts(count):
    return start_latents(count, 8)


def evaluate(search, problem, latents):
    """Return total, contextual and perceptual loss, each (B,)."""
    total, parts = search.losses(latents, *search.prepare(problem), blocks=problem.blocks)
    return [np.asarray(part) for part in (total, *parts)]


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("latents", "generated"))


@pytest.mark.parametrize(("blocks", "form"), [(0, "nonsaturating"), (4, "saturating")])
def test_gradient_by_z_is_that_of_finite_differences(prior, blocks, form):
    search = LatentSearch(prior, SearchConfig(perceptual_weight=0.1, perceptual_form=form))
    problem = make_problem(search, 2, blocks=blocks)
    latents = draw_latents(2, seed=1)
    data = search.prepare(problem)
    (_, _), gradient = value_and_grad(lambda z, *data: search.losses(z, *data, blocks=blocks))(latents, *data)
    step = 2e-3
    for entry in range(8):
        shift = np.zeros_like(latents)
        shift[:, entry] = step
        high, low = evaluate(search, problem, latents + shift)[0], evaluate(search, problem, latents - shift)[0]
        # The loss has kinks (absolute values, ReLU) and rounding of about 1e-7 / step.
        np.testing.assert_allclose(np.asarray(gradient)[:, entry], (high - low) / (2 * step), rtol=0.05, atol=1e-3)


def test_the_search_finds_a_picture_that_the_generator_can_make(prior):
    search = LatentSearch(prior, SearchConfig(iterations=200, perceptual_weight=0.0))
    problem = make_problem(search, 4)
    result = search.run(problem, starts(4))
    before = evaluate(search, problem, starts(4))[1]
    assert (result.contextual < 0.1 * before).all()


@pytest.mark.parametrize(("iterations", "schedule"), [(1, "cosine"), (25, "cosine"), (25, "constant")])
def test_the_best_iterate_is_returned_with_its_own_losses(prior, iterations, schedule):
    config = SearchConfig(iterations=iterations, schedule=schedule, learning_rate=0.5, perceptual_weight=0.1)
    search = LatentSearch(prior, config)
    problem = make_problem(search, 3)
    result = search.run(problem, starts(3))
    total, contextual, perceptual = evaluate(search, problem, result.latents)
    np.testing.assert_allclose(result.contextual, contextual, rtol=1e-5)
    np.testing.assert_allclose(result.perceptual, perceptual, rtol=1e-5)
    np.testing.assert_array_equal(result.generated, search.generate(result.latents))
    assert (total <= evaluate(search, problem, starts(3))[0] * (1 + 1e-6)).all()


def test_a_rate_that_only_makes_it_worse_returns_the_start(prior):
    search = LatentSearch(prior, SearchConfig(iterations=5, learning_rate=1e-3, perceptual_weight=0.0))
    latents = draw_latents(2, seed=3)
    problem = Problem(search.generate(latents), np.ones((2, SIZE, SIZE), np.float32))
    result = search.run(problem, latents)
    np.testing.assert_array_equal(result.latents, latents)
    np.testing.assert_allclose(result.contextual, 0, atol=1e-6)


@given(rate=st.floats(0.01, 50), seed=st.integers(0, 99), scale=st.sampled_from(["mean", "sum"]), floor=st.floats(0, 1))
@settings(deadline=None, max_examples=8)
def test_latents_stay_in_their_box(prior, rate, seed, scale, floor):
    config = SearchConfig(iterations=4, learning_rate=rate, loss_scale=scale, weight_floor=floor)
    search = LatentSearch(prior, config)
    visited = []
    problem = make_problem(search, 2, seed=seed)
    result = search.run(problem, starts(2), on_chunk=lambda _, best: visited.append(best))
    for latents in (result.latents, *visited):
        assert np.abs(latents).max() <= 1
        assert np.isfinite(latents).all()


def test_same_start_same_bytes(prior):
    results = []
    for _ in range(2):
        search = LatentSearch(prior, QUICK)
        results.append(search.run(make_problem(search, 3), starts(3)))
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
def test_neither_place_nor_neighbours_change_a_bit(prior, count):
    search = LatentSearch(prior, QUICK)
    problem = make_problem(search, 2 * count)
    result = search.run(rows(problem, np.arange(count)), starts(count))
    order = np.random.default_rng(0).permutation(count)
    assert same(search.run(rows(problem, order), starts(count)), result.take(order))
    others = np.concatenate([[0], np.arange(count + 1, 2 * count)])
    assert same(search.run(rows(problem, others), starts(count)).take([0]), result.take([0]))


def test_a_batch_is_its_members_one_at_a_time_but_for_rounding(prior):
    search = LatentSearch(prior, QUICK)
    problem = make_problem(search, 5)
    batch = search.run(problem, starts(5))
    for index in range(5):
        single = search.run(rows(problem, [index]), starts(1))
        # Rounding differs with the number of rows, by 1e-7 in a gradient; Adam makes at most this of it.
        np.testing.assert_allclose(single.latents[0], batch.latents[index], atol=5e-3)
        np.testing.assert_allclose(single.generated[0], batch.generated[index], atol=1e-2)
        np.testing.assert_allclose(single.contextual[0], batch.contextual[index], rtol=1e-3)


def test_chunks_do_not_change_the_result(prior, monkeypatch):
    results = []
    for steps in (1, 7, 1000):
        monkeypatch.setattr(search_module, "CHUNK_STEPS", steps)
        search = LatentSearch(prior, QUICK)
        calls = []
        results.append(
            search.run(make_problem(search, 2), starts(2), on_chunk=lambda done, _, to=calls: to.append(done))
        )
        assert calls == [*range(0, 25, steps), 25]
    assert same(results[0], results[1])
    assert same(results[0], results[2])


def test_the_loop_is_compiled_once_for_each_size_of_batch(prior):
    search = LatentSearch(prior, dataclasses.replace(QUICK, iterations=2))
    for count in (3, 5, 5, 2, 7):
        search.run(make_problem(search, count), starts(count))
    assert search._loop(0).experimental_get_tracing_count() <= 2


def test_nothing_known_is_a_purely_perceptual_search(prior):
    search = LatentSearch(prior, SearchConfig(iterations=40))
    mask = np.ones((SIZE, SIZE), np.bool_)
    one, other = (make_problem(search, 2, seed=seed, mask=mask) for seed in (0, 1))
    result = search.run(one, starts(2))
    assert not result.contextual.any()
    assert (result.perceptual < evaluate(search, one, starts(2))[2]).all()
    assert same(result, search.run(other, starts(2)))


def test_lowres_compares_block_means_alone(prior):
    search = LatentSearch(prior, SearchConfig(iterations=40, perceptual_weight=0.0))
    problem = make_problem(search, 2, mask=np.ones((SIZE, SIZE), np.bool_), blocks=4)
    result = search.run(problem, starts(2))
    means = [picture.reshape(2, 4, 4, 4, 4, 3).mean(axis=(2, 4)) for picture in (result.generated, problem.targets)]
    np.testing.assert_allclose(result.contextual, np.abs(means[0] - means[1]).mean(axis=(1, 2, 3)), rtol=1e-4)
    assert (result.contextual < evaluate(search, problem, starts(2))[1]).all()


def test_sum_over_the_terms_is_the_mean_with_another_lambda(prior):
    by_sum = LatentSearch(prior, dataclasses.replace(QUICK, loss_scale="sum", perceptual_weight=2.0))
    problem = make_problem(by_sum, 1)
    weights, total = search_module.contextual_weights(problem.known[0], floor=QUICK.weight_floor)
    by_mean = LatentSearch(prior, dataclasses.replace(QUICK, perceptual_weight=2.0 / (3 * total)))
    assert same(by_sum.run(problem, starts(1)), by_mean.run(problem, starts(1)))
    # The papers' loss, written out for the start.
    contextual, perceptual = evaluate(by_sum, problem, starts(1))[1:]
    difference = np.abs(by_sum.generate(starts(1)) - problem.targets).sum(axis=3)
    paper = (total * weights * difference).sum() + 2.0 * perceptual
    np.testing.assert_allclose(3 * total * evaluate(by_sum, problem, starts(1))[0], paper, rtol=1e-5)
    np.testing.assert_allclose(3 * total * contextual, (total * weights * difference).sum(), rtol=1e-5)


def test_sum_over_block_means(prior):
    by_sum = LatentSearch(prior, SearchConfig(loss_scale="sum", perceptual_weight=2.0))
    problem = make_problem(by_sum, 1, mask=np.ones((SIZE, SIZE), np.bool_), blocks=4)
    np.testing.assert_allclose(np.asarray(by_sum.prepare(problem)[2]), [2.0 / (4 * 4 * 3)], rtol=1e-6)


def test_presets_have_the_published_numbers():
    assert PRESETS["latent"] == SearchConfig()
    yeh, amos = PRESETS["yeh2017"], PRESETS["amos2016"]
    assert (yeh.iterations, yeh.weighting, yeh.window, yeh.weight_floor) == (1500, "yeh", 7, 0.0)
    assert (yeh.perceptual_weight, yeh.perceptual_form, yeh.loss_scale) == (0.003, "saturating", "sum")
    assert (amos.iterations, amos.learning_rate, amos.schedule) == (1000, 0.01, "constant")
    assert (amos.weighting, amos.perceptual_weight, amos.loss_scale) == ("uniform", 0.1, "sum")


@pytest.mark.parametrize("name", ["yeh2017", "amos2016"])
def test_presets_run(prior, name):
    search = LatentSearch(prior, dataclasses.replace(PRESETS[name], iterations=10))
    problem = make_problem(search, 2)
    result = search.run(problem, starts(2))
    assert (evaluate(search, problem, result.latents)[0] <= evaluate(search, problem, starts(2))[0]).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"iterations": 0},
        {"learning_rate": 0.0},
        {"window": 4},
        {"weighting": "none"},
        {"perceptual_weight": -1.0},
        {"perceptual_weight": float("nan")},
        {"candidates": 0},
        {"hmc_temperature": 0.0},
        {"search": "lbfgs"},
    ],
)
def test_settings_out_of_range_are_named(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"Expected .*`{name}`.* Received: {name}="):
        SearchConfig(**settings)


def test_warming_up_changes_nothing(prior):
    search = LatentSearch(prior, QUICK)
    search.warm_up(3)
    assert same(
        search.run(make_problem(search, 3), starts(3)),
        LatentSearch(prior, QUICK).run(make_problem(search, 3), starts(3)),
    )


def test_results_are_taken_and_joined():
    def result(first, acceptance):
        numbers = np.arange(first, first + 3, dtype=np.float32)
        return SearchResult(numbers[:, None], numbers[:, None, None, None], numbers, -numbers, 2 * numbers, acceptance)

    joined = SearchResult.join([result(0, None), result(3, None)])
    assert joined.acceptance is None
    assert joined.take([4, 1]).contextual.tolist() == [4, 1]
    shares = np.ones(3, np.float32)
    joined = SearchResult.join([result(0, shares), result(3, 0 * shares)])
    assert joined.take(slice(2, 4)).acceptance.tolist() == [1, 0]
    assert joined.take(slice(2, 4)).perceptual.tolist() == [-2, -3]


FURTHER = SearchConfig(
    iterations=40, learning_rate=0.02, feature_rate=0.02, perceptual_weight=0.0, held_out=0.2, patience=4
)


def test_features_reach_what_z_does_not(prior):
    """A picture that is not the generator's is fitted better with the features than without."""
    targets = np.random.default_rng(0).uniform(-1, 1, (2, 4, 4, 3)).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    problem = Problem(targets.astype(np.float32), np.ones((2, SIZE, SIZE), np.float32))
    found = [
        LatentSearch(prior, SearchConfig(iterations=60, perceptual_weight=0.0, feature_rate=rate)).run(
            problem, starts(2)
        )
        for rate in (0.0, 0.1)
    ]
    assert (found[1].contextual < 0.97 * found[0].contextual).all()
    assert np.abs(found[1].latents).max() <= 1


def test_held_out_pixels_take_no_part_in_the_descent(prior):
    search = LatentSearch(prior, dataclasses.replace(FURTHER, patience=0, iterations=1))
    problem = make_problem(search, 2)
    *data, held_out = search.prepare(problem)
    hidden = np.broadcast_to(held_out > 0, problem.targets.shape)
    assert 0.1 < held_out.mean() < 0.3
    gradient_of = value_and_grad(lambda z, *data: search.losses(z, *data))
    other = np.where(hidden, np.float32(0.9), problem.targets)
    (_, (contextual, _)), gradient = gradient_of(starts(2), *data, held_out)
    (_, (changed, _)), same_gradient = gradient_of(starts(2), other, *data[1:], held_out)
    np.testing.assert_allclose(gradient, same_gradient, atol=1e-6)
    assert (np.asarray(contextual) != np.asarray(changed)).all()


def test_the_best_is_that_of_the_held_out_pixels(prior):
    """Where only pixels that are shown can be fitted, the search returns its start."""
    search = LatentSearch(prior, FURTHER)
    latents = draw_latents(2, seed=5)
    problem = Problem(search.generate(latents), np.ones((2, SIZE, SIZE), np.float32))
    hidden = search.prepare(problem)[5][0, ..., 0] > 0
    targets = problem.targets.copy()
    targets[:, ~hidden] = -targets[:, ~hidden]
    result = search.run(dataclasses.replace(problem, targets=targets), latents)
    np.testing.assert_array_equal(result.latents, latents)
    np.testing.assert_allclose(result.score, 0, atol=1e-6)


def test_a_strong_pull_keeps_near_the_start(prior):
    problem = make_problem(LatentSearch(prior, FURTHER), 2)
    moved = [
        np.abs(
            LatentSearch(prior, dataclasses.replace(FURTHER, proximity=weight)).run(problem, starts(2)).latents
            - starts(2)
        ).mean()
        for weight in (0.0, 100.0)
    ]
    assert moved[1] < 0.5 * moved[0]


@pytest.mark.parametrize(("count", "slots"), [(5, 8), (24, 8), (24, 16)])
def test_rows_that_leave_change_nothing_for_others(prior, monkeypatch, count, slots):
    """Neither the order in which rows enter, nor how many there are beside the slots, changes a bit."""
    monkeypatch.setattr(search_module, "SLOTS", slots)
    search = LatentSearch(prior, FURTHER)
    problem = make_problem(search, count)
    easy = np.arange(count) % 3 == 0  # these begin at their answer and leave at once
    latents = starts(count)
    latents[easy] = draw_latents(count, seed=1000)[easy]
    calls = []
    result = search.run(problem, latents, on_chunk=lambda done, _: calls.append(done))
    assert calls == sorted(calls)
    assert (calls[0], calls[-1]) == (0, FURTHER.iterations)
    np.testing.assert_array_equal(result.latents[easy], latents[easy])
    order = np.random.default_rng(0).permutation(count)
    assert same(search.run(rows(problem, order), latents[order]), result.take(order))
    if count > slots:
        some = np.arange(slots + 1)
        assert same(search.run(rows(problem, some), latents[some]), result.take(some))


def test_patience_saves_steps(prior, monkeypatch):
    search = LatentSearch(prior, FURTHER)
    latents = draw_latents(2, seed=5)
    problem = Problem(search.generate(latents), np.ones((2, SIZE, SIZE), np.float32))
    steps = []
    loop = search._loop(0)
    monkeypatch.setitem(search._loops, 0, lambda count, *rest: steps.append(int(count)) or loop(count, *rest))
    search.run(problem, latents)
    assert sum(steps) <= 10

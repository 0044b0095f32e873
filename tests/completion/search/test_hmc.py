import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from completion.config import SearchConfig
from completion.search.adam import LatentSearch
from completion.search.answer import Answers
from completion.search.hmc import HamiltonianSampler, leapfrog
from dcgan.config import ModelConfig
from completion.search.observation import Observations
from tests.completion.helpers import SIZE
from tests.completion.search.helpers import draw_latents, generated_observations

CONFIG = SearchConfig(sampler="hmc", iterations=5, hmc_samples=8, hmc_leapfrog_steps=5)


def draw(prior, count, *, chains=None, seed=0, rows=None, start=None, config=CONFIG):
    """Run chains of pictures that the generator can make; `rows` picks and orders them."""
    search = LatentSearch(prior, config)
    observations = generated_observations(search, count)
    rows = np.arange(count) if rows is None else np.asarray(rows)
    chains = np.zeros(count, int) if chains is None else np.asarray(chains)
    latents = draw_latents(count, seed=4) if start is None else start
    picked = Observations(observations.targets[rows], observations.known[rows])
    return HamiltonianSampler(search).draw(picked, latents[rows], chains=chains[rows], seed=seed)


def bowl_energy(z):
    return 2.0 * np.square(z - 0.5).sum(axis=1)


def follow(z, momentum, *, step_size, steps):
    """Follow the leapfrog in a quadratic bowl that is not in the middle of the box."""
    steps_of_rows = np.full((len(z), 1), step_size, np.float32)
    return [
        ops.convert_to_numpy(part)
        for part in leapfrog(
            lambda z: 4.0 * (z - 0.5),
            ops.convert_to_tensor(z),
            ops.convert_to_tensor(momentum),
            step_size=ops.convert_to_tensor(steps_of_rows),
            steps=steps,
        )
    ]


def test_small_steps_keep_the_energy_also_at_the_walls():
    z = draw_latents(50)
    momentum = 2.0 * draw_latents(50, seed=1)
    before = bowl_energy(z) + 0.5 * np.square(momentum).sum(axis=1)
    errors = []
    for step_size in (0.02, 0.01):
        end, last = follow(z, momentum, step_size=step_size, steps=round(2 / step_size))
        errors.append(np.abs(bowl_energy(end) + 0.5 * np.square(last).sum(axis=1) - before).max())
    assert (np.abs(follow(z, momentum, step_size=0.02, steps=100)[0]) <= 1).all()
    # In the step that meets a wall the error is of the first order.
    assert errors[0] < 0.03 * before.max()
    assert errors[1] < 0.7 * errors[0]


def test_the_way_back_leads_to_the_start():
    z, momentum = draw_latents(50), 2.0 * draw_latents(50, seed=1)
    end, last = follow(z, momentum, step_size=0.05, steps=40)
    assert np.abs(end - z).max() > 0.5
    back, first = follow(end, -last, step_size=0.05, steps=40)
    np.testing.assert_allclose(back, z, atol=1e-4)
    np.testing.assert_allclose(first, -momentum, atol=1e-4)


@pytest.mark.parametrize(
    ("momentum", "end", "last"),
    [(0.5, 0.5, 0.5), (1.5, 0.5, -1.5), (-1.5, -0.5, 1.5), (3.5, -0.5, 3.5), (5.5, 0.5, -5.5), (-8.0, 0.0, -8.0)],
)
def test_walls_reflect_as_often_as_they_are_met(momentum, end, last):
    z, p = leapfrog(
        lambda z: 0.0 * z,
        ops.zeros((1, 1)),
        ops.convert_to_tensor([[momentum]]),
        step_size=ops.ones((1, 1)),
        steps=1,
    )
    assert float(z[0, 0]) == end
    assert float(p[0, 0]) == last


@given(scale=st.floats(0.01, 1e6), step_size=st.floats(1e-3, 100))
@settings(deadline=None, max_examples=20)
def test_nothing_leaves_the_box(scale, step_size):
    end, _ = follow(draw_latents(10), np.float32(scale) * draw_latents(10, seed=1), step_size=step_size, steps=3)
    assert (np.abs(end) <= 1).all()


class Landscape:
    """Stands for a `LatentSearch` whose loss is a given function of z."""

    def __init__(self, loss, config):
        self.loss, self.config = loss, config
        self.objective = self

    def prepare(self, observations):
        return ()

    def losses(self, z, data, *, blocks=0):
        return self.loss(z)

    def judge(self, latents, data, *, blocks=0):
        losses = np.zeros(len(latents), np.float32)
        return Answers(latents, np.zeros((len(latents), 2, 2, 3), np.float32), losses, losses, losses)


def sample_landscape(loss, *, chains=400, model=None, **settings):
    config = SearchConfig(sampler="hmc", **settings)
    observations = Observations(np.zeros((chains, 2, 2, 3), np.float32), np.zeros((chains, 2, 2), np.float32))
    start = np.full((chains, 3), 0.9, np.float32)
    return HamiltonianSampler(Landscape(loss, config), model).draw(observations, start, chains=np.arange(chains))


def test_normal_latents_keep_their_distribution():
    """Where the loss says nothing, what is drawn is the prior, cut off at three standard deviations."""
    answers = sample_landscape(
        lambda z: 0.0 * z[:, 0], model=ModelConfig(latent="normal"), hmc_samples=150, hmc_leapfrog_steps=8
    )
    z = answers.latents
    assert np.abs(z).max() <= 3.0
    assert np.abs(z).max() > 2.0
    np.testing.assert_allclose([z.mean(), z.std()], [0.0, 0.987], atol=0.07)


def test_a_constant_loss_is_sampled_uniformly():
    result = sample_landscape(lambda z: ops.sum(0.0 * z, axis=1), hmc_samples=40)
    assert result.acceptance == pytest.approx(1, abs=1e-5)
    counts, _ = np.histogram(result.latents, bins=8, range=(-1, 1))
    # 150 are expected in each bin, with a standard deviation of 12.
    assert np.abs(counts - 150).max() < 60


@pytest.mark.parametrize(("temperature", "sigma"), [(0.1, 0.25), (0.001, 0.025)])
def test_a_quadratic_loss_is_sampled_as_a_normal_distribution(temperature, sigma):
    # The energy 0.8 z^2 / temperature is z^2 / (2 sigma^2).
    result = sample_landscape(
        lambda z: 0.8 * ops.sum(ops.square(z), axis=1), hmc_samples=60, hmc_temperature=temperature
    )
    assert result.latents.mean() == pytest.approx(0, abs=0.1 * sigma)
    assert result.latents.std() == pytest.approx(sigma, rel=0.08)
    assert result.acceptance.mean() == pytest.approx(0.65, abs=0.2)


def test_a_loss_that_is_no_number_is_never_accepted():
    result = sample_landscape(lambda z: ops.sum(z, axis=1) * float("nan"), chains=3, hmc_samples=4)
    np.testing.assert_array_equal(result.latents, np.full((3, 3), 0.9, np.float32))
    assert not result.acceptance.any()


def test_result_is_in_the_box_with_its_own_losses(prior):
    result = draw(prior, 3, config=dataclasses.replace(CONFIG, hmc_samples=30))
    assert np.abs(result.latents).max() <= 1
    assert result.acceptance.dtype == np.float32
    assert ((result.acceptance > 0) & (result.acceptance <= 1 + 1e-6)).all()
    search = LatentSearch(prior, CONFIG)
    data = search.objective.prepare(generated_observations(search, 3))
    total, parts = search.objective(search.generate(result.latents), data)
    np.testing.assert_allclose(result.contextual, np.asarray(parts["contextual"]), rtol=1e-5)
    np.testing.assert_allclose(result.perceptual, np.asarray(parts["perceptual"]), rtol=1e-5)
    np.testing.assert_allclose(result.score, np.asarray(total), rtol=1e-5)
    np.testing.assert_array_equal(result.generated, search.generate(result.latents))
    assert result.generated.shape == (3, SIZE, SIZE, 3)


def test_chains_of_one_picture_differ(prior):
    start = np.repeat(draw_latents(1), 3, axis=0)
    result = draw(prior, 3, chains=[0, 1, 2], start=start)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(result.latents[one] - result.latents[other]).max() > 1e-3


def test_same_seed_same_bytes_and_neither_place_nor_neighbours_matter(prior):
    result = draw(prior, 4, chains=[0, 1, 0, 1])
    again = draw(prior, 4, chains=[0, 1, 0, 1])
    turned = draw(prior, 4, chains=[0, 1, 0, 1], rows=[3, 2, 1, 0])
    other = draw(prior, 4, chains=[0, 1, 0, 1], rows=[0, 0, 3, 3])
    for name in ("latents", "generated", "contextual", "perceptual", "acceptance"):
        whole = getattr(result, name)
        np.testing.assert_array_equal(getattr(again, name), whole)
        np.testing.assert_array_equal(getattr(turned, name), whole[::-1])
        np.testing.assert_array_equal(getattr(other, name), whole[[0, 0, 3, 3]])
    assert not np.array_equal(draw(prior, 4, chains=[0, 1, 0, 1], seed=1).latents, result.latents)


def test_transitions_are_reported(prior):
    search = LatentSearch(prior, CONFIG)
    done = []
    HamiltonianSampler(search).draw(
        generated_observations(search, 1), draw_latents(1), chains=np.zeros(1, int), on_transition=done.append
    )
    assert done == list(range(1, 9))

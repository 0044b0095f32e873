import numpy as np
import pytest

from dcgan.errors import OptionError
from dcgan.samples.latent_space import combine, draw_truncated, interpolate, parse_sum, vary
from dcgan.sampling import draw_latents


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_truncation_keeps_the_distribution_within(distribution):
    latents = draw_truncated(500, 20, seed=1, distribution=distribution, limit=0.5)
    assert np.abs(latents).max() <= 0.5
    assert latents.std() == pytest.approx(0.5 / 3**0.5, abs=0.02)  # a normal distribution is nearly flat there
    whole = draw_truncated(5, 20, seed=1, distribution=distribution, limit=None)
    np.testing.assert_array_equal(whole, draw_latents(5, 20, seed=1, distribution=distribution))


@pytest.mark.parametrize(
    ("distribution", "limit"), [("uniform", 0.0), ("uniform", 1.5), ("normal", 0.01), ("normal", 11)]
)
def test_truncation_out_of_range(distribution, limit):
    with pytest.raises(OptionError, match="a truncation"):
        draw_truncated(1, 2, seed=0, distribution=distribution, limit=limit)


def test_a_way_of_uniform_latents_is_a_line():
    ends = np.float32([[0.0, 0.0], [1.0, 0.5], [-1.0, 0.5]])
    way = interpolate(ends, 3, distribution="uniform")
    assert way.tolist() == [[0, 0], [0.5, 0.25], [1, 0.5], [1, 0.5], [0, 0.5], [-1, 0.5]]


def test_a_way_of_normal_latents_is_an_arc():
    ends = draw_latents(2, 100, seed=3, distribution="normal")
    lengths = np.linalg.norm(interpolate(ends, 9, distribution="normal"), axis=1)
    own = np.linalg.norm(ends, axis=1)
    assert lengths.min() >= own.min() * 0.97
    assert np.linalg.norm(interpolate(ends, 9, distribution="uniform"), axis=1).min() < own.min() * 0.8
    same = interpolate(np.repeat(ends[:1], 2, axis=0), 3, distribution="normal")  # no arc between equal ends
    np.testing.assert_allclose(same, np.repeat(ends[:1], 3, axis=0), rtol=1e-5)


@pytest.mark.parametrize("text", ["", "a", "3,", "3 4", "3 +", "1 - x", "--3"])
def test_sums_that_are_none(text):
    with pytest.raises(OptionError, match="numbers of samples as in"):
        parse_sum(text)


def test_a_sum_by_hand():
    latents = np.float32([[0.2, 0.0], [0.4, 0.4], [0.1, 0.9]])
    averages, total = combine(latents, parse_sum("0,1 - 2 + 1"), bound=1.0)
    np.testing.assert_allclose(averages, [[0.3, 0.2], [0.1, 0.9], [0.4, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(total, [0.6, -0.3], rtol=1e-5)
    assert combine(latents, parse_sum("2 + 2"), bound=1.0)[1].tolist() == pytest.approx([0.2, 1.0])
    with pytest.raises(OptionError, match=r"numbers of samples from 0 to 2\. Received: 3"):
        combine(latents, parse_sum("3"), bound=1.0)


def test_variations_have_the_latent_in_the_middle():
    latent = np.float32([0.9, -0.5, 0.0])
    around = vary(latent, 9, seed=0, bound=1.0)
    np.testing.assert_array_equal(around[4], latent)
    assert np.abs(around - latent).max() <= 0.25 + 1e-6
    assert np.abs(around).max() <= 1.0

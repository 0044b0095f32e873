import numpy as np
import pytest

from dcgan.networks import BATCH_NORM_MOMENTUM, build_generator
from dcgan.pictures.values import to_uint8
from dcgan.sampling import draw_latents, sample
from dcgan.training.averages import estimate_generator_batch_norm, generate
from tests.dcgan.helpers import TOY


def test_latents_are_uniform_in_the_box():
    latents = draw_latents(1000, 8, seed=3)
    assert latents.dtype == np.float32
    assert latents.shape == (1000, 8)
    assert -1 <= latents.min() < -0.99
    assert 0.99 < latents.max() <= 1
    np.testing.assert_array_equal(latents, draw_latents(1000, 8, seed=3))
    assert not np.array_equal(latents, draw_latents(1000, 8, seed=4))


def test_same_seed_same_pictures(prior):
    first = sample(prior, 5, seed=1)
    assert first.shape == (5, 16, 16, 3)
    assert first.dtype == np.uint8
    assert first.tobytes() == sample(prior, 5, seed=1).tobytes()
    assert first.tobytes() != sample(prior, 5, seed=2).tobytes()


def test_pictures_are_the_generators(prior, monkeypatch):
    monkeypatch.setattr("dcgan.training.averages.BATCH_SIZE", 2)
    latents = draw_latents(5, 8)
    expected = np.array(prior.generator(latents, training=False))
    np.testing.assert_allclose(generate(prior.generator, latents), to_uint8(expected), atol=1)


def test_none_is_too_few(prior):
    with pytest.raises(ValueError, match=r"Expected `count` of at least 1\. Received: count=0"):
        sample(prior, 0)


def test_statistics_become_the_means_over_the_batches():
    generator = build_generator(TOY)
    norm = generator.get_layer("norm0")
    norm.moving_mean.assign(np.full(norm.moving_mean.shape, 7.0))  # what was there before does not count
    estimate_generator_batch_norm(generator, batches=3, batch_size=4, seed=5)
    latents = draw_latents(12, TOY.latent_dim, seed=5).reshape(3, 4, TOY.latent_dim)
    kernel = generator.get_layer("project").kernel.numpy()
    features = (latents @ kernel).reshape(3, -1, norm.moving_mean.shape[0])  # (batches, pixels, channels)
    np.testing.assert_allclose(norm.moving_mean.numpy(), features.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance.numpy(), features.var(axis=1).mean(axis=0), rtol=1e-4)


def test_momentum_is_put_back():
    generator = build_generator(TOY)
    before = [weight for weight in generator.get_weights() if weight.ndim > 1]
    estimate_generator_batch_norm(generator, batches=2, batch_size=2)
    assert [generator.get_layer(f"norm{level}").momentum for level in range(2)] == [BATCH_NORM_MOMENTUM] * 2
    after = [weight for weight in generator.get_weights() if weight.ndim > 1]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    with pytest.raises(ValueError, match="shape"):
        estimate_generator_batch_norm(Failing(generator), batches=1, batch_size=2)
    assert generator.get_layer("norm0").momentum == BATCH_NORM_MOMENTUM


class Failing:
    """A generator that fails when called."""

    def __init__(self, generator):
        self.layers, self.input_shape = generator.layers, generator.input_shape

    def __call__(self, *args, **options):
        raise ValueError("shape")

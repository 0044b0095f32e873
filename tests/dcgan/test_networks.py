import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder
from dcgan.networks import build_discriminator, build_generator, fold_spectral_norm
from dcgan.tensor_shapes import tensor_shapes
from tests.dcgan.helpers import TOY, leaky, normalised, randomise


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@functools.cache
def toy_networks():
    return build_generator(TOY), build_discriminator(TOY)


def statistics(network):
    """Return BatchNorm's running means and variances."""
    return [variable.numpy() for variable in network.non_trainable_variables]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 28, 40, 64])
def test_shapes(size, channels):
    config = ModelConfig(size=size, channels=channels, filters=4, latent_dim=8)
    generator, discriminator = build_generator(config), build_discriminator(config)
    pictures = np.array(generator(numbers(2, 8), training=False))
    assert pictures.shape == (2, size, size, channels)
    assert pictures.dtype == np.float32
    assert discriminator(pictures, training=False).shape == (2,)
    assert generator.output_shape == (None, size, size, channels)
    assert discriminator.output_shape == (None,)


def test_parameter_counts_of_the_default():
    assert build_generator(ModelConfig()).count_params() == 3578627
    assert build_discriminator(ModelConfig()).count_params() == 2767425


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(size=28, channels=1, filters=3, latent_dim=7, kernel_size=5),
        ModelConfig(size=8, filters=2, latent_dim=1),
        ModelConfig(size=128, filters=2, latent_dim=5),  # deep enough for the widening to stop
        ModelConfig(size=128, filters=1, latent_dim=5, widening=16, kernel_size=2),
        ModelConfig(size=16, filters=5, discriminator_norm="spectral"),
        ModelConfig(size=16, filters=5, discriminator_norm="spectral", dense=3, logits=2),
        ModelConfig(size=16, filters=3, discriminator_norm="batch-all", upsampling="resize", output_bias=False),
        ModelConfig(size=28, channels=1, filters=2, discriminator_norm="none", dense=9, activation="leaky"),
        ModelConfig(size=16, filters=2, latent="normal", output="sigmoid", dropout=0.3, generator_dropout=0.2),
    ],
)
def test_the_tensors_of_a_model_file_are_the_networks_variables(config):
    networks = build_generator(config), build_discriminator(config), build_encoder(config)
    built = {
        f"{network.name}/{variable.path}": tuple(variable.shape)
        for network in networks
        for variable in network.variables
        if "seed_generator" not in variable.path  # the state of a dropout layer is no weight
    }
    assert tensor_shapes(config, encoder=True) == built


def test_pictures_lie_within_tanh():
    generator = build_generator(TOY)
    generator.set_weights([100.0 * weight for weight in generator.get_weights()])
    pictures = np.array(generator(numbers(8, 8), training=True))
    assert np.abs(pictures).max() <= 1.0
    assert np.abs(pictures).max() > 0.9


def test_the_generator_by_hand():
    """Project, and twice: normalise, rectify, enlarge; then tanh."""
    generator, latents = build_generator(TOY), numbers(3, 8)
    randomise(generator, last=["up1"])
    x = (latents @ generator.get_layer("project").kernel.numpy()).reshape(3, 4, 4, 8)
    for level in range(2):
        x = np.maximum(normalised(x, generator.get_layer(f"norm{level}")), 0.0)
        up = generator.get_layer(f"up{level}")
        x = np.array(ops.conv_transpose(x.astype(np.float32), up.kernel.value, strides=2, padding="same"))
    x = np.tanh(x + generator.get_layer("up1").bias.numpy())
    assert x.std() > 0.2
    np.testing.assert_allclose(generator(latents, training=False), x, atol=1e-4)


def test_the_discriminator_by_hand():
    """Twice: halve, normalise (not the first time), rectify leakily; then the logit."""
    discriminator, pictures = build_discriminator(TOY), numbers(3, 16, 16, 3)
    randomise(discriminator, last=["down0", "logit"])
    first, second, logit = (discriminator.get_layer(name) for name in ("down0", "down1", "logit"))
    x = np.array(ops.conv(pictures, first.kernel.value, strides=2, padding="same")) + first.bias.numpy()
    x = leaky(x).astype(np.float32)
    x = normalised(
        np.array(ops.conv(x, second.kernel.value, strides=2, padding="same")), discriminator.get_layer("norm1")
    )
    logits = leaky(x).reshape(3, -1) @ logit.kernel.numpy() + logit.bias.numpy()
    assert logits.std() > 0.01
    np.testing.assert_allclose(discriminator(pictures, training=False), logits[:, 0], rtol=1e-4)


def test_fresh_weights_are_those_of_the_paper():
    """Normal with a deviation of 0.02, and in no two layers the same draws."""
    config = ModelConfig(size=16, filters=8)
    kernels = [
        weight
        for network in (build_generator(config), build_discriminator(config, seed=50))
        for weight in network.get_weights()
        if weight.ndim > 1
    ]
    values = np.concatenate([kernel.ravel() for kernel in kernels])
    assert values.mean() == pytest.approx(0.0, abs=1e-3)
    assert values.std() == pytest.approx(0.02, rel=0.02)
    assert len({float(kernel.flat[0]) for kernel in kernels}) == len(kernels) == 6


def test_a_tenth_of_each_batch_enters_the_statistics():
    generator = build_generator(TOY)
    norm, latents = generator.get_layer("norm0"), numbers(4, 8)
    generator(latents, training=True)
    features = (latents @ generator.get_layer("project").kernel.numpy()).reshape(-1, 8)  # (pixels, channels)
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.1 * features.mean(axis=0), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.9 + 0.1 * features.var(axis=0), rtol=1e-4)


def test_seeds_decide_the_weights():
    for build in (build_generator, build_discriminator):
        config = ModelConfig(size=16, filters=4, latent_dim=8, discriminator_norm="spectral")
        first, second, other = (build(config, seed=seed).get_weights() for seed in (1, 1, 2))
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_mixed_precision_gives_float32(norm):
    config = ModelConfig(size=16, filters=4, latent_dim=8, discriminator_norm=norm)
    generator = build_generator(config, policy="mixed_bfloat16")
    discriminator = build_discriminator(config, policy="mixed_bfloat16")
    assert generator.get_layer("up0").compute_dtype == "bfloat16"
    for training in (True, False):
        pictures = generator(numbers(2, 8), training=training)
        logits = discriminator(pictures, training=training)
        assert np.array(pictures).dtype == np.array(logits).dtype == np.float32
    assert all(variable.dtype == "float32" for variable in [*generator.variables, *discriminator.variables])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 5))
def test_batch_norm_moves_in_training_and_stands_still_otherwise(seed, count):
    generator, discriminator = toy_networks()
    pairs = (generator, numbers(count, 8, seed=seed)), (discriminator, numbers(count, 16, 16, 3, seed=seed))
    for network, inputs in pairs:
        before = statistics(network)
        first = np.array(network(inputs, training=False))
        assert all(np.array_equal(a, b) for a, b in zip(before, statistics(network), strict=True))
        np.testing.assert_array_equal(first, np.array(network(inputs, training=False)))
        network(inputs, training=True)
        assert all(not np.array_equal(a, b) for a, b in zip(before, statistics(network), strict=True))


def test_inference_judges_a_batch_as_its_members():
    generator, discriminator = build_generator(TOY), build_discriminator(TOY)
    latents = numbers(3, 8)
    batch = np.array(discriminator(generator(latents, training=False), training=False))
    singles = [np.array(discriminator(generator(z[None], training=False), training=False))[0] for z in latents]
    np.testing.assert_allclose(batch, singles, rtol=0, atol=1e-6)


def test_settled_spectral_norm_is_one():
    discriminator = build_discriminator(ModelConfig(size=16, filters=4, discriminator_norm="spectral"))
    discriminator.set_weights([3.0 * weight for weight in discriminator.get_weights()])
    fold_spectral_norm(discriminator)
    kernels = [variable for variable in discriminator.trainable_variables if variable.name == "kernel"]
    assert len(kernels) == 3
    for kernel in kernels:
        matrix = kernel.numpy().reshape(-1, kernel.shape[-1])
        assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-3)


def test_settling_leaves_other_networks_alone():
    discriminator = build_discriminator(TOY)
    before = discriminator.get_weights()
    fold_spectral_norm(discriminator)
    assert all(np.array_equal(a, b) for a, b in zip(before, discriminator.get_weights(), strict=True))

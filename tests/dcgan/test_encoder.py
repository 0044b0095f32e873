import numpy as np
import pytest
from keras import ops

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder, decode, offset_shapes
from dcgan.errors import ModelFileError
from dcgan.model_file import load_model, save_model
from dcgan.networks import build_generator
from tests.dcgan.helpers import TOY, leaky, normalised, randomise


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "side"), [(8, 4), (12, 6), (16, 8), (28, 14), (40, 20), (64, 32), (96, 48)])
def test_shapes(size, side, channels):
    config = ModelConfig(size=size, channels=channels, filters=2, latent_dim=5)
    assert offset_shapes(config) == [(side, side, config.widths[0])]
    latents, offset = build_encoder(config)(numbers(3, size, size, channels + 1), training=False)
    assert latents.shape == (3, 5)
    assert offset.shape == (3, side, side, config.widths[0])
    pictures = decode(build_generator(config), config, latents, offsets=[offset])
    assert pictures.shape == (3, size, size, channels)


def test_an_offset_for_each_of_several_maps():
    """The largest first; each changes the picture, and none is there without being asked for."""
    config = ModelConfig(size=32, filters=2, latent_dim=5, offset_maps=2)
    assert offset_shapes(config) == [(16, 16, 2), (8, 8, 4)]
    encoder, generator, z = build_encoder(config), build_generator(config), numbers(3, 5)
    _, *offsets = encoder(numbers(3, 32, 32, 4), training=False)
    assert [tuple(each.shape[1:]) for each in offsets] == offset_shapes(config)
    assert not any(np.any(each) for each in offsets)
    plain = np.array(generator(z, training=False))
    assert np.array_equal(decode(generator, config, z, offsets=offsets), plain)
    added = [numbers(3, *shape, seed=level) for level, shape in enumerate(offset_shapes(config))]
    one, other = (np.array(decode(generator, config, z, offsets=each)) for each in ([added[0], offsets[1]], added))
    assert not np.allclose(one, plain, atol=1e-3)
    assert not np.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("count", [0, 3, True])
def test_offset_maps_that_there_are_not(count):
    with pytest.raises((ValueError, TypeError), match="`offset_maps`"):
        ModelConfig(size=32, offset_maps=count)


def test_parameter_count_of_the_default():
    assert build_encoder(ModelConfig()).count_params() == 7146916


def test_a_fresh_encoder_has_no_offset_and_stays_in_the_box():
    latents, offset = build_encoder(TOY)(100 * numbers(4, 16, 16, 4), training=False)
    assert np.abs(latents).max() <= 1.0
    assert not np.any(offset)


def test_the_encoder_by_hand():
    """Twice down, where z is read off; once up, the way down's map added, mixed; then the offset."""
    encoder, masked = build_encoder(TOY), numbers(3, 16, 16, 4)
    randomise(encoder, last=["latents", "offset"])

    def block(x, name, convolve, strides=2):
        x = convolve(x, encoder.get_layer(name).kernel.value, strides=strides, padding="same")
        return leaky(normalised(np.array(x), encoder.get_layer(f"{name}_norm"))).astype(np.float32)

    first = block(masked, "down0", ops.conv)
    second = block(first, "down1", ops.conv)
    z = encoder.get_layer("latents")
    latents = np.tanh(second.reshape(3, -1) @ z.kernel.numpy() + z.bias.numpy())
    mixed = block(block(second, "up0", ops.conv_transpose) + first, "mix0", ops.conv, strides=1)
    last = encoder.get_layer("offset")
    offset = np.array(ops.conv(mixed, last.kernel.value, padding="same")) + last.bias.numpy()
    found = encoder(masked, training=False)
    assert latents.std() > 0.2
    assert offset.std() > 0.2
    np.testing.assert_allclose(found[0], latents, atol=1e-4)
    np.testing.assert_allclose(found[1], offset, atol=1e-4)


def test_a_tenth_of_each_batch_enters_the_statistics():
    encoder, masked = build_encoder(TOY), numbers(3, 16, 16, 4)
    encoder(masked, training=True)
    maps = np.array(ops.conv(masked, encoder.get_layer("down0").kernel.value, strides=2, padding="same"))
    norm = encoder.get_layer("down0_norm")
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.1 * maps.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.9 + 0.1 * maps.var(axis=(0, 1, 2)), rtol=1e-4)


def test_where_it_is_added():
    """To the map that the last layer enlarges."""
    generator, latents = build_generator(TOY), numbers(3, 8)
    randomise(generator, last=["up1"])
    offset = numbers(3, *offset_shapes(TOY)[0], seed=1)
    project, *layers = generator.layers[1:]
    x = project(latents)
    for layer in layers:
        x = layer(x, training=False) if layer.name.startswith("norm") else layer(x)
        x = x + offset if layer.name == "up0" else x
    np.testing.assert_allclose(decode(generator, TOY, latents, offsets=[offset]), x, atol=1e-5)


@pytest.mark.parametrize("size", [8, 16, 28])
def test_what_is_added_on_the_way(size):
    """Nothing added is the generator; an offset changes the picture."""
    config = ModelConfig(size=size, filters=2, latent_dim=5)
    generator, latents = build_generator(config), numbers(3, 5)
    expected = np.array(generator(latents, training=False))
    offset = numbers(3, *offset_shapes(config)[0], seed=2)
    assert np.array_equal(decode(generator, config, latents), expected)
    assert np.array_equal(decode(generator, config, latents, offsets=[offset * 0]), expected)
    assert not np.array_equal(decode(generator, config, latents, offsets=[offset]), expected)


def test_same_seed_same_weights():
    one, same, other = (build_encoder(TOY, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_model_file_keeps_the_encoder(prior, tmp_path):
    encoder = build_encoder(prior.config, seed=3)
    path = tmp_path / "model.safetensors"
    save_model(path, prior.generator, prior.discriminator, config=prior.config, encoder=encoder)
    loaded = load_model(path).encoder
    for ours, theirs in zip(encoder.get_weights(), loaded.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=1e-3)  # kernels are stored in half precision
    assert prior.encoder is None


def test_an_encoder_of_other_networks_is_refused(prior, tmp_path):
    encoder = build_encoder(ModelConfig(size=16, filters=6, latent_dim=8))
    path = tmp_path / "model.safetensors"
    save_model(path, prior.generator, prior.discriminator, config=prior.config, encoder=encoder)
    with pytest.raises(ModelFileError, match="expected encoder/"):
        load_model(path)

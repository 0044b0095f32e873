import numpy as np
import pytest

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder, decode, offset_shape, split_generator
from dcgan.errors import ModelFileError
from dcgan.model_file import load_model, save_model
from dcgan.networks import build_generator
from tests.dcgan.helpers import TOY


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "side"), [(8, 4), (12, 6), (16, 8), (28, 14), (40, 20), (64, 32), (96, 48)])
def test_shapes(size, side, channels):
    config = ModelConfig(size=size, channels=channels, filters=2, latent_dim=5)
    assert offset_shape(config) == (side, side, config.widths[0])
    latents, offset = build_encoder(config)(numbers(3, size, size, channels + 1), training=False)
    assert latents.shape == (3, 5)
    assert offset.shape == (3, *offset_shape(config))
    pictures = decode(build_generator(config), config, latents, offset=offset)
    assert pictures.shape == (3, size, size, channels)


def test_parameter_count_of_the_default():
    assert build_encoder(ModelConfig()).count_params() == 7146916


def test_a_fresh_encoder_has_no_offset_and_stays_in_the_box():
    latents, offset = build_encoder(TOY)(100 * numbers(4, 16, 16, 4), training=False)
    assert np.abs(latents).max() <= 1.0
    assert not np.any(offset)


@pytest.mark.parametrize("size", [8, 16, 28])
def test_what_is_added_on_the_way(size):
    """Nothing added is the generator; an offset changes the picture."""
    config = ModelConfig(size=size, filters=2, latent_dim=5)
    generator, latents = build_generator(config), numbers(3, 5)
    expected = np.array(generator(latents, training=False))
    offset = numbers(3, *offset_shape(config), seed=2)
    assert np.array_equal(decode(generator, config, latents), expected)
    assert np.array_equal(decode(generator, config, latents, offset=offset * 0), expected)
    assert not np.array_equal(decode(generator, config, latents, offset=offset), expected)


@pytest.mark.parametrize("size", [8, 16, 28])
def test_both_parts_are_the_generator(size):
    config = ModelConfig(size=size, filters=2, latent_dim=5)
    generator = build_generator(config)
    head, tail = split_generator(generator, config)
    latents = numbers(3, 5)
    assert np.array_equal(tail(head(latents)), generator(latents, training=False))


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

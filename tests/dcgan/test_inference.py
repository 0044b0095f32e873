import concurrent.futures

import keras
import numpy as np
import onnx
import pytest

from dcgan.config import ModelConfig
from dcgan.encoder import decode
from dcgan.errors import ModelFileError
from dcgan.inference import CompletionNetwork, GeneratorNetwork
from dcgan.model_file import load_model
from dcgan.model_tensors import bundled_models
from dcgan.onnx_graph import completion_graph, generator_graph
from dcgan.sampling import draw_latents
from tests.dcgan.helpers import random_prior

GREY_LEVELS = 127.5


def differences(prior, *, count=3):
    """Return the differences to the Keras networks, in grey levels: of the completion, and of the generator."""
    config = prior.config
    rng = np.random.default_rng(2)
    masked = rng.uniform(-1.0, 1.0, (count, config.size, config.size, config.channels + 1)).astype(np.float32)
    latents, *offsets = prior.encoder(masked, training=False)
    expected = keras.ops.convert_to_numpy(decode(prior.generator, config, latents, offsets=offsets))
    found_latents, found = CompletionNetwork(prior)(masked)
    np.testing.assert_allclose(found_latents, keras.ops.convert_to_numpy(latents), atol=1e-3)
    z = draw_latents(count, config.latent_dim)
    drawn = keras.ops.convert_to_numpy(prior.generator(z, training=False))
    return [
        GREY_LEVELS * np.abs(one - other) for one, other in ((found, expected), (GeneratorNetwork(prior)(z), drawn))
    ]


@pytest.mark.parametrize("name", sorted(bundled_models()))
def test_a_bundled_models_answers_are_those_of_keras(name):
    for difference in differences(load_model(name)):
        assert difference.max() <= 1.0
        assert difference.mean() < 0.01


@pytest.mark.parametrize(
    "config",
    [
        ModelConfig(size=16, filters=4, latent_dim=8),
        ModelConfig(size=8, filters=3, latent_dim=2),  # one level
        ModelConfig(size=64, filters=2, latent_dim=5, offset_maps=3, margin=0.25),
        ModelConfig(size=32, filters=3, latent_dim=4, offset_maps=2, kernel_size=5),
        ModelConfig(size=28, channels=1, filters=3, latent_dim=7, kernel_size=5),
        ModelConfig(size=40, filters=2, latent_dim=3, kernel_size=3),
        ModelConfig(size=32, filters=2, latent_dim=5, kernel_size=2, widening=2),
        ModelConfig(size=16, filters=3, latent_dim=4, kernel_size=7, discriminator_norm="spectral"),
        ModelConfig(size=16, filters=3, latent_dim=4, upsampling="resize", output_bias=False),
        ModelConfig(size=32, filters=3, latent_dim=4, upsampling="resize", kernel_size=3, activation="leaky"),
        ModelConfig(size=28, channels=1, filters=3, latent_dim=4, latent="normal", output="sigmoid", offset_maps=1),
        ModelConfig(size=16, filters=3, latent_dim=4, generator_dropout=0.5, dropout=0.5, dense=5, logits=2),
    ],
)
def test_every_configuration(config):
    for difference in differences(random_prior(config)):
        assert difference.max() <= 1.0
        assert difference.mean() < 0.01


def test_the_same_answer_alone_in_company_and_side_by_side(prior):
    network = GeneratorNetwork(prior)
    latents = draw_latents(16, prior.config.latent_dim)
    together = network(latents)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda row: network(row[None])[0], latents))
    assert np.array_equal(together, alone)


def test_a_model_without_an_encoder(prior):
    with pytest.raises(ModelFileError, match="expected a model with an encoder"):
        CompletionNetwork(prior)


@pytest.mark.parametrize("build", [completion_graph, generator_graph])
@pytest.mark.parametrize("options", [{}, {"upsampling": "resize", "output": "sigmoid", "latent": "normal"}])
def test_the_onnx_package_accepts_the_graph(build, options):
    config = ModelConfig(size=16, filters=4, latent_dim=8, **options)
    prior = random_prior(config)
    model = onnx.load_model_from_string(build(config, prior.tensors))
    onnx.checker.check_model(model, full_check=True)

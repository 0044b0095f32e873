"""Pictures, settings and files of these tests."""

import contextlib
import importlib.util
import json
import socket
import tracemalloc

import numpy as np
import pytest

from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.model_tensors import FORMAT, FORMAT_VERSION, serialize
from dcgan.pictures.records import write_whole
from dcgan.tensor_shapes import tensor_shapes

TOY = ModelConfig(size=16, filters=4, latent_dim=8)
SETTINGS = TrainConfig(epochs=4, batch_size=8, ema_momentum=0.9)
RUN = RunConfig(interval_steps=3, checkpoint_seconds=0, sample_steps=10)

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")


def make_pictures(count, *, size=16, channels=3, seed=0):
    """Return pictures with a bright disc on a dark ground, (N, size, size, channels) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    centers = rng.uniform(0.3, 0.7, (count, 2, 1, 1))
    discs = np.hypot(y - centers[:, 0], x - centers[:, 1])[..., None] < 0.25  # (N, size, size, 1)
    colors = rng.uniform(150, 250, (count, 1, 1, channels))
    noise = rng.uniform(0, 40, (count, size, size, channels))
    return np.where(discs, colors, noise).astype(np.uint8)


def model_bytes(config=TOY, *, encoder=False):
    """A model's file, all of whose weights are a half."""
    tensors = {
        name: np.full(shape, 0.5, np.float16 if len(shape) > 1 else np.float32)
        for name, shape in tensor_shapes(config, encoder=encoder).items()
    }
    metadata = {"format": FORMAT, "format_version": str(FORMAT_VERSION), "info": "{}"}
    return serialize(tensors, {**metadata, "config": json.dumps(config.to_dict())})


def random_prior(config):
    """A model with random weights and BatchNorm statistics, none of which is 0 or 1."""
    import keras

    from dcgan.encoder import build_encoder
    from dcgan.model_file import Prior
    from dcgan.networks import build_discriminator, build_generator

    networks = build_generator(config), build_discriminator(config), build_encoder(config)
    rng = np.random.default_rng(1)
    for network in networks:
        for variable in network.variables:
            if variable.path.endswith(("gamma", "moving_variance")):
                variable.assign(rng.uniform(0.5, 1.5, variable.shape))
            elif not variable.path.endswith("kernel") or not np.any(keras.ops.convert_to_numpy(variable)):
                variable.assign(rng.normal(0.0, 0.1, variable.shape))
            else:
                variable.assign(10.0 * variable)  # far from 0, as a trained network's
    generator, discriminator, encoder = networks
    return Prior.of_networks(generator, discriminator, config, encoder=encoder)


def randomise(network, *, last):
    """Give every weight a value that shows; variances are small, so that BatchNorm's epsilon shows too.

    `last` names the layers whose results are not normalised.
    """
    rng = np.random.default_rng(0)
    for layer in network.layers:
        for variable in layer.weights:
            if variable.name in ("gamma", "moving_variance"):
                values = rng.uniform(0.5, 1.5, variable.shape) * (1e-3 if variable.name == "moving_variance" else 1.0)
            elif variable.name == "kernel":
                scale = (3.0 if layer.name in last else 0.03) / np.sqrt(np.prod(variable.shape[:-1]))
                values = rng.normal(0.0, scale, variable.shape)
            else:
                values = rng.normal(0.0, 0.01, variable.shape)
            variable.assign(values)


def normalised(values, norm):
    """Return what BatchNorm makes of values in inference, by its formula with the project's epsilon."""
    mean, variance, gamma, beta = (
        each.numpy() for each in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
    )
    return (values - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def leaky(values):
    """Return values, the negative ones a fifth as large."""
    return np.where(values > 0.0, values, 0.2 * values)


def cached(pictures):
    """Return pictures as a decoded training set."""
    from dcgan.training.dataset import CachedPictures

    return CachedPictures(pictures, "key", [])


def one_line(error):
    """Return an error's message after checking that it is a single line."""
    message = str(error.value if hasattr(error, "value") else error)
    assert message
    assert "\n" not in message
    return message


def leave_behind(path):
    """Do as a run that is killed while it writes a file, and return its temporary file."""
    before = set(path.parent.iterdir())
    with contextlib.suppress(KeyboardInterrupt), write_whole(path):
        (leftover,) = set(path.parent.iterdir()) - before
        kept = leftover.rename(leftover.with_suffix(".kept"))
        raise KeyboardInterrupt
    return kept.rename(leftover)


@contextlib.contextmanager
def memory_below(limit):
    """Check that a block never takes so many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def free_port():
    """Return a port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]

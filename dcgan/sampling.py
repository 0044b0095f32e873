"""Draw pictures from a generator, and settle its BatchNorm statistics before it is used."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from dcgan.model_file import Prior
from dcgan.pictures.values import to_uint8

__all__ = ["draw_latents", "generate", "reestimate_batch_norm", "sample", "settle_batch_norm"]

BATCH_SIZE = 64


def draw_latents(count: int, latent_dim: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return latents uniform in [-1, 1], (count, latent_dim) float32."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (count, latent_dim)).astype(np.float32)


def generate(generator: keras.Model, latents: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the pictures of given latents, (B, H, W, C) uint8."""
    chunks = [latents[start : start + BATCH_SIZE] for start in range(0, len(latents), BATCH_SIZE)]
    return np.concatenate([to_uint8(keras.ops.convert_to_numpy(generator(chunk, training=False))) for chunk in chunks])


def sample(prior: Prior, count: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw pictures from a model.

    Parameters
    ----------
    prior : a loaded model
    count : how many
    seed : of the latents

    Returns
    -------
    (count, size, size, channels) uint8
    """
    if count < 1:
        raise ValueError(f"Expected `count` of at least 1. Received: count={count}")
    return generate(prior.generator, draw_latents(count, prior.config.latent_dim, seed=seed))


def reestimate_batch_norm(generator: keras.Model, *, batches: int = 32, batch_size: int = 64, seed: int = 0) -> None:
    """Replace a generator's BatchNorm statistics by their plain means over fresh batches.

    Averaged weights have seen no batch: the running statistics belong to the raw weights they were averaged from
    (Izmailov et al. 2018, arXiv:1803.05407, section 3.2, for the same step after weight averaging).

    Parameters
    ----------
    generator : changed in place
    batches, batch_size : how much to average over
    seed : of the latents
    """
    latents = draw_latents(batches * batch_size, generator.input_shape[1], seed=seed)
    settle_batch_norm(generator, np.split(latents, batches))


def settle_batch_norm(network: keras.Model, inputs: Iterable[Any]) -> None:
    """Replace a network's BatchNorm statistics by their plain means over given batches of its inputs.

    Parameters
    ----------
    network : changed in place
    inputs : batches of what the network is called with
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    try:
        for index, batch in enumerate(inputs):
            for norm in norms:
                norm.momentum = index / (index + 1.0)  # a running mean that weighs all batches alike
            network(batch, training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

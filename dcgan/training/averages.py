"""Of averaged weights: the pictures that they draw, and their BatchNorm statistics, which are estimated anew."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from dcgan.pictures.values import to_uint8
from dcgan.sampling import draw_latents

__all__ = ["estimate_batch_norm", "estimate_generator_batch_norm", "generate"]

BATCH_SIZE = 64


def generate(generator: keras.Model, latents: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the generator's pictures of given latents.

    Parameters
    ----------
    generator : keras.Model
        Maps (B, latent_dim) latents to (B, H, W, C) pictures in [-1, 1].
    latents : ndarray of float32, shape (B, latent_dim)
        Latents z, in [-1, 1]; at least one row.

    Returns
    -------
    ndarray of uint8, shape (B, H, W, C)
        The pictures.
    """
    chunks = [latents[start : start + BATCH_SIZE] for start in range(0, len(latents), BATCH_SIZE)]
    return np.concatenate([to_uint8(keras.ops.convert_to_numpy(generator(chunk, training=False))) for chunk in chunks])


def estimate_generator_batch_norm(
    generator: keras.Model,
    *,
    batches: int = 32,
    batch_size: int = 64,
    seed: int = 0,
    distribution: str = "uniform",
) -> None:
    """Replace a generator's BatchNorm statistics by their plain means over batches of random latents.

    The running statistics belong to the weights of the training steps, not to their average. They must be estimated
    again after the weights are averaged.

    Parameters
    ----------
    generator : keras.Model
        Changed in place.
    batches : int, default 32
        Number of batches to average over.
    batch_size : int, default 64
        Latents in a batch.
    seed : int, default 0
        Seed of the latents z.
    distribution : str, default "uniform"
        Of the latents; see `dcgan.config.ModelConfig.latent`.

    References
    ----------
    P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov and A. G. Wilson, "Averaging weights leads to wider optima and
    better generalization", UAI 2018, arXiv:1803.05407, section 3.2
    """
    latents = draw_latents(batches * batch_size, generator.input_shape[1], seed=seed, distribution=distribution)
    estimate_batch_norm(generator, np.split(latents, batches))


def estimate_batch_norm(network: keras.Model, inputs: Iterable[Any]) -> None:
    """Replace a network's BatchNorm statistics by their plain means over given batches.

    Parameters
    ----------
    network : keras.Model
        Changed in place.
    inputs : iterable of tensors
        Batches of the network's input. Every batch has the same weight in the mean.
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    try:
        for index, batch in enumerate(inputs):
            for norm in norms:
                norm.momentum = index / (index + 1.0)  # makes the running mean the plain mean of all batches
            network(batch, training=True)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

"""Draw pictures from a model; ONNX Runtime computes them."""

import numpy as np
import numpy.typing as npt

from dcgan.device import find_device
from dcgan.inference import GeneratorNetwork
from dcgan.model_file import Prior
from dcgan.pictures.values import to_uint8

__all__ = ["draw_latents", "latents_from", "sample"]


def draw_latents(
    count: int, latent_dim: int, *, seed: int = 0, distribution: str = "uniform"
) -> npt.NDArray[np.float32]:
    """Draw latents z.

    Parameters
    ----------
    count : int
        Number of latents to draw.
    latent_dim : int
        Number of entries of z.
    seed : int, default 0
        Seed of the random generator.
    distribution : {"uniform", "normal"}
        See `dcgan.config.ModelConfig.latent`.

    Returns
    -------
    ndarray of float32, shape (count, latent_dim)
        The latents.
    """
    return latents_from(np.random.default_rng(seed), (count, latent_dim), distribution)


def latents_from(rng: np.random.Generator, shape: tuple[int, ...], distribution: str) -> npt.NDArray[np.float32]:
    """Draw latents z of any shape with a random generator; see `draw_latents`."""
    values = rng.normal(size=shape) if distribution == "normal" else rng.uniform(-1.0, 1.0, shape)
    return values.astype(np.float32)


def sample(prior: Prior, count: int, *, seed: int = 0, device: str = "auto") -> npt.NDArray[np.uint8]:
    """Draw pictures from a model.

    Parameters
    ----------
    prior : Prior
        The model.
    count : int
        Number of pictures, at least 1.
    seed : int, default 0
        Seed of the latents z.
    device : str, optional
        "cpu", "gpu" or "auto"; see `dcgan.device.find_device`.

    Returns
    -------
    ndarray of uint8, shape (count, size, size, channels)
        The pictures.

    Raises
    ------
    ValueError
        `count` is less than 1, or there is no such device.
    """
    if count < 1:
        raise ValueError(f"Expected `count` of at least 1. Received: count={count}")
    network = GeneratorNetwork(prior, device=find_device(device).name)
    return to_uint8(network(draw_latents(count, prior.config.latent_dim, seed=seed, distribution=prior.config.latent)))

"""Draw pictures from a model; ONNX Runtime computes them."""

import numpy as np
import numpy.typing as npt

from dcgan.device import find_device
from dcgan.inference import GeneratorNetwork
from dcgan.model_file import Prior
from dcgan.pictures.values import to_uint8

__all__ = ["draw_latents", "sample"]


def draw_latents(count: int, latent_dim: int, *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Draw latents z uniformly from [-1, 1].

    Parameters
    ----------
    count : int
        Number of latents to draw.
    latent_dim : int
        Number of entries of z.
    seed : int, default 0
        Seed of the random generator.

    Returns
    -------
    ndarray of float32, shape (count, latent_dim)
        The latents, in [-1, 1].
    """
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (count, latent_dim)).astype(np.float32)


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
    return to_uint8(network(draw_latents(count, prior.config.latent_dim, seed=seed)))

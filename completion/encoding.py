"""What the encoder sees of a damaged picture."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

__all__ = ["encoder_input", "spread_block_means"]

Tensor = Any


def encoder_input(pictures: Tensor, known: Tensor, means: Tensor) -> Tensor:
    """Return the encoder's input: what is visible of each picture, and how much of each pixel is known.

    Parameters
    ----------
    pictures : (B, H, W, C) float32 in [-1, 1]; anything where nothing is known
    known : (B, H, W, 1) float32 in [0, 1], the known share of each pixel
    means : (B, H, W, C) float32 in [-1, 1], see `spread_block_means`, where no more is known of a picture; else 0

    Returns
    -------
    (B, H, W, C + 1) float32
        0 where nothing is known. Block means stand where the known share is 0.
    """
    visible = ops.cast(known > 0.0, "float32")
    return ops.concatenate([pictures * visible + means * (1.0 - visible), known], axis=3)


def spread_block_means(pictures: npt.NDArray[np.floating], blocks: int) -> npt.NDArray[np.float32]:
    """Return the means of blocks x blocks equal parts, each spread over its part, (..., H, W, C) float32.

    Examples
    --------
    >>> spread_block_means(np.array([[[0.0], [1.0]], [[1.0], [0.0]]]), 1)[..., 0].tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    *batch, size, _, channels = pictures.shape
    part = size // blocks
    means = pictures.reshape(*batch, blocks, part, blocks, part, channels).mean(axis=(-4, -2), dtype=np.float32)
    return means.repeat(part, axis=-3).repeat(part, axis=-2)

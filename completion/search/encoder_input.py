"""What the encoder sees of a damaged picture."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

__all__ = ["encoder_input", "push_pull", "spread_block_means"]

Tensor = Any


def encoder_input(pictures: Tensor, known: Tensor, means: Tensor) -> Tensor:
    """Return the encoder's input: each picture with its holes filled, and how much of each pixel is known.

    Parameters
    ----------
    pictures : (B, H, W, C) float32 in [-1, 1]; anything where nothing is known
    known : (B, H, W, 1) float32 in [0, 1], the known share of each pixel
    means : (B, H, W, C) float32 in [-1, 1], see `spread_block_means`, where no more is known of a picture; else 0

    Returns
    -------
    (B, H, W, C + 1) float32
        Known pixels are the picture's own; the holes are those of `push_pull`, or the block means.
    """
    visible = ops.cast(known > 0.0, "float32")
    seen = pictures * visible
    return ops.concatenate([seen + (1.0 - visible) * (push_pull(seen, known) + means), known], axis=3)


def push_pull(pictures: Tensor, known: Tensor) -> Tensor:
    """Fill holes with what a pyramid of ever coarser means knows there: smooth, and cheap enough for every batch.

    Source: Gortler et al. 1996, "The Lumigraph", section 3.4.

    Parameters
    ----------
    pictures : (B, H, W, C) float32, 0 where nothing is known
    known : (B, H, W, 1) float32 in [0, 1]

    Returns
    -------
    (B, H, W, C) float32
        0 where nothing is known of the whole picture.
    """
    height, width = pictures.shape[1:3]
    if max(height, width) == 1:
        return pictures * ops.cast(known > 0.0, "float32")
    weighed, share = (ops.average_pool(part, 2, padding="same") for part in (pictures * known, known))  # "pull"
    coarse = push_pull(weighed / ops.maximum(share, 1e-6), ops.minimum(4.0 * share, 1.0))
    filled = ops.image.resize(coarse, (height, width), interpolation="bilinear", data_format="channels_last")  # "push"
    return pictures * known + filled * (1.0 - known)


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

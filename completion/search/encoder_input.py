"""What the encoder sees of damaged pictures.

`completion.encoder.network_input` has the same in Keras operations, for training; a test compares them.
"""

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["encoder_input", "push_pull", "spread_block_means"]

Array = npt.NDArray[np.float32]


def encoder_input(target: Array, known: Array, *, blocks: int = 0) -> Array:
    """Return the encoder's input for one picture: its holes filled, and how much of each pixel is known.

    Parameters
    ----------
    target : float32 array (H, W, C)
        In [-1, 1]; anything where nothing is known, or block means (see `spread_block_means`).
    known : float32 array (H, W)
        The known share of each pixel, in [0, 1].
    blocks : int, optional
        If not 0, all that is known are block means, which `target` has.

    Returns
    -------
    float32 array (H, W, C + 1)
        Known pixels are the picture's own; the holes are those of `push_pull`, or the block means.
    """
    visible = known[..., None] > 0.0
    seen = np.where(visible, target, np.float32(0.0))
    filled = push_pull(seen, known) + (target if blocks else np.float32(0.0))
    return np.concatenate([np.where(visible, seen, filled), known[..., None]], axis=2)


def push_pull(picture: Array, known: Array) -> Array:
    """Fill holes with what a pyramid of ever coarser means knows there.

    Source: Gortler et al. 1996, "The Lumigraph", section 3.4.

    Parameters
    ----------
    picture : float32 array (H, W, C)
        0 where nothing is known.
    known : float32 array (H, W)
        In [0, 1].

    Returns
    -------
    float32 array (H, W, C)
        0 where nothing is known of the whole picture.
    """
    height, width = known.shape
    share = known[..., None]
    if max(height, width) == 1:
        return picture * (share > 0.0)
    weighed, mean = _halve(picture * share), _halve(share)  # "pull"
    mean_share = np.minimum(np.float32(4.0) * mean[..., 0], np.float32(1.0))
    coarse = push_pull(np.asarray(weighed / np.maximum(mean, np.float32(1e-6)), np.float32), mean_share)
    filled = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(picture.shape)  # "push"
    return picture * share + filled * (np.float32(1.0) - share)


def _halve(values: Array) -> Array:
    """Return the means of 2x2 pixels, (H, W, C) to (H/2, W/2, C); at odd borders of the pixels that there are."""
    height, width, channels = values.shape
    if height % 2 or width % 2:
        padded = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
        counts = np.pad(np.ones((height, width, 1), np.float32), ((0, height % 2), (0, width % 2), (0, 0)))
        return _halve(padded) / _halve(counts)
    return values.reshape(height // 2, 2, width // 2, 2, channels).mean(axis=(1, 3))


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

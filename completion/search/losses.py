"""The two losses of the search, one value for each picture.

Source: Yeh, Chen, Lim, Schwing, Hasegawa-Johnson and Do 2017, "Semantic image inpainting with deep generative models",
arXiv:1607.07539, section 3.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from keras import ops

__all__ = ["block_means", "contextual_loss", "contextual_weights", "perceptual_loss"]

Tensor = Any


def contextual_weights(
    known: npt.NDArray[np.float32], *, weighting: str = "yeh", window: int = 7, floor: float = 0.0
) -> tuple[npt.NDArray[np.float32], float]:
    """Weigh the known pixels of one picture (Yeh et al. 2017, eq. 4).

    A known pixel's weight is the share of missing pixels in the window around it; the part of the window outside the
    picture does not count.

    Parameters
    ----------
    known : (H, W) float32 in [0, 1], the known share of each pixel
    weighting : "yeh" or "uniform"
    window : side in pixels, odd
    floor : added to Yeh's weight of each known pixel

    Returns
    -------
    weights : (H, W) float32
        Non-negative, 0 where nothing is known, of sum 1; all 0 where the whole picture is missing.
    total : float
        Their sum before they were brought to 1.
    """
    weights = known
    if weighting == "yeh":
        inside = _window_sums(np.ones_like(known), window)
        missing = np.maximum(_window_sums(1.0 - known, window), 0.0)  # sums of shares may fall a rounding below 0
        weights = np.asarray(known * (missing / inside + floor), np.float32)
    total = float(weights.sum(dtype=np.float64))
    if total <= 0.0:  # nothing is missing, or nothing known: all known pixels count alike
        weights, total = known, float(known.sum(dtype=np.float64))
    return (weights / total if total > 0.0 else np.zeros_like(known)).astype(np.float32), total


def _window_sums(values: npt.NDArray[np.float32], window: int) -> npt.NDArray[np.float32]:
    """Return the sum over the window around each pixel, as far as it lies inside the picture."""
    sums = cv2.boxFilter(values, -1, (window, window), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)


def contextual_loss(generated: Tensor, target: Tensor, weights: Tensor, *, blocks: int = 0) -> Tensor:
    """Return the weighted mean absolute difference to the known pixels (Yeh et al. 2017, eq. 5).

    Parameters
    ----------
    generated, target : (B, H, W, C) in [-1, 1]
    weights : (B, H, W, 1), of sum 1 for each picture
    blocks : if not 0, what is compared are the means of blocks x blocks equal parts; `weights` is left out

    Returns
    -------
    (B,) float32, in [-1, 1] units
    """
    if blocks:
        difference = ops.abs(block_means(generated, blocks) - block_means(target, blocks))
        return ops.mean(difference, axis=(1, 2, 3))
    return ops.sum(weights * ops.mean(ops.abs(generated - target), axis=3, keepdims=True), axis=(1, 2, 3))


def block_means(pictures: Tensor, blocks: int) -> Tensor:
    """Return the means of blocks x blocks equal parts, (B, H, W, C) to (B, blocks, blocks, C).

    Raises
    ------
    ValueError
        The picture's side is no multiple of `blocks`.
    """
    size = pictures.shape[1]
    if size % blocks:
        raise ValueError(f"Expected `blocks` to divide the model's size {size}. Received: blocks={blocks}")
    return ops.average_pool(pictures, size // blocks)


def perceptual_loss(logits: Tensor, *, form: str = "nonsaturating") -> Tensor:
    """Return how unreal the discriminator finds each picture.

    Parameters
    ----------
    logits : (B,)
    form : "nonsaturating", -log D = softplus(-logit), or "saturating", log(1 - D) = -softplus(logit) (Yeh et al. 2017,
        eq. 6)

    Returns
    -------
    (B,)
    """
    return ops.softplus(-logits) if form == "nonsaturating" else -ops.softplus(logits)

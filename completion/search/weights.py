"""Weights of the known pixels in the contextual loss.

Source: Yeh, Chen, Lim, Schwing, Hasegawa-Johnson and Do 2017, "Semantic image inpainting with deep generative models",
arXiv:1607.07539, importance weighted context loss.
"""

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["contextual_weights"]


def contextual_weights(
    known: npt.NDArray[np.float32], *, weighting: str = "yeh", window: int = 7, floor: float = 0.0
) -> tuple[npt.NDArray[np.float32], float]:
    """Weight the known pixels of one picture (Yeh et al. 2017, importance weighted context loss).

    A known pixel's weight is the share of missing pixels in the window around it; the part of the window outside the
    picture does not count.

    Parameters
    ----------
    known : float32 array (H, W)
        The share of each pixel that is known, in [0, 1].
    weighting : str
        "yeh" or "uniform".
    window : int
        Side in pixels, odd.
    floor : float
        Added to Yeh's weight of each known pixel.

    Returns
    -------
    weights : float32 array (H, W)
        Non-negative, 0 where nothing is known, with sum 1; all 0 where the whole picture is missing.
    total : float
        The sum of the weights before normalisation.
    """
    weights = known
    if weighting == "yeh":
        inside = _window_sums(np.ones_like(known), window)
        missing = np.maximum(_window_sums(1.0 - known, window), 0.0)  # rounding may give sums below 0
        weights = np.asarray(known * (missing / inside + floor), np.float32)
    total = float(weights.sum(dtype=np.float64))
    if total <= 0.0:  # nothing is missing or nothing is known: uniform weights
        weights, total = known, float(known.sum(dtype=np.float64))
    return (weights / total if total > 0.0 else np.zeros_like(known)).astype(np.float32), total


def _window_sums(values: npt.NDArray[np.float32], window: int) -> npt.NDArray[np.float32]:
    """Return the sum over the window around each pixel, as far as it lies inside the picture."""
    sums = cv2.boxFilter(values, -1, (window, window), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)

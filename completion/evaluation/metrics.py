"""How far a completed picture is from the original: in the hole and over the whole picture.

All functions take uint8 pictures, because that is what a user gets: values are in grey levels of [0, 255].
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "PICTURE_METRICS",
    "PSNR_MAX",
    "gradient_error",
    "mean_absolute_error",
    "picture_metrics",
    "psnr",
    "spread",
    "ssim_map",
]

PEAK = 255.0
SQUARED_ERROR_MIN = 1e-3
PSNR_MAX = float(
    10 * np.log10(PEAK**2 / SQUARED_ERROR_MIN)
)  # of pictures that are (nearly) equal: 78.1 dB, not infinity
SSIM_WINDOW = 7  # scikit-image's default
PICTURE_METRICS = (
    "hole_psnr",
    "hole_ssim",
    "hole_l1",
    "hole_gradient",
    "whole_psnr",
    "whole_ssim",
    "whole_l1",
    "whole_gradient",
)

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def picture_metrics(original: Picture, completed: Picture, mask: Mask) -> dict[str, float]:
    """Measure one completed picture.

    Parameters
    ----------
    original : (H, W, C) uint8, H and W of at least 7
    completed : (H, W, C) uint8
    mask : (H, W) bool, True = missing; hides at least one pixel

    Returns
    -------
    dict from each name of `PICTURE_METRICS` to its value
        The names begin with the part that is measured. psnr is in dB, l1 and gradient in grey levels.

    Raises
    ------
    ValueError
        The shapes do not go together, a picture is smaller than SSIM's window, or the mask hides nothing.
    """
    _check(original, completed, mask)
    if min(original.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"Expected pictures of at least {SSIM_WINDOW} pixels a side. Received: {original.shape}")
    similarity = ssim_map(original, completed)
    return {
        "hole_psnr": psnr(original, completed, mask),
        "hole_ssim": float(similarity[mask].mean()),
        "hole_l1": mean_absolute_error(original, completed, mask),
        "hole_gradient": gradient_error(original, completed, mask),
        "whole_psnr": psnr(original, completed),
        "whole_ssim": float(similarity.mean()),
        "whole_l1": mean_absolute_error(original, completed),
        "whole_gradient": gradient_error(original, completed),
    }


def psnr(original: Picture, completed: Picture, mask: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB.

    Parameters
    ----------
    original, completed : (H, W, C) uint8
    mask : (H, W) bool, the pixels that are compared; all by default

    Returns
    -------
    float
        10 log10(255^2 / mean squared error), at most `PSNR_MAX`.

    Examples
    --------
    >>> black = np.zeros((2, 2, 3), np.uint8)
    >>> psnr(black, black + np.uint8(255)), round(psnr(black, black), 1)
    (0.0, 78.1)
    """
    difference = _difference(original, completed, mask)
    return float(10 * np.log10(PEAK**2 / max(float(np.mean(difference**2)), SQUARED_ERROR_MIN)))


def ssim_map(original: Picture, completed: Picture) -> npt.NDArray[np.float64]:
    """Return the structural similarity around every pixel and channel, (H, W, C) in [-1, 1].

    The hole's similarity is the mean over the hole's pixels, whose 7x7 windows reach up to three pixels beyond it.

    Parameters
    ----------
    original, completed : (H, W, C) uint8

    References
    ----------
    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    doi:10.1109/TIP.2003.819861; with scikit-image's uniform window of 7 pixels.
    """
    from skimage.metrics import structural_similarity

    _, similarity = structural_similarity(
        original, completed, win_size=SSIM_WINDOW, data_range=PEAK, channel_axis=-1, full=True
    )
    return similarity


def mean_absolute_error(original: Picture, completed: Picture, mask: Mask | None = None) -> float:
    """Return the mean absolute difference (L1) in grey levels.

    Parameters
    ----------
    original, completed : (H, W, C) uint8
    mask : (H, W) bool, the pixels that are compared; all by default
    """
    return float(np.abs(_difference(original, completed, mask)).mean())


def gradient_error(original: Picture, completed: Picture, mask: Mask | None = None) -> float:
    """Return the mean absolute difference of the two pictures' gradients in grey levels.

    A gradient is the difference of two pixels side by side or one above the other; all of both kinds count alike. A
    blurred hole may have a good PSNR, but it lacks the original's gradients, and an edge in the wrong place counts
    twice.

    Parameters
    ----------
    original, completed : (H, W, C) uint8, at least two pixels
    mask : (H, W) bool; only gradients of which at least one pixel is in it count, so that a visible seam does and what
        lies wholly outside does not. All by default.

    Examples
    --------
    >>> edge = np.array([[[0], [0], [9]]], np.uint8)  # one row of three pixels
    >>> gradient_error(edge, np.zeros_like(edge))  # the gradients are 0 and 9
    4.5
    """
    difference = _difference(original, completed, None)
    across, down = np.abs(np.diff(difference, axis=1)), np.abs(np.diff(difference, axis=0))
    if mask is None:
        return float(np.concatenate([across.ravel(), down.ravel()]).mean())
    touched = across[mask[:, 1:] | mask[:, :-1]], down[mask[1:] | mask[:-1]]  # each (N, C)
    return float(np.concatenate(touched).mean())


def spread(pictures: Sequence[Picture]) -> float:
    """Return how far several completions of one picture lie apart: the mean absolute difference over all pairs.

    Parameters
    ----------
    pictures : at least one, all of the same shape, uint8; the pixels of the hole alone where it is the hole's spread

    Returns
    -------
    float
        In grey levels; 0 where all are the same.

    Examples
    --------
    >>> spread([np.uint8([0, 10]), np.uint8([0, 20])])
    5.0
    """
    pairs = list(itertools.combinations(pictures, 2))
    return float(np.mean([np.abs(one.astype(np.int16) - other).mean() for one, other in pairs])) if pairs else 0.0


def _difference(original: Picture, completed: Picture, mask: Mask | None) -> npt.NDArray[np.float64]:
    """Return completed - original, (H, W, C), or where a mask is given, (N, C)."""
    _check(original, completed, mask)
    difference = completed.astype(np.float64) - original
    return difference if mask is None else difference[mask]


def _check(original: Picture, completed: Picture, mask: Mask | None) -> None:
    """Raise what `picture_metrics` says."""
    for name, picture in (("original", original), ("completed", completed)):
        if picture.ndim != 3 or picture.dtype != np.uint8:
            raise ValueError(f"Expected `{name}` as (H, W, C) uint8. Received: {picture.shape} {picture.dtype}")
    if completed.shape != original.shape:
        raise ValueError(f"Expected `completed` of shape {original.shape}. Received: {completed.shape}")
    if mask is None:
        return
    if mask.shape != original.shape[:2] or mask.dtype != np.bool_:
        raise ValueError(f"Expected `mask` as {original.shape[:2]} bool. Received: {mask.shape} {mask.dtype}")
    if not mask.any():
        raise ValueError("Expected `mask` to hide at least one pixel. Received: none")

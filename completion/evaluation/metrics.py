"""Metrics between a completed picture and the original, in the hole and over the whole picture.

All functions take uint8 pictures, the form in which results are saved. Errors are in grey levels of [0, 255].
"""

import numpy as np
import numpy.typing as npt

__all__ = [
    "PICTURE_METRICS",
    "PSNR_MAX",
    "gradient_error",
    "mean_absolute_error",
    "picture_metrics",
    "psnr",
    "sharpness",
    "ssim_map",
]

PEAK = 255.0
SQUARED_ERROR_MIN = 1e-3  # lower bound of the mean squared error, so that the PSNR of equal pictures is finite
PSNR_MAX = float(10 * np.log10(PEAK**2 / SQUARED_ERROR_MIN))  # 78.1 dB
SSIM_WINDOW = 7  # scikit-image's default
LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
GRADIENT_MIN = 0.5  # grey levels a pixel; an original with less is flat but for the rounding of its values
PICTURE_METRICS = (
    "hole_psnr",
    "hole_ssim",
    "hole_l1",
    "hole_gradient",
    "hole_sharpness",
    "whole_psnr",
    "whole_ssim",
    "whole_l1",
    "whole_gradient",
)

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def picture_metrics(original: Picture, completed: Picture, mask: Mask) -> dict[str, float]:
    """Compute all metrics of one completed picture.

    Parameters
    ----------
    original : uint8 array (H, W, C)
        The true picture; H and W of at least 7.
    completed : uint8 array (H, W, C)
        The completed picture.
    mask : bool array (H, W)
        True = missing; at least one pixel.

    Returns
    -------
    dict of str to float
        A value for each name of `PICTURE_METRICS`. The prefix of a name is the measured region, the hole or the whole
        picture. PSNR is in dB, L1 and gradient error in grey levels. The sharpness is NaN where it is not defined.

    Raises
    ------
    ValueError
        The shapes do not agree, a picture is smaller than the window of SSIM, or the mask is empty.
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
        "hole_sharpness": sharpness(original, completed, mask),
        "whole_psnr": psnr(original, completed),
        "whole_ssim": float(similarity.mean()),
        "whole_l1": mean_absolute_error(original, completed),
        "whole_gradient": gradient_error(original, completed),
    }


def psnr(original: Picture, completed: Picture, mask: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB.

    Parameters
    ----------
    original, completed : uint8 array (H, W, C)
        The pictures to compare.
    mask : bool array (H, W), optional
        True at the pixels to compare. By default all.

    Returns
    -------
    float
        10 log10(255^2 / mean squared error) in dB, at most `PSNR_MAX`.

    Raises
    ------
    TypeError
        A dtype is wrong.
    ValueError
        The shapes do not agree, or the mask is empty.

    Examples
    --------
    >>> black = np.zeros((2, 2, 3), np.uint8)
    >>> psnr(black, black + np.uint8(255)), round(psnr(black, black), 1)
    (0.0, 78.1)
    """
    difference = _difference(original, completed, mask)
    return float(10 * np.log10(PEAK**2 / max(float(np.mean(difference**2)), SQUARED_ERROR_MIN)))


def ssim_map(original: Picture, completed: Picture) -> npt.NDArray[np.float64]:
    """Return the structural similarity index (SSIM) at each pixel and channel.

    The SSIM of a hole is the mean over its pixels, whose 7x7 windows extend up to three pixels beyond the hole.

    Parameters
    ----------
    original, completed : uint8 array (H, W, C)
        The pictures to compare; H and W of at least 7.

    Returns
    -------
    float64 array (H, W, C)
        Values in [-1, 1].

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
    """Return the mean absolute error (L1).

    Parameters
    ----------
    original, completed : uint8 array (H, W, C)
        The pictures to compare.
    mask : bool array (H, W), optional
        True at the pixels to compare. By default all.

    Returns
    -------
    float
        In grey levels.

    Raises
    ------
    TypeError
        A dtype is wrong.
    ValueError
        The shapes do not agree, or the mask is empty.
    """
    return float(np.abs(_difference(original, completed, mask)).mean())


def gradient_error(original: Picture, completed: Picture, mask: Mask | None = None) -> float:
    """Return the mean absolute difference between the gradients of two pictures.

    A gradient is the difference between two horizontally or vertically adjacent pixels; all have equal weight. A
    blurred hole may have a good PSNR, but it lacks the gradients of the original, and a misplaced edge counts twice.

    Parameters
    ----------
    original, completed : uint8 array (H, W, C)
        The pictures to compare; at least two pixels.
    mask : bool array (H, W), optional
        Restricts the mean to gradients with at least one pixel in the mask, which includes a seam along its border. By
        default all gradients.

    Returns
    -------
    float
        In grey levels.

    Raises
    ------
    TypeError
        A dtype is wrong.
    ValueError
        The shapes do not agree, or the mask is empty.

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


def sharpness(original: Picture, completed: Picture, mask: Mask) -> float:
    """Return the gradient magnitude in the hole, completed over original.

    PSNR and SSIM are best for a blurred hole, and an error of the gradients does not tell smoother from noisier. This
    ratio does, and it is the same for a detail at its place and beside it.

    Parameters
    ----------
    original, completed : uint8 array (H, W, C)
        The pictures to compare; luminance is that of RGB, or the mean of another number of channels.
    mask : bool array (H, W)
        True = missing.

    Returns
    -------
    float
        At least 0. 1 = as sharp as the original; less = smoother; more = noisier, or with more or harder edges. NaN
        where it is not defined: no missing pixel has a missing right and a missing lower neighbour, or the original
        has no detail there (less than `GRADIENT_MIN` grey levels a pixel).

    Raises
    ------
    TypeError
        A dtype is wrong.
    ValueError
        The shapes do not agree, or the mask is empty.

    Notes
    -----
    The gradient of a pixel is the pair of differences of luminance to its right and to its lower neighbour, and its
    magnitude their Euclidean norm. Differences between direct neighbours see noise and patterns of a period of two
    pixels, to which central differences are blind. Only pixels count of which both neighbours are missing too: known
    pixels and the seam beside them must not decide. Both sums are over the same pixels.

    Examples
    --------
    >>> edges = np.array([[[0], [8], [0]], [[0], [8], [0]]], np.uint8)
    >>> sharpness(edges, edges // 2, np.ones((2, 3), np.bool_))
    0.5
    """
    _check(original, completed, mask)
    inside = mask[:-1, :-1] & mask[:-1, 1:] & mask[1:, :-1]  # (H - 1, W - 1)
    before, after = _gradient_magnitude(original)[inside], _gradient_magnitude(completed)[inside]
    if len(before) == 0 or before.mean() < GRADIENT_MIN:
        return float("nan")
    return float(after.sum() / before.sum())


def _gradient_magnitude(picture: Picture) -> npt.NDArray[np.float64]:
    """Return the gradient magnitude at the pixels that have a right and a lower neighbour, (H - 1, W - 1)."""
    luminance = picture @ LUMINANCE if picture.shape[2] == 3 else picture.mean(axis=2)
    return np.hypot(np.diff(luminance, axis=1)[:-1], np.diff(luminance, axis=0)[:, :-1])


def _difference(original: Picture, completed: Picture, mask: Mask | None) -> npt.NDArray[np.float64]:
    """Return completed - original, (H, W, C), or (N, C) at the N pixels of a mask."""
    _check(original, completed, mask)
    difference = completed.astype(np.float64) - original
    return difference if mask is None else difference[mask]


def _check(original: Picture, completed: Picture, mask: Mask | None) -> None:
    """Raise TypeError or ValueError unless dtypes and shapes agree and the mask is not empty."""
    for name, picture in (("original", original), ("completed", completed)):
        if picture.dtype != np.uint8:
            raise TypeError(f"Expected `{name}` of dtype uint8. Received: {picture.dtype}")
        if picture.ndim != 3:
            raise ValueError(f"Expected `{name}` of shape (H, W, C). Received: {picture.shape}")
    if completed.shape != original.shape:
        raise ValueError(f"Expected `completed` of shape {original.shape}. Received: {completed.shape}")
    if mask is None:
        return
    if mask.dtype != np.bool_:
        raise TypeError(f"Expected `mask` of dtype bool. Received: {mask.dtype}")
    if mask.shape != original.shape[:2]:
        raise ValueError(f"Expected `mask` of shape {original.shape[:2]}. Received: {mask.shape}")
    if not mask.any():
        raise ValueError("Expected `mask` to hide at least one pixel. Received: none")

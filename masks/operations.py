"""Operations on masks from any source."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from masks._checks import Shape, check_integer, check_shape

__all__ = ["dilate", "hole_fraction", "invert", "resize_mask", "validate_mask"]


def validate_mask(mask: Any, shape: Shape | None = None) -> npt.NDArray[np.bool_]:
    """Return the mask as an array, or raise an error that says what is wrong with it.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, True = missing. Other dtypes are refused, because their polarity would be a guess.
    shape : sequence of int, optional
        (height, width) that the mask must have.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The array itself, not a copy.

    Raises
    ------
    TypeError
        `mask` is not of dtype bool.
    ValueError
        `mask` does not have two axes, has no pixels, or does not have the expected shape.

    Examples
    --------
    >>> validate_mask(np.zeros((2, 3)))
    Traceback (most recent call last):
    ...
    TypeError: Expected `mask` of dtype bool, True = missing. Received: dtype=float64
    """
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"Expected `mask` of dtype bool, True = missing. Received: dtype={array.dtype}")
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"Expected `mask` of shape (H, W), not empty. Received: {array.shape}")
    if shape is not None and array.shape != check_shape(shape):
        raise ValueError(f"Expected `mask` of shape {check_shape(shape)}. Received: {array.shape}")
    return array


def invert(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Swap missing and known.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, True = missing.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The inverted mask, a copy.
    """
    return ~validate_mask(mask)


def dilate(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Grow the hole by a disc.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, True = missing.
    pixels : int
        Radius of the disc in pixels, at least 0. A pixel becomes missing if its centre is at most this far from the
        centre of a missing pixel.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The grown mask. It contains `mask`, and it is a copy even where nothing grows.

    Raises
    ------
    ValueError
        `pixels` is negative or not a whole number.

    Examples
    --------
    >>> dilate(np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], bool), 1).astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 0, 0],
           [1, 0, 0, 0]])
    """
    mask = validate_mask(mask)
    radius = check_integer("pixels", pixels, minimum=0)
    if radius == 0 or not mask.any():
        return mask.copy()
    # One pass for any radius. With a disc-shaped kernel the cost of a pixel would grow with the area of the disc.
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # (H, W) px
    return np.asarray(distance <= radius + 1e-4, bool) | mask


def resize_mask(mask: npt.NDArray[np.bool_], shape: Shape) -> npt.NDArray[np.bool_]:
    """Resize a mask: each pixel takes the value of the old pixel under its centre.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, True = missing.
    shape : sequence of int
        (height, width) to resize to.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The resized mask, a copy even where the shape does not change.

    Examples
    --------
    >>> resize_mask(np.array([[True, False]]), (2, 4)).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0]])
    """
    mask = validate_mask(mask)
    rows, columns = (  # the old index under the centre i + 1/2 of each new pixel, in whole numbers
        (2 * np.arange(new, dtype=np.int64) + 1) * old // (2 * new)
        for old, new in zip(mask.shape, check_shape(shape), strict=True)
    )
    resized: npt.NDArray[np.bool_] = mask[rows[:, None], columns]
    return resized


def hole_fraction(mask: npt.NDArray[np.bool_]) -> float:
    """Return the share of the pixels that is missing.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The mask, True = missing.

    Returns
    -------
    float
        The share, in [0, 1].
    """
    return float(validate_mask(mask).mean())

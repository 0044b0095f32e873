"""What can be done with a mask, whatever it came from."""

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
    mask : (H, W) bool, True = missing; other dtypes are refused, because their polarity would be a guess
    shape : (height, width) that it must have, if given

    Returns
    -------
    (H, W) bool
        The very array that came in, not a copy.

    Raises
    ------
    TypeError
        `mask` does not hold bools.
    ValueError
        `mask` has not two axes, has no pixels, or not the shape asked for.

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
    """Swap missing and known in a mask (H, W)."""
    return ~validate_mask(mask)


def dilate(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """Grow what is missing by a disc.

    Parameters
    ----------
    mask : (H, W) bool, True = missing
    pixels : radius of the disc; a pixel whose centre is no farther than this from a missing one's becomes missing

    Returns
    -------
    (H, W) bool
        A superset of `mask`, and a copy even where nothing grows.

    Raises
    ------
    ValueError
        `pixels` is negative or no whole number.

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
    # One pass for any radius, where a disc-shaped kernel would cost its area for each pixel.
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)  # (H, W) px
    return np.asarray(distance <= radius + 1e-4, bool) | mask


def resize_mask(mask: npt.NDArray[np.bool_], shape: Shape) -> npt.NDArray[np.bool_]:
    """Resize a mask: each pixel takes the value of the old pixel under its centre.

    Parameters
    ----------
    mask : (H, W) bool, True = missing
    shape : (height, width) to resize to

    Returns
    -------
    (height, width) bool
        A copy where the shape does not change.

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
    """Return the share of a mask (H, W) that is missing, in [0, 1]."""
    return float(validate_mask(mask).mean())

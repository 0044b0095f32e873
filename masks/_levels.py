"""Which values of a drawn mask are its black and its white."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["FEW_VALUES", "LABEL_MIN", "Plane", "levelled", "own_range"]

Plane = npt.NDArray[np.uint8]  # (H, W), 0 = known, 255 = missing
Pixels = npt.NDArray[Any]

FEW_VALUES, LABEL_MIN = 16, 0.002  # a mask of so few values has less than this share in areas of a third one
LEVEL_MAX, LEVEL_NOISE = 64, 2  # of a ground that is not black in a lossy file: highest value, and noise around it
LEVEL_SHARE = 0.5  # of the dark pixels that are at the ground's value


def own_range(values: Pixels) -> Plane:
    """Return values scaled to 0 (the least) and 255 (the greatest).

    Parameters
    ----------
    values : ndarray of uint8 or uint16, shape (H, W)
        Any values. Where all are equal, the result is 0 or 255, whichever is nearer in the range of the dtype.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        The values of their own range.
    """
    low, high = int(values.min()), int(values.max())
    if low == high:
        return np.full(values.shape, 255 if low > np.iinfo(values.dtype).max // 2 else 0, np.uint8)
    if (low, high) == (0, 255) and values.dtype == np.uint8:
        return values
    scaled = (values.astype(np.float32) - low) * np.float32(255 / (high - low))
    return np.rint(scaled).astype(np.uint8)


def levelled(plane: Plane) -> Plane:
    """Return a plane whose black and white are what most of its dark and bright pixels have.

    In a lossy file the darkest pixel is noise, and a ground that is not black lies above it.

    Parameters
    ----------
    plane : ndarray of uint8, shape (H, W)
        A plane that `own_range` made.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        The same where it has few values, or no such ends.
    """
    if np.count_nonzero(np.bincount(plane.ravel(), minlength=256)) <= FEW_VALUES:
        return plane
    low, high = _ground(plane), 255 - _ground(255 - plane)
    if (low, high) == (0, 255):
        return plane
    table = np.clip((np.arange(256, dtype=np.float32) - low) * np.float32(255 / (high - low)), 0, 255)
    return np.rint(table).astype(np.uint8)[plane]


def _ground(plane: Plane) -> int:
    """Return the most frequent value of a plane's dark half where noise alone is below it.

    Otherwise 0: where it has too small a share of that half, is far from black, or an area of one value lies below it.
    """
    counts = np.bincount(plane.ravel(), minlength=256)[:128]
    level = int(counts.argmax())
    lowest = max(level - LEVEL_NOISE, 0)
    if level > LEVEL_MAX or counts[lowest : level + LEVEL_NOISE + 1].sum() < LEVEL_SHARE * counts.sum():
        return 0
    square = np.ones((3, 3), np.uint8)
    areas = (plane < lowest) & (cv2.dilate(plane, square) == plane) & (cv2.erode(plane, square) == plane)
    return 0 if areas.sum() > LABEL_MIN * plane.size else level

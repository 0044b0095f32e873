"""Numbers, neighbours and distances of the pixels of a mask, by OpenCV: SciPy's take 0.2 s to import."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["distance_to_known", "label_holes", "with_neighbours"]

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)

Mask = NDArray[np.bool_]


def label_holes(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """Return the 4-connected components of a mask, numbered from 1, and their number.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.

    Returns
    -------
    labels : int32 array (H, W)
        0 at known pixels.
    count : int
    """
    count, labels = cv2.connectedComponents(np.ascontiguousarray(mask).view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1


def distance_to_known(mask: Mask) -> NDArray[np.float32]:
    """Return the distance from the centre of each pixel to that of the nearest known one, in pixels.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing; not everywhere.

    Returns
    -------
    float32 array (H, W)
        0 at known pixels.

    References
    ----------
    Felzenszwalb, Huttenlocher 2004, "Distance transforms of sampled functions".

    Examples
    --------
    >>> distance_to_known(np.array([[True, True, False]])).tolist()
    [[2.0, 1.0, 0.0]]
    """
    missing = np.ascontiguousarray(mask).view(np.uint8)
    return np.asarray(cv2.distanceTransform(missing, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def with_neighbours(mask: Mask) -> Mask:
    """Return a mask with the 4-neighbours of its pixels.

    Examples
    --------
    >>> with_neighbours(np.array([[False, False, True]])).tolist()
    [[False, True, True]]
    """
    return np.asarray(cv2.dilate(np.ascontiguousarray(mask).view(np.uint8), CROSS)).view(np.bool_)

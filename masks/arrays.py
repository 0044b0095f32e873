"""Masks from decoded pictures: a drawn mask, a picture with transparent holes, a picture with a key colour.

Nothing here opens a file: pictures are uint8 arrays, RGB where they have colours.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from masks._checks import Shape, check_integer
from masks.drawn import missing_of_plane, own_range, read_drawn_mask
from masks.operations import resize_mask

__all__ = ["mask_from_alpha", "mask_from_array", "mask_from_color", "mask_from_picture"]


def mask_from_picture(
    picture: npt.NDArray[Any], shape: Shape | None = None, *, invert: bool = False, threshold: int | None = None
) -> npt.NDArray[np.bool_]:
    """Read a drawn mask: white is missing, black is known, and so on; see `masks.read_drawn_mask`.

    Parameters
    ----------
    picture : ndarray of uint8 or uint16, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        The drawn mask; the fourth channel is alpha.
    shape : sequence of int, optional
        (height, width) of the picture that the mask belongs to; by default the mask keeps its own size. Resizing
        takes the nearest pixel.
    invert : bool, default False
        Swap missing and known.
    threshold : int, optional
        1 to 255: the value from which on a pixel is missing.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    Raises
    ------
    TypeError
        `picture` is neither uint8 nor uint16.
    ValueError
        `picture` has another number of axes or channels, it is no mask, or `shape` is wrong.

    Examples
    --------
    >>> mask_from_picture(np.array([[0, 127, 128, 255]], np.uint8), threshold=128).tolist()
    [[False, False, True, True]]
    """
    mask = read_drawn_mask(picture, invert=invert, threshold=threshold).mask
    return mask if shape is None else resize_mask(mask, shape)


def mask_from_array(mask: Any) -> npt.NDArray[np.bool_]:
    """Read an array that a program made as a mask: True, 1 and 255 are missing, False and 0 are known.

    Parameters
    ----------
    mask : array_like, shape (H, W) or (H, W, 1)
        Bool, or whole numbers or floats that are all 0 or 1, or all 0 or 255. A Pillow image of mode "1" or "L" is
        such an array too.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, True = missing; the array itself where it is bool and has two axes.

    Raises
    ------
    TypeError
        `mask` does not hold numbers.
    ValueError
        `mask` holds other values or has another shape, or it has no pixels.

    Examples
    --------
    >>> mask_from_array(np.array([[0, 255]], np.uint8)).tolist()
    [[False, True]]
    >>> mask_from_array([[0, 0.5]])
    Traceback (most recent call last):
    ...
    ValueError: Expected `mask` of 0 and 1, or of 0 and 255 (make it bool: `mask >= 0.5`). Received: a mask with 0.5
    """
    array = np.asarray(mask)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"Expected `mask` of dtype bool or of numbers, True = missing. Received: dtype={array.dtype}")
    plane = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if plane.ndim != 2 or plane.size == 0:
        raise ValueError(f"Expected `mask` of shape (H, W) or (H, W, 1), not empty. Received: {array.shape}")
    if plane.dtype == np.bool_:
        return plane
    missing: npt.NDArray[np.bool_] = plane != 0
    drawn = plane[missing]
    if drawn.size and not ((drawn == 1).all() or (drawn == 255).all()):
        wrong = drawn[(drawn != 1) & (drawn != 255)]
        found = f"{wrong[0]:g}" if wrong.size else "1 and 255"
        half = 0.5 if drawn.max() <= 1 else 128
        raise ValueError(
            f"Expected `mask` of 0 and 1, or of 0 and 255 (make it bool: `mask >= {half}`). "
            f"Received: a mask with {found}"
        )
    return missing


def mask_from_alpha(picture: npt.NDArray[np.uint8], *, threshold: int | None = None) -> npt.NDArray[np.bool_]:
    """Read the holes of a picture with transparency; where their edges are soft, these are missing with 1 px more.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 4)
        The picture, alpha last.
    threshold : int, optional
        1 to 255: the transparency, 255 - alpha, from which on a pixel is missing. Then no soft edge is added.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, True = missing.

    Raises
    ------
    TypeError
        `picture` is not uint8.
    ValueError
        `picture` has no alpha channel.
    """
    alpha = _check_picture(picture, channels=(4,))[..., 3]
    return missing_of_plane(255 - (own_range(alpha) if threshold is None else alpha), threshold=threshold)


def mask_from_color(
    picture: npt.NDArray[np.uint8], color: tuple[int, int, int], *, tolerance: int = 0
) -> npt.NDArray[np.bool_]:
    """Read the holes of a picture that were painted over in one colour.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3) or (H, W, 4)
        The picture, RGB; alpha is ignored.
    color : tuple of int
        (red, green, blue), each 0 to 255; see `masks.parse_color`.
    tolerance : int, default 0
        Largest difference in a channel at which a pixel still counts as this colour, 0 to 255. JPEG compression
        changes colours, so JPEG files need a tolerance above 0.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, True = missing.

    Raises
    ------
    TypeError
        `picture` is not uint8.
    ValueError
        `picture` has no colours, or `color` or `tolerance` is out of its range.

    Examples
    --------
    >>> picture = np.array([[[255, 0, 255], [250, 4, 255]]], np.uint8)
    >>> mask_from_color(picture, (255, 0, 255)).tolist()
    [[True, False]]
    >>> mask_from_color(picture, (255, 0, 255), tolerance=5).tolist()
    [[True, True]]
    """
    picture = _check_picture(picture, channels=(3, 4))
    if len(color) != 3 or not all(0 <= check_integer("color", channel) <= 255 for channel in color):
        raise ValueError(f"Expected `color` to be (red, green, blue), each 0 to 255. Received: color={color!r}")
    tolerance = check_integer("tolerance", tolerance, minimum=0, maximum=255)
    difference = np.abs(picture[..., :3].astype(np.int16) - np.array(color, np.int16))  # (H, W, 3)
    return np.asarray((difference <= tolerance).all(axis=2), bool)


def _check_picture(picture: Any, *, channels: tuple[int | None, ...]) -> npt.NDArray[np.uint8]:
    """Return a uint8 picture with one of these numbers of channels; None stands for a picture of two axes."""
    array = np.asarray(picture)
    if array.dtype != np.uint8:
        raise TypeError(f"Expected `picture` of dtype uint8. Received: dtype={array.dtype}")
    shapes = ["(H, W)" if count is None else f"(H, W, {count})" for count in channels]
    count = None if array.ndim == 2 else array.shape[2] if array.ndim == 3 else -1
    if count not in channels or array.size == 0:
        raise ValueError(f"Expected `picture` of shape {' or '.join(shapes)}, not empty. Received: {array.shape}")
    return array

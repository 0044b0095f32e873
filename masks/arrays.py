"""Masks from decoded pictures: a drawn mask, a picture with transparent holes, a picture with a key colour.

Nothing here opens a file: pictures are uint8 arrays, RGB where they have colours.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from masks._checks import Shape, check_integer
from masks.color import format_color
from masks.drawn import SOFT, DrawnMask, is_hard, missing_of_plane, read_drawn_mask
from masks._levels import own_range
from masks.operations import dilate, resize_mask

__all__ = [
    "mask_from_alpha",
    "mask_from_array",
    "mask_from_color",
    "mask_from_picture",
    "read_alpha_mask",
    "read_color_mask",
]

# Measured on strokes and a cross in vivid colours, in a photograph saved as JPEG and WebP of qualities 60 to 95: of
# what is within 32, nothing of the strokes is missed but their edges, and 1 in 1000 of the pixels around is taken. As
# the chroma is stored at half the size, the colour shows up to 4 px farther: by 120 levels at 2 px, by under 20 at 5.
LOSSY_TOLERANCE, LOSSY_RIM_PX = 32, 4
NEAR_TOLERANCE, NEAR_PX, NEAR_SHARE = 96, 2, 0.02  # of a soft edge beside the colour; its share of the colour's pixels


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
    """Read the holes of a picture with transparency; see `masks.read_alpha_mask`.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 4)
        The picture, alpha last.
    threshold : int, optional
        1 to 255: the transparency, 255 - alpha, from which on a pixel is missing.

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
    return read_alpha_mask(picture, threshold=threshold).mask


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
        changes colours, so JPEG files need a tolerance above 0; `masks.read_color_mask` knows which.

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


def read_alpha_mask(picture: npt.NDArray[np.uint8], *, invert: bool = False, threshold: int | None = None) -> DrawnMask:
    """Read the holes of a picture with transparency, and say what was guessed.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 4)
        The picture, alpha last. Of two values of alpha the lower is missing; where the edges are soft, all of them are
        missing, with 1 px more.
    invert : bool, default False
        Swap missing and known. A soft edge is missing in both cases.
    threshold : int, optional
        1 to 255: the transparency, 255 - alpha, from which on a pixel is missing. Then no soft edge is added.

    Returns
    -------
    DrawnMask
        The mask, and what was guessed.

    Raises
    ------
    TypeError
        `picture` is not uint8.
    ValueError
        `picture` has no alpha channel.
    """
    alpha = _check_picture(picture, channels=(4,))[..., 3]
    if threshold is not None:
        return DrawnMask(missing_of_plane(255 - alpha, invert=invert, threshold=threshold))
    plane = 255 - own_range(alpha)
    notes = () if is_hard(plane) else (SOFT.replace("its mask has", "its transparency has"),)
    return DrawnMask(missing_of_plane(plane, invert=invert), notes)


def read_color_mask(
    picture: npt.NDArray[np.uint8],
    color: tuple[int, int, int],
    *,
    tolerance: int | None = None,
    lossy: bool = False,
    invert: bool = False,
) -> DrawnMask:
    """Read the holes of a picture that were painted over in one colour, and say what was guessed.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3) or (H, W, 4)
        The picture, RGB; alpha is ignored.
    color : tuple of int
        (red, green, blue), each 0 to 255; see `masks.parse_color`.
    tolerance : int, optional
        Largest difference in a channel at which a pixel still counts as this colour, 0 to 255. By default 0, or for a
        lossy file 32 and a rim of 4 px.
    lossy : bool, default False
        Whether the picture comes from a file whose compression alters colours.
    invert : bool, default False
        Swap missing and known. The rim is missing in both cases.

    Returns
    -------
    DrawnMask
        The mask, and what was guessed.

    Raises
    ------
    TypeError
        `picture` is not uint8.
    ValueError
        `picture` has no colours, or `color` or `tolerance` is out of its range.
    """
    is_guessed = tolerance is None and lossy
    keyed = mask_from_color(picture, color, tolerance=LOSSY_TOLERANCE if is_guessed else tolerance or 0)
    missing = ~keyed if invert else keyed
    name = format_color(color)
    if not keyed.any() or tolerance is not None:
        return DrawnMask(missing)
    if is_guessed:
        note = (
            f"its file alters colours: all within {LOSSY_TOLERANCE} of {name} was taken, and {LOSSY_RIM_PX} px more; "
            "--mask-color-tolerance sets another difference and no rim"
        )
        return DrawnMask(dilate(missing, LOSSY_RIM_PX), (note,))
    beside = dilate(keyed, NEAR_PX) & ~keyed & mask_from_color(picture, color, tolerance=NEAR_TOLERANCE)
    count = int(beside.sum())
    if count <= NEAR_SHARE * keyed.sum():
        return DrawnMask(missing)
    note = (
        f"{count} pixels beside those of {name} are nearly so and were not taken; --mask-color-tolerance or --dilate "
        "takes them"
    )
    return DrawnMask(missing, (note,))


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

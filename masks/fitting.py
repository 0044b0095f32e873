"""Bring a drawn mask to the shape of its picture, where that can be done without a distortion."""

import numpy as np
import numpy.typing as npt

from masks._checks import Shape, check_integer, check_shape
from masks.drawn import DrawnMask
from masks.operations import resize_mask, validate_mask

__all__ = ["fit_mask"]

Mask = npt.NDArray[np.bool_]


def fit_mask(mask: Mask, shape: Shape, *, orientation: int = 1) -> DrawnMask:
    """Bring a mask to the shape of its picture: resized, or turned as the picture was.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
        The mask, True = missing.
    shape : sequence of int
        (H, W) of the picture.
    orientation : int, default 1
        The orientation tag by which the picture was turned, 1 to 8 (EXIF 2.3, tag 274). A mask that has the picture's
        shape only before that was drawn on the picture as it is stored.

    Returns
    -------
    DrawnMask
        The mask of shape (H, W), and what was done to it.

    Raises
    ------
    ValueError
        The mask has other proportions: no scale takes one shape to the other within a pixel.

    Examples
    --------
    >>> fit_mask(np.ones((20, 10), bool), (41, 20)).mask.shape
    (41, 20)
    >>> fit_mask(np.ones((20, 10), bool), (20, 40))
    Traceback (most recent call last):
    ...
    ValueError: Expected a mask of the picture's proportions, 40x20. Received: 10x20
    """
    mask = validate_mask(mask)
    shape = check_shape(shape)
    is_turned = check_integer("orientation", orientation, minimum=1, maximum=8) > 1
    stored = shape[::-1] if orientation > 4 else shape
    notes: tuple[str, ...] = ()
    fits = _is_same_form(mask.shape, shape)
    if not fits and is_turned and _is_same_form(mask.shape, stored):
        mask = _turn(mask, orientation)
        notes = ("its mask was turned as the picture's orientation tag says, because only so they fit",)
    elif not fits:
        expected, received = (f"{width}x{height}" for height, width in (shape, mask.shape))
        raise ValueError(f"Expected a mask of the picture's proportions, {expected}. Received: {received}")
    elif is_turned and _is_same_form(mask.shape, stored):
        notes = (
            "its file says that it is turned; its mask was taken as drawn on the upright picture (save the picture "
            "upright if it was not)",
        )
    if mask.shape != shape:
        notes += (f"its mask was resized from {mask.shape[1]}x{mask.shape[0]} to {shape[1]}x{shape[0]}",)
        mask = resize_mask(mask, shape)
    return DrawnMask(mask, notes)


def _turn(mask: Mask, orientation: int) -> Mask:
    """Turn and mirror a mask, (h, w), from the way it is stored to upright."""
    if orientation > 4:
        mask = mask.T
    flips = {2: (1,), 3: (0, 1), 4: (0,), 6: (1,), 7: (0, 1), 8: (0,)}.get(orientation, ())
    return np.ascontiguousarray(np.flip(mask, flips))


def _is_same_form(one: Shape, other: Shape) -> bool:
    """Tell whether one scale takes a shape to the other, or the other to it, each side within a pixel."""
    return _is_scaled(one, other) or _is_scaled(other, one)


def _is_scaled(one: Shape, other: Shape) -> bool:
    """Tell whether one scale takes a shape to the other, each side within a pixel."""
    least = max((new - 1) / old for old, new in zip(one, other, strict=True))
    most = min((new + 1) / old for old, new in zip(one, other, strict=True))
    return least <= most

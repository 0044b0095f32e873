"""Masks of regular shape, and the two that scatter single pixels.

Every function takes the picture's (height, width) and returns a bool array of that shape, True = missing. A side of one
pixel cannot be divided: there the centre and the halves hide it.
"""

import math

import numpy as np
import numpy.typing as npt

from masks._checks import Seed, Shape, check_fraction, check_integer, check_scale, check_shape
from masks._random import make_generator
from masks.spec import MaskSpec

__all__ = [
    "bottom_mask",
    "center_mask",
    "full_mask",
    "grid_mask",
    "half_mask",
    "left_mask",
    "lowres_mask",
    "random_mask",
    "rectangle_mask",
    "right_mask",
    "top_mask",
]


def center_mask(shape: Shape, *, scale: float = MaskSpec.scale) -> npt.NDArray[np.bool_]:
    """Hide a centred rectangle.

    Parameters
    ----------
    shape : (height, width) of the picture
    scale : sides of the rectangle as a share of the picture's, in (0, 1]; rounded to pixels, at least one. Where the
        margins cannot be equal, the right and the lower one are a pixel wider.

    Returns
    -------
    (height, width) bool, True = missing

    Raises
    ------
    ValueError
        `scale` is out of its range.

    Examples
    --------
    >>> center_mask((4, 4)).astype(int)
    array([[0, 0, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 0],
           [0, 0, 0, 0]])
    """
    height, width = check_shape(shape)
    scale = check_scale(scale)
    rows, columns = (max(1, math.floor(scale * side + 0.5)) for side in (height, width))
    return rectangle_mask((height, width), x=(width - columns) // 2, y=(height - rows) // 2, width=columns, height=rows)


def left_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the left half of a (height, width) picture; of an odd number of columns the middle one too."""
    height, width = check_shape(shape)
    return rectangle_mask((height, width), x=0, y=0, width=(width + 1) // 2, height=height)


def right_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the right half of a (height, width) picture; of an odd number of columns the middle one too."""
    return left_mask(shape)[:, ::-1].copy()


def top_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the upper half of a (height, width) picture; of an odd number of rows the middle one too."""
    height, width = check_shape(shape)
    return left_mask((width, height)).T.copy()


def bottom_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the lower half of a (height, width) picture; of an odd number of rows the middle one too."""
    return top_mask(shape)[::-1].copy()


def half_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide the left, right, upper or lower half, whichever the seed picks.

    Parameters
    ----------
    shape : (height, width) of the picture
    seed : whole number of at least 0, or a sequence of them

    Returns
    -------
    (height, width) bool, True = missing
    """
    halves = (left_mask, right_mask, top_mask, bottom_mask)
    return halves[int(make_generator(seed).integers(len(halves)))](shape)


def random_mask(shape: Shape, *, fraction: float = MaskSpec.fraction, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide scattered pixels, exactly round(fraction * (height * width)) of them.

    Parameters
    ----------
    shape : (height, width) of the picture
    fraction : share of the pixels to hide, in [0, 1]; 0 hides none and 1 all
    seed : whole number of at least 0, or a sequence of them

    Returns
    -------
    (height, width) bool, True = missing

    Raises
    ------
    ValueError
        `fraction` is out of its range.

    Examples
    --------
    >>> int(random_mask((5, 4), fraction=0.75).sum())
    15
    """
    height, width = check_shape(shape)
    pixels = np.zeros(height * width, bool)
    pixels[: round(check_fraction(fraction) * (height * width))] = True
    make_generator(seed).shuffle(pixels)
    return pixels.reshape(height, width)


def grid_mask(shape: Shape, *, step: int = MaskSpec.step) -> npt.NDArray[np.bool_]:
    """Keep every step-th pixel in both directions, from the upper left one on, and hide the rest.

    Parameters
    ----------
    shape : (height, width) of the picture; of a single pixel nothing is hidden
    step : distance of the known pixels, at least 2

    Returns
    -------
    (height, width) bool, True = missing

    Raises
    ------
    ValueError
        `step` is out of its range.

    Examples
    --------
    >>> grid_mask((3, 5), step=2).astype(int)
    array([[0, 1, 0, 1, 0],
           [1, 1, 1, 1, 1],
           [0, 1, 0, 1, 0]])
    """
    mask = full_mask(shape)
    step = check_integer("step", step, minimum=2)
    mask[::step, ::step] = False
    return mask


def full_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide every pixel of a (height, width) picture."""
    return np.ones(check_shape(shape), bool)


def lowres_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide every pixel of a (height, width) picture of which only the means of blocks are known.

    The means are no pixels, so the mask is that of `full_mask`; how many blocks there are stands in `MaskSpec.blocks`
    and matters to the completion alone.
    """
    return full_mask(shape)


def rectangle_mask(shape: Shape, *, x: int, y: int, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Hide a rectangle, clipped to the picture.

    Parameters
    ----------
    shape : (height, width) of the picture
    x, y : column and row of the rectangle's upper left pixel; may be negative
    width, height : size of the rectangle in pixels, at least 1

    Returns
    -------
    (height, width) bool, True = missing

    Raises
    ------
    ValueError
        The size is not positive, or no pixel of the rectangle lies in the picture.

    Examples
    --------
    >>> rectangle_mask((2, 4), x=2, y=-1, width=9, height=2).astype(int)
    array([[0, 0, 1, 1],
           [0, 0, 0, 0]])
    """
    rows, columns = check_shape(shape)
    x, y = check_integer("x", x), check_integer("y", y)
    width = check_integer("width", width, minimum=1)
    height = check_integer("height", height, minimum=1)
    if x >= columns or y >= rows or x + width <= 0 or y + height <= 0:
        raise ValueError(
            f"Expected the rectangle to overlap the picture of height {rows} and width {columns}. "
            f"Received: x={x}, y={y}, width={width}, height={height}"
        )
    mask = np.zeros((rows, columns), bool)
    mask[max(y, 0) : y + height, max(x, 0) : x + width] = True
    return mask

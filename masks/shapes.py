"""Masks of regular shape, and the two that scatter single pixels.

Every function takes the picture's (height, width) and returns a bool array of that shape, True = missing. A side of one
pixel cannot be divided: there the centre and the halves hide it. Defaults and ranges are those of the table of masks.
"""

import math

import numpy as np
import numpy.typing as npt

from masks._checks import Seed, Shape, check_shape
from masks._random import make_generator
from masks.table import MASKS

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

(SCALE,) = MASKS["center"].options
(FRACTION,) = MASKS["random"].options
(STEP,) = MASKS["grid"].options
(BLOCKS,) = MASKS["lowres"].options
X, Y, WIDTH, HEIGHT = MASKS["rectangle"].options


def center_mask(shape: Shape, *, scale: float = SCALE.default) -> npt.NDArray[np.bool_]:
    """Hide a centred rectangle.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    scale : float, default 0.5
        Sides of the rectangle as a share of the picture's, in (0, 1]; rounded to pixels, at least one. Where the
        margins cannot be equal, the right and the lower one are a pixel wider.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

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
    scale = SCALE.check(scale)
    rows, columns = (max(1, math.floor(scale * side + 0.5)) for side in (height, width))
    return rectangle_mask((height, width), x=(width - columns) // 2, y=(height - rows) // 2, width=columns, height=rows)


def left_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the left half; of an odd number of columns the middle one too.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    height, width = check_shape(shape)
    return rectangle_mask((height, width), x=0, y=0, width=(width + 1) // 2, height=height)


def right_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the right half; of an odd number of columns the middle one too.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    return left_mask(shape)[:, ::-1].copy()


def top_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the upper half; of an odd number of rows the middle one too.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    height, width = check_shape(shape)
    return left_mask((width, height)).T.copy()


def bottom_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide the lower half; of an odd number of rows the middle one too.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    return top_mask(shape)[::-1].copy()


def half_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide the left, right, upper or lower half, as the seed decides.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of the choice, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    Raises
    ------
    ValueError
        `seed` is no such number.
    """
    halves = (left_mask, right_mask, top_mask, bottom_mask)
    return halves[int(make_generator(seed).integers(len(halves)))](shape)


def random_mask(shape: Shape, *, fraction: float = FRACTION.default, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide scattered pixels, exactly round(fraction * (height * width)) of them.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    fraction : float, default 0.8
        Share of the pixels to hide, in [0, 1]; 0 hides none and 1 all.
    seed : int or sequence of int, default 0
        Seed of the random choices, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    Raises
    ------
    ValueError
        `fraction` is out of its range, or `seed` is no such number.

    Examples
    --------
    >>> int(random_mask((5, 4), fraction=0.75).sum())
    15
    """
    height, width = check_shape(shape)
    pixels = np.zeros(height * width, bool)
    pixels[: round(FRACTION.check(fraction) * (height * width))] = True
    make_generator(seed).shuffle(pixels)
    return pixels.reshape(height, width)


def grid_mask(shape: Shape, *, step: int = STEP.default) -> npt.NDArray[np.bool_]:
    """Keep every step-th pixel in both directions, from the upper left one on, and hide the rest.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture; of a single pixel nothing is hidden.
    step : int, default 4
        Sampling step of the grid of known pixels, in pixels; at least 2.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

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
    step = STEP.check(step)
    mask[::step, ::step] = False
    return mask


def full_mask(shape: Shape) -> npt.NDArray[np.bool_]:
    """Hide every pixel.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, all True.
    """
    return np.ones(check_shape(shape), bool)


def lowres_mask(shape: Shape, *, blocks: int = BLOCKS.default) -> npt.NDArray[np.bool_]:
    """Hide every pixel of a picture of which only the means of blocks are known.

    The means are no pixels, so the mask is that of `full_mask`.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    blocks : int, default 8
        Number of blocks per side whose means are known, at least 1. The completion uses it; the mask is the same for
        every value.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, all True.

    Raises
    ------
    ValueError
        `blocks` is out of its range.
    """
    BLOCKS.check(blocks)
    return full_mask(shape)


def rectangle_mask(shape: Shape, *, x: int, y: int, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Hide a rectangle, clipped to the picture.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    x, y : int
        Column and row of the rectangle's upper left pixel; may be negative.
    width, height : int
        Size of the rectangle in pixels, at least 1.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

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
    x, y, width, height = X.check(x), Y.check(y), WIDTH.check(width), HEIGHT.check(height)
    if x >= columns or y >= rows or x + width <= 0 or y + height <= 0:
        raise ValueError(
            f"Expected the rectangle to overlap the picture of height {rows} and width {columns}. "
            f"Received: x={x}, y={y}, width={width}, height={height}"
        )
    mask = np.zeros((rows, columns), bool)
    mask[max(y, 0) : y + height, max(x, 0) : x + width] = True
    return mask

"""Fill a hole of any size in a moment: classically, on a smaller picture where the hole is large."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.blender import feather_blend
from completion.blending.classical import ClassicalFiller
from completion.blending.holes import hole_window
from dcgan.pictures.values import KNOWN_MIN, known_means

__all__ = ["QuickFiller", "fill_smaller"]

REACH = 8  # known pixels around the hole that are looked at; no method looks farther
FADE = 2.0  # how far the fine detail at the border of a hole that was filled smaller is faded, in the smaller pixels

Values = npt.NDArray[np.float32]


class QuickFiller:
    """Fill holes in time and memory that do not grow with them.

    Parameters
    ----------
    method : one of `completion.config.CLASSICAL_METHODS`
    unknowns_max : missing pixels up to which a hole is filled as it is; of a larger one, a smaller picture is filled
    """

    def __init__(self, method: str, *, unknowns_max: int) -> None:
        self._filler = ClassicalFiller(method)
        self._unknowns_max = unknowns_max

    def __call__(self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Return a copy of a picture with its hole filled.

        Parameters
        ----------
        picture : (H, W, 1 or 3) uint8
            What the mask hides is not looked at.
        mask : (H, W) bool, True = missing
            Some pixel must be known.

        Returns
        -------
        (H, W, C) uint8
            Known pixels are the picture's own.
        """
        result = picture.copy()
        if not mask.any():
            return result
        count = int(np.count_nonzero(mask))
        scale = math.sqrt(self._unknowns_max / count)
        window = hole_window(mask, reach=REACH if scale >= 1.0 else math.ceil(REACH / scale))
        hole, part = mask[window], picture[window]
        if scale >= 1.0:
            filled = self._filler(part[None], hole[None])[0]
        else:
            filled = np.clip(np.rint(fill_smaller(part, hole, scale, self._fill)), 0, 255).astype(np.uint8)
        result[window][hole] = filled[hole]
        return result

    def _fill(self, values: Values, mask: npt.NDArray[np.bool_]) -> Values:
        """Fill what `fill_smaller` passes on."""
        return self._filler(np.rint(values).astype(np.uint8)[None], mask[None])[0].astype(np.float32)


def fill_smaller(
    values: npt.NDArray[Any],
    mask: npt.NDArray[np.bool_],
    scale: float,
    fill: Callable[[Values, npt.NDArray[np.bool_]], Values],
) -> Values:
    """Fill a hole on a smaller grid, enlarge the filling, and meet the known values at the hole's border.

    Parameters
    ----------
    values : (H, W, C) uint8 or float32
        What the mask hides is not looked at.
    mask : (H, W) bool, True = missing
    scale : of the smaller grid, below 1
    fill : called with means of known values, (h, w, C) float32, and the smaller hole, (h, w) bool; returns them filled

    Returns
    -------
    (H, W, C) float32
        Of use in the hole. What is finer than the smaller grid at the border fades within two of its cells.
    """
    height, width = mask.shape
    small_shape = (max(1, round(width * scale)), max(1, round(height * scale)))  # OpenCV's order
    small, share = known_means(
        (values[..., channel].astype(np.float32, copy=False) for channel in range(values.shape[2])),
        (~mask).astype(np.float32),
        lambda channel: cv2.resize(channel, small_shape, interpolation=cv2.INTER_AREA),
    )
    hole = share <= KNOWN_MIN
    small = fill(small, hole)
    result = np.empty(values.shape, np.float32)
    for channel in range(values.shape[2]):
        large = cv2.resize(small[..., channel], (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
        original = values[..., channel, None].astype(np.float32, copy=False)
        result[..., channel] = feather_blend(large, original, mask, width_px=FADE / scale)[..., 0]
    return result

"""Classical filling in bounded time and memory: large holes are filled at a lower resolution."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.blender import Fade, paste
from completion.blending.classical import ClassicalFiller
from completion.blending.geometry import NARROW_PX, hole_depths
from completion.blending.holes import hole_window
from dcgan.pictures.values import KNOWN_MIN, known_means

__all__ = ["QuickFiller", "fill_smaller", "unknowns_limit"]

#: Missing pixels, in holes of any depth and in holes of at most `NARROW_PX`, up to which a method that solves an
#: equation fills a picture at full resolution: a few seconds. Across wide holes there is no detail to lose. See
#: docs/benchmarks.md.
UNKNOWNS_MAX = {"biharmonic": (250_000, 1_000_000), "harmonic": (1_000_000, 1_000_000)}

CONTEXT_PX = 8  # margin of known pixels around a hole that a method is given; none reads values farther away
FADE = 2.0  # width of the cross-fade at the border of a hole that was filled at a lower resolution, in its pixels

Values = npt.NDArray[np.float32]


def unknowns_limit(method: str, mask: npt.NDArray[np.bool_]) -> float:
    """Return the number of missing pixels up to which a method fills a mask at full resolution in a few seconds.

    Parameters
    ----------
    method : str
        A name in `completion.config.CLASSICAL_METHODS`.
    mask : bool array (H, W)
        True = missing.

    Returns
    -------
    float
        Infinite for methods whose time does not matter.
    """
    wide, narrow = UNKNOWNS_MAX.get(method, (math.inf, math.inf))
    if wide == narrow or np.count_nonzero(mask) <= wide:
        return wide
    return narrow if hole_depths(mask)[1].max() <= NARROW_PX else wide


class QuickFiller:
    """Fill holes in bounded time and memory.

    Parameters
    ----------
    method : str
        A name in `completion.config.CLASSICAL_METHODS`.
    unknowns_max : float
        Maximum number of missing pixels that is filled at full resolution. With more of them, the picture is reduced
        until the hole has about this many.

    Raises
    ------
    ValueError
        The method is unknown.
    """

    def __init__(self, method: str, *, unknowns_max: float) -> None:
        self._filler = ClassicalFiller(method)
        self._unknowns_max = unknowns_max

    def __call__(self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Return a copy of a picture with its hole filled.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
            C is 1 or 3. Missing pixels are never read.
        mask : bool array (H, W)
            True = missing. At least one pixel must be known.

        Returns
        -------
        uint8 array (H, W, C)
            Known pixels are copies of the picture's.
        """
        result = picture.copy()
        self.fill(result, mask)
        return result

    def fill(self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> None:
        """Fill the hole of a picture in place; see `__call__`.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        mask : bool array (H, W)
        """
        if not mask.any():
            return
        count = int(np.count_nonzero(mask))
        scale = math.sqrt(self._unknowns_max / count)
        window = hole_window(mask, reach=CONTEXT_PX if scale >= 1.0 else math.ceil(CONTEXT_PX / scale))
        hole, crop = mask[window], picture[window]
        if scale >= 1.0:
            filled = self._filler(crop[None], hole[None])[0]
        else:
            filled = fill_smaller(crop, hole, scale=scale, fill=self._fill)
            filled = np.clip(np.rint(filled), 0, 255).astype(np.uint8)
        crop[hole] = filled[hole]

    def _fill(self, values: Values, mask: npt.NDArray[np.bool_]) -> Values:
        """Fill the reduced picture of `fill_smaller`."""
        return self._filler(np.rint(values).astype(np.uint8)[None], mask[None])[0].astype(np.float32)


def fill_smaller(
    values: npt.NDArray[Any],
    mask: npt.NDArray[np.bool_],
    scale: float,
    fill: Callable[[Values, npt.NDArray[np.bool_]], Values],
) -> Values:
    """Fill a hole at a lower resolution, enlarge the result, and cross-fade it at the hole's border.

    Parameters
    ----------
    values : uint8 or float32 array (H, W, C)
        A picture, or any other values at its pixels. Missing pixels are never read.
    mask : bool array (H, W)
        True = missing.
    scale : float
        Side of the reduced array as a fraction of the full one, in (0, 1).
    fill : callable
        Called with the means of the known values, float32 (h, w, C), and the reduced hole, bool (h, w); returns the
        values with the hole filled.

    Returns
    -------
    float32 array (H, W, C)
        The filled values; meaningful in the hole only. Detail finer than the reduced pixels fades out within two of
        them from the hole's border.
    """
    height, width = mask.shape
    small_shape = (max(1, round(width * scale)), max(1, round(height * scale)))  # width first, as OpenCV expects
    small, known_share = known_means(
        (values[..., channel].astype(np.float32, copy=False) for channel in range(values.shape[2])),
        (~mask).astype(np.float32),
        lambda channel: cv2.resize(channel, small_shape, interpolation=cv2.INTER_AREA),
    )
    hole = known_share <= KNOWN_MIN
    small = fill(small, hole)
    result = np.empty(values.shape, np.float32)
    fade = Fade(mask, FADE / scale) if mask.any() and not mask.all() else None
    for channel in range(values.shape[2]):
        large = cv2.resize(small[..., channel], (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
        original = values[..., channel, None].astype(np.float32, copy=False)
        pasted = paste(large, original, mask)
        if fade is not None:
            fade.apply(pasted, large, original)
        result[..., channel] = pasted[..., 0]
    return result

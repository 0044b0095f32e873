"""Fill a hole of any size in a moment: classically, on a smaller picture where the hole is large."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending import feather_blend
from completion.classical import ClassicalFiller
from completion.holes import hole_window

__all__ = ["QuickFiller"]

REACH = 8  # known pixels around the hole that are looked at; no method looks farther
FADE = 2.0  # how far the fine detail at the border of a hole that was filled smaller is faded, in the smaller pixels


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
        filled = self._filler(part[None], hole[None])[0] if scale >= 1.0 else self._fill_smaller(part, hole, scale)
        result[window][hole] = filled[hole]
        return result

    def _fill_smaller(
        self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], scale: float
    ) -> npt.NDArray[np.uint8]:
        """Fill a smaller picture of means of known pixels, enlarge it, and meet the known pixels at the border."""
        height, width = mask.shape
        small_shape = (max(1, round(width * scale)), max(1, round(height * scale)))  # OpenCV's order
        known = (~mask).astype(np.float32)
        share = cv2.resize(known, small_shape, interpolation=cv2.INTER_AREA)
        small_hole = share <= 1e-6
        small = np.zeros((*share.shape, picture.shape[2]), np.uint8)
        for channel in range(picture.shape[2]):  # one at a time: a large picture in float32 is large
            summed = cv2.resize(picture[..., channel] * known, small_shape, interpolation=cv2.INTER_AREA)
            small[..., channel] = np.rint(np.divide(summed, share, out=np.zeros_like(summed), where=~small_hole))
        small = self._filler(small[None], small_hole[None])[0]
        result = picture.copy()
        for channel in range(picture.shape[2]):
            large = cv2.resize(small[..., channel].astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
            original = picture[..., channel, None].astype(np.float32)
            blended = feather_blend(large[..., None], original, mask, width_px=FADE / scale)
            result[..., channel] = np.clip(np.rint(blended[..., 0]), 0, 255)
        return result

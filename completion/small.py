"""What a face detector sees of a picture that an aligned face may fill: small, its hole filled in."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.quick_fill import QuickFiller
from dcgan.pictures.values import KNOWN_MIN, WHOLE_PIXELS_MAX, known_sums, to_uint8

__all__ = ["small_filled"]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_fill = QuickFiller("biharmonic", unknowns_max=4096)


def small_filled(picture: Picture, mask: Mask, *, side: int, around: int) -> Picture | None:
    """Return a picture, small and square, its hole filled, its borders repeated around it.

    Parameters
    ----------
    picture : uint8 array (H, W, 1 or 3)
    mask : bool array (H, W)
        True = missing; what it hides is not seen.
    side : int
        Of the square in which the picture lies, in pixels.
    around : int
        Pixels that are repeated around this square.

    Returns
    -------
    uint8 array (side + 2 * around, side + 2 * around, 3), or None
        None where nothing is known of the picture.
    """
    height, width = mask.shape
    scale = side / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))  # width first, as OpenCV expects
    known, means = _known_means(picture, mask, inner)
    hole = known <= KNOWN_MIN
    if hole.all():
        return None
    small = np.repeat(_fill(means, hole), 3 // means.shape[2], axis=2)
    spare = side - inner[1], side - inner[0]  # rows and columns that a picture lacks to be square
    top, bottom, left, right = (around + part for each in spare for part in (each // 2, each - each // 2))
    return cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)  # a detector wants surroundings


def _known_means(
    picture: Picture, mask: Mask, inner: tuple[int, int]
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.uint8]]:
    """Return the known shares of a smaller picture, (width, height), and the means of its known pixels."""
    if mask.size > WHOLE_PIXELS_MAX:
        sums, known = known_sums(picture, mask, inner[::-1])
        return known, to_uint8(sums / np.maximum(known, KNOWN_MIN)[..., None])
    known = cv2.resize((~mask).astype(np.float32), inner, interpolation=cv2.INTER_AREA)
    shown = np.where(mask[..., None], np.uint8(0), picture)
    sums = cv2.resize(shown, inner, interpolation=cv2.INTER_AREA).reshape(*known.shape, -1)
    return known, np.rint(sums / np.maximum(known, KNOWN_MIN)[..., None]).clip(0, 255).astype(np.uint8)

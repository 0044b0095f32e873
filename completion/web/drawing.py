"""What the page draws on: a picture small enough for a browser, the faces outlined in it, and masks from strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.faces.detector import Face

__all__ = ["BRUSH", "SHOWN_SIDE", "StrokeMask", "outline_faces", "show", "to_layer"]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

SHOWN_SIDE = 1400  # pixels of the longer side; a browser draws on more of them slowly
BRUSH = "#ff2d78"
OPAQUE = 128  # alpha from which on a stroke's pixel counts


def show(picture: Picture, *, side: int = SHOWN_SIDE) -> Picture:
    """Return a picture, uint8 (H, W, 3), not larger than a browser shows it.

    Examples
    --------
    >>> show(np.zeros((3000, 4000, 3), np.uint8), side=1000).shape
    (750, 1000, 3)
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def outline_faces(shown: Picture, faces: Sequence[Face], *, scale: float) -> Picture:
    """Return a shown picture with the faces outlined, each with its detection score.

    Parameters
    ----------
    shown : uint8 array (h, w, 3)
    faces : sequence of Face
        In pixels of the picture itself.
    scale : float
        Shown pixels for each pixel of the picture.
    """
    drawn = shown.copy()
    line = max(1, round(max(shown.shape[:2]) / 500))
    for face in faces:
        left, top, width, height = (round(value * scale) for value in face.box)
        for color, thickness in (((0, 0, 0), 3 * line), ((255, 255, 255), line)):
            cv2.rectangle(drawn, (left, top), (left + width, top + height), color, thickness)
        where, size = (left + 2 * line, max(top - 3 * line, 8 * line + 8)), 0.5 * line
        for color, thickness in (((0, 0, 0), 3 * line), ((255, 255, 255), line)):
            cv2.putText(
                drawn, f"{face.score:.1f}", where, cv2.FONT_HERSHEY_SIMPLEX, size, color, thickness, cv2.LINE_AA
            )
    return drawn


class StrokeMask:
    """A mask of a picture's own size that strokes on a smaller one add to and take from.

    Parameters
    ----------
    shape : (int, int)
        (H, W) of the picture.
    mask : bool array (H, W), optional
        Uploaded or suggested: True = missing.
    """

    def __init__(self, shape: tuple[int, int], mask: Mask | None = None) -> None:
        self.shape = shape
        self._mask = np.zeros(shape, bool) if mask is None else mask

    def with_strokes(self, layers: Sequence[Any]) -> Mask:
        """Return the mask with what was drawn since it was shown, and without what was erased.

        Parameters
        ----------
        layers : sequence of uint8 arrays (h, w, 4)
            Of the editor; what is opaque is missing.

        Returns
        -------
        bool array (H, W)
        """
        drawn = self._drawn(layers)
        if drawn is None:
            return np.zeros(self.shape, bool)
        if not self._mask.any():
            return self._fit(drawn)
        shown = to_layer(self._mask, drawn.shape)[..., 3] >= OPAQUE
        erased = self._fit(shown & ~drawn, interpolation=cv2.INTER_NEAREST)
        return (self._mask & ~erased) | self._fit(drawn & ~shown)

    def _fit(self, mask: Mask, *, interpolation: int = cv2.INTER_LINEAR) -> Mask:
        if mask.shape == self.shape:
            return mask
        size = self.shape[1], self.shape[0]
        return np.asarray(cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=interpolation)) >= OPAQUE

    @staticmethod
    def _drawn(layers: Sequence[Any]) -> Mask | None:
        found = [np.asarray(layer)[..., 3] >= OPAQUE for layer in layers if np.ndim(layer) == 3]
        return np.logical_or.reduce(found) if found else None


def to_layer(mask: Mask, shape: Sequence[int]) -> Picture:
    """Return a mask, bool (H, W), as the editor's layer, uint8 (h, w, 4): the brush's colour, opaque where missing."""
    height, width = shape[:2]
    cover = mask.astype(np.uint8) * 255
    if mask.shape != (height, width):
        cover = np.asarray(cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        cover = np.where(cover > 0, 255, 0).astype(np.uint8)  # thin lines stay
    layer = np.empty((height, width, 4), np.uint8)
    layer[..., :3] = [int(BRUSH[start : start + 2], 16) for start in (1, 3, 5)]
    layer[..., 3] = cover
    return layer

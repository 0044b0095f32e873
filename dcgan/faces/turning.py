"""Turned pictures: a face that is not upright is found in a picture that is turned until the face is."""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.faces.alignment import compose_transforms, invert_transform, transform_points
from dcgan.faces.locate import Box, LocatedFace
from dcgan.faces.placement import Placement
from dcgan.pictures.values import resize_picture

__all__ = ["TURNS", "Reduction", "Turn"]

#: Degrees, counter-clockwise, by which a picture is turned to look for faces: 90, 180 and 270 first.
TURNS = (90, 180, 270, 45, 315)

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Turn:
    """A turn of pictures of one shape, after which they are as large as they must be to hold every pixel.

    Attributes
    ----------
    degrees : int
        Counter-clockwise.
    shape : tuple of int
        (height, width) of the pictures.
    """

    degrees: int
    shape: tuple[int, int]

    @property
    def turned_shape(self) -> tuple[int, int]:
        """(height, width) of a turned picture."""
        cosine, sine = (abs(part) for part in self._parts)
        height, width = self.shape
        return math.ceil(sine * width + cosine * height - 1e-6), math.ceil(cosine * width + sine * height - 1e-6)

    @property
    def transform(self) -> Points:
        """The map, float64 (2, 3), from (x, y) in a picture to (x, y) in the turned one.

        Examples
        --------
        >>> Turn(90, (4, 6)).transform.tolist()
        [[0.0, 1.0, 0.0], [-1.0, 0.0, 5.0]]
        """
        cosine, sine = self._parts
        linear = np.array([[cosine, sine], [-sine, cosine]])
        middle, turned = ((np.array(shape[::-1]) - 1.0) / 2.0 for shape in (self.shape, self.turned_shape))
        return np.concatenate([linear, (turned - linear @ middle)[:, None]], axis=1) + 0.0  # no negative zeros

    def picture(self, picture: Picture) -> Picture:
        """Return a picture, (H, W, C), turned; where it ends, its border is repeated."""
        if self.degrees % 90 == 0:
            return np.ascontiguousarray(np.rot90(picture, self.degrees // 90))
        return self._warp(picture, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE).reshape(*self.turned_shape, picture.shape[2])

    def mask(self, mask: Mask) -> Mask:
        """Return a mask turned; nothing is missing where the picture ends."""
        if self.degrees % 90 == 0:
            return np.ascontiguousarray(np.rot90(mask, self.degrees // 90))
        return self._warp(mask.astype(np.uint8), cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) > 0

    def box(self, box: Box) -> Box:
        """Return the box around a turned box; between multiples of 90 degrees as large as it was."""
        return _turn_box(box, self.transform, keeps_size=self.degrees % 90 != 0)

    def face_back(self, face: LocatedFace) -> LocatedFace:
        """Return a face of the turned picture as one of the picture."""
        box = face.box and _turn_box(face.box, invert_transform(self.transform), keeps_size=self.degrees % 90 != 0)
        placement = Placement(compose_transforms(face.placement.transform, self.transform), face.placement.size)
        return dataclasses.replace(face, placement=placement, box=box, turn=self.degrees)

    @property
    def _parts(self) -> tuple[float, float]:
        """The turn's cosine and sine; exact where they are whole numbers."""
        angle = math.radians(self.degrees)
        return round(math.cos(angle), 12), round(math.sin(angle), 12)

    def _warp(self, values: npt.NDArray[np.uint8], method: int, border: int) -> npt.NDArray[np.uint8]:
        """Return an array turned by any angle."""
        height, width = self.turned_shape
        turned = cv2.warpAffine(values, self.transform, (width, height), flags=method, borderMode=border)
        return np.asarray(turned, np.uint8)


@dataclasses.dataclass(frozen=True)
class Reduction:
    """A smaller copy of pictures of one shape, in which faces are looked for that then lie in the picture.

    Attributes
    ----------
    shape, small_shape : tuple of int
        (height, width) of the pictures and of the smaller ones.
    """

    shape: tuple[int, int]
    small_shape: tuple[int, int]

    @property
    def transform(self) -> Points:
        """The map, float64 (2, 3), from (x, y) in a picture to (x, y) in the smaller one.

        Examples
        --------
        >>> Reduction((8, 4), (4, 2)).transform.tolist()
        [[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]]
        """
        down, across = (small / side for small, side in zip(self.small_shape, self.shape, strict=True))
        return np.array([[across, 0.0, (across - 1.0) / 2.0], [0.0, down, (down - 1.0) / 2.0]])

    def picture(self, picture: Picture) -> Picture:
        """Return a picture, (H, W, C), reduced."""
        return np.asarray(resize_picture(picture, self.small_shape), np.uint8)

    def mask(self, mask: Mask) -> Mask:
        """Return a mask reduced; True = any part of the pixel is missing."""
        return resize_picture(mask[..., None].view(np.uint8) * np.uint8(255), self.small_shape)[..., 0] > 0

    def box(self, box: Box) -> Box:
        """Return a box of the picture in the smaller one."""
        return _turn_box(box, self.transform, keeps_size=False)

    def face_back(self, face: LocatedFace) -> LocatedFace:
        """Return a face of the smaller picture as one of the picture."""
        box = face.box and _turn_box(face.box, invert_transform(self.transform), keeps_size=False)
        placement = Placement(compose_transforms(face.placement.transform, self.transform), face.placement.size)
        return dataclasses.replace(face, placement=placement, box=box)


def _turn_box(box: Box, transform: Points, *, keeps_size: bool) -> Box:
    """Return the box around a box's corners, or one of the same size with the same centre, after a map."""
    left, top, width, height = box
    corners = [(x - 0.5, y - 0.5) for x in (left, left + width) for y in (top, top + height)]
    points = transform_points(transform, corners)
    low, high = points.min(axis=0), points.max(axis=0)
    sides = np.array([width, height], np.float64) if keeps_size else high - low
    start = (low + high - sides) / 2.0 + 0.5
    return round(start[0]), round(start[1]), round(sides[0]), round(sides[1])

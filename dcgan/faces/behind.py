"""Faces behind holes that dlib's detector does not see: BlazeFace looks at squares around each hole.

The network sees 128x128 pixels, so a face is best seen in a square of about twice its size; how large the face behind a
hole is, is not known, so squares of many sizes are looked at. How often that finds a face, and how often one where none
is: scripts/bench_faces.py and docs/photographs.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dcgan.faces.alignment import Points, invert_transform
from dcgan.faces.blaze import BlazeFace, FacePoints

__all__ = ["PLACES", "faces_behind", "shared_area", "similarity"]

#: Where eyes, nose and mouth lie in the tight square, in sides of it, from its upper left corner: means of many
#: faces, which scripts/fit_framing.py prints.
PLACES = np.array([(0.257, 0.163), (0.725, 0.146), (0.488, 0.412), (0.499, 0.657)])
LEAST_SIDE_PX = 48  # of a square that is looked at
FIRST, GROWTH = 1.3, 1.25  # side of the smallest square, in sides of the hole, and how much larger the next is
SAME = 0.3  # share of the smaller of two boxes from which on they are one face

Picture = npt.NDArray[np.uint8]


def faces_behind(
    filled: Picture, holes: Sequence[tuple[int, int, int, int]], blaze: BlazeFace, *, min_score: float = 0.8
) -> list[FacePoints]:
    """Return the faces that are seen around holes, the surest first.

    Parameters
    ----------
    filled : uint8 array (H, W, 3)
        The photograph, its holes filled in.
    holes : sequence of (int, int, int, int)
        Left, top, width and height of each hole.
    blaze : BlazeFace
    min_score : float, default 0.8
        Lowest score, in (0, 1). At 0.5 more than every third hole with no face behind it has one; at 0.8 one of 127.
    """
    height, width = filled.shape[:2]
    found: list[FacePoints] = []
    for left, top, hole_width, hole_height in holes:
        side = max(LEAST_SIDE_PX, round(FIRST * max(hole_width, hole_height)))
        middle = left + hole_width / 2.0, top + hole_height / 2.0
        while True:
            corner = [max(0, round(each - side / 2.0)) for each in middle]
            part = filled[corner[1] : round(middle[1] + side / 2.0), corner[0] : round(middle[0] + side / 2.0)]
            found += [_moved(face, corner) for face in blaze.find(np.ascontiguousarray(part), min_score=min_score)]
            if part.shape[:2] == (height, width):
                break
            side = round(GROWTH * side)
    found.sort(key=lambda face: -face.score)
    kept: list[FacePoints] = []
    for face in found:
        if all(shared_area(face.box, other.box) < SAME * min(_area(face), _area(other)) for other in kept):
            kept.append(face)
    return kept


def similarity(points: npt.NDArray[np.float64], size: int, *, margin: float = 0.0) -> Points:
    """Return the transform, (2, 3), from a picture to a frame that brings a face's points to their usual places.

    The similarity of least squared error, from the usual places to the points (Umeyama 1991, doi:10.1109/34.88573, in
    the complex plane), inverted.

    Parameters
    ----------
    points : float64 array (N, 2), N >= 4
        Eyes, nose and mouth first; see `dcgan.faces.blaze.POINTS`.
    size : int
        Side of the frame in pixels.
    margin : float, default 0
        Of the frame; see `dcgan.config.ModelConfig`.
    """
    side = size / (1.0 + 2.0 * margin)  # of the tight square, in pixels of the frame
    places = (size - side) / 2.0 + side * PLACES - 0.5
    here, there = places @ (1.0, 1.0j), points[: len(PLACES)] @ (1.0, 1.0j)
    away = here - here.mean()
    factor = np.vdot(away, there - there.mean()) / np.vdot(away, away)
    offset = there.mean() - factor * here.mean()
    turn = np.array([[factor.real, -factor.imag, offset.real], [factor.imag, factor.real, offset.imag]])
    return invert_transform(turn)


def _moved(face: FacePoints, corner: Sequence[int]) -> FacePoints:
    """Return a face of a part of a picture as one of the picture."""
    left, top = face.box[0] + corner[0], face.box[1] + corner[1]
    return FacePoints(face.points + np.array(corner, np.float64), (left, top, *face.box[2:]), face.score)


def _area(face: FacePoints) -> float:
    """Return the area of a face's box."""
    return face.box[2] * face.box[3]


def shared_area(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the area that two boxes of left, top, width and height share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)

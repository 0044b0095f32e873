"""Find the faces of a photograph whose holes may hide them.

What a hole hides is never looked at. So the hole is filled first, by biharmonic interpolation, and the detector looks
at that. A face whose score has fallen below the detector's limit is taken as well, if the hole hides a good part of
it. Where that fails the user says where a face is. How often each step finds a face: docs/photographs.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.face_frame import frame_distance, frame_window
from completion.blending.quick_fill import QuickFiller
from dcgan.faces.alignment import LANDMARKS, alignment_transform, invert_transform
from dcgan.errors import NoFaceError
from dcgan.faces.detector import Face, FaceFinder

__all__ = ["FaceLocator", "LocatedFace"]

#: How much lower the detector's score may be of a face that the hole hides in part.
GUESS_DROP = 0.5
#: The least share of such a face's box that the hole hides.
GUESS_HIDDEN = 0.1
#: The landmarks of a face that the hole touches are means over boxes moved by so much of their sides: where the picture
#: is filled in they depend on the box.
BOX_MOVES = (-0.06, 0.0, 0.06)
#: Where a frame lies in a detector's box, in parts of the box's width and height: its middle, and its side. Means over
#: 120 faces; over the 200 of scripts/bench_faces.py, which prints them, 0.50, 0.61 and 0.96, with standard deviations
#: of 0.04, 0.04 and 0.09.
MIDDLE_IN_BOX, SIDE_IN_BOX = (0.51, 0.61), 0.975
#: The more of a frame is hidden, the less can be known of its landmarks: from the first of these shares on its usual
#: place in the box counts as well, from the second on alone.
BOX_COUNTS = (0.4, 0.9)
LOOK_UNKNOWNS_MAX = 16_384  # missing pixels that are filled for looking
FRAMING = "innerEyesAndBottomLip"  # the one that the model was trained on

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LocatedFace:
    """A face's place in a photograph.

    Attributes
    ----------
    transform : (2, 3) float64, from the photograph's pixels to the model's.
    step : how it was found: "detected", "guessed" (with a lower score, because of the hole), or by the user's word,
        "box" or "landmarks".
    box : left, top, width, height in pixels; None where landmarks were given.
    score : the detector's; not a number where it was not asked.
    """

    transform: Points
    step: str
    box: tuple[int, int, int, int] | None = None
    score: float = math.nan

    def record(self) -> dict[str, Any]:
        """Return what the manifest says of it."""
        fields: dict[str, Any] = {"step": self.step}
        fields |= {"box": list(self.box)} if self.box else {}
        fields |= {"score": round(self.score, 3)} if math.isfinite(self.score) else {}
        return fields | {"transform": np.round(self.transform, 9).tolist()}


class FaceLocator:
    """Finds faces behind holes.

    Parameters
    ----------
    size : side of the model's square in pixels
    finder : dlib's detector and landmarks; its `min_score` is that of a face that is whole
    """

    def __init__(self, size: int, finder: FaceFinder) -> None:
        self.size, self._finder = size, finder
        self._fill = QuickFiller("biharmonic", unknowns_max=LOOK_UNKNOWNS_MAX)

    def fill(self, picture: Picture, mask: Mask) -> Picture:
        """Return a photograph, (H, W, 3) uint8, with its hole filled for looking; what the mask hides is not seen."""
        return self._fill(picture, mask)

    def locate(
        self, filled: Picture, mask: Mask, *, boxes: Sequence[Sequence[int]] = (), landmarks: Iterable[Points] = ()
    ) -> list[LocatedFace]:
        """Return the faces of a photograph, the largest first; where the user says where they are, these alone.

        Parameters
        ----------
        filled : (H, W, 3) uint8, what `fill` returns
        mask : (H, W) bool, True = missing
        boxes : left, top, width and height of each face, in pixels
        landmarks : for each face (68, 2) float64, in dlib's order, or (3, 2): the inner eye corner that is left in the
            picture, the right one, and the middle of the bottom lip's lower edge

        Raises
        ------
        NoFaceError
            None is found, or a box or landmarks cannot be those of a face.
        """
        located = [LocatedFace(self._transform(_all_landmarks(points)), "landmarks") for points in landmarks]
        for box in boxes:
            left, top, width, height = (int(side) for side in box)
            if min(width, height) < 8 or not _overlaps(box, mask.shape):
                raise NoFaceError(
                    f"expected a face's box of at least 8x8 pixels in the picture of {mask.shape[1]}x{mask.shape[0]}, "
                    f"received {left},{top},{width},{height}"
                )
            located.append(LocatedFace(self._aligned(filled, mask, box), "box", (left, top, width, height)))
        if located:
            return located
        for face in self._choose(self._finder.find(filled, min_score=self._finder.min_score - GUESS_DROP), mask):
            touched = _hidden_share(face, mask) > 0.0
            transform = self._aligned(filled, mask, face.box) if touched else self._transform(face.landmarks)
            step = "detected" if face.score >= self._finder.min_score else "guessed"
            located.append(LocatedFace(transform, step, face.box, face.score))
        if not located:
            raise NoFaceError("expected a face, found none; say where it is: --face-box x,y,w,h or --landmarks-file")
        return located

    def align(self, picture: Picture, box: Sequence[int]) -> Points:
        """Return the transform of the face in a box, from landmarks averaged over moved boxes.

        Raises
        ------
        NoFaceError
            The landmarks lie as in no face.
        """
        left, top, width, height = (int(side) for side in box)
        moves = [(round(x * width), round(y * height)) for x in BOX_MOVES for y in BOX_MOVES]
        points = [self._finder.landmark(picture, (left + x, top + y, width, height)).landmarks for x, y in moves]
        return self._transform(np.mean(points, axis=0))

    def _choose(self, faces: Sequence[Face], mask: Mask) -> list[Face]:
        """Return the faces that count: sure ones, and those whose score the hole explains, one for each place."""
        least = self._finder.min_score
        chosen = [face for face in faces if face.score >= least]
        for face in sorted(faces, key=lambda face: -face.score):
            if face.score < least and _hidden_share(face, mask) >= GUESS_HIDDEN:
                free = all(_intersection(face.box, other.box) < 0.25 * face.area for other in chosen)
                chosen += [face] if free else []
        return sorted(chosen, key=lambda face: -face.area)

    def _aligned(self, filled: Picture, mask: Mask, box: Sequence[int]) -> Points:
        """Return the transform of a partly hidden face: by its landmarks, and its box where much is hidden."""
        usual = self._usual(box)
        window = frame_window(usual, self.size, mask.shape)
        inside = frame_distance(usual, self.size, window) <= 1.0
        hidden = float(mask[window][inside].mean()) if inside.any() else 0.0
        share = min(max((hidden - BOX_COUNTS[0]) / (BOX_COUNTS[1] - BOX_COUNTS[0]), 0.0), 1.0)
        if share == 1.0:
            return usual
        own = invert_transform(self.align(filled, box))
        return invert_transform((1.0 - share) * own + share * invert_transform(usual))

    def _usual(self, box: Sequence[int]) -> Points:
        """Return the transform of an upright face in a box."""
        left, top, width, height = box
        scale = self.size / (SIDE_IN_BOX * width)
        middle = np.array([left + MIDDLE_IN_BOX[0] * width, top + MIDDLE_IN_BOX[1] * height])
        return np.concatenate([np.eye(2) * scale, ((self.size - 1) / 2.0 - scale * middle)[:, None]], axis=1)

    def _transform(self, landmarks: Points) -> Points:
        """Return the transform that aligns landmarks."""
        try:
            transform = alignment_transform(landmarks, framing=FRAMING, size=self.size)
        except ValueError as error:
            raise NoFaceError(str(error)) from error
        if np.linalg.det(transform[:, :2]) <= 0.0:
            inner_left, inner_right, lip = landmarks[list(LANDMARKS[FRAMING])].round(1).tolist()
            raise NoFaceError(
                "expected the landmarks of a face, the eye corner that is left in the picture first, received "
                f"{inner_left}, {inner_right}, lip {lip}"
            )
        return transform


def _all_landmarks(points: Points) -> Points:
    """Return (68, 2) landmarks; of three, the others are not looked at and stay 0."""
    if points.shape == (3, 2):
        every = np.zeros((68, 2))
        every[list(LANDMARKS[FRAMING])] = points
        return every
    if points.shape != (68, 2):
        raise NoFaceError(f"expected 3 or 68 landmarks of two numbers each, received an array of {points.shape}")
    return points


def _overlaps(box: Sequence[int], shape: Sequence[int]) -> bool:
    """Tell whether a box and a picture of a shape, (height, width), share a pixel."""
    left, top, width, height = box
    return left < shape[1] and top < shape[0] and left + width > 0 and top + height > 0


def _hidden_share(face: Face, mask: Mask) -> float:
    """Return the share of a face's box, as far as it lies in the picture, that is missing."""
    left, top, width, height = face.box
    part = mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    return float(part.mean()) if part.size else 0.0


def _intersection(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the area in pixels that two boxes share."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)

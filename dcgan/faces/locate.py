"""Locate the faces of a photograph, also behind a hole.

What a hole hides is never used: the detector sees the photograph with the hole filled in. A face whose score is below
the detector's limit counts as well if the hole hides a good part of it, and if it is not much smaller than the sure
ones. Around holes that touch no such face BlazeFace looks once more, where it is installed. Where that fails the user
gives the face's place. How often each step finds a face: docs/photographs.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.errors import NoFaceError
from dcgan.faces.alignment import LANDMARKS, alignment_transform, invert_transform, transform_points
from dcgan.faces.behind import faces_behind, shared_area, similarity
from dcgan.faces.blaze import BlazeFace, find_weights
from dcgan.faces.detector import DETECTED_PIXELS, Face, FaceDetector
from dcgan.faces.placement import Placement, Window

__all__ = ["Box", "FaceLocator", "GivenFaces", "LocatedFace"]

#: How far a partly hidden face's score may lie below the detector's limit.
GUESS_DROP = 0.5
#: The smallest hidden share of such a face's box.
GUESS_HIDDEN = 0.1
#: Landmarks of a face that the hole touches are averaged over boxes moved by these shares of their sides: where the
#: picture is filled in, landmarks depend on the box.
BOX_MOVES = (-0.06, 0.0, 0.06)
#: Where the tight square lies in a detector's box, as shares of the box's width and height: its centre, and its side.
#: Means over 120 faces; over the 200 of scripts/bench_faces.py, which prints them, 0.50, 0.61 and 0.96, with standard
#: deviations of 0.04, 0.04 and 0.09.
CENTRE_IN_BOX, SIDE_IN_BOX = (0.51, 0.61), 0.975
#: Hidden shares of the frame between which the landmarks' weight falls from 1 to 0; the box's usual frame has the rest.
BOX_COUNTS = (0.4, 0.9)
#: The detector's limit from which on only faces count that it sees itself.
BEHIND_MIN_SCORE = 1.0
#: Where there are sure faces, such a face must be surer, and not much narrower than their median. Of 29 guesses beside
#: sure faces, in 14 photographs with holes in faces and elsewhere, 25 were faces: 20 of them pass, no other does.
GUESS_DROP_BESIDE, GUESS_WIDTH = 0.4, 0.52
#: Pixels of a photograph beyond which the detector sees it reduced, and the surroundings of the hole are looked at once
#: more; how far these reach, and how many holes are looked at one by one.
WHOLE_PIXELS, AROUND_PX, HOLES_MAX = DETECTED_PIXELS / 4, 160, 8
BOX_MIN_PX = 8
MODES = ("photograph", "auto", "aligned", "default")
FRAMING = "innerEyesAndBottomLip"  # the framing that the model was trained on

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]  # left, top, width, height in pixels


@dataclasses.dataclass(frozen=True, eq=False)
class GivenFaces:
    """What the user says about the faces of a picture: their places, and whether it is a photograph.

    Attributes
    ----------
    boxes : tuple of (int, int, int, int)
        Left, top, width and height of each face in pixels.
    landmarks : tuple of float64 arrays (68, 2) or (3, 2)
        In dlib's order, or three: the inner eye corner that is left in the picture, the right one, and the middle of
        the lower edge of the bottom lip.
    mode : str
        "photograph": faces are at these places; where there are none, they are detected. "auto": without places, the
        picture is an aligned face or a photograph, and which is found out. "aligned": without places it is taken as an
        aligned face; what is evidently none is refused, and a note says where that is in doubt. "default": the same
        where the user chose no mask, so that less doubt is enough.
    """

    boxes: tuple[Box, ...] = ()
    landmarks: tuple[Points, ...] = ()
    mode: str = "photograph"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"Expected `mode` to be one of {', '.join(MODES)}. Received: {self.mode!r}")

    @property
    def undecided(self) -> bool:
        """Whether the picture may be an aligned face."""
        return self.mode != "photograph" and not self.boxes and not self.landmarks


@dataclasses.dataclass(frozen=True, eq=False)
class LocatedFace:
    """A face and its place in a picture.

    Attributes
    ----------
    placement : Placement
        From the picture's pixels to the model's frame.
    source : str
        "aligned" (the whole picture is an aligned face), "detected", "guessed" (detected with a lower score, because
        the hole hides a part), "box" or "landmarks" (given by the user).
    box : tuple of int, optional
        Left, top, width and height in pixels; None where there is no box.
    score : float
        The detector's score; NaN where the face was not detected.
    turn : int
        Degrees, counter-clockwise, by which the picture was turned to find the face upright.
    unseen : bool
        Whether no face is seen in a given box; it is taken as upright.
    detector : str
        What has found it, where that is not dlib: "blazeface", whose scores are in (0, 1).
    over : bool
        Whether this is the face before it once more, placed better: its picture fades into that one's where its frame
        ends.
    """

    placement: Placement
    source: str
    box: Box | None = None
    score: float = math.nan
    turn: int = 0
    unseen: bool = False
    detector: str = ""
    over: bool = False

    @classmethod
    def aligned(cls, shape: tuple[int, ...], size: int, *, share: float = 1.0) -> LocatedFace:
        """Return the face of an aligned picture; see `Placement.whole`."""
        return cls(Placement.whole(shape, size, share=share), "aligned")

    def record(self) -> dict[str, Any]:
        """Return the face's fields in the manifest."""
        fields: dict[str, Any] = {"source": self.source}
        fields |= {"box": list(self.box)} if self.box else {}
        fields |= {"score": round(self.score, 3)} if math.isfinite(self.score) else {}
        fields |= {"detector": self.detector} if self.detector else {}
        fields |= {"turn": self.turn} if self.turn else {}
        return fields | {"transform": np.round(self.placement.transform, 9).tolist()}


class FaceLocator:
    """Locate faces of photographs, also behind holes.

    Parameters
    ----------
    size : int
        Side of the model's frame in pixels.
    detector : FaceDetector
        dlib's detector and landmarks; its `min_score` is the limit for a face that is not hidden.
    margin : float, default 0
        Of the model's frame; see `dcgan.config.ModelConfig`.
    """

    def __init__(self, size: int, detector: FaceDetector, *, margin: float = 0.0) -> None:
        self.size, self.margin, self._detector = size, margin, detector
        self._blaze: BlazeFace | None = None

    def locate(self, filled: Picture, mask: Mask, *, given: GivenFaces | None = None) -> list[LocatedFace]:
        """Return the faces of a photograph, the largest first; where the user gives places, these alone.

        Parameters
        ----------
        filled : uint8 array (H, W, 3)
            The photograph, its hole filled in.
        mask : bool array (H, W)
            True = missing.
        given : GivenFaces, optional
            Boxes and landmarks given by the user.

        Raises
        ------
        NoFaceError
            No face is found, or a box or landmarks cannot be those of a face.
        """
        given = given or GivenFaces()
        located = [LocatedFace(self.place_landmarks(_all_landmarks(points)), "landmarks") for points in given.landmarks]
        for box in given.boxes:
            left, top, width, height = (int(side) for side in box)
            if min(width, height) < BOX_MIN_PX or not _overlaps(box, mask.shape):
                raise NoFaceError(
                    f"expected a face's box of at least 8x8 pixels in the picture of {mask.shape[1]}x{mask.shape[0]}, "
                    f"received {left},{top},{width},{height}"
                )
            located.append(LocatedFace(self._place_hidden(filled, mask, box), "box", (left, top, width, height)))
        if located:
            return located
        chosen = self._choose(self._detect(filled, mask), mask)
        for face in chosen:
            touched = _hidden_share(face.box, mask) > 0.0
            placement = self._place_hidden(filled, mask, face.box) if touched else self.place_landmarks(face.landmarks)
            source = "detected" if face.score >= self._detector.min_score else "guessed"
            located.append(LocatedFace(placement, source, face.box, face.score))
        located += self._find_behind(filled, mask, [face.box for face in chosen])
        if not located:
            raise NoFaceError("expected a face, found none; say where it is: --face-box x,y,w,h or --landmarks-file")
        return located

    def align(self, picture: Picture, box: Sequence[int]) -> Placement:
        """Return the placement of the face in a box, from landmarks averaged over moved boxes.

        Raises
        ------
        NoFaceError
            The landmarks cannot be those of a face.
        """
        left, top, width, height = (int(side) for side in box)
        moves = [(round(x * width), round(y * height)) for x in BOX_MOVES for y in BOX_MOVES]
        points = [
            self._detector.predict_landmarks(picture, (left + x, top + y, width, height)).landmarks for x, y in moves
        ]
        return self.place_landmarks(np.mean(points, axis=0))

    def _detect(self, filled: Picture, mask: Mask) -> list[Face]:
        """Return the faces of a photograph; of a large one also those that are seen at full size around the hole."""
        least = self._detector.min_score - GUESS_DROP
        faces = self._detector.detect(filled, min_score=least)
        for rows, columns in _windows_around(mask) if mask.size > WHOLE_PIXELS else ():
            for face in self._detector.detect(filled[rows, columns], min_score=least):
                box = (face.box[0] + columns.start, face.box[1] + rows.start, *face.box[2:])
                if all(shared_area(box, other.box) < 0.25 * min(face.area, other.area) for other in faces):
                    points = face.landmarks + np.array([columns.start, rows.start])
                    faces.append(dataclasses.replace(face, box=box, landmarks=points))
        return faces

    def _find_behind(self, filled: Picture, mask: Mask, boxes: Sequence[Box]) -> list[LocatedFace]:
        """Return the faces that BlazeFace sees behind holes that touch none of some boxes."""
        holes = [hole for hole in _holes_apart(mask) if all(shared_area(hole, _frame(box)) == 0 for box in boxes)]
        if not holes or self._detector.min_score >= BEHIND_MIN_SCORE or find_weights() is None:
            return []
        self._blaze = self._blaze or BlazeFace()
        found = []
        for face in faces_behind(filled, holes, self._blaze):
            usual = Placement(similarity(face.points, self.size, margin=self.margin), self.size)
            box = self._box(usual)
            hides = _hidden_share(box, mask) >= GUESS_HIDDEN
            if hides and all(shared_area(box, other) < 0.25 * box[2] * box[3] for other in boxes):
                placement = self._place_hidden(filled, mask, box, usual=usual)
                found.append(LocatedFace(placement, "guessed", box, face.score, detector="blazeface"))
        return found

    def _choose(self, faces: Sequence[Face], mask: Mask) -> list[Face]:
        """Return the faces that count: certain ones, and those whose low score the hole explains, one a place."""
        least = self._detector.min_score
        chosen = [face for face in faces if face.score >= least]
        lowest, narrowest = least - GUESS_DROP, 0.0
        if chosen:
            lowest = least - GUESS_DROP_BESIDE
            narrowest = GUESS_WIDTH * float(np.median([face.box[2] for face in chosen]))
        for face in sorted(faces, key=lambda face: -face.score):
            if lowest <= face.score < least and _hidden_share(face.box, mask) >= GUESS_HIDDEN:
                free = all(shared_area(face.box, other.box) < 0.25 * face.area for other in chosen)
                chosen += [face] if free and face.box[2] >= narrowest else []
        return sorted(chosen, key=lambda face: -face.area)

    def _place_hidden(
        self, filled: Picture, mask: Mask, box: Sequence[int], *, usual: Placement | None = None
    ) -> Placement:
        """Return the placement of a partly hidden face: by its landmarks, and where much is hidden by its usual place.

        That is by default the box's.
        """
        usual = usual or self._usual(box)
        window = usual.window(mask.shape)
        inside = usual.distance(window) <= 1.0
        hidden = float(mask[window][inside].mean()) if inside.any() else 0.0
        share = min(max((hidden - BOX_COUNTS[0]) / (BOX_COUNTS[1] - BOX_COUNTS[0]), 0.0), 1.0)
        if share == 1.0:
            return usual
        own = invert_transform(self.align(filled, box).transform)
        mixed = (1.0 - share) * own + share * invert_transform(usual.transform)
        return Placement(invert_transform(mixed), self.size)

    def _usual(self, box: Sequence[int]) -> Placement:
        """Return the placement of an upright face in a box."""
        centre, side = _tight_square(box)
        scale = self.size / (side * (1.0 + 2.0 * self.margin))
        offset = (self.size - 1) / 2.0 - scale * centre
        return Placement(np.concatenate([np.eye(2) * scale, offset[:, None]], axis=1), self.size)

    def _box(self, usual: Placement) -> Box:
        """Return the detector's box of a face whose usual placement this is; see `_usual`."""
        back, middle = invert_transform(usual.transform), (self.size - 1) / 2.0
        (x, y), *_ = transform_points(back, [(middle, middle)])
        tight_side = self.size * math.sqrt(abs(np.linalg.det(back[:, :2]))) / (1.0 + 2.0 * self.margin)
        side = tight_side / SIDE_IN_BOX
        return round(x - CENTRE_IN_BOX[0] * side), round(y - CENTRE_IN_BOX[1] * side), round(side), round(side)

    def place_landmarks(self, landmarks: Points) -> Placement:
        """Return the placement that aligns landmarks, float64 (68, 2).

        Raises
        ------
        NoFaceError
            They cannot be those of a face.
        """
        try:
            transform = alignment_transform(landmarks, framing=FRAMING, size=self.size, margin=self.margin)
        except ValueError as error:
            raise NoFaceError(str(error)) from error
        if np.linalg.det(transform[:, :2]) <= 0.0:
            inner_left, inner_right, lip = landmarks[list(LANDMARKS[FRAMING])].round(1).tolist()
            raise NoFaceError(
                "expected the landmarks of a face, the eye corner that is left in the picture first, received "
                f"{inner_left}, {inner_right}, lip {lip}"
            )
        return Placement(transform, self.size)


def _all_landmarks(points: Points) -> Points:
    """Return landmarks as an array (68, 2); of three given ones the others stay 0 and are not used."""
    if points.shape == (3, 2):
        every = np.zeros((68, 2))
        every[list(LANDMARKS[FRAMING])] = points
        return every
    if points.shape != (68, 2):
        raise NoFaceError(f"expected 3 or 68 landmarks of two numbers each, received an array of {points.shape}")
    return points


def _windows_around(mask: Mask) -> list[Window]:
    """Return the surroundings of each hole of a mask, or those of all of them where there are many."""
    return [
        (
            slice(max(top - AROUND_PX, 0), min(top + height + AROUND_PX, mask.shape[0])),
            slice(max(left - AROUND_PX, 0), min(left + width + AROUND_PX, mask.shape[1])),
        )
        for left, top, width, height in _holes_apart(mask)
    ]


def _holes_apart(mask: Mask) -> list[Box]:
    """Return left, top, width and height of each hole of a mask, or of all of them together where there are many."""
    found = [holes for band in _bands(mask) for holes in _holes(mask, band)]
    if len(found) > HOLES_MAX:
        holes = np.array(found)
        low, high = holes[:, :2].min(axis=0), (holes[:, :2] + holes[:, 2:]).max(axis=0)
        found = [[*low.tolist(), *(high - low).tolist()]]
    return [(left, top, width, height) for left, top, width, height in found]


def _tight_square(box: Sequence[int]) -> tuple[Points, float]:
    """Return the centre (x, y) and the side of the tight square of an upright face in a detector's box."""
    left, top, width, height = box
    return np.array([left + CENTRE_IN_BOX[0] * width, top + CENTRE_IN_BOX[1] * height]), SIDE_IN_BOX * width


def _frame(box: Sequence[int]) -> Box:
    """Return the tight square of an upright face in a detector's box, with a margin of a quarter."""
    centre, side = _tight_square(box)
    left, top = centre - 0.75 * side
    return round(left), round(top), round(1.5 * side), round(1.5 * side)


def _bands(mask: Mask) -> list[Window]:
    """Return the runs of rows that hold missing pixels, each from its first to its last missing column."""
    used = np.concatenate([[False], mask.any(axis=1), [False]])
    borders = np.flatnonzero(used[1:] != used[:-1]).reshape(-1, 2)
    bands = []
    for first, end in borders.tolist():
        columns = np.flatnonzero(mask[first:end].any(axis=0))
        bands.append((slice(first, end), slice(int(columns[0]), int(columns[-1]) + 1)))
    return bands


def _holes(mask: Mask, band: Window) -> list[list[int]]:
    """Return left, top, width and height of each hole of a band; labels take 4 bytes for each of its pixels."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask[band].astype(np.uint8), connectivity=8)
    return (stats[1:, :4] + np.array([band[1].start, band[0].start, 0, 0])).tolist()  # 0 is what is known


def _overlaps(box: Sequence[int], shape: Sequence[int]) -> bool:
    """Tell whether a box and a picture of a shape, (height, width), share a pixel."""
    left, top, width, height = box
    return left < shape[1] and top < shape[0] and left + width > 0 and top + height > 0


def _hidden_share(box: Sequence[int], mask: Mask) -> float:
    """Return the share of a box, as far as it lies in the picture, that is missing."""
    left, top, width, height = box
    part = mask[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    return float(part.mean()) if part.size else 0.0

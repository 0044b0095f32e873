"""Which faces of a photograph the hole touches, and where they lie: detection, then a second alignment."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from completion.blending.quick_fill import QuickFiller
from completion.composition import Composer
from completion.config import EncoderConfig
from completion.search.finder import Finder
from completion.search.observation import observe
from dcgan.errors import NoFaceError
from dcgan.faces.alignment import compose_transforms, invert_transform, transform_points
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import BOX_MIN_PX, Box, FaceLocator, GivenFaces, LocatedFace
from dcgan.faces.placement import Placement
from dcgan.faces.turning import TURNS, Reduction, Turn
from dcgan.pictures.values import resize_picture

__all__ = ["FacePlacer"]

FILLED_UNKNOWNS_MAX = 16_384  # missing pixels that are filled for detection; larger holes on a smaller grid
ALIGNED_SIDE_PX = 160  # side of the tight square at the second alignment: landmarks need no more
TURNED_PIXELS = 1_500_000  # of the photograph in which turned faces are looked for
#: Pixels of a photograph beyond which a reduced one is turned to align its faces, which bounds the memory, and the
#: least side of a given box in it.
TURNED_WHOLE_PIXELS, TURNED_WHOLE_BOX_PX = 24_000_000, 160
LEAST_SCORE = -0.5  # of a face in a given box
TURNED_BOX_PX = 120  # side of a given box there
TURNED_SURER = 0.25  # by how much a turned face's score must be above what an upright one needs
#: The same in a given box: at 0.25, 16 of 250 upright faces behind holes were turned, at 0.5 4; of 94 turned ones that
#: are found, 5 to 8 are not any more.
BOX_TURNED_SURER = 0.5

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Faces = tuple[LocatedFace, ...]


class FacePlacer:
    """Locate the faces that a hole touches.

    Parameters
    ----------
    detector : FaceDetector
        dlib's detector and landmarks.
    finder : Finder
        The model's answers; used for the second alignment where they cost one forward pass.
    composer : Composer
    in_place : bool, default False
        Fill the hole of the picture itself, rather than of a copy, where faces are looked for: for pictures of which
        what is missing is not read afterwards.
    """

    def __init__(self, detector: FaceDetector, finder: Finder, composer: Composer, *, in_place: bool = False) -> None:
        self.size, margin = finder.prior.config.size, finder.prior.config.margin
        self._aligned_side = round(ALIGNED_SIDE_PX * (1.0 + 2.0 * margin))
        self._finder, self._composer, self._in_place = finder, composer, in_place
        self._detector, self._locator = detector, FaceLocator(self.size, detector, margin=margin)
        self._fill = QuickFiller("biharmonic", unknowns_max=FILLED_UNKNOWNS_MAX)

    def place(
        self, picture: Picture, mask: Mask, *, given: GivenFaces | None = None, turned: bool = True
    ) -> tuple[Faces, Faces]:
        """Return the faces that the hole touches, and the others.

        With an encoder, whose answer costs little, each detected face is completed once and aligned again by the
        landmarks of the completed face. Where no upright face is found, the photograph is turned. The face in a given
        box is turned as it is found the surest.

        Parameters
        ----------
        picture : uint8 array (H, W, 1 or 3)
        mask : bool array (H, W)
            True = missing; some pixel must be known.
        given : GivenFaces, optional
            Boxes and landmarks given by the user.
        turned : bool, optional
            Where no upright face is found, look for one that is turned.

        Raises
        ------
        NoFaceError
            No face is found, or a given box or landmarks cannot be those of a face.
        """
        filled = self._filled(picture, mask)
        given = given or GivenFaces()
        if not given.boxes:
            located: list[LocatedFace] = []
            try:
                located = self._locator.locate(filled, mask, given=given)
            except NoFaceError:
                if given.landmarks or not turned:
                    raise
            if turned and all(face.source == "guessed" for face in located):
                degrees = self._turn_of_photograph(filled)
                if degrees or not located:  # without a face, `_place_turned` says so
                    return self._place_turned(picture, mask, filled, given=given, degrees=degrees)
            return self._align_touched(picture, mask, filled, located)
        turns = {box: self._turn_of_box(filled, box) for box in given.boxes}
        faces: Faces = ()
        others: Faces = ()
        for degrees in dict.fromkeys((*([0] if given.landmarks else []), *(turn or 0 for turn in turns.values()))):
            boxes = tuple(box for box in given.boxes if (turns[box] or 0) == degrees)
            part = GivenFaces(boxes, given.landmarks if degrees == 0 else ())
            more, untouched = self._place_turned(picture, mask, filled, given=part, degrees=degrees)
            faces, others = faces + more, others + untouched
        unseen = {box for box, turn in turns.items() if turn is None}
        return tuple(dataclasses.replace(face, unseen=face.box in unseen) for face in faces), others

    def _place_turned(
        self, picture: Picture, mask: Mask, filled: Picture, *, given: GivenFaces, degrees: int
    ) -> tuple[Faces, Faces]:
        """Return the faces that are upright when the photograph is turned; see `place`."""
        if degrees == 0:
            return self._place_upright(picture, mask, filled, given=given)
        reduction = _reduction(mask.shape, given)
        if reduction is None:
            return self._place_whole_turned(picture, mask, filled, given=given, degrees=degrees)
        small = reduction.picture(filled)  # not the photograph: its reduced pixels would mix in what is hidden
        own = GivenFaces(tuple(reduction.box(box) for box in given.boxes))
        pictures = (small[..., : picture.shape[2]], reduction.mask(mask), small)
        faces, others = self._place_whole_turned(*pictures, given=own, degrees=degrees)
        return tuple(map(reduction.face_back, faces)), tuple(map(reduction.face_back, others))

    def _place_whole_turned(
        self, picture: Picture, mask: Mask, filled: Picture, *, given: GivenFaces, degrees: int
    ) -> tuple[Faces, Faces]:
        """Return the faces that are upright when the photograph is turned, all of it at its own size."""
        turn = Turn(degrees, (mask.shape[0], mask.shape[1]))
        own = GivenFaces(tuple(turn.box(box) for box in given.boxes))
        turned = turn.picture(filled)
        shown = turned if filled is picture else turn.picture(picture)
        faces, others = self._place_upright(shown, turn.mask(mask), turned, given=own)
        return tuple(map(turn.face_back, faces)), tuple(map(turn.face_back, others))

    def _place_upright(
        self, picture: Picture, mask: Mask, filled: Picture, *, given: GivenFaces
    ) -> tuple[Faces, Faces]:
        """Return the upright faces that the hole touches, and the others; see `place`."""
        return self._align_touched(picture, mask, filled, self._locator.locate(filled, mask, given=given))

    def _align_touched(
        self, picture: Picture, mask: Mask, filled: Picture, located: Sequence[LocatedFace]
    ) -> tuple[Faces, Faces]:
        """Return the faces that the hole touches, aligned again, and the others; see `place`."""
        touched = [face for face in located if _touches(mask, face)]
        others = tuple(face for face in located if face not in touched)
        if isinstance(self._finder.config, EncoderConfig) and any(face.box for face in touched):
            tones = [self._composer.tone(picture, face, mask) for face in touched]
            answers = self._finder.find(
                [observe(picture, mask, face.placement, tone=tone) for face, tone in zip(touched, tones, strict=True)]
            )
            touched = [
                self._align_again(filled, mask, face, generated=generated)
                for face, generated in zip(touched, answers.generated, strict=True)
            ]
        return tuple(touched), others

    def _turn_of_photograph(self, filled: Picture) -> int:
        """Return the turn, in degrees, at which a photograph with no upright face has a sure one; 0 where none has."""
        scale = min(1.0, math.sqrt(TURNED_PIXELS / (filled.shape[0] * filled.shape[1])))
        sides = (max(1, round(scale * filled.shape[0])), max(1, round(scale * filled.shape[1])))
        small = resize_picture(filled, sides) if scale < 1.0 else filled
        least = self._detector.min_score + TURNED_SURER
        scores = {degrees: self._best_score(small, degrees, least=least) for degrees in TURNS}
        best = max(scores, key=lambda degrees: scores[degrees])
        return best if scores[best] >= least else 0

    def _turn_of_box(self, filled: Picture, box: Box) -> int | None:
        """Return the turn, in degrees, at which the face in a box is by far the surest; None where none is seen."""
        left, top, width, height = box
        around = max(width, height) // 2
        rows = slice(max(top - around, 0), max(top + height + around, 0))
        columns = slice(max(left - around, 0), max(left + width + around, 0))
        part = filled[rows, columns]
        if not part.size or min(width, height) < BOX_MIN_PX:
            return 0  # no box of a face: `FaceLocator.locate` says so
        scale = TURNED_BOX_PX / max(width, height)
        part = resize_picture(part, (max(1, round(scale * part.shape[0])), max(1, round(scale * part.shape[1]))))
        scores = {degrees: self._best_score(part, degrees, least=LEAST_SCORE, upsample=0) for degrees in (0, *TURNS)}
        best = max(scores, key=lambda degrees: scores[degrees])
        if scores[best] == -math.inf:
            return None
        return best if scores[best] >= max(scores[0], LEAST_SCORE) + BOX_TURNED_SURER else 0

    def _best_score(self, picture: Picture, degrees: int, *, least: float, upsample: int | None = None) -> float:
        """Return the score of the surest face in a turned picture, or minus infinity."""
        seen = Turn(degrees, (picture.shape[0], picture.shape[1])).picture(picture)
        return max(
            (face.score for face in self._detector.detect(seen, min_score=least, upsample=upsample)), default=-math.inf
        )

    def locate(self, picture: Picture, mask: Mask) -> list[LocatedFace]:
        """Return the faces that are detected, as they are before the second alignment; see `place`."""
        return self._locator.locate(self._filled(picture, mask), mask)

    def _filled(self, picture: Picture, mask: Mask) -> Picture:
        """Return a photograph, (H, W, 3) uint8, with its hole filled, so that what it hides is never seen."""
        if self._in_place and picture.shape[2] == 3:
            self._fill.fill(picture, mask)
            return picture
        return self._fill(picture if picture.shape[2] == 3 else np.repeat(picture, 3, axis=2), mask)

    def _align_again(
        self, filled: Picture, mask: Mask, face: LocatedFace, *, generated: npt.NDArray[np.float32]
    ) -> LocatedFace:
        """Return a face with a box as it is aligned by the landmarks of the completed face."""
        if face.box is None:
            return face
        rows, columns = face.placement.window(mask.shape, margin=self.size / 4)
        scale = min(1.0, self._aligned_side / (self.size * face.placement.scale))
        shape = (max(1, round(scale * (rows.stop - rows.start))), max(1, round(scale * (columns.stop - columns.start))))
        small = resize_picture(filled[rows, columns], shape)
        hole = resize_picture(mask[rows, columns, None].astype(np.float32), shape)[..., 0] > 0.0
        if hole.all():
            return face
        # From the smaller picture's pixels to the photograph's.
        steps = (columns.stop - columns.start) / shape[1], (rows.stop - rows.start) / shape[0]
        back = np.array([[steps[0], 0.0, columns.start], [0.0, steps[1], rows.start]])
        back[:, 2] += (np.diag(back) - 1.0) / 2.0
        there = invert_transform(back)
        moved = dataclasses.replace(
            face, placement=Placement(compose_transforms(face.placement.transform, back), self.size)
        )
        color = np.repeat(generated, 3 // generated.shape[2], axis=2)
        completed = self._composer.compose(small, hole, [moved], generated=color[None], grain=False)
        left, top = transform_points(there, [face.box[:2]])[0]
        box = [round(each) for each in (left, top, face.box[2] / steps[0], face.box[3] / steps[1])]
        try:
            aligned = self._locator.align(completed, box)
        except NoFaceError:
            return face
        placement = Placement(compose_transforms(aligned.transform, there), self.size)
        return dataclasses.replace(face, placement=placement)


def _reduction(shape: tuple[int, ...], given: GivenFaces) -> Reduction | None:
    """Return how a large photograph is reduced before it is turned; None where it is not."""
    height, width = shape[:2]
    scale = math.sqrt(TURNED_WHOLE_PIXELS / (height * width))
    scale = max(scale, *(TURNED_WHOLE_BOX_PX / max(min(box[2:]), 1) for box in given.boxes), 0.0)
    if scale >= 1.0:
        return None
    return Reduction((height, width), (max(1, round(scale * height)), max(1, round(scale * width))))


def _touches(mask: Mask, face: LocatedFace) -> bool:
    """Tell whether a face's frame holds a missing pixel."""
    window = face.placement.window(mask.shape)
    hole = mask[window]
    return bool(hole.any() and (hole & (face.placement.distance(window) <= 1.0)).any())

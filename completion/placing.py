"""Which faces of a photograph the hole touches, and where they lie: detection, then a second alignment."""

from __future__ import annotations

import dataclasses

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
from dcgan.faces.locate import FaceLocator, GivenFaces, LocatedFace
from dcgan.faces.placement import Placement
from dcgan.pictures.values import resize_picture

__all__ = ["FacePlacer"]

FILLED_UNKNOWNS_MAX = 16_384  # missing pixels that are filled for detection; larger holes on a smaller grid
ALIGNED_SIDE_PX = 160  # side of a frame at the second alignment: landmarks need no more

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class FacePlacer:
    """Locate the faces that a hole touches.

    Parameters
    ----------
    detector : FaceDetector
        dlib's detector and landmarks.
    finder : Finder
        The model's answers; used for the second alignment where they cost one forward pass.
    composer : Composer
    """

    def __init__(self, detector: FaceDetector, finder: Finder, composer: Composer) -> None:
        self.size = finder.prior.config.size
        self._finder, self._composer = finder, composer
        self._locator = FaceLocator(self.size, detector)
        self._fill = QuickFiller("biharmonic", unknowns_max=FILLED_UNKNOWNS_MAX)

    def place(
        self, picture: Picture, mask: Mask, *, given: GivenFaces | None = None
    ) -> tuple[tuple[LocatedFace, ...], int]:
        """Return the faces that the hole touches, and the number of the others.

        With an encoder, whose answer costs little, each detected face is completed once and aligned again by the
        landmarks of the completed face.

        Parameters
        ----------
        picture : uint8 array (H, W, 1 or 3)
        mask : bool array (H, W)
            True = missing; some pixel must be known.
        given : GivenFaces, optional
            Boxes and landmarks given by the user.

        Raises
        ------
        NoFaceError
            No face is found, or a given box or landmarks cannot be those of a face.
        """
        filled = self._filled(picture, mask)
        located = self._locator.locate(filled, mask, given=given)
        touched = [face for face in located if _touches(mask, face)]
        if isinstance(self._finder.config, EncoderConfig) and any(face.box for face in touched):
            tones = [self._composer.tone(picture, face, mask) for face in touched]
            answers = self._finder.find(
                [observe(picture, mask, face.placement, tone=tone) for face, tone in zip(touched, tones, strict=True)]
            )
            touched = [
                self._align_again(filled, mask, face, generated=generated)
                for face, generated in zip(touched, answers.generated, strict=True)
            ]
        return tuple(touched), len(located) - len(touched)

    def locate(self, picture: Picture, mask: Mask) -> list[LocatedFace]:
        """Return the faces that are detected, as they are before the second alignment; see `place`."""
        return self._locator.locate(self._filled(picture, mask), mask)

    def _filled(self, picture: Picture, mask: Mask) -> Picture:
        """Return a photograph, (H, W, 3) uint8, with its hole filled, so that what it hides is never seen."""
        return self._fill(picture if picture.shape[2] == 3 else np.repeat(picture, 3, axis=2), mask)

    def _align_again(
        self, filled: Picture, mask: Mask, face: LocatedFace, *, generated: npt.NDArray[np.float32]
    ) -> LocatedFace:
        """Return a face with a box as it is aligned by the landmarks of the completed face."""
        if face.box is None:
            return face
        rows, columns = face.placement.window(mask.shape, margin=self.size / 4)
        scale = min(1.0, ALIGNED_SIDE_PX / (self.size * face.placement.scale))
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


def _touches(mask: Mask, face: LocatedFace) -> bool:
    """Tell whether a face's frame holds a missing pixel."""
    window = face.placement.window(mask.shape)
    hole = mask[window]
    return bool(hole.any() and (hole & (face.placement.distance(window) <= 1.0)).any())

"""Complete the faces inside photographs: find, align, complete, and put each back where it was.

The model sees an aligned face alone, its frame. What of a hole lies in no face's frame is filled classically; towards
the frame's edge the face fades into that, and the result is blended into the photograph at the photograph's own size.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from completion.config import BEYOND
from completion.face_finding import FaceLocator, LocatedFace
from completion.face_frame import frame_distance, frame_view, frame_window, place_face
from completion.blending.grain import grain_like
from completion.blending.holes import Window, hole_window
from completion.blending.quick_fill import QuickFiller, fill_smaller
from dcgan.faces.alignment import compose_transforms, invert_transform, transform_points, transform_scale
from dcgan.errors import NoFaceError
from dcgan.faces.detector import FaceFinder
from dcgan.pictures.values import is_grey, resize_picture, to_float, to_uint8

if TYPE_CHECKING:
    from completion.completer import Completer, View

__all__ = ["PhotographCompleter", "PhotographView"]

#: How far inside its edge a face fades into what lies beyond, in halves of the frame's side: 6 of 64 pixels. The model
#: is least sure there, and what it draws has a fine pattern.
FADE = 3 / 16
SKIN = 0.8  # how far from the frame's middle, in halves of its side, grain is taken from: farther out is background
REACH = 2  # what biharmonic blending looks at around a hole
#: Missing pixels up to which a hole is filled, and blending solved, at the photograph's own size; beyond, on a smaller
#: grid, which bounds time and memory.
BEYOND_UNKNOWNS_MAX = 250_000
BLEND_UNKNOWNS_MAX = 1_000_000
AGAIN_SIDE_PX = 160  # of a frame at the second look: as large as landmarks need it

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class PhotographView:
    """What the model needs of a photograph.

    Attributes
    ----------
    faces : that the hole touches.
    views : of each, target and known shares at the model's size.
    others : number of faces that the hole does not touch.
    beyond : share of the hole that lies in no face's frame, in [0, 1].
    """

    faces: tuple[LocatedFace, ...]
    views: list[View]
    others: int
    beyond: float


class PhotographCompleter:
    """A completer for photographs.

    Parameters
    ----------
    completer : the loaded model with its search and blending
    finder : dlib's detector and landmarks, by default loaded here
    beyond : the classical method for what lies in no face's frame, one of `completion.config.CLASSICAL_METHODS`
    grain : give what the model fills the fine texture of the known skin around it, see `completion.blending.grain`

    Raises
    ------
    FaceCompletionError
        dlib or its landmark model is missing.
    """

    def __init__(
        self, completer: Completer, finder: FaceFinder | None = None, *, beyond: str = BEYOND, grain: bool = True
    ) -> None:
        self.completer = completer
        self.size = completer.prior.config.size
        self.locator = FaceLocator(self.size, finder or FaceFinder())
        self.beyond, self.grain = beyond, grain
        self._fill = QuickFiller(beyond, unknowns_max=BEYOND_UNKNOWNS_MAX)

    def complete(
        self, picture: Picture, mask: Mask, *, boxes: Sequence[Sequence[int]] = (), landmarks: Iterable[Points] = ()
    ) -> Picture:
        """Fill the missing regions of a photograph.

        Parameters
        ----------
        picture : (H, W, C) uint8, C the model's number of channels
        mask : (H, W) bool, True = missing
        boxes, landmarks : the user's word about the faces; see `FaceLocator.locate`

        Returns
        -------
        (H, W, C) uint8
            Known pixels are the photograph's own.

        Raises
        ------
        NoFaceError
            No face is found.
        ValueError, TypeError
            A wrong shape or dtype, or nothing of the photograph is known.
        """
        view = self.look(picture, mask, boxes=boxes, landmarks=landmarks)
        generated = self.completer.find(view.views).generated if view.views else np.empty(0, np.float32)
        return self.compose(picture, mask, view.faces, generated)

    def look(
        self,
        picture: Picture,
        mask: Mask,
        *,
        boxes: Sequence[Sequence[int]] = (),
        landmarks: Iterable[Points] = (),
        rows: int | None = None,
    ) -> PhotographView:
        """Find the faces and return what the model needs of those that the hole touches.

        Where the completer takes the encoder's answer, which costs little, there is a second look: a face is completed
        once, and aligned again by the landmarks of the completed face.

        Parameters
        ----------
        picture, mask, boxes, landmarks : see `complete`
        rows : of the call that the second look takes; see `Completer.find`
        """
        self.completer.check(picture, mask)
        if mask.all():
            raise ValueError("Expected a photograph of which something is known. Received: a mask that hides all of it")
        if not mask.any():
            return PhotographView((), [], 0, 0.0)
        filled = self.locator.fill(picture if picture.shape[2] == 3 else np.repeat(picture, 3, axis=2), mask)
        located = self.locator.locate(filled, mask, boxes=boxes, landmarks=landmarks)
        touched = [face for face in located if self._touches(mask, face)]
        config = self.completer.config
        if config.start == "encoder" and not config.iterations and any(face.box for face in touched):
            found = self.completer.find([self._view(picture, mask, face) for face in touched], rows=rows)
            touched = [self._align_again(filled, mask, *each) for each in zip(touched, found.generated, strict=True)]
        views = [self._view(picture, mask, face) for face in touched]
        _, owner = self._owners(mask, touched)
        beyond = np.count_nonzero(owner == 0) / np.count_nonzero(mask)
        return PhotographView(tuple(touched), views, len(located) - len(touched), float(beyond))

    def _view(self, picture: Picture, mask: Mask, face: LocatedFace) -> View:
        """Return what the model sees of a face."""
        return frame_view(picture, mask, face.transform, self.size)

    def _align_again(
        self, filled: Picture, mask: Mask, face: LocatedFace, generated: npt.NDArray[np.float32]
    ) -> LocatedFace:
        """Return a face that was found by its box as it is aligned once it is completed."""
        if face.box is None:
            return face
        rows, columns = frame_window(face.transform, self.size, mask.shape, margin=self.size / 4)
        scale = min(1.0, AGAIN_SIDE_PX / (self.size * transform_scale(face.transform)))
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
        moved = dataclasses.replace(face, transform=compose_transforms(face.transform, back))
        color = np.repeat(generated, 3 // generated.shape[2], axis=2)
        completed = self._compose(small, hole, [moved], color[None], grain=False)
        left, top = transform_points(there, [face.box[:2]])[0]
        box = [round(each) for each in (left, top, face.box[2] / steps[0], face.box[3] / steps[1])]
        try:
            transform = compose_transforms(self.locator.align(completed, box), there)
        except NoFaceError:
            return face
        return dataclasses.replace(face, transform=transform)

    def compose(
        self, picture: Picture, mask: Mask, faces: Sequence[LocatedFace], generated: npt.NDArray[np.float32]
    ) -> Picture:
        """Put generated faces into a photograph at the photograph's own size.

        Parameters
        ----------
        picture : (H, W, C) uint8
        mask : (H, W) bool, True = missing
        faces : those that the hole touches
        generated : (len(faces), size, size, C) float32 in [-1, 1]

        Returns
        -------
        (H, W, C) uint8
            Known pixels are the photograph's own. Of a grey photograph the rest is grey.
        """
        return self._compose(picture, mask, faces, generated, grain=self.grain)

    def _compose(
        self,
        picture: Picture,
        mask: Mask,
        faces: Sequence[LocatedFace],
        generated: npt.NDArray[np.float32],
        *,
        grain: bool,
    ) -> Picture:
        """Put generated faces into a photograph, with or without grain."""
        result = self._fill(picture, mask)  # what a face fades into, and what lies beyond
        (rows, columns), owner = self._owners(mask, faces)
        for number, (face, pixels) in enumerate(zip(faces, generated, strict=True), start=1):
            own = owner == number
            if own.any():
                inner = hole_window(own, reach=REACH)
                box = (
                    slice(rows.start + inner[0].start, rows.start + inner[0].stop),
                    slice(columns.start + inner[1].start, columns.start + inner[1].stop),
                )
                part = own[inner]
                blended = self._blend(result[box], part, face, pixels, box)
                if grain:
                    blended += self._grain(picture, mask, face, box)
                result[box][part] = to_uint8(blended[part])
        return result

    def _touches(self, mask: Mask, face: LocatedFace) -> bool:
        """Tell whether a face's frame holds a missing pixel."""
        window = frame_window(face.transform, self.size, mask.shape)
        hole = mask[window]
        return bool(hole.any() and (hole & (frame_distance(face.transform, self.size, window) <= 1.0)).any())

    def _owners(self, mask: Mask, faces: Sequence[LocatedFace]) -> tuple[Window, npt.NDArray[np.int16]]:
        """Return a window of the photograph with all of the hole, and which face each of its pixels belongs to.

        1, 2, .. is the face whose frame's middle is nearest, 0 a missing pixel in no frame, -1 a known one.
        """
        window = hole_window(mask, reach=REACH)
        owner = np.where(mask[window], np.int16(0), np.int16(-1))
        nearest = np.full(owner.shape, 1.0, np.float32)
        for number, face in enumerate(faces, start=1):
            distance = frame_distance(face.transform, self.size, window)
            closer = (owner >= 0) & (distance <= nearest)
            owner[closer] = number
            nearest[closer] = distance[closer]
        return window, owner

    def _blend(
        self, around: Picture, part: Mask, face: LocatedFace, generated: npt.NDArray[np.float32], box: Window
    ) -> npt.NDArray[np.float32]:
        """Return a box of the photograph, in [-1, 1], with a face's part of the hole blended in."""
        placed = place_face(generated, face.transform, box)
        if is_grey(around):
            placed = np.broadcast_to(placed.mean(axis=2, keepdims=True), placed.shape)
        original = to_float(around)
        placed = original + self._share(face, box)[..., None] * (placed - original)
        side_px = round(self.size * transform_scale(face.transform))
        scale = math.sqrt(BLEND_UNKNOWNS_MAX / np.count_nonzero(part))
        if scale >= 1.0 or self.completer.blender.method in ("feather", "none"):
            return self.completer.blender(placed[None], original[None], part[None], side_px=side_px)[0]

        def blend(residual: npt.NDArray[np.float32], hole: Mask) -> npt.NDArray[np.float32]:
            nothing = np.zeros_like(residual)
            small_side = max(1, round(scale * side_px))
            return self.completer.blender(nothing[None], residual[None], hole[None], side_px=small_side)[0]

        # The residual is smooth but for the hole's border, so it is solved for on a smaller grid.
        return placed + fill_smaller(original - placed, part, scale, blend)

    def _grain(self, picture: Picture, mask: Mask, face: LocatedFace, box: Window) -> npt.NDArray[np.float32] | float:
        """Return the known skin's texture for a box; it fades beside known pixels and at the frame's edge."""
        scale = transform_scale(face.transform)
        frame = frame_window(face.transform, self.size, mask.shape)
        known = ~mask[frame] & (frame_distance(face.transform, self.size, frame) <= SKIN)
        shape = (box[0].stop - box[0].start, box[1].stop - box[1].start)
        texture = grain_like(picture[frame], known, scale=scale, shape=shape, seed=self.completer.seed)
        if texture is None:
            return 0.0
        depth = cv2.distanceTransform(mask[box].astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        strength = np.minimum(depth / scale, 1.0) * self._share(face, box)
        return texture * (strength[..., None] * np.float32(1.0 / 127.5))

    def _share(self, face: LocatedFace, box: Window) -> npt.NDArray[np.float32]:
        """Return the model's share of each pixel of a box: 1 inside a face's frame, fading to 0 at its edge."""
        share = np.clip((1.0 - frame_distance(face.transform, self.size, box)) / FADE, 0.0, 1.0)
        return share * share * (3.0 - 2.0 * share)  # without a corner at either end

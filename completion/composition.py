"""Compose a completed picture: put generated faces into the hole at the picture's own size, without a seam.

The model sees a face's frame alone. Where the frame covers the whole picture (an aligned face) the hole is blended and
that is all. In a photograph the part of the hole that lies in no frame is filled classically, a face fades into that
towards the edge of its frame, and what is finer than the model's pixels is taken from the face's other half and the
known skin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.blender import Blender
from completion.blending.holes import Window, hole_window
from completion.blending.quick_fill import QuickFiller, fill_smaller
from completion.config import BEYOND
from completion.texture import fine_texture
from dcgan.errors import CompletionError
from dcgan.faces.locate import LocatedFace
from dcgan.pictures.tones import Tone, find_tone
from dcgan.pictures.values import to_float, to_uint8

__all__ = ["Composer"]

#: Width of the fade inside a frame's edge, in half sides of the frame: 6 of 64 pixels. There the model is least
#: certain, and what it draws has a fine pattern.
FADE = 3 / 16
#: Known share of a frame from which on it decides whether its face has one tone; below, the whole picture does.
FRAME_KNOWN_MIN = 0.1
REACH = 2  # known pixels around a hole that biharmonic blending uses
#: Missing pixels up to which a hole is filled, and blending solved, at the picture's own size; beyond, on a smaller
#: grid, which bounds time and memory.
BEYOND_UNKNOWNS_MAX = 250_000
BLEND_UNKNOWNS_MAX = 1_000_000
BIHARMONIC_UNKNOWNS_MAX = 250_000  # the biharmonic equation of a wide hole takes ten times as long

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Generated = npt.NDArray[np.float32]


class Composer:
    """Put generated faces into pictures.

    Parameters
    ----------
    blend : str, optional
        One of `completion.config.BLEND_NAMES`.
    beyond : str, optional
        The classical method for what lies in no face's frame, one of `completion.config.CLASSICAL_METHODS`.
    grain : bool, optional
        Continue the fine detail of the other half, and the texture of the known skin, into faces of photographs; see
        `completion.texture`.
    seed : int, optional
        Of the grain.
    """

    def __init__(self, *, blend: str = "auto", beyond: str = BEYOND, grain: bool = True, seed: int = 0) -> None:
        self.blender = Blender(blend)
        self.beyond, self.grain, self.seed = beyond, grain, seed
        self._blend_max = BIHARMONIC_UNKNOWNS_MAX if blend == "biharmonic" else BLEND_UNKNOWNS_MAX
        self._fill = QuickFiller(beyond, unknowns_max=BEYOND_UNKNOWNS_MAX)

    def compose(
        self,
        picture: Picture,
        mask: Mask,
        faces: Sequence[LocatedFace],
        *,
        generated: Generated,
        tones: Sequence[Tone | None] | None = None,
        grain: bool | None = None,
        in_place: bool = False,
    ) -> Picture:
        """Put generated faces into a picture at the picture's own size.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        mask : bool array (H, W)
            True = missing.
        faces : sequence of LocatedFace
            Those that the hole touches.
        generated : float32 array (len(faces), size, size, C)
            In [-1, 1].
        tones : sequence of Tone or None, optional
            Of the faces; by default `tone` finds them.
        grain : bool, optional
            In place of the composer's own.
        in_place : bool, default False
            Write into `picture` and return it.

        Returns
        -------
        uint8 array (H, W, C)
            Known pixels are the picture's own. A face in a picture of one tone has this tone.

        Raises
        ------
        CompletionError
            A generated face is not finite.
        """
        if not np.isfinite(generated).all():
            raise CompletionError("the model's answer is not finite, its weights are unusable")
        if not mask.any():
            return picture if in_place else picture.copy()
        if tones is None:
            tones = [self.tone(picture, face, mask) for face in faces]
        result = picture if in_place else picture.copy()
        parts = list(zip(faces, tones, generated, strict=True))
        below, above = ([part for part in parts if part[0].over is over] for over in (False, True))
        if below or not above:  # without any face the hole is filled classically
            self._lay(picture, mask, below, result=result, grain=grain)
        if above:
            self._lay(picture, mask, above, result=result, grain=grain, filled=bool(below))
        return result

    def _lay(
        self,
        picture: Picture,
        mask: Mask,
        parts: Sequence[tuple[LocatedFace, Tone | None, Generated]],
        *,
        result: Picture,
        grain: bool | None,
        filled: bool = False,
    ) -> None:
        """Put faces into `result`; with `filled` its hole is filled already. See `compose`."""
        faces = [face for face, _, _ in parts]
        (rows, columns), owner = _owners(mask, faces)
        covered = not (owner == 0).any()
        if len(faces) == 1:  # beside the part of another face, what that hides would be seen
            covered &= faces[0].placement.covers(picture.shape) or self.is_within(mask, faces[0])
        else:
            covered &= all(face.placement.covers(picture.shape) for face in faces)
        if not covered and not filled:  # what a face fades into
            self._fill.fill(result, mask)
        for number, (face, tone, pixels) in enumerate(parts, start=1):
            own = owner == number
            if own.any():
                inner = hole_window(own, reach=REACH)
                box = (
                    slice(rows.start + inner[0].start, rows.start + inner[0].stop),
                    slice(columns.start + inner[1].start, columns.start + inner[1].stop),
                )
                part = own[inner]
                neutral = tone.brightness if tone else _unchanged
                placed = neutral(face.placement.place(pixels, box, picture.shape))
                around = neutral(to_float(result[box]))
                blended = self._blend(around, part, face, placed=placed, box=box, covered=covered)
                if (self.grain if grain is None else grain) and face.source != "aligned":
                    texture = fine_texture(
                        picture,
                        mask,
                        face.placement,
                        filled=blended,
                        box=box,
                        own=part,
                        neutral=neutral,
                        seed=self.seed,
                    )
                    if texture is not None:
                        blended += texture * _strength(mask, face, box)[..., None]
                result[box][part] = to_uint8(tone.colors(blended[part]) if tone else blended[part])

    def tone(self, picture: Picture, face: LocatedFace, hidden: Mask) -> Tone | None:
        """Return the tone of a face: that of its frame, or of the whole picture where little of the frame is known.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        face : LocatedFace
        hidden : bool array (H, W)
            Pixels that are not read.

        Returns
        -------
        Tone or None
            None where the picture is coloured, see `dcgan.pictures.tones.find_tone`.
        """
        frame = face.placement.window(picture.shape)
        known = ~hidden[frame]
        if known.size and known.mean() >= FRAME_KNOWN_MIN:
            return find_tone(picture[frame], known)
        return find_tone(picture, ~hidden)

    def is_within(self, mask: Mask, face: LocatedFace) -> bool:
        """Tell whether the whole hole lies in a face's frame, and not where the face fades at the frame's edge."""
        (rows, columns), owner = _owners(mask, [face])
        hole = owner >= 0
        return bool((_fade(face, (rows, columns))[hole] == 1.0).all())

    def beyond_share(self, mask: Mask, faces: Sequence[LocatedFace]) -> float:
        """Return the share of the hole that lies in no face's frame, in [0, 1]; 0 where nothing is missing."""
        missing = np.count_nonzero(mask)
        return float(np.count_nonzero(_owners(mask, faces)[1] == 0) / missing) if missing else 0.0

    def _blend(
        self, original: Generated, part: Mask, face: LocatedFace, *, placed: Generated, box: Window, covered: bool
    ) -> Generated:
        """Return a box of the picture, in [-1, 1], with a face's part of the hole blended in."""
        if covered:
            original[part] = 0.0  # what the mask hides is not used, whatever the blender does
        else:
            placed = original + _fade(face, box)[..., None] * (placed - original)
        side_px = face.placement.side_px
        scale = math.sqrt(self._blend_max / np.count_nonzero(part))
        if scale >= 1.0 or not self.blender.needs_solver:
            return self.blender(placed[None], original[None], part[None], side_px=side_px)[0]

        def blend(residual: Generated, hole: Mask) -> Generated:
            nothing = np.zeros_like(residual)
            small_side = max(1, round(scale * side_px))
            return self.blender(nothing[None], residual[None], hole[None], side_px=small_side)[0]

        # The residual is smooth except at the hole's border, so a smaller grid is enough.
        return placed + fill_smaller(original - placed, part, scale, blend)


def _unchanged(colors: Generated) -> Generated:
    """Return the colours of a face that has all of them."""
    return colors


def _fade(face: LocatedFace, box: Window) -> npt.NDArray[np.float32]:
    """Return the model's share of each pixel of a box: 1 inside a face's frame, fading to 0 at its edge."""
    share = np.clip((1.0 - face.placement.distance(box)) / FADE, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)  # smoothstep


def _strength(mask: Mask, face: LocatedFace, box: Window) -> npt.NDArray[np.float32]:
    """Return the strength of fine texture: it fades beside known pixels and at the frame's edge."""
    depth = cv2.distanceTransform(mask[box].astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.minimum(depth / face.placement.scale, 1.0) * _fade(face, box)


def _owners(mask: Mask, faces: Sequence[LocatedFace]) -> tuple[Window, npt.NDArray[np.int16]]:
    """Return a window of the picture around the hole, and the face that each of its pixels belongs to.

    1, 2, .. is the face whose frame's centre is nearest, 0 a missing pixel in no frame, -1 a known pixel.
    """
    window = hole_window(mask, reach=REACH)
    owner = np.where(mask[window], np.int16(0), np.int16(-1))
    nearest = np.full(owner.shape, 1.0, np.float32)
    for number, face in enumerate(faces, start=1):
        distance = face.placement.distance(window)
        closer = (owner >= 0) & (distance <= nearest)
        owner[closer] = number
        nearest[closer] = distance[closer]
    return window, owner

"""Find an aligned face that lies elsewhere than aligned faces do, and place it in the model's frame."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.faces.aligner import ALIGNER_SIZE, FRAME_MARGIN, FacePlace, find_place
from dcgan.faces.alignment import compose_transforms, invert_transform
from dcgan.faces.locate import LocatedFace
from dcgan.faces.placement import Placement

__all__ = ["Realigned", "realign"]

KNOWN_MIN = 0.05  # of the frame
LEAST = 0.03  # of the frame's side, by which a face's points must be misplaced, root mean square
SURE = 1.3  # and of the standard deviation of this

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Realigned:
    """An aligned face that lies elsewhere.

    Attributes
    ----------
    face : LocatedFace
        At its own place.
    fields : dict
        Of the manifest.
    notes : tuple of str
        What was found, a clause.
    """

    face: LocatedFace
    fields: dict[str, Any]
    notes: tuple[str, ...]


def realign(picture: Picture, mask: Mask, face: LocatedFace, *, margin: float, framing: str) -> Realigned | None:
    """Return the face of an aligned picture at its own place, or None where it lies where it should.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
    mask : bool array (H, W)
        True = missing; what it hides is not seen.
    face : LocatedFace
        The picture in the model's frame.
    margin : float
        Of the model's frame.
    framing : str
        How the picture is framed, for the note.
    """
    size = face.placement.size
    scale = ALIGNER_SIZE / size * (1.0 + 2.0 * margin) / (1.0 + 2.0 * FRAME_MARGIN)
    offset = (ALIGNER_SIZE - 1) / 2.0 - scale * (size - 1) / 2.0
    to_wide = np.array([[scale, 0.0, offset], [0.0, scale, offset]])  # from the model's frame to the aligner's
    seen = Placement(compose_transforms(to_wide, face.placement.transform), ALIGNER_SIZE)
    target, known = seen.view(picture, mask)
    if known.mean() < KNOWN_MIN:
        return None
    place = find_place(target, known)
    if place.distance < max(LEAST, SURE * place.doubt):
        return None
    aligned = compose_transforms(invert_transform(place.transform(ALIGNER_SIZE)), seen.transform)
    placement = Placement(compose_transforms(invert_transform(to_wide), aligned), size)
    return Realigned(
        dataclasses.replace(face, placement=placement, over=True), _fields(place), (_note(place, framing),)
    )


def _fields(place: FacePlace) -> dict[str, Any]:
    """Return the manifest's field: the shift in sides of the frame, the factor of the size, degrees."""
    right, down, size, turn = (float(each) for each in place.mean)
    return {
        "moved": {
            "shift": [round(right, 3), round(down, 3)],
            "factor": round(math.exp(size), 3),
            "turned": round(math.degrees(turn), 1),
        }
    }


def _note(place: FacePlace, framing: str) -> str:
    """Return what was found, as a clause."""
    shift = 100.0 * math.hypot(*place.mean[:2])
    factor, degrees = math.exp(place.mean[2]), abs(math.degrees(place.mean[3]))
    return (
        f"the face is not where aligned faces have it: moved by {shift:.0f}% of the frame, {factor:.2f} times as large,"
        f" turned by {degrees:.0f} degrees; completed where it lies (--framing {framing} if it is right)"
    )

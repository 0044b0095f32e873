"""What the user is told about the faces of a photograph: guesses, turns, and holes that lie in no face's frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcgan.faces.locate import LocatedFace

__all__ = ["describe_faces", "describe_size"]

BEYOND_TOLD = 0.005  # share of the hole in no face's frame from which on a note says so
FACES_TOLD = 3  # in a note
TINY_PX = 8  # a face of so many pixels a side shows two eyes at best
PLACES = "--face-box or --landmarks-file says where"


def describe_faces(
    faces: Sequence[LocatedFace], others: Sequence[LocatedFace], *, beyond: float, method: str
) -> tuple[str, ...]:
    """Return notes about the faces of a photograph.

    Parameters
    ----------
    faces : sequence of LocatedFace
        Those that the hole touches.
    others : sequence of LocatedFace
        Those that it does not touch.
    beyond : float
        Share of the hole that lies in no face's frame.
    method : str
        The classical method that fills this share.

    Returns
    -------
    tuple of str
        A clause each.
    """
    if not faces:
        found = _say_found(others)
        return (f"the hole touches none of the faces found ({found}); {method} fills it. If it hides a face, {PLACES}",)
    notes = [_say_guessed(face) for face in faces if face.source == "guessed"]
    notes += [_say_turned(face) for face in faces if face.turn or face.unseen]
    if beyond >= BEYOND_TOLD:
        notes.append(
            f"{beyond:.0%} of the hole is in no face's frame; {method} fills it. If it hides another face, "
            f"{PLACES} all faces are"
        )
    return tuple(notes)


def describe_size(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a note where a picture of the shape (height, width, ...) is too small to show a face.

    Examples
    --------
    >>> describe_size((64, 64)), describe_size((1, 37))
    ((), ('a picture of 37x1 pixels is too small for a face: what the model fills in is hardly one',))
    """
    if min(shape[:2]) > TINY_PX:
        return ()
    size = f"{shape[1]}x{shape[0]}"
    return (f"a picture of {size} pixels is too small for a face: what the model fills in is hardly one",)


def _say_guessed(face: LocatedFace) -> str:
    """Return a note about a face whose score is low."""
    from dcgan.faces.locate import BEHIND_MIN_SCORE, GUESS_DROP

    if face.detector:
        return (
            f"the face at {_box_of(face)} is a guess of a second detector, with a score of {face.score:.2f} of 1; if "
            f"it is no face, --min-score {BEHIND_MIN_SCORE:g} leaves it out; --face-box or --landmarks-file says where "
            "faces are"
        )
    limit = math.floor(100.0 * (face.score + GUESS_DROP)) / 100.0 + 0.01  # the next hundredth that leaves it out
    return (
        f"the face at {_box_of(face)} is a guess, its score of {face.score:.2f} is low; if it is no face, --min-score "
        f"{limit:.2f} leaves it out; --face-box or --landmarks-file says where faces are"
    )


def _say_turned(face: LocatedFace) -> str:
    """Return a note about a face that is not upright, or of which that is not seen."""
    if face.unseen:
        return (
            f"no face is seen in the box {_box_of(face)}; it is taken as upright (if it is turned, give its "
            "landmarks by --landmarks-file)"
        )
    turn = f"{face.turn} degrees counter-clockwise" if face.turn <= 180 else f"{360 - face.turn} degrees clockwise"
    return (
        f"the face at {_box_of(face)} is found with the photograph turned by {turn} (if that is wrong, give its "
        "landmarks by --landmarks-file)"
    )


def _say_found(faces: Sequence[LocatedFace]) -> str:
    """Return the boxes and scores of faces, the first few."""
    names = []
    for face in faces[:FACES_TOLD]:
        place = _box_of(face) if face.box else "landmarks"
        names.append(f"{place} score {face.score:.2f}" if math.isfinite(face.score) else f"{place} given")
    more = [f"{len(faces) - FACES_TOLD} more"] if len(faces) > FACES_TOLD else []
    return "; ".join(names + more)


def _box_of(face: LocatedFace) -> str:
    """Return a face's box as the option --face-box takes it."""
    return ",".join(str(side) for side in face.box or ())

"""Places of faces in photographs, given by the user: boxes, and landmarks from a file."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import FaceCompletionError
from dcgan.faces.locate import Box, GivenFaces
from dcgan.pictures.bounded_lines import bounded_lines

__all__ = ["GivenPlaces", "read_landmarks"]

Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class GivenPlaces:
    """Places of faces in a list of photographs.

    Attributes
    ----------
    boxes : tuple of (int, int, int, int)
        Left, top, width and height of each face in pixels, in every photograph.
    landmarks : mapping of str to tuple of float64 arrays (68, 2) or (3, 2)
        The faces of some photographs, by their path below the folder of inputs.
    mode : str
        What the pictures without places are: see `GivenFaces`.
    """

    boxes: tuple[Box, ...] = ()
    landmarks: Mapping[str, tuple[Points, ...]] = dataclasses.field(default_factory=dict)
    mode: str = "photograph"

    def faces_of(self, relative: str) -> GivenFaces:
        """Return the places that are given for a photograph, by its path below the folder of inputs."""
        return GivenFaces(self.boxes, self.landmarks.get(relative, ()), self.mode)


def read_landmarks(path: Path) -> dict[str, tuple[Points, ...]]:
    """Read a file of landmarks: dcgan-align's align.jsonl, or lines in the same form.

    A line is a JSON object, {"photograph": "a.jpg", "faces": [{"landmarks": [[x, y], ...]}]}, with 68 landmarks in
    dlib's order or three: the inner eye corner that is left in the picture, the right one, and the middle of the lower
    edge of the bottom lip. Lines without faces are skipped.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to tuple of float64 arrays (68, 2) or (3, 2)
        The faces of each photograph, by its path below the folder of photographs.

    Raises
    ------
    FaceCompletionError
        The file cannot be read, a line has another form, or no line has a face.
    """
    found: dict[str, tuple[Points, ...]] = {}
    try:
        for number, line in enumerate(bounded_lines(path), start=1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise FaceCompletionError(f"{path}: expected lines of JSON, found bytes that are no text") from error
            photograph, faces = _parse(text, place=f"{path}, line {number}") if text else ("", ())
            if faces:
                found[photograph] = faces
    except OSError as error:
        raise FaceCompletionError(f"{path}: {error.strerror or error}") from error
    if not found:
        raise FaceCompletionError(f"{path}: expected the landmarks of a face, found none")
    return found


def _parse(text: str, *, place: str) -> tuple[str, tuple[Points, ...]]:
    """Return a photograph's name and faces from a line; a line of settings has none."""
    try:
        line: Any = json.loads(text)
        faces = () if "settings" in line else tuple(_points(face["landmarks"]) for face in line.get("faces", ()))
        return str(line["photograph"]) if faces else "", faces
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FaceCompletionError(
            f'{place}: expected {{"photograph": "a.jpg", "faces": [{{"landmarks": [[x, y], ...]}}]}} '
            f"with 3 or 68 landmarks, received {text[:60]!r}"
        ) from error


def _points(landmarks: Any) -> Points:
    """Return a face's landmarks as an array."""
    points = np.array(landmarks, np.float64)
    if points.shape not in ((3, 2), (68, 2)) or not np.isfinite(points).all():
        raise ValueError(f"Expected 3 or 68 finite landmarks. Received: {points.shape}")
    return points

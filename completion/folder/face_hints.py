"""What the user says about where faces are. Pure standard library and NumPy."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import FaceCompletionError

__all__ = ["FaceHints", "read_landmarks"]

Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class FaceHints:
    """The user's word about the faces of photographs; where there is one, no face is looked for.

    Attributes
    ----------
    boxes : left, top, width and height of each face in pixels, in every photograph.
    landmarks : for some photographs, by their path below the folder of inputs, (3 or 68, 2) of each face.
    """

    boxes: tuple[tuple[int, int, int, int], ...] = ()
    landmarks: Mapping[str, tuple[Points, ...]] = dataclasses.field(default_factory=dict)

    def landmarks_of(self, relative: str) -> tuple[Points, ...]:
        """Return the landmarks of a photograph's faces; none where nothing is said about it."""
        return self.landmarks.get(relative, ())


def read_landmarks(path: Path) -> dict[str, tuple[Points, ...]]:
    """Read a file of landmarks: dcgan-align's align.jsonl, or lines written in its way.

    A line is an object of JSON, {"photograph": "a.jpg", "faces": [{"landmarks": [[x, y], ...]}]}, with 68 landmarks in
    dlib's order or three: the inner eye corner that is left in the picture, the right one, and the middle of the bottom
    lip's lower edge. Lines without faces say nothing.

    Raises
    ------
    FaceCompletionError
        The file cannot be read, or a line is not of this kind.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise FaceCompletionError(f"{path}: expected lines of JSON, found bytes that are no text") from error
    except OSError as error:
        raise FaceCompletionError(f"{path}: {error.strerror or error}") from error
    found: dict[str, tuple[Points, ...]] = {}
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line: Any = json.loads(text)
            if "settings" in line:
                continue
            faces = tuple(_points(face["landmarks"]) for face in line.get("faces", ()))
            if faces:
                found[str(line["photograph"])] = faces
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FaceCompletionError(
                f'{path}, line {number}: expected {{"photograph": "a.jpg", "faces": [{{"landmarks": [[x, y], ...]}}]}} '
                f"with 3 or 68 landmarks, received {text[:60]!r}"
            ) from error
    if not found:
        raise FaceCompletionError(f"{path}: expected the landmarks of a face, found none")
    return found


def _points(landmarks: Any) -> Points:
    """Return a face's landmarks as an array."""
    points = np.array(landmarks, np.float64)
    if points.shape not in ((3, 2), (68, 2)) or not np.isfinite(points).all():
        raise ValueError(f"Expected 3 or 68 finite landmarks. Received: {points.shape}")
    return points

"""Find faces in photographs: dlib's frontal detector and its 68 landmarks.

Sources: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177 (histograms of oriented gradients); King 2015,
arXiv:1502.00046 (the detector's training); Kazemi and Sullivan 2014, doi:10.1109/CVPR.2014.241 (the landmarks).
"""

import dataclasses
import importlib.metadata
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import FaceCompletionError
from dcgan.pictures.values import resize_picture

__all__ = ["Face", "FaceFinder", "check_installed", "find_model_file"]

LANDMARK_MODEL = "shape_predictor_68_face_landmarks.dat"
PACKAGE = "face_recognition_models"
DETECTED_PIXELS = 24e6  # of what is looked at after doubling: bounds time and memory
INSTALL = "pip install 'dcgan-face-completion[align]'"


@dataclasses.dataclass(frozen=True)
class Face:
    """A face in a photograph.

    Attributes
    ----------
    box : left, top, width, height in pixels; parts of it may lie outside the photograph.
    landmarks : (68, 2) float64, x before y, in pixels, in the order of dlib's 68-point model.
    score : how sure the detector is, from about -1 to 3; not a number where a box was given.
    """

    box: tuple[int, int, int, int]
    landmarks: npt.NDArray[np.float64]
    score: float = math.nan

    @property
    def area(self) -> int:
        """The box's area in pixels."""
        return self.box[2] * self.box[3]


class FaceFinder:
    """dlib's detector and landmarks, loaded once.

    Parameters
    ----------
    landmarks : path of a 68-point model, or None for that of face_recognition_models
    upsample : how often a photograph is doubled before faces are looked for
    min_score : the least score of a face; 0 is dlib's own

    Raises
    ------
    FaceCompletionError
        dlib or the model is not installed, or the file is not such a model.
    """

    def __init__(self, landmarks: Path | None = None, *, upsample: int = 1, min_score: float = 0.0) -> None:
        dlib = _import_dlib()
        path = landmarks or find_model_file(LANDMARK_MODEL, install=INSTALL)
        try:
            self._predictor: Any = dlib.shape_predictor(str(path))
        except RuntimeError as error:
            raise FaceCompletionError(f"{path}: expected a landmark model of dlib ({error})") from error
        self._detector: Any = dlib.get_frontal_face_detector()
        self._rectangle: Any = dlib.rectangle
        self.upsample, self.min_score = upsample, min_score

    def find(self, picture: npt.NDArray[np.uint8], *, min_score: float | None = None) -> list[Face]:
        """Return the faces of a photograph, (H, W, 3) uint8, the largest first.

        `min_score` takes the place of the finder's own. Of a photograph of more than 24 million pixels, after doubling,
        a smaller version is looked at.
        """
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"Expected (H, W, 3) uint8. Received: {picture.shape} {picture.dtype}")
        height, width = picture.shape[:2]
        scale = min(1.0, math.sqrt(DETECTED_PIXELS / (height * width * 4**self.upsample)))
        looked_at = picture
        if scale < 1.0:
            looked_at = resize_picture(picture, (max(1, round(scale * height)), max(1, round(scale * width))))
        least = self.min_score if min_score is None else min_score
        boxes, scores, _ = self._detector.run(np.ascontiguousarray(looked_at), self.upsample, least)
        faces = []
        for box, score in zip(boxes, scores, strict=True):
            sides = (box.left(), box.top(), box.width(), box.height())
            face = self.landmark(picture, [round(side / scale) for side in sides])
            faces.append(dataclasses.replace(face, score=float(score)))
        return sorted(faces, key=lambda face: -face.area)

    def landmark(self, picture: npt.NDArray[np.uint8], box: Sequence[int]) -> Face:
        """Return the face that a box, (left, top, width, height), holds, whether the detector finds it or not."""
        left, top, width, height = (int(side) for side in box)
        shape = self._predictor(
            np.ascontiguousarray(picture), self._rectangle(left, top, left + width - 1, top + height - 1)
        )
        if shape.num_parts != 68:
            raise FaceCompletionError(f"expected a model of 68 landmarks, received one of {shape.num_parts}")
        points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        return Face((left, top, width, height), points)


def check_installed(landmarks: Path | None = None) -> None:
    """Raise FaceCompletionError where a `FaceFinder` could not be made; the installed model is not loaded for that."""
    if landmarks is not None:
        FaceFinder(landmarks)
    else:
        _import_dlib()
        find_model_file(LANDMARK_MODEL, install=INSTALL)


def _import_dlib() -> Any:
    """Return dlib."""
    try:
        import dlib
    except ImportError as error:
        raise FaceCompletionError(f"Finding faces needs dlib, which is not installed: {INSTALL}") from error
    return dlib


def find_model_file(name: str, *, install: str) -> Path:
    """Return the path of one of face_recognition_models' files.

    The package is looked up and not imported: importing it needs pkg_resources, which setuptools has removed.

    Parameters
    ----------
    name : of the file
    install : what the user is told to do where it is missing
    """
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise FaceCompletionError(f"{name} of {PACKAGE} is needed, which is not installed: {install}")

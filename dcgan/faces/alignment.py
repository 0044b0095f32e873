"""Alignment of faces: an affine map of three landmarks to a template, and the crop that it defines.

The template and the two framings are those of OpenFace (Amos, Ludwiczuk, Satyanarayanan 2016, "OpenFace: A
general-purpose face recognition library with mobile applications", CMU-CS-16-118). The bundled model was trained on
faces that were cut out in this way.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.faces.align_config import FRAMINGS
from dcgan.errors import OptionError

__all__ = [
    "alignment_transform",
    "compose_transforms",
    "crop_face",
    "invert_transform",
    "template_points",
    "transform_points",
    "transform_scale",
    "warp_crop",
]

LANDMARKS = {"innerEyesAndBottomLip": (39, 42, 57), "outerEyesAndNose": (36, 45, 33)}
# Landmarks of the mean face, and the corners of its bounding box, to which they are normalised.
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
    """Return the positions of a framing's three landmarks in a crop.

    Parameters
    ----------
    framing : {"innerEyesAndBottomLip", "outerEyesAndNose"}
        The three landmarks that are mapped to the template.
    size : int
        Side of the crop, in pixels.
    margin : float, default 0.0
        Width added on each side of the template's square, as a fraction of its side.

    Returns
    -------
    ndarray of float64, shape (3, 2)
        The positions (x, y), in pixels of the crop.

    Raises
    ------
    ValueError
        `framing` is unknown.

    Examples
    --------
    >>> template_points("innerEyesAndBottomLip", size=100).round(1).tolist()
    [[36.4, 17.8], [61.9, 17.3], [50.0, 75.1]]
    """
    if framing not in FRAMINGS:
        raise OptionError(f"Expected `framing` to be one of {', '.join(FRAMINGS)}. Received: {framing!r}")
    mean = np.array([MEAN_FACE[index] for index in LANDMARKS[framing]])
    normalised = (mean - MEAN_FACE_BOX[0]) / (MEAN_FACE_BOX[1] - MEAN_FACE_BOX[0])
    return (normalised + margin) * (size / (1.0 + 2.0 * margin))


def alignment_transform(landmarks: Points, *, framing: str, size: int, margin: float = 0.0) -> Points:
    """Return the affine map from a photograph to its crop.

    Parameters
    ----------
    landmarks : ndarray of float64, shape (68, 2)
        Positions (x, y) in pixels of the photograph, in the order of dlib's 68-point model.
    framing : {"innerEyesAndBottomLip", "outerEyesAndNose"}
        The three landmarks that are mapped to the template.
    size : int
        Side of the crop, in pixels.
    margin : float, default 0.0
        Width added on each side of the template's square, as a fraction of its side.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        Maps (x, y, 1) in the photograph to (x, y) in the crop.

    Raises
    ------
    ValueError
        `framing` is unknown, or the three landmarks lie on one line.
    """
    import cv2

    source = np.asarray(landmarks, np.float32)[list(LANDMARKS[framing])]
    target = template_points(framing, size=size, margin=margin).astype(np.float32)
    sides = source[1:] - source[0]
    if abs(float(sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0])) < 1e-3:
        raise ValueError(f"Expected three landmarks that are not on one line. Received: {source.tolist()}")
    return cv2.getAffineTransform(source, target)


def crop_face(picture: Picture, transform: Points, size: int, *, antialias: bool = True) -> Picture:
    """Return the crop of a photograph that a transform defines.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, C)
        The photograph.
    transform : ndarray of float64, shape (2, 3)
        Affine map from the photograph to the crop; see `alignment_transform`.
    size : int
        Side of the crop, in pixels.
    antialias : bool, default True
        Where the face is larger than the crop, sample the crop at a multiple of its size and average it down. If False,
        each pixel is interpolated from four pixels of the photograph, as OpenFace does.

    Returns
    -------
    ndarray of uint8, shape (size, size, C)
        The crop, black outside the photograph.
    """
    factor = max(1, math.ceil(transform_scale(transform) - 0.1)) if antialias else 1
    return warp_crop(picture, transform, size, factor=factor).reshape(size, size, picture.shape[2])


def warp_crop(
    values: npt.NDArray[Any], transform: Points, size: int, *, factor: int, nearest: bool = False
) -> npt.NDArray[Any]:
    """Return the crop of an array that a transform defines, sampled at `factor` times its size and averaged down.

    Parameters
    ----------
    values : ndarray of uint8 or float32, shape (H, W) or (H, W, C)
        The array.
    transform : ndarray of float64, shape (2, 3)
        Affine map from the array to the crop.
    size : int
        Side of the crop, in pixels.
    factor : int
        Number of samples along each side of a pixel, at least 1.
    nearest : bool, default False
        Take the nearest pixel for each sample, instead of interpolating between four.

    Returns
    -------
    ndarray of the same type, shape (size, size) or (size, size, C)
        The crop, 0 outside the array.
    """
    import cv2

    # Pixel centres are at whole numbers: the centre of pixel 0 is the mean of the samples 0 to factor - 1.
    larger = transform * factor + np.array([[0.0, 0.0, (factor - 1) / 2.0]] * 2)
    side, method = size * factor, cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    crop = cv2.warpAffine(np.ascontiguousarray(values), larger, (side, side), flags=method)
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA) if factor > 1 else crop


def transform_scale(transform: Points) -> float:
    """Return the largest number of the photograph's pixels, over all directions, along one pixel of the crop.

    Parameters
    ----------
    transform : ndarray of float64, shape (2, 3)
        Affine map from the photograph to the crop.

    Returns
    -------
    float
        The length of a pixel of the crop, in pixels of the photograph.
    """
    return float(np.linalg.svd(invert_transform(transform)[:, :2], compute_uv=False).max())


def compose_transforms(outer: Points, inner: Points) -> Points:
    """Return the affine map that applies `inner` first and `outer` second.

    Parameters
    ----------
    outer : ndarray of float64, shape (2, 3)
        The second map.
    inner : ndarray of float64, shape (2, 3)
        The first map.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        The composition.
    """
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


def invert_transform(transform: Points) -> Points:
    """Return the inverse of an affine map.

    Parameters
    ----------
    transform : ndarray of float64, shape (2, 3)
        The map.

    Returns
    -------
    ndarray of float64, shape (2, 3)
        The inverse map.
    """
    linear = np.linalg.inv(np.asarray(transform, np.float64)[:, :2])
    return np.concatenate([linear, -linear @ np.asarray(transform, np.float64)[:, 2:]], axis=1)


def transform_points(transform: Points, points: Points | Sequence[Sequence[float]]) -> Points:
    """Apply an affine map to points.

    Parameters
    ----------
    transform : ndarray of float64, shape (2, 3)
        The map.
    points : array-like of float, shape (N, 2)
        Positions (x, y).

    Returns
    -------
    ndarray of float64, shape (N, 2)
        The mapped positions.
    """
    positions = np.asarray(points, np.float64)
    return positions @ np.asarray(transform)[:, :2].T + np.asarray(transform)[:, 2]

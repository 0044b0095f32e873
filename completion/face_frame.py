"""Between a photograph and the frame that an aligned face has in it.

A frame is a square of the model's pixels that lies somewhere in the photograph, turned and sheared as the face is.
A transform, an affine map from the photograph's pixels to the frame's, says where (see `dcgan.faces.alignment`);
pixels'
centres are at whole numbers in both. Only known pixels are averaged, so nothing of what a mask hides reaches the model.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from completion.framing import KNOWN_MIN, enlarge, known_means
from completion.blending.holes import Window
from dcgan.faces.alignment import compose_transforms, invert_transform, take_crop, transform_points, transform_scale
from dcgan.pictures.values import to_float

__all__ = ["frame_distance", "frame_view", "frame_window", "place_face"]

ENLARGED_MAX = 8  # a face is enlarged so many times by Lanczos's kernel, and by a cubic from there on

Points = npt.NDArray[np.float64]


def frame_window(transform: Points, size: int, shape: tuple[int, int], *, margin: float = 0.0) -> Window:
    """Return the rows and columns of a photograph that a frame lies in; empty where it lies outside.

    Parameters
    ----------
    transform : (2, 3) float64, from the photograph's pixels to the frame's
    size : side of the frame in its own pixels
    shape : (height, width) of the photograph
    margin : pixels of the frame that are added on each side
    """
    near, far = -0.5 - margin, size - 0.5 + margin
    corners = transform_points(
        invert_transform(transform), [(near, near), (far, near), (near, far), (far, far)]
    )  # (4, 2)
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
    left, right = (int(np.clip(place, 0, shape[1])) for place in (low[0], high[0]))
    top, bottom = (int(np.clip(place, 0, shape[0])) for place in (low[1], high[1]))
    return slice(top, bottom), slice(left, right)


def frame_distance(transform: Points, size: int, window: Window) -> npt.NDArray[np.float32]:
    """Return how far pixels of a photograph are from the middle of a frame, in halves of its side: inside, at most 1.

    Parameters
    ----------
    transform : (2, 3) float64
    size : side of the frame in its own pixels
    window : rows and columns of the photograph

    Returns
    -------
    (rows, columns) float32
        The greater of the distances along the frame's two axes.

    Examples
    --------
    >>> identity = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> frame_distance(identity, 4, (slice(0, 1), slice(0, 6)))
    array([[0.75, 0.75, 0.75, 0.75, 1.25, 1.75]], dtype=float32)
    """
    y, x = np.ogrid[window[0], window[1]]
    distance = np.zeros((y.size, x.size), np.float32)
    for row in np.asarray(transform, np.float64):
        along = row[0] * x + row[1] * y + (row[2] - (size - 1) / 2.0)
        np.maximum(distance, np.abs(along) * (2.0 / size), out=distance, casting="same_kind")
    return distance


def frame_view(
    picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], transform: Points, size: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Bring what a frame shows of a photograph to the model's size.

    Parameters
    ----------
    picture : (H, W, C) uint8
    mask : (H, W) bool, True = missing
    transform : (2, 3) float64, from the photograph's pixels to the frame's
    size : side of the model's square

    Returns
    -------
    target : (size, size, C) float32 in [-1, 1]
        Means of the known pixels; 0 where nothing is known, and where the photograph ends.
    known : (size, size) float32 in [0, 1]
        The known share of each of the model's pixels.
    """
    channels = picture.shape[2]
    rows, columns = frame_window(transform, size, picture.shape[:2], margin=2.0)
    share = (~mask[rows, columns]).astype(np.float32)
    if not share.any():
        return np.zeros((size, size, channels), np.float32), np.zeros((size, size), np.float32)
    scale = transform_scale(transform)
    factor = max(1, math.ceil(scale - 0.1))
    from_window = compose_transforms(transform, np.array([[1.0, 0.0, columns.start], [0.0, 1.0, rows.start]]))
    means, known = known_means(
        (to_float(picture[rows, columns, channel]) for channel in range(channels)),
        share,
        lambda values: take_crop(values, from_window, size, factor=factor),
    )
    is_known = known > KNOWN_MIN
    if scale < 1.0:  # an enlarged pixel is known or not; a share would only say how near its neighbour is
        known = take_crop(share, from_window, size, factor=factor, nearest=True)
    known = np.where(is_known & (known > KNOWN_MIN), np.minimum(known, 1.0), np.float32(0.0))
    return np.clip(means, -1.0, 1.0), known


def place_face(generated: npt.NDArray[np.float32], transform: Points, window: Window) -> npt.NDArray[np.float32]:
    """Return the generated face as the photograph's pixels have it.

    Parameters
    ----------
    generated : (size, size, C) float32
    transform : (2, 3) float64, from the photograph's pixels to the frame's
    window : rows and columns of the photograph

    Returns
    -------
    (rows, columns, C) float32
        Interpolated with Lanczos's kernel where the photograph is finer than the frame, else means of areas. Beyond the
        frame its edges are repeated.
    """
    scale = transform_scale(transform)
    # So much larger, the interpolation is exact; warpAffine alone knows thirty-two places in each pixel.
    factor = min(ENLARGED_MAX, max(1, math.ceil(scale)))
    large = enlarge(generated, factor)
    finer = max(1, math.ceil(1.0 / scale - 0.1))  # of the photograph, where the frame is finer than it
    height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
    # From the pixels of the window, made finer, to those of the enlarged face.
    to_window = np.array([[1.0 / finer, 0.0, window[1].start], [0.0, 1.0 / finer, window[0].start]])
    to_window[:, 2] -= (finer - 1) / (2.0 * finer)
    matrix = factor * compose_transforms(transform, to_window) + np.array([[0.0, 0.0, (factor - 1) / 2.0]] * 2)
    placed = cv2.warpAffine(
        large,
        matrix,
        (width * finer, height * finer),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finer > 1:
        placed = cv2.resize(placed, (width, height), interpolation=cv2.INTER_AREA)
    return placed.reshape(height, width, generated.shape[2])

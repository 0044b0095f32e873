"""Between a picture of any size and the square that the model sees.

A picture that is not square is fitted into the model's square and centred; what lies beside it counts as unknown. Only
known pixels are averaged, so nothing of what a mask hides reaches the search.
"""

import dataclasses
from collections.abc import Callable, Iterable

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.pictures.values import resize_picture, to_float

__all__ = ["KNOWN_MIN", "Frame", "enlarge", "fit_frame", "known_means", "model_view", "place_generated"]

KNOWN_MIN = 1e-6  # shares up to this are rounding: nothing is known there
LANCZOS_TAPS = 4  # on each side, as in OpenCV's INTER_LANCZOS4


@dataclasses.dataclass(frozen=True)
class Frame:
    """Where a picture lies in the model's square.

    Attributes
    ----------
    size : side of the model's square in pixels.
    height, width : of the picture itself.
    inner_height, inner_width : of the picture inside the square.
    top, left : of the picture inside the square.
    """

    size: int
    height: int
    width: int
    inner_height: int
    inner_width: int
    top: int
    left: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """Return the picture's part of the square."""
        return (
            slice(self.top, self.top + self.inner_height),
            slice(self.left, self.left + self.inner_width),
        )


def fit_frame(height: int, width: int, size: int) -> Frame:
    """Fit a picture of (height, width) into a square of side `size`, centred, its shape kept."""
    side = max(height, width)
    inner_height = max(1, round(height * size / side))
    inner_width = max(1, round(width * size / side))
    return Frame(size, height, width, inner_height, inner_width, (size - inner_height) // 2, (size - inner_width) // 2)


def model_view(
    picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], frame: Frame
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Bring a picture and its mask to the model's size.

    Parameters
    ----------
    picture : (H, W, C) uint8
    mask : (H, W) bool, True = missing
    frame : of this picture

    Returns
    -------
    target : (size, size, C) float32 in [-1, 1]
        Means of the known pixels; 0 where nothing is known.
    known : (size, size) float32 in [0, 1]
        The known share of each of the model's pixels.
    """
    channels = picture.shape[2]
    share = (~mask).astype(np.float32)  # (H, W)
    inner_shape = (frame.inner_width, frame.inner_height)
    shrinks = frame.inner_width <= frame.width and frame.inner_height <= frame.height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    means, inner_share = known_means(
        (to_float(picture[..., channel]) for channel in range(channels)),
        share,
        lambda values: cv2.resize(values, inner_shape, interpolation=method),
    )
    target = np.zeros((frame.size, frame.size, channels), np.float32)
    known = np.zeros((frame.size, frame.size), np.float32)
    target[frame.inside] = np.clip(means, -1.0, 1.0)
    if not shrinks:  # an enlarged pixel is known or not; a share would only say how near its neighbour is
        inner_share = cv2.resize(share, inner_shape, interpolation=cv2.INTER_NEAREST)
    known[frame.inside] = np.where(inner_share > KNOWN_MIN, inner_share, 0.0)
    return target, known


def known_means(
    channels: Iterable[npt.NDArray[np.float32]],
    known: npt.NDArray[np.float32],
    average: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the means of the known pixels, and how much of each mean's area is known.

    Parameters
    ----------
    channels : (H, W) float32 each; one is held at a time, for a large picture in float32 is large
    known : (H, W) float32 in [0, 1]
    average : brings an array (H, W) to the size of the result

    Returns
    -------
    means : (h, w, C) float32
        0 where nothing is known.
    shares : (h, w) float32
    """
    shares = average(known)
    sums = (average(values * known) for values in channels)
    means = [np.divide(each, shares, out=np.zeros_like(each), where=shares > KNOWN_MIN) for each in sums]
    return np.stack(means, axis=-1), shares


def place_generated(
    generated: npt.NDArray[np.float32], frame: Frame, box: tuple[slice, slice]
) -> npt.NDArray[np.float32]:
    """Return a box of the generated picture at the picture's own size.

    Parameters
    ----------
    generated : (size, size, C) float32
    frame : of the picture
    box : rows and columns of the picture

    Returns
    -------
    (box height, box width, C) float32
        Means of areas where the picture is smaller than the model's square, interpolated with Lanczos's kernel where it
        is larger.
    """
    if max(frame.height, frame.width) <= frame.size:
        return resize_picture(generated[frame.inside], (frame.height, frame.width))[box]
    rows, columns = np.arange(frame.height)[box[0]], np.arange(frame.width)[box[1]]
    centers_y = (rows + 0.5) * (frame.inner_height / frame.height) - 0.5 + frame.top
    centers_x = (columns + 0.5) * (frame.inner_width / frame.width) - 0.5 + frame.left
    vertical = _lanczos_matrix(centers_y, frame.size)
    horizontal = _lanczos_matrix(centers_x, frame.size)
    stretched = np.tensordot(vertical, generated, (1, 0))  # (box height, size, C)
    return np.matmul(horizontal, stretched)  # (box height, box width, C)


def enlarge(picture: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Return a picture, (H, W, C) float32, a whole number of times as large, interpolated with Lanczos's kernel."""
    height, width = picture.shape[:2]
    vertical, horizontal = (
        _lanczos_matrix((np.arange(side * factor) + 0.5) / factor - 0.5, side) for side in (height, width)
    )
    stretched = np.tensordot(vertical, picture, (1, 0))  # (factor * H, W, C)
    return np.ascontiguousarray(np.matmul(horizontal, stretched))


def _lanczos_matrix(centers: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float32]:
    """Return the matrix that interpolates at the given places of `size` samples, (places, size); edges are repeated."""
    nearest = np.floor(centers).astype(int)
    taps = nearest[:, None] + np.arange(1 - LANCZOS_TAPS, LANCZOS_TAPS + 1)  # (places, 2 * LANCZOS_TAPS)
    distance = centers[:, None] - taps
    weights = np.sinc(distance) * np.sinc(distance / LANCZOS_TAPS)
    weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((len(centers), size))
    np.add.at(matrix, (np.arange(len(centers))[:, None], np.clip(taps, 0, size - 1)), weights)
    return matrix.astype(np.float32)

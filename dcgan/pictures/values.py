"""Arrays of pictures: value ranges, sizes, grids. OpenCV resizes."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "KNOWN_MIN",
    "crop_square",
    "enlarge",
    "is_grey",
    "known_means",
    "lanczos_matrix",
    "make_grid",
    "resize_picture",
    "to_float",
    "to_uint8",
]

KNOWN_MIN = 1e-6  # known shares up to this are rounding errors: nothing is known there
LANCZOS_TAPS = 4  # on each side, as in OpenCV's INTER_LANCZOS4

Pictures = npt.NDArray[np.uint8]


def to_float(pictures: Any) -> Any:
    """Convert uint8 in [0, 255] to float32 in [-1, 1]; NumPy arrays and the engine's tensors alike.

    The inverse of `to_uint8`.
    """
    if isinstance(pictures, np.ndarray):
        return pictures.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    from keras import ops

    return ops.cast(pictures, "float32") / 127.5 - 1.0


def to_uint8(pictures: npt.NDArray[np.floating]) -> Pictures:
    """Convert float in [-1, 1] to uint8 in [0, 255], clipped and rounded.

    Examples
    --------
    >>> to_uint8(np.array([-1.0, 0.0, 1.5])).tolist()
    [0, 128, 255]
    """
    return np.clip(np.rint((pictures + 1.0) * 127.5), 0, 255).astype(np.uint8)


def crop_square(picture: Pictures) -> Pictures:
    """Return the central square of a picture, (S, S, C) with S the shorter side."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def is_grey(pixels: Pictures) -> bool:
    """Tell whether pixels, (..., C) uint8, are at least one, of three channels, and all grey."""
    if pixels.shape[-1] != 3 or pixels.size == 0:
        return False
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def resize_picture(picture: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
    """Resize to (height, width): averages areas where it shrinks, Lanczos where it grows.

    Parameters
    ----------
    picture : (H, W, C) uint8 or float32
    shape : (height, width)

    Returns
    -------
    (height, width, C), of the same dtype
    """
    import cv2

    height, width = shape
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    resized = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)
    return resized.reshape(height, width, picture.shape[2])


def known_means(
    channels: Iterable[npt.NDArray[np.float32]],
    known: npt.NDArray[np.float32],
    average: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return means of the known pixels, and the share of each mean's area that is known.

    Parameters
    ----------
    channels : iterable of float32 arrays (H, W)
        One is held in memory at a time.
    known : float32 array (H, W)
        In [0, 1].
    average : callable
        Resamples an array (H, W) to the size of the result.

    Returns
    -------
    means : float32 array (h, w, C)
        0 where nothing is known.
    shares : float32 array (h, w)
    """
    shares = average(known)
    sums = (average(values * known) for values in channels)
    means = [np.divide(each, shares, out=np.zeros_like(each), where=shares > KNOWN_MIN) for each in sums]
    return np.stack(means, axis=-1), shares


def enlarge(picture: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Return a picture, (H, W, C) float32, enlarged by an integer factor with a Lanczos kernel."""
    height, width = picture.shape[:2]
    vertical, horizontal = (
        lanczos_matrix((np.arange(side * factor) + 0.5) / factor - 0.5, side) for side in (height, width)
    )
    stretched = np.tensordot(vertical, picture, (1, 0))  # (factor * H, W, C)
    return np.ascontiguousarray(np.matmul(horizontal, stretched))


def lanczos_matrix(centers: npt.NDArray[np.floating], size: int) -> npt.NDArray[np.float32]:
    """Return the matrix that interpolates `size` samples at the given centres, (centres, size); borders repeat."""
    nearest = np.floor(centers).astype(int)
    taps = nearest[:, None] + np.arange(1 - LANCZOS_TAPS, LANCZOS_TAPS + 1)  # (centres, 2 * LANCZOS_TAPS)
    distance = centers[:, None] - taps
    weights = np.sinc(distance) * np.sinc(distance / LANCZOS_TAPS)
    weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((len(centers), size))
    np.add.at(matrix, (np.arange(len(centers))[:, None], np.clip(taps, 0, size - 1)), weights)
    return matrix.astype(np.float32)


def make_grid(pictures: Pictures, *, columns: int | None = None, margin_px: int = 2) -> Pictures:
    """Lay pictures out on a white sheet, row by row.

    Parameters
    ----------
    pictures : (B, H, W, C) uint8
    columns : pictures in a row; by default the sheet is as square as it can be
    margin_px : white pixels around each picture

    Returns
    -------
    (rows * (H + margin) + margin, columns * (W + margin) + margin, C) uint8
    """
    count, height, width, channels = pictures.shape
    if count == 0:
        raise ValueError(f"Expected `pictures` to hold at least one. Received: shape={pictures.shape}")
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full(
        (rows * (height + margin_px) + margin_px, columns * (width + margin_px) + margin_px, channels), 255, np.uint8
    )
    for index, picture in enumerate(pictures):
        top = margin_px + index // columns * (height + margin_px)
        left = margin_px + index % columns * (width + margin_px)
        sheet[top : top + height, left : left + width] = picture
    return sheet

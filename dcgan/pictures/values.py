"""Arrays of pictures: value ranges, sizes, grids. OpenCV resizes."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "KNOWN_MIN",
    "STRIP_ROWS",
    "WHOLE_PIXELS_MAX",
    "area_matrix",
    "crop_square",
    "enlarge",
    "is_grey",
    "known_means",
    "known_sums",
    "lanczos_matrix",
    "make_grid",
    "resize_picture",
    "to_float",
    "to_uint8",
]

KNOWN_MIN = 1e-6  # known shares up to this are rounding errors: nothing is known there
STRIP_ROWS = 256  # rows of a large picture that are converted together, to hold no second copy of it
WHOLE_PIXELS_MAX = 4_000_000  # pixels of a picture up to which it is averaged in whole planes of float
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


def crop_square(picture: Pictures, *, share: float = 1.0) -> Pictures:
    """Return the central square of a picture, (S, S, C), with S the shorter side, or a share of it in (0, 1]."""
    height, width = picture.shape[:2]
    side = max(1, round(share * min(height, width)))
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def is_square(picture: npt.NDArray[Any]) -> bool:
    """Tell whether `crop_square` leaves a picture, (H, W, C), whole, or all but a row or column of it."""
    return abs(picture.shape[0] - picture.shape[1]) <= 1


def is_grey(picture: Pictures, known: npt.NDArray[np.bool_]) -> bool:
    """Tell whether a picture's known pixels, at least one, are all grey.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
        A picture of one channel is not called grey: there is nothing to keep equal.
    known : bool array (H, W)

    Examples
    --------
    >>> picture = np.uint8([[[9, 9, 9], [9, 5, 1]]])
    >>> is_grey(picture, np.array([[True, False]])), is_grey(picture, np.array([[True, True]]))
    (True, False)
    """
    if picture.shape[-1] != 3 or not known.any():
        return False
    for top in range(0, len(picture), STRIP_ROWS):  # a colour picture is told from its first rows
        strip, hidden = picture[top : top + STRIP_ROWS], ~known[top : top + STRIP_ROWS]
        red, green, blue = strip[..., 0], strip[..., 1], strip[..., 2]
        if not ((red == green) & (green == blue) | hidden).all():
            return False
    return True


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


def known_sums(
    picture: Pictures, mask: npt.NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return sums of the known pixels of a large picture's parts, strip by strip: no plane of it is held in float.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
    mask : bool array (H, W)
        True = missing.
    shape : (int, int)
        (h, w), at most (H, W): how many equal parts there are.

    Returns
    -------
    sums : float64 array (h, w, C)
        Of the values in [-1, 1], each weighted by its share of the part's area.
    shares : float64 array (h, w)
        The share of each part that is known; the mean of its known pixels is ``sums / shares``.
    """
    vertical, horizontal = area_matrix(picture.shape[0], shape[0]), area_matrix(picture.shape[1], shape[1])
    sums, shares = np.zeros((*shape, picture.shape[2])), np.zeros(shape)
    for top in range(0, picture.shape[0], STRIP_ROWS):
        strip = slice(top, top + STRIP_ROWS)
        known = (~mask[strip]).astype(np.float32)  # (STRIP_ROWS, W)
        weights = vertical[:, strip]
        shares += weights @ (known @ horizontal.T)
        for channel in range(picture.shape[2]):
            values = to_float(picture[strip, :, channel]) * known
            sums[..., channel] += weights @ (values @ horizontal.T)
    return sums, shares


def enlarge(picture: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Return a picture, (H, W, C) float32, enlarged by an integer factor with a Lanczos kernel."""
    height, width = picture.shape[:2]
    vertical, horizontal = (
        lanczos_matrix((np.arange(side * factor) + 0.5) / factor - 0.5, side) for side in (height, width)
    )
    stretched = np.tensordot(vertical, picture, (1, 0))  # (factor * H, W, C)
    return np.ascontiguousarray(np.matmul(horizontal, stretched))


def area_matrix(length: int, count: int) -> npt.NDArray[np.float32]:
    """Return the matrix that averages `length` samples over `count` equal parts, (count, length).

    Parameters
    ----------
    length, count : int
        `count` is at most `length`; a sample on a border counts in both parts by its shares.

    Examples
    --------
    >>> (3 * area_matrix(3, 2)).round(6).tolist()
    [[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]]
    """
    borders = np.arange(count + 1) * (length / count)
    samples = np.arange(length)
    overlap = np.minimum(borders[1:, None], samples + 1) - np.maximum(borders[:-1, None], samples)
    return (np.maximum(overlap, 0.0) * (count / length)).astype(np.float32)


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

"""Arrays of pictures: value ranges, sizes, grids. OpenCV resizes."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["crop_square", "is_grey", "make_grid", "resize_picture", "to_float", "to_uint8"]

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

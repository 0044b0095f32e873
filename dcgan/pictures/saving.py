"""Write picture files; `dcgan.pictures.files` reads them. Only these two know file formats."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.records import write_whole

__all__ = ["save_picture"]


def save_picture(path: str | os.PathLike[str], picture: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> None:
    """Write a picture in the format that the path's suffix names, whole or not at all.

    Parameters
    ----------
    path : suffix .png, .jpg, ...
    picture : (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) uint8; for .png uint16 as well

    Raises
    ------
    ImageFileError
        The file cannot be written; nothing is left behind.
    """
    from PIL import Image

    suffix = Path(path).suffix.lower()
    formats = Image.registered_extensions()
    if formats.get(suffix) not in Image.SAVE:
        raise ImageFileError(f"{os.fspath(path)}: expected a picture's suffix, received {suffix!r}")
    if picture.dtype == np.uint16:
        _save_deep(Path(path), picture)
        return
    image = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    options: dict[str, Any] = {"quality": 95} if formats[suffix] in ("JPEG", "WEBP") else {}
    if formats[suffix] == "PNG":
        options["compress_level"] = 3  # a third of the time of the default, a few per cent larger
    try:
        with write_whole(path) as file:
            image.save(file, format=formats[suffix], **options)
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: cannot write: {error.strerror or error}") from error


def _save_deep(path: Path, picture: npt.NDArray[Any]) -> None:
    """Write a PNG of 16 bits a channel."""
    import cv2

    if path.suffix.lower() != ".png":
        raise ImageFileError(f"{path}: expected .png for 16 bits a channel, received {path.suffix!r}")
    colors = picture if picture.ndim == 2 else np.concatenate([picture[..., 2::-1], picture[..., 3:]], axis=2)
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(colors), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    try:
        with write_whole(path) as file:
            file.write(encoded.tobytes())
    except OSError as error:
        raise ImageFileError(f"{path}: cannot write: {error.strerror or error}") from error

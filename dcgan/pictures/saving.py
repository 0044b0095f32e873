"""Write picture files; `dcgan.pictures.files` reads them. Only these two know file formats."""

import io
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.attached import XMP_TAG, Attached
from dcgan.pictures.records import write_whole

__all__ = ["save_picture"]

PNG_HEADER_BYTES = 33  # the signature and the chunk IHDR
PNG_PIXELS = (b"IHDR", b"IDAT", b"IEND")  # chunks of a PNG that are not attached to its pixels


def save_picture(
    path: str | os.PathLike[str],
    picture: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    *,
    attached: Attached | None = None,
) -> None:
    """Write a picture in the format that the path's suffix names, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        With the suffix .png, .jpg, ...
    picture : uint8 array (H, W), (H, W, 1), (H, W, 2), (H, W, 3) or (H, W, 4)
        Grey, grey and alpha, RGB, RGB and alpha; for .png uint16 as well.
    attached : Attached, optional
        What belongs to the pixels.

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
    beside = {} if attached is None else _attached_options(attached, formats[suffix])
    if picture.dtype == np.uint16:
        _save_deep(Path(path), picture, beside)
        return
    image = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    options: dict[str, Any] = {"quality": 95} if formats[suffix] in ("JPEG", "WEBP") else {}
    if formats[suffix] == "PNG":
        options["compress_level"] = 3  # a third of the time of the default, a few per cent larger
    try:
        with write_whole(path) as file:
            image.save(file, format=formats[suffix], **options, **beside)
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: cannot write: {error.strerror or error}") from error


def _attached_options(attached: Attached, kind: str) -> dict[str, Any]:
    """Return what Pillow's writer of a format is told about what is attached to the pixels."""
    from PIL import PngImagePlugin

    options: dict[str, Any] = {"icc_profile": attached.profile, "dpi": attached.dpi, "exif": attached.exif}
    if attached.xmp is not None and kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", attached.xmp.decode("utf-8"))
    elif kind == "TIFF":
        options["tiffinfo"] = {XMP_TAG: attached.xmp} if attached.xmp is not None else None
    else:
        options["xmp"] = attached.xmp
    return {name: value for name, value in options.items() if value is not None}


def _save_deep(path: Path, picture: npt.NDArray[Any], beside: dict[str, Any]) -> None:
    """Write a PNG of 16 bits a channel."""
    import cv2

    if path.suffix.lower() != ".png":
        raise ImageFileError(f"{path}: expected .png for 16 bits a channel, received {path.suffix!r}")
    if picture.ndim == 3 and picture.shape[2] == 2:
        content = _encode_grey_alpha(picture)
    else:
        colors = picture if picture.ndim == 2 else np.concatenate([picture[..., 2::-1], picture[..., 3:]], axis=2)
        encoded = cv2.imencode(".png", np.ascontiguousarray(colors), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
        content = encoded.tobytes()
    try:
        with write_whole(path) as file:
            file.write(content[:PNG_HEADER_BYTES])
            file.write(_attached_chunks(beside))  # OpenCV writes none
            file.write(content[PNG_HEADER_BYTES:])
    except OSError as error:
        raise ImageFileError(f"{path}: cannot write: {error.strerror or error}") from error


def _encode_grey_alpha(picture: npt.NDArray[Any]) -> bytes:
    """Return a PNG of grey and alpha, (H, W, 2) uint16, which neither OpenCV nor Pillow writes (PNG 1.2, type 4)."""
    height, width = picture.shape[:2]
    rows = np.zeros((height, 1 + 4 * width), np.uint8)  # each begins with the number of its filter: none
    rows[:, 1:] = np.ascontiguousarray(picture.astype(">u2")).view(np.uint8).reshape(height, -1)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 4, 0, 0, 0])
    chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(rows.tobytes(), 3), b"IEND")
    framed = [(len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _attached_chunks(beside: dict[str, Any]) -> bytes:
    """Return the chunks of a PNG that hold what is attached to its pixels."""
    from PIL import Image

    if not beside:
        return b""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", **beside)
    content, chunks, start = file.getvalue(), [], 8
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")  # length, name, data, checksum
        if content[start + 4 : start + 8] not in PNG_PIXELS:
            chunks.append(content[start:end])
        start = end
    return b"".join(chunks)

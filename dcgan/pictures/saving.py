"""Write picture files; `dcgan.pictures.files` reads them. Only these two know file formats."""

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.attached import (
    EXIF_IFD,
    GPS_IFD,
    NOTHING_ATTACHED,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    XMP_TAG,
    Y_RESOLUTION,
    Attached,
)
from dcgan.pictures.png import SIGNATURE, chunks
from dcgan.pictures.records import write_whole

__all__ = ["check_suffix", "save_picture"]

PNG_HEADER_BYTES = 33  # the signature and the chunk IHDR
PNG_PIXELS = (b"IHDR", b"IDAT", b"IEND")  # chunks of a PNG that are not attached to its pixels


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the format that a path's suffix names, as Pillow calls it.

    Raises
    ------
    ImageFileError
        No picture can be written in such a format.
    """
    from PIL import Image

    suffix = Path(path).suffix.lower()
    kind = Image.registered_extensions().get(suffix)
    if kind is None or kind not in Image.SAVE:
        raise ImageFileError(f"{os.fspath(path)}: expected a picture's suffix, received {suffix!r}")
    return kind


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
        Grey, grey and alpha, RGB, RGB and alpha; for .png and .tif uint16 as well.
    attached : Attached, optional
        What belongs to the pixels.

    Raises
    ------
    ImageFileError
        The file cannot be written; nothing is left behind.
    """
    from PIL import Image

    kind = check_suffix(path)
    attached = attached or NOTHING_ATTACHED
    if picture.dtype == np.uint16:
        _save_deep(Path(path), picture, attached, kind=kind)
        return
    image = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture)
    try:
        with write_whole(path) as file:
            image.save(file, format=kind, **_codec_options(attached, kind), **_attached_options(attached, kind))
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: cannot write: {error.strerror or error}") from error
    except (ValueError, TypeError, OverflowError, struct.error) as error:  # of what is attached
        raise ImageFileError(f"{os.fspath(path)}: cannot write: {error}") from error


def _codec_options(attached: Attached, kind: str) -> dict[str, Any]:
    """Return what Pillow's writer of a format is told about the pixels: as the file that they are from has them."""
    if kind == "PNG":
        return {"compress_level": 3}  # a third of the time of the default, a few per cent larger
    if kind == "JPEG" and attached.tables:
        return {"qtables": attached.tables, "subsampling": attached.subsampling}
    if kind == "JPEG":
        return {"quality": 95}
    if kind == "WEBP":  # in a lossless one `quality` is the effort
        return {"quality": 75 if attached.lossless else 95, "lossless": attached.lossless, "exact": True}
    return {}


def _attached_options(attached: Attached, kind: str) -> dict[str, Any]:
    """Return what Pillow's writer of a format is told about what is attached to the pixels."""
    from PIL import Image, PngImagePlugin

    options: dict[str, Any] = {"icc_profile": attached.profile, "dpi": attached.dpi, "exif": attached.exif}
    if attached.xmp is not None and kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", attached.xmp.decode("utf-8"))
    elif kind == "TIFF":
        options["tiffinfo"] = {XMP_TAG: attached.xmp} if attached.xmp is not None else None
    else:
        options["xmp"] = attached.xmp
    if kind == "WEBP" and attached.dpi is not None:  # it has no other place for the resolution
        tags = Image.Exif()
        tags.load(attached.exif or b"")
        tags[X_RESOLUTION], tags[Y_RESOLUTION], tags[RESOLUTION_UNIT] = *attached.dpi, 2
        options["exif"] = tags.tobytes()
    return {name: value for name, value in options.items() if value is not None}


def _save_deep(path: Path, picture: npt.NDArray[Any], attached: Attached, *, kind: str) -> None:
    """Write a PNG or a TIFF of 16 bits a channel."""
    if kind == "PNG":
        parts = _encode_deep_png(picture, _attached_options(attached, kind))
    elif kind == "TIFF":
        parts = _encode_deep_tiff(picture, attached)
    else:
        raise ImageFileError(f"{path}: expected .png or .tif for 16 bits a channel, received {path.suffix!r}")
    try:
        with write_whole(path) as file:
            file.writelines(parts)
    except OSError as error:
        raise ImageFileError(f"{path}: cannot write: {error.strerror or error}") from error


def _encode_deep_png(picture: npt.NDArray[Any], beside: dict[str, Any]) -> list[bytes]:
    """Return a PNG of 16 bits a channel, in parts."""
    import cv2

    if picture.ndim == 3 and picture.shape[2] == 2:
        content = _encode_grey_alpha(picture)
    else:
        colors = picture if picture.ndim == 2 else np.concatenate([picture[..., 2::-1], picture[..., 3:]], axis=2)
        encoded = cv2.imencode(".png", np.ascontiguousarray(colors), [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
        content = encoded.tobytes()
    return [content[:PNG_HEADER_BYTES], _attached_chunks(beside), content[PNG_HEADER_BYTES:]]  # OpenCV writes none


def _encode_deep_tiff(picture: npt.NDArray[Any], attached: Attached) -> list[bytes]:
    """Return a TIFF of 16 bits a channel, not compressed, in parts; Pillow writes grey ones alone (TIFF 6.0)."""
    from PIL import Image, TiffImagePlugin

    values = np.ascontiguousarray(picture.reshape(*picture.shape[:2], -1).astype("<u2"))
    height, width, channels = values.shape
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    own = Image.Exif()
    own.load(attached.exif or b"")
    for tag, value in own.items():
        tags[tag] = own.get_ifd(tag) if tag in (EXIF_IFD, GPS_IFD) else value
    tags[256], tags[257], tags[258], tags[259] = width, height, (16,) * channels, 1
    tags[262], tags[277], tags[278] = 2 if channels > 2 else 1, channels, height
    tags[273], tags[279] = 0, values.nbytes  # Pillow adds where the tags end
    if channels in (2, 4):
        tags[338] = 2  # alpha that the colours are not multiplied by
    if attached.dpi is not None:
        tags[X_RESOLUTION], tags[Y_RESOLUTION], tags[RESOLUTION_UNIT] = *attached.dpi, 2
    for tag, data in ((700, attached.xmp), (34675, attached.profile)):
        if data is not None:
            tags[tag] = data
            tags.tagtype[tag] = 7
    start = io.BytesIO()
    tags.save(start)
    return [start.getvalue(), values.tobytes()]


def _encode_grey_alpha(picture: npt.NDArray[Any]) -> bytes:
    """Return a PNG of grey and alpha, (H, W, 2) uint16, which neither OpenCV nor Pillow writes (PNG 1.2, type 4)."""
    height, width = picture.shape[:2]
    rows = np.zeros((height, 1 + 4 * width), np.uint8)  # each begins with the number of its filter: none
    rows[:, 1:] = np.ascontiguousarray(picture.astype(">u2")).view(np.uint8).reshape(height, -1)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 4, 0, 0, 0])
    parts = (b"IHDR" + header, b"IDAT" + zlib.compress(rows.tobytes(), 3), b"IEND")
    framed = [(len(part) - 4).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") for part in parts]
    return SIGNATURE + b"".join(framed)


def _attached_chunks(beside: dict[str, Any]) -> bytes:
    """Return the chunks of a PNG that hold what is attached to its pixels."""
    from PIL import Image

    if not beside:
        return b""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", **beside)
    return b"".join(chunk for name, chunk in chunks(file.getvalue()) if name not in PNG_PIXELS)

"""Whether a picture's file has lost something of its colours. Pure standard library; nothing is decoded."""

import os
import struct
from typing import IO

from dcgan.errors import ImageFileError
from dcgan.pictures.reading import open_regular

__all__ = ["is_lossy", "webp_codec"]

JPEG_TAGS = (6, 7, 34892, 33003, 33005, 34712, 50001)  # of TIFF: JPEG, JPEG 2000 and WebP as compression
COMPRESSION = 259
WEBP_CHUNKS_MAX = 64  # that are looked at before the first picture


def is_lossy(path: str | os.PathLike[str]) -> bool:
    """Tell whether a picture's file is compressed with losses, which alter its colours.

    Parameters
    ----------
    path : str or path-like
        A picture that can be read.

    Returns
    -------
    bool
        True for JPEG, JPEG 2000, AVIF and HEIF, for WebP that is not lossless, and for TIFF with such a compression.

    Raises
    ------
    ImageFileError
        The file cannot be read.
    """
    try:
        with open_regular(path) as file:
            start = file.read(32)
            if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
                return webp_codec(file) == b"VP8 "
            if start[:4] in (b"II*\0", b"MM\0*"):
                return _tiff_compression(file) in JPEG_TAGS
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: {error.strerror or error}") from error
    except struct.error:  # it ends early
        return False
    return start[:3] == b"\xff\xd8\xff" or start[4:8] in (b"ftyp", b"jP  ") or start[:4] == b"\xff\x4f\xff\x51"


def webp_codec(file: IO[bytes]) -> bytes:
    """Return how the first picture in a WebP file is stored (RFC 9649, sections 2.5 to 2.7).

    Parameters
    ----------
    file : binary file
        It is read from its beginning, and moved.

    Returns
    -------
    bytes
        The name of its chunk: "VP8 " with losses, "VP8L" without, empty where there is none.
    """
    place = 12
    for _ in range(WEBP_CHUNKS_MAX):
        file.seek(place)
        header = file.read(8)
        if header[:4] in (b"VP8 ", b"VP8L"):
            return header[:4]
        if len(header) < 8:
            break
        size = int.from_bytes(header[4:], "little")
        # A frame's chunk holds 16 bytes of its own before the chunks of its picture.
        place += 8 + (16 if header[:4] == b"ANMF" else size + size % 2)
    return b""


def _tiff_compression(file: IO[bytes]) -> int:
    """Return the compression of a TIFF file's first picture, 1 where it has none."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    file.seek(4)
    file.seek(*struct.unpack(f"{order}I", file.read(4)))
    for _ in range(*struct.unpack(f"{order}H", file.read(2))):
        tag, value = struct.unpack(f"{order}H6xH2x", file.read(12))
        if tag == COMPRESSION:
            return int(value)
    return 1

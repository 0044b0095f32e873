"""How many bits a channel of a picture file has, and the picture with all of them."""

from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dcgan.pictures.png import SIGNATURE, chunks
from dcgan.pictures.values import STRIP_ROWS

__all__ = ["channel_bits", "decode_deep", "is_signed", "turn"]

HEAD_BYTES = 2**16  # of a file, in which its header lies
PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
TIFF_BITS, TIFF_SAMPLE_FORMAT = 258, 339
SIGNED = 2  # of TIFF's sample format
CV_NO_MEMORY = -4  # OpenCV's code of errors for want of memory

# A turned picture for each orientation tag (EXIF 2.3, tag 274).
TURNS: dict[int, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1),
    6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1),
    8: lambda array: np.rot90(array),
}


def channel_bits(file: IO[bytes], image: Any) -> int:
    """Return the bits of a picture's channel as its file stores them.

    Parameters
    ----------
    file : binary file
        It stays where it is.
    image : Pillow image
        Opened from that file.

    Returns
    -------
    int
        8 where the format has no more, or does not say.
    """
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(TIFF_BITS, (8,))))
    if image.format == "PPM":
        return 16 if image.mode == "I" or (image.tile and _maxval(image) > 255) else 8
    place = file.tell()
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(place)
    if image.format == "PNG":
        return head[24]
    if image.format == "JPEG2000":
        start = head.find(b"\xff\x4f\xff\x51")  # start of the codestream and its SIZ segment
        return (head[start + 42] & 0x7F) + 1 if 0 <= start < len(head) - 42 else 8
    if image.format == "AVIF":
        start = head.find(b"av1C")
        flags = head[start + 6] if 0 <= start < len(head) - 6 else 0
        return 12 if flags & 0x20 else 10 if flags & 0x40 else 8
    return 8


def _maxval(image: Any) -> int:
    """Return the largest value that the header of a PPM file declares."""
    arguments = image.tile[0].args
    return int(arguments[-1]) if isinstance(arguments, tuple) and isinstance(arguments[-1], int) else 255


def is_signed(image: Any) -> bool:
    """Tell whether an image is a TIFF file of integers with a sign."""
    return image.format == "TIFF" and SIGNED in image.tag_v2.get(TIFF_SAMPLE_FORMAT, ())


def turn(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return an array (H, W, ...) turned as an orientation tag says."""
    return TURNS[orientation](array) if orientation in TURNS else array


def decode_deep(
    file: IO[bytes], kind: str, *, shallow: npt.NDArray[np.uint8], orientation: int
) -> npt.NDArray[np.uint16] | None:
    """Decode a file with 16 bits a channel, which Pillow reads for grey pictures alone.

    Parameters
    ----------
    file : binary file
        The whole file; Pillow has found nothing wrong with it.
    kind : str
        Pillow's name of its format.
    shallow : uint8 array (H, W, C)
        What Pillow makes of it, upright.
    orientation : int
        The file's orientation tag.

    Returns
    -------
    uint16 array (H, W, 1, 3 or 4), upright, or None where OpenCV does not read it or reads another picture

    Raises
    ------
    MemoryError
        The pixels do not fit into the memory.
    """
    import cv2

    file.seek(0)
    content = file.read()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong with a file is Pillow's to report
    try:
        encoded = np.frombuffer(_bare_png(content) if kind == "PNG" else content, np.uint8)
        decoded: Any = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == CV_NO_MEMORY:
            raise MemoryError from error
        return None
    if decoded is None or decoded.dtype != np.uint16:
        return None
    deep = decoded.reshape(*decoded.shape[:2], -1)
    if deep.shape[2] >= 3:
        deep = np.concatenate([deep[..., 2::-1], deep[..., 3:]], axis=2)  # OpenCV's order is BGR
    for upright in (deep, turn(deep, orientation)):  # OpenCV turns some formats itself
        if _is_same(upright, shallow):
            return np.ascontiguousarray(upright)
    return None


def _is_same(deep: npt.NDArray[np.uint16], shallow: npt.NDArray[np.uint8]) -> bool:
    """Tell whether 16 bits are the picture that was read in 8."""
    if deep.shape[:2] != shallow.shape[:2] or deep.shape[2] == 2:
        return False
    colors = min(deep.shape[2], 3)
    for top in range(0, len(deep), STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        if np.abs((deep[rows, :, :colors] >> 8).astype(np.int16) - shallow[rows, :, :colors]).max() > 1:
            return False
    return True


def _bare_png(content: bytes) -> bytes:
    """Return a PNG file without the chunks that do not hold pixels; libpng complains of them on the terminal."""
    return content[: len(SIGNATURE)] + b"".join(chunk for name, chunk in chunks(content) if name in PNG_KEPT)

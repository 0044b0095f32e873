"""Read and write picture files. The only module that knows file formats.

Pillow decodes, because it names what is wrong with a file (OpenCV returns a truncated JPEG half grey and says nothing);
OpenCV resizes.
"""

import dataclasses
import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.reading import open_regular
from dcgan.pictures.records import write_whole
from dcgan.pictures.values import STRIP_ROWS

__all__ = [
    "NO_MEMORY",
    "PictureFile",
    "decode_picture",
    "read_deep",
    "read_encoded",
    "read_file",
    "read_labels",
    "read_picture",
    "save_picture",
]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
PIXEL_BYTES_MAX = 8  # of a picture file for each pixel: 16 bits a channel and alpha, not compressed
METADATA_BYTES_MAX = 2**26  # of what a picture file holds beside its pixels
BLOCK_BYTES = 2**20
NO_MEMORY = "not enough memory for this picture"
CV_NO_MEMORY = -4  # OpenCV's code of errors for want of memory
OPEN_LOCK = threading.Lock()  # the filters of warnings belong to the whole process, not to a thread

Pictures = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class PictureFile:
    """What a picture file holds.

    Attributes
    ----------
    pixels : uint8 array (H, W, 3 or 4)
        Upright, as `read_picture` returns it.
    deep : uint16 array (H, W, 1, 3 or 4), optional
        The same picture, where the file has 16 bits a channel.
    orientation : int
        The file's orientation tag, 1 to 8, by which the pixels have been turned (EXIF 2.3, tag 274).
    notes : tuple of str
        What was guessed at or left out, a clause each, for the user.
    """

    pixels: Pictures
    deep: npt.NDArray[np.uint16] | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()


def read_file(path: str | os.PathLike[str]) -> PictureFile:
    """Read a picture file with all that belongs to its pixels.

    Parameters
    ----------
    path : str or path-like
        A file in any format that Pillow reads.

    Returns
    -------
    PictureFile

    Raises
    ------
    ImageFileError
        See `read_picture`.
    """
    pixels = read_picture(path, channels=None)
    return PictureFile(pixels, read_deep(path, pixels), _orientation(path))


def _orientation(path: str | os.PathLike[str]) -> int:
    """Return a picture file's orientation tag, 1 where it has none or an unknown one."""
    with _named_errors(), open_regular(path) as file, _open(file) as image:
        value = image.getexif().get(274, 1)
        return value if value in range(1, 9) else 1


def read_picture(path: str | os.PathLike[str], *, channels: int | None = 3) -> Pictures:
    """Read a picture file, upright and in 8 bits.

    Parameters
    ----------
    path : path of a file in any format that Pillow reads
    channels : 1 (grey), 3 (RGB), 4 (RGB and alpha; opaque where the file has none), or None: 4 where the file has
        transparency, otherwise 3

    Returns
    -------
    (H, W, channels) uint8
        Turned as the file's orientation tag says; 16-bit values are divided by 257.

    Raises
    ------
    ImageFileError
        The file cannot be read, is no picture, is truncated or longer than a picture can be, or its pixels do not fit
        into the memory.
    """
    try:
        with open_regular(path) as file:
            _check_length(file)
            return decode_picture(file, channels=channels)
    except ImageFileError as error:
        raise ImageFileError(f"{os.fspath(path)}: {error}") from error
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: {error.strerror or error}") from error


def _check_length(file: IO[bytes]) -> None:
    """Raise ImageFileError for a file that is longer than the largest picture; some decoders would read it whole."""
    from PIL import Image

    most = METADATA_BYTES_MAX + PIXEL_BYTES_MAX * 2 * (Image.MAX_IMAGE_PIXELS or 0)
    found = os.fstat(file.fileno()).st_size
    if Image.MAX_IMAGE_PIXELS is not None and found > most:
        raise ImageFileError(f"expected at most {most:,} bytes, found {found:,}")


def decode_picture(file: IO[bytes], *, channels: int | None = 3) -> Pictures:
    """Decode a picture from an open binary file; see `read_picture`.

    Raises
    ------
    ImageFileError
        The bytes are no picture, or end too early, or its pixels do not fit into the memory.
    """
    from PIL import ImageOps

    with _named_errors(), _open(file) as image:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return _to_array(image, channels)


def read_encoded(file: IO[bytes]) -> io.BytesIO:
    """Read a picture file out of a stream that may not end where it should, without decoding it.

    No more is read than a file of its pixels can have: 8 bytes for each pixel, and 64 MiB.

    Parameters
    ----------
    file : binary file
        A stream, decompressed as it is read; for instance a file in an archive.

    Returns
    -------
    io.BytesIO
        What `decode_picture` takes.

    Raises
    ------
    ImageFileError
        The stream is longer than that, or its first 64 MiB are not those of a picture.
    """
    encoded, most = io.BytesIO(), 0
    while block := file.read(BLOCK_BYTES):
        encoded.write(block)
        if encoded.tell() > METADATA_BYTES_MAX and not most:
            encoded.seek(0)
            with _named_errors(), _open(encoded) as image:
                most = METADATA_BYTES_MAX + PIXEL_BYTES_MAX * image.width * image.height
            encoded.seek(0, io.SEEK_END)
        if most and encoded.tell() > most:
            raise ImageFileError(f"expected at most {most:,} bytes by the picture's width and height, found more")
    encoded.seek(0)
    return encoded


def _open(file: IO[bytes]) -> Any:
    """Return a Pillow image whose header was read."""
    from PIL import Image

    with OPEN_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice as many pixels are an error
        return Image.open(file)


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn what Pillow raises into ImageFileError."""
    from PIL import Image

    try:
        yield
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise ImageFileError(f"expected at most {limit:,} pixels ({error})") from error
    except Image.UnidentifiedImageError as error:
        raise ImageFileError("expected a picture, found no known picture format") from error
    except MemoryError as error:
        raise ImageFileError(NO_MEMORY) from error
    except (
        Exception
    ) as error:  # of a damaged file Pillow's plugins raise nearly anything, RuntimeError and SyntaxError too
        reason = " ".join(str(error).split()) or type(error).__name__
        if "out of memory" in reason:  # of a decoder's own buffers
            raise ImageFileError(NO_MEMORY) from error
        raise ImageFileError(f"the picture is damaged: {reason}") from error


def read_deep(path: str | os.PathLike[str], shallow: Pictures) -> npt.NDArray[np.uint16] | None:
    """Read a file of 16 bits a channel with all of them; None where it has 8, or holds something else than expected.

    Parameters
    ----------
    path : of a PNG or TIFF file
    shallow : what `read_picture` makes of it, (H, W, C) uint8; where the 16 bits are another picture, None is returned

    Returns
    -------
    (H, W, 1, 3 or 4) uint16, upright, or None

    Raises
    ------
    ImageFileError
        The pixels do not fit into the memory.
    """
    import cv2
    from PIL import Image, ImageOps

    deep: Any
    try:
        with open_regular(path) as file, OPEN_LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                bits = image.tag_v2.get(258, (8,)) if image.format == "TIFF" else (_png_depth(file, image.format),)
                if max(bits) != 16:
                    return None
                if image.mode.startswith("I"):
                    deep = np.asarray(ImageOps.exif_transpose(image)).astype(np.uint16)
                else:
                    file.seek(0)
                    deep = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    except MemoryError as error:
        raise ImageFileError(f"{os.fspath(path)}: {NO_MEMORY}") from error
    except Exception as error:  # as in decode_picture; what is damaged has been reported by read_picture
        if getattr(error, "code", None) == CV_NO_MEMORY:
            raise ImageFileError(f"{os.fspath(path)}: {NO_MEMORY}") from error
        return None
    if deep is None or deep.dtype != np.uint16:
        return None
    deep = deep.reshape(*deep.shape[:2], -1)
    if deep.shape[2] >= 3:
        deep = np.concatenate([deep[..., 2::-1], deep[..., 3:]], axis=2)  # OpenCV's order is BGR
    colors = min(deep.shape[2], 3)
    if deep.shape[:2] != shallow.shape[:2] or deep.shape[2] == 2:
        return None
    same = np.abs((deep[..., :colors] >> 8).astype(np.int16) - shallow[..., :colors]).max() <= 1
    return deep if same else None


def _png_depth(file: IO[bytes], kind: str | None) -> int:
    """Return the bits of a PNG's channel, 8 for other formats; the file stays where it is."""
    if kind != "PNG":
        return 8
    place = file.tell()
    file.seek(24)
    depth = file.read(1)[0]
    file.seek(place)
    return depth


def read_labels(path: str | os.PathLike[str]) -> Pictures | None:
    """Read the indices of a file that has a palette.

    Parameters
    ----------
    path : str or path-like
        A picture that can be read.

    Returns
    -------
    ndarray of uint8, shape (H, W), or None
        The index of each pixel in the palette, upright; None where the file has no palette.

    Raises
    ------
    ImageFileError
        See `read_picture`.
    """
    from PIL import ImageOps

    with _named_errors(), open_regular(path) as file, _open(file) as image:
        if image.mode != "P":
            return None
        return np.array(ImageOps.exif_transpose(image))


def _to_array(image: Any, channels: int | None) -> Pictures:
    """Return a loaded Pillow image as (H, W, channels) uint8."""
    if channels is None:
        channels = 4 if image.has_transparency_data else 3
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits, grey
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        values = values / 257.0 if image.mode != "F" or values.max(initial=0) > 255 else values
        grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
        grey = grey[..., None]  # (H, W, 1)
        if channels == 4:
            return np.concatenate([grey, grey, grey, np.full_like(grey, 255)], axis=2)
        return np.repeat(grey, channels, axis=2)
    is_indexed = image.mode in ("P", "PA") or "transparency" in image.info
    pixels = np.empty((image.height, image.width, channels), np.uint8)
    for top in range(0, image.height, STRIP_ROWS):  # Pillow holds the picture once, and so do we
        strip = image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height)))
        strip = strip.convert("RGBA") if is_indexed else strip
        strip = strip if strip.mode == MODES[channels] else strip.convert(MODES[channels])
        pixels[top : top + STRIP_ROWS] = np.asarray(strip).reshape(strip.height, strip.width, channels)
    return pixels


def save_picture(path: str | os.PathLike[str], picture: Pictures | npt.NDArray[np.uint16]) -> None:
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

"""Read picture files; `dcgan.pictures.saving` writes them. Only these two know file formats.

Pillow decodes, because it names what is wrong with a file (OpenCV returns a truncated JPEG half grey and says nothing);
OpenCV resizes, and decodes colours of 16 bits, which Pillow does not.
"""

import dataclasses
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.attached import NOTHING_ATTACHED, ORIENTATION, Attached, read_attached, usable_profile
from dcgan.pictures.channels import count_more
from dcgan.pictures.depth import channel_bits, decode_deep, is_signed
from dcgan.pictures.modes import to_array
from dcgan.pictures.pixel_limit import largest_picture, say_too_large
from dcgan.pictures.profiles import to_grey, to_srgb
from dcgan.pictures.ranges import eight_bits_note, scale_values
from dcgan.pictures.reading import open_regular
from dcgan.pictures.unknown import RAW, describe_unknown, is_raw
from dcgan.pictures.voices import heard

__all__ = [
    "NO_MEMORY",
    "PictureFile",
    "decode_file",
    "decode_picture",
    "read_encoded",
    "read_file",
    "read_labels",
    "read_picture",
]

PIXEL_BYTES_MAX = 8  # of a picture file for each pixel: 16 bits a channel and alpha, not compressed
METADATA_BYTES_MAX = 2**26  # of what a picture file holds beside its pixels
BLOCK_BYTES = 2**20
NO_MEMORY = "not enough memory for this picture"
TIFF_PHOTOMETRIC, WHITE_IS_ZERO = 262, 0

Pictures = npt.NDArray[np.uint8]
Deep = npt.NDArray[np.uint16]
OnNote = Callable[[str], None]


@dataclasses.dataclass(frozen=True, eq=False)
class PictureFile:
    """What a picture file holds.

    Attributes
    ----------
    pixels : uint8 array (H, W, 3 or 4)
        Upright, as `read_picture` returns it.
    deep : uint16 array (H, W, 1, 3 or 4), optional
        The same picture, where the file has more than 8 bits a channel; with alpha where `pixels` has it.
    orientation : int
        The file's orientation tag, 1 to 8, by which the pixels have been turned (EXIF 2.3, tag 274).
    attached : Attached
        What belongs to the pixels: their colour profile, resolution, EXIF data.
    notes : tuple of str
        What was guessed at or left out, a clause each, for the user.
    value_notes : tuple of str
        Those of them that are about values and colours; of a mask they say nothing.
    """

    pixels: Pictures
    deep: Deep | None = None
    orientation: int = 1
    attached: Attached = NOTHING_ATTACHED
    notes: tuple[str, ...] = ()
    value_notes: tuple[str, ...] = ()


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
    with _opened(path) as file:
        return decode_file(file)


def read_picture(path: str | os.PathLike[str], *, channels: int | None = 3, on_note: OnNote | None = None) -> Pictures:
    """Read a picture file, upright and in 8 bits.

    Parameters
    ----------
    path : path of a file in any format that Pillow reads
    channels : 1 (grey), 3 (RGB), 4 (RGB and alpha; opaque where the file has none), or None: 4 where the file has
        transparency, otherwise 3
    on_note : called with a clause for each guess, and for what is left out of the file

    Returns
    -------
    (H, W, channels) uint8
        Turned as the file's orientation tag says; 16-bit values are divided by 257, integers and floating-point values
        are scaled by `dcgan.pictures.ranges.scale_values`. Of several frames, the first. Colours are in
        sRGB; one channel has the file's own values.

    Raises
    ------
    ImageFileError
        The file cannot be read, is no picture, is truncated or longer than a picture can be, or its pixels do not fit
        into the memory.
    """
    with _opened(path) as file:
        return decode_picture(file, channels=channels, on_note=on_note)


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a picture file; name its path in every error."""
    try:
        with open_regular(path) as file:
            _check_length(file)
            yield file
    except ImageFileError as error:
        raise ImageFileError(f"{os.fspath(path)}: {error}") from error
    except OSError as error:
        raise ImageFileError(f"{os.fspath(path)}: {error.strerror or error}") from error


def _check_length(file: IO[bytes]) -> None:
    """Raise ImageFileError for a file that is longer than the largest picture; some decoders would read it whole."""
    pixels = largest_picture(bytes_per_pixel=PIXEL_BYTES_MAX)
    found = os.fstat(file.fileno()).st_size
    if pixels is not None and found > (most := METADATA_BYTES_MAX + pixels):
        raise ImageFileError(f"expected at most {most:,} bytes, found {found:,}")


def decode_picture(file: IO[bytes], *, channels: int | None = 3, on_note: OnNote | None = None) -> Pictures:
    """Decode a picture from an open binary file; see `read_picture`.

    Raises
    ------
    ImageFileError
        The bytes are no picture, or end too early, or its pixels do not fit into the memory.
    """
    decoded = _decode(file, channels, keep_all=False)
    if on_note:
        for note in decoded.notes:
            on_note(note)
    return decoded.pixels


def decode_file(file: IO[bytes]) -> PictureFile:
    """Decode a picture from an open binary file with all that belongs to its pixels; see `read_file`."""
    return _decode(file, None, keep_all=True)


def _decode(file: IO[bytes], channels: int | None, *, keep_all: bool) -> PictureFile:
    """Decode a picture once; where all of it is kept, colours of 16 bits a second time."""
    from PIL import Image, ImageOps

    with heard() as said, _named_errors(file), Image.open(file) as image:
        if is_raw(image, file):
            raise ImageFileError(f"expected a picture, found {RAW}")
        attached, problems = read_attached(image, file) if keep_all else (NOTHING_ATTACHED, ())
        profile, profile_note = usable_profile(image)
        bits = channel_bits(file, image)
        orientation = _orientation(image)
        _read_as_ycbcr(image)
        image.load()
        if orientation > 1:
            ImageOps.exif_transpose(image, in_place=True)
        channels = channels or (4 if image.has_transparency_data else 3)
        deep: Deep | None
        if image.mode.startswith("I") or image.mode == "F":
            pixels, deep, note = _numbers(image, bits, channels)
            notes = [note]
        else:
            _check_signed(image)
            pixels, note = to_array(image, 3 if channels == 1 and bits > 8 else channels)
            deep, notes = None, [note]
            if bits > 8 and (keep_all or not pixels[..., :3].any()):  # black in 8 bits, perhaps, not in 16
                deep = decode_deep(file, image.format, shallow=pixels, orientation=orientation)
                pixels, deep, note = _with_colors(pixels, deep, bits)
                notes.append(note)
            pixels = to_grey(pixels[..., :3]) if channels < pixels.shape[2] else pixels
        if not keep_all and channels >= 3 and profile is not None:
            pixels[..., :3] = to_srgb(pixels[..., :3], profile)
        values = tuple(filter(None, (*notes, profile_note)))
        notes.append(count_more(image, file))
        notes.append(_count_frames(image))
        if said and not problems:
            notes.append(f"read in spite of: {said[0]}" + (f" (and {len(said) - 1} more)" if said[1:] else ""))
        notes = [*filter(None, notes), *problems]
        return PictureFile(pixels, deep if keep_all else None, orientation, attached, tuple(notes), values)


def _orientation(image: Any) -> int:
    """Return an image's orientation tag, 1 where it has none, an unknown one, or tags that cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged tags raise nearly anything; `read_attached` says so
        return 1
    return value if value in range(1, 9) else 1


def _count_frames(image: Any) -> str:
    """Return a note where an image is the first of several frames; to count them may move it to another one."""
    if image.format == "PSD":  # its frames are layers, and the first picture shows them all
        return ""
    try:
        count = getattr(image, "n_frames", 1)
    except Exception:  # of a damaged later frame, anything
        return "first of several frames"
    return f"first of {count} frames" if count > 1 else ""


def _numbers(image: Any, bits: int, channels: int) -> tuple[Pictures, Deep | None, str]:
    """Return a grey image of integers or floating-point values in 8 bits and in 16, and a note."""
    values: npt.NDArray[Any] = np.asarray(image)
    values, top = _typed(values, image, bits)
    scaled = scale_values(values, top=top)
    grey, deep = scaled.pixels, scaled.deep
    if image.format == "TIFF" and image.tag_v2.get(TIFF_PHOTOMETRIC) == WHITE_IS_ZERO:
        grey, deep = 255 - grey, None if deep is None else 65535 - deep
    alpha = np.full_like(grey, 255)
    if isinstance(clear := image.info.get("transparency"), int):
        alpha[values == clear] = 0
    pixels = np.dstack([grey, grey, grey, alpha]) if channels == 4 else np.repeat(grey[..., None], channels, axis=2)
    return pixels, None if deep is None else _with_alpha(deep[..., None], pixels), scaled.note


def _typed(values: npt.NDArray[Any], image: Any, bits: int) -> tuple[npt.NDArray[Any], int | None]:
    """Return the values of an image as its file's type has them, and the largest value of that type."""
    if image.mode == "F":
        return values, None
    if image.format == "TIFF":
        top = 2 ** (bits - 1) - 1 if is_signed(image) else 2**bits - 1
        return values.view(np.uint32) if top > 2**31 else values, top
    return values, 2**31 - 1 if image.mode == "I" and image.format != "PPM" else 65535


def _check_signed(image: Any) -> None:
    """Raise ImageFileError for values of 8 bits and a sign that are negative; Pillow reads them as larger than 127."""
    if image.mode == "L" and is_signed(image) and (lowest := np.asarray(image).view(np.int8).min()) < 0:
        raise ImageFileError(f"expected values from 0 on, found {lowest}")


def _with_colors(pixels: Pictures, deep: Deep | None, bits: int) -> tuple[Pictures, Deep | None, str]:
    """Return a picture of more than 8 bits a channel in 8 and, where they were read, in all of them, and a note."""
    if deep is None:
        return pixels, None, f"{bits} bits a channel are read as 8"
    colors = min(deep.shape[2], 3)
    if 0 < deep[..., :colors].max() <= 255:  # 8 bits in a file of 16
        pixels[..., :3] = deep[..., :colors]
        return pixels, None, eight_bits_note(65535)
    return pixels, _with_alpha(deep, pixels), ""


def _with_alpha(deep: Deep, pixels: Pictures) -> Deep:
    """Return 16 bits with the alpha of the 8-bit picture, where that has one and they do not."""
    if pixels.shape[2] < 4 or deep.shape[2] == 4:
        return deep
    colors = np.repeat(deep, 3, axis=2) if deep.shape[2] == 1 else deep
    return np.concatenate([colors, pixels[..., 3:].astype(np.uint16) * 257], axis=2)


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
    from PIL import Image

    encoded, most = io.BytesIO(), 0
    while block := file.read(BLOCK_BYTES):
        encoded.write(block)
        if encoded.tell() > METADATA_BYTES_MAX and not most:
            encoded.seek(0)
            with heard(), _named_errors(encoded), Image.open(encoded) as image:
                most = METADATA_BYTES_MAX + PIXEL_BYTES_MAX * image.width * image.height
            encoded.seek(0, io.SEEK_END)
        if most and encoded.tell() > most:
            raise ImageFileError(f"expected at most {most:,} bytes by the picture's width and height, found more")
    encoded.seek(0)
    return encoded


def _read_as_ycbcr(image: Any) -> None:
    """Have Pillow before 13 read an uncompressed YCbCr TIFF as it is: it takes the three bytes of a pixel for four."""
    tags = getattr(image, "tag_v2", {})
    if (tags.get(262), tags.get(259)) == (6, 1) and image.mode == "RGB" and tags.get(530, (1, 1)) == (1, 1):
        image._mode = "YCbCr"
        image.tile = [tile._replace(args=("YCbCr", *tile.args[1:])) for tile in image.tile if tile.args[0] == "RGBX"]


@contextmanager
def _named_errors(file: IO[bytes]) -> Iterator[None]:
    """Turn what Pillow raises into ImageFileError."""
    from PIL import Image

    try:
        yield
    except ImageFileError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageFileError(say_too_large(str(error))) from error
    except Image.UnidentifiedImageError as error:
        raise ImageFileError(f"expected a picture, found {describe_unknown(file)}") from error
    except MemoryError as error:
        raise ImageFileError(NO_MEMORY) from error
    except Exception as error:  # of a damaged file Pillow's plugins raise nearly anything, even RuntimeError
        if isinstance(error, OSError) and error.errno is not None:  # the system's; of a damaged file Pillow's have none
            raise ImageFileError(f"cannot read: {error.strerror or error}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        if "out of memory" in reason:  # of a decoder's own buffers
            raise ImageFileError(NO_MEMORY) from error
        raise ImageFileError(f"the picture is damaged: {reason}") from error


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
    from PIL import Image, ImageOps

    with _opened(path) as file, heard(), _named_errors(file), Image.open(file) as image:
        if image.mode != "P":
            return None
        return np.array(ImageOps.exif_transpose(image))

"""What a file format can hold: a picture is fitted to that of its result, or refused, before the model works at it."""

import dataclasses
from pathlib import Path

from completion.folder.loading import LoadedPicture
from dcgan.errors import ImageFileError
from dcgan.pictures.origin import Origin, write_xmp
from dcgan.pictures.profiles import is_grey_profile

__all__ = ["LOSSY_NOTE", "fit_to_form", "is_lossy_form", "xmp_for"]

KINDS = {".png": "PNG", ".webp": "WebP", ".tif": "TIFF", ".tiff": "TIFF"}  # by suffix; all others are JPEG
SIDE_MAX = {"JPEG": 65500, "WebP": 16383}  # pixels (libjpeg's JPEG_MAX_DIMENSION; WebP container specification)
EXIF_BYTES_MAX, XMP_BYTES_MAX = 65533, 65504  # in a JPEG
TIFF_BYTES_MAX = 2**32 - 2**26  # of pixels, so that all offsets have 32 bits
LOSSY_NOTE = "known pixels are as close to the input's as the format keeps them; --format png keeps them to the bit"


def is_lossy_form(path: Path) -> bool:
    """Tell whether a file of this name is written in a format that changes pixels."""
    return _kind(path) in ("JPEG", "WebP")


def fit_to_form(loaded: LoadedPicture, path: Path) -> LoadedPicture:
    """Return a picture that the format of its result can hold.

    Parameters
    ----------
    loaded : LoadedPicture
        As read.
    path : Path
        Of the result; its suffix names the format.

    Returns
    -------
    LoadedPicture
        With a note for everything that the format makes less of.

    Raises
    ------
    ImageFileError
        The picture is too large for the format, or has transparent pixels where the format has none.
    """
    kind, notes = _kind(path), []
    height, width = loaded.mask.shape
    source, attached = loaded.source.path, loaded.attached
    largest = SIDE_MAX.get(kind, 2**31 - 1)
    if max(height, width) > largest:
        raise ImageFileError(
            f"{source}: expected at most {largest} pixels a side for {kind}, found {width}x{height}; use --format png"
        )
    if kind == "TIFF" and height * width * 8 > TIFF_BYTES_MAX:
        raise ImageFileError(f"{source}: {width}x{height} pixels are too many for a TIFF; use --format png")
    deep, alpha = loaded.deep, loaded.alpha
    if kind == "JPEG" and alpha is not None:
        if (alpha < 255).any():
            raise ImageFileError(
                f"{source}: expected an opaque picture for JPEG, found transparent pixels; use --format png or webp"
            )
        alpha = None
    if deep is not None and kind in ("JPEG", "WebP"):
        deep = None
        notes.append(f"16 bits a channel become 8 in {kind}")
    if kind == "WebP" and is_grey_profile(attached.profile):
        attached = dataclasses.replace(attached, profile=None)
        notes.append("WebP holds no grey colour profile: the result is in sRGB")
    if kind == "JPEG" and attached.exif is not None and len(attached.exif) > EXIF_BYTES_MAX:
        attached = dataclasses.replace(attached, exif=None)
        notes.append("the EXIF data are too long for JPEG: left out")
    fitted = dataclasses.replace(loaded, alpha=alpha, deep=deep, attached=attached, notes=(*loaded.notes, *notes))
    return fitted if notes or alpha is not loaded.alpha else loaded


def xmp_for(path: Path, packet: bytes | None, origin: Origin | None) -> tuple[bytes | None, str]:
    """Return the XMP data of a result; see `dcgan.pictures.origin.write_xmp`.

    Parameters
    ----------
    path : Path
        Of the result; its suffix names the format.
    packet : bytes, optional
        The XMP data of the picture's file.
    origin : Origin, optional
        What filled it.

    Returns
    -------
    packet : bytes or None
        Without the file's own, where the format has no place for them.
    note : str
        A clause for the user, empty where nothing is lost.
    """
    written, note = write_xmp(packet, origin)
    if _kind(path) == "JPEG" and written is not None and len(written) > XMP_BYTES_MAX:
        return write_xmp(None, origin)[0], "the XMP data are too long for JPEG: left out"
    return written, note


def _kind(path: Path) -> str:
    """Return the format of a result, as a word for the user."""
    return KINDS.get(path.suffix.lower(), "JPEG")

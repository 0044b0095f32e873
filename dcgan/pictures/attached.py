"""What a picture file holds beside its pixels, and what of it goes with them into another file."""

import dataclasses
from typing import IO, Any

from dcgan.pictures.lossy import webp_codec
from dcgan.pictures.profiles import is_grey_profile, profile_problem
from dcgan.pictures.voices import heard

__all__ = [
    "EXIF_IFD",
    "GPS_IFD",
    "NOTHING_ATTACHED",
    "ORIENTATION",
    "RESOLUTION_UNIT",
    "XMP_TAG",
    "X_RESOLUTION",
    "Y_RESOLUTION",
    "Attached",
    "read_attached",
    "usable_profile",
]

ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x0112, 0x8769, 0x8825, 0xA005
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
XMP_TAG = 0x02BC
CENTIMETRE = 3  # as a unit of resolution; 2 is an inch
PIXEL_SIZE = (0xA002, 0xA003)  # width and height as the camera wrote them
# Tags that say how the pixels or a thumbnail lie in the file that they come from (TIFF 6.0), or hold what is carried
# elsewhere: XMP, IPTC, Photoshop's blocks, the profile.
STRUCTURE = frozenset(
    {*range(0x00FE, 0x0108), 0x010A, 0x0111, *range(0x0115, 0x011A), 0x011C, *range(0x0120, 0x0126), 0x012D, 0x013D}
    | {*range(0x0140, 0x0146), 0x014A, *range(0x0150, 0x0158), *range(0x0200, 0x0216), 0x02BC, 0x83BB, 0x8649, 0x8773}
)
# Of a TIFF, whose own tags may be anything, those that describe the picture.
DESCRIPTION = frozenset(
    {*range(0x010D, 0x0111), 0x0112, 0x011A, 0x011B, 0x011D, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C}
    | {0x4746, 0x4749, 0x8298, *range(0x9C9B, 0x9CA0)}
)


@dataclasses.dataclass(frozen=True)
class Attached:
    """What belongs to the pixels of a picture file.

    Attributes
    ----------
    profile : bytes, optional
        ICC profile by which the pixels are to be read; None is sRGB.
    dpi : (float, float), optional
        Pixels per inch across and down, of the upright picture.
    exif : bytes, optional
        EXIF data: the file's own, for an upright picture, without the thumbnail.
    xmp : bytes, optional
        The packet of XMP data.
    kind : str, optional
        Pillow's name of the file's format.
    tables : tuple of tuple of int
        Of a JPEG, the tables by which its values are rounded; to round by them again changes least.
    subsampling : int
        Of a JPEG, how its colours are sampled, as Pillow numbers it; -1 where it is not known.
    lossless : bool
        Whether a WebP is one that changes no pixels.
    """

    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    kind: str | None = None
    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = -1
    lossless: bool = False


NOTHING_ATTACHED = Attached()


def read_attached(image: Any, file: IO[bytes]) -> tuple[Attached, tuple[str, ...]]:
    """Return what is attached to the pixels of an opened picture file, and what had to be left out.

    Parameters
    ----------
    image : PIL.Image.Image
        As opened, before it is turned upright.
    file : binary file
        Its file, which stays where it is.

    Returns
    -------
    attached : Attached
    notes : tuple of str
        A clause each, for the user.
    """
    profile, note = usable_profile(image)
    notes = [note] if note else []
    exif, dpi, is_turned, is_damaged = None, None, False, False
    with heard() as warned:
        try:
            is_turned = image.getexif().get(ORIENTATION, 1) in range(5, 9)
            exif = _upright_exif(image, is_turned=is_turned)
            dpi = _resolution(image)
        except Exception:  # damaged tags raise nearly anything
            is_damaged = True
    if is_damaged or warned:
        notes.append("the EXIF data are damaged: what cannot be read is left out")
    dpi = dpi[::-1] if dpi and is_turned else dpi
    tables, subsampling = _jpeg_settings(image)
    lossless = image.format == "WEBP" and _is_lossless_webp(file)
    attached = Attached(profile, dpi, exif, _packet(image), image.format, tables, subsampling, lossless)
    return attached, tuple(notes)


def usable_profile(image: Any) -> tuple[bytes | None, str]:
    """Return the colour profile of an opened picture file, and a note.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    profile : bytes or None
        None where there is none that says how the picture's colours are in sRGB.
    note : str
        Why there is none in spite of the file's; empty where the file has none, or its pixels are converted to sRGB as
        they are read.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode in ("CMYK", "LAB"):
        return None, ""
    problem = profile_problem(profile)
    if not problem and not _fits(profile, image.mode):
        problem = f"the colour profile does not fit a picture in {image.mode}"
    return (None, f"{problem}: the colours are read as sRGB") if problem else (profile, "")


def _jpeg_settings(image: Any) -> tuple[tuple[tuple[int, ...], ...], int]:
    """Return the tables of a JPEG in grey or RGB, and how its colours are sampled."""
    from PIL import JpegImagePlugin

    if image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
        return (), -1
    tables = tuple(tuple(table) for _, table in sorted(image.quantization.items()))
    is_whole = all(len(table) == 64 and min(table) > 0 and max(table) < 256 for table in tables)
    if not is_whole or list(image.quantization) != list(range(len(tables))):
        return (), -1
    return tables, JpegImagePlugin.get_sampling(image)


def _is_lossless_webp(file: IO[bytes]) -> bool:
    """Tell whether the first picture in a WebP file is lossless; the file stays where it is."""
    place = file.tell()
    try:
        return webp_codec(file) == b"VP8L"
    finally:
        file.seek(place)


def _packet(image: Any) -> bytes | None:
    """Return a picture's XMP data."""
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if found is None and image.format == "TIFF":
        found = image.tag_v2.get(XMP_TAG)
    if isinstance(found, tuple):  # of a TIFF that says they are numbers
        found = bytes(found)
    return found.encode("utf-8", "replace") if isinstance(found, str) else found or None


def _fits(profile: bytes, mode: str) -> bool:
    """Tell whether a profile is one for the values of a picture in one of Pillow's modes; a grey picture takes both."""
    if mode in ("1", "L", "LA", "La", "F") or mode.startswith("I"):
        return True
    return mode in ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX") and not is_grey_profile(profile)


def _resolution(image: Any) -> tuple[float, float] | None:
    """Return the pixels per inch across and down as they are stored, None where the file has no unit or no value."""
    try:
        if image.format != "TIFF" and "dpi" in image.info:
            across, down = (float(value) for value in image.info["dpi"])
        else:  # Pillow says 1 where a TIFF has none, and reads no tags of a WebP
            tags = image.getexif()
            factor = {2: 1.0, CENTIMETRE: 2.54}[tags.get(RESOLUTION_UNIT, 2)]
            across, down = float(tags[X_RESOLUTION]) * factor, float(tags[Y_RESOLUTION]) * factor
    except Exception:  # no tag, another unit, a damaged value
        return None
    return (across, down) if 1.0 <= across < 1e5 and 1.0 <= down < 1e5 else None


def _upright_exif(image: Any, *, is_turned: bool) -> bytes | None:
    """Return a picture's EXIF data as they are of the upright picture; None where there are none."""
    from PIL import Image

    source, kept = image.getexif(), Image.Exif()
    for tag, value in source.items():
        if tag in DESCRIPTION if image.format == "TIFF" else tag not in {*STRUCTURE, EXIF_IFD, GPS_IFD}:
            kept[tag] = value
    details, places = dict(source.get_ifd(EXIF_IFD)), dict(source.get_ifd(GPS_IFD))
    interoperability = dict(source.get_ifd(INTEROP_IFD)) if INTEROP_IFD in details else {}  # Pillow 12 raises
    details.pop(INTEROP_IFD, None)
    if interoperability:
        details[INTEROP_IFD] = interoperability
    if ORIENTATION in kept:
        kept[ORIENTATION] = 1
    if is_turned:
        for tags, pair in ((kept, (X_RESOLUTION, Y_RESOLUTION)), (details, PIXEL_SIZE)):
            if all(tag in tags for tag in pair):
                tags[pair[0]], tags[pair[1]] = tags[pair[1]], tags[pair[0]]
    for tag, tags in ((EXIF_IFD, details), (GPS_IFD, places)):
        if tags:
            kept[tag] = tags
    return kept.tobytes() if len(kept) else None

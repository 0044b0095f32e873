"""Say what a file is that Pillow does not read, so that its user knows what to do about it."""

import os
from typing import IO, Any

from dcgan.pictures.names import is_raw_name

__all__ = ["RAW", "describe_unknown", "is_raw"]

HEAD_BYTES = 128
RAW = "a camera's raw file; develop it first, and save it as TIFF, PNG or JPEG"
PAGE = "a web page; download the picture itself"
CR2, CR2_PLACE = b"CR\x02", 8  # in Canon's raw files
DNG_VERSION = 50706  # the tag that makes a TIFF file a DNG
NO_FORMAT = "no known picture format"
SIGNATURES = {  # at the start of a file
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop file that cannot be read",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"#?RADIANCE": "a Radiance HDR file",
    b"\xff\x0a": "a JPEG XL file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"FUJIFILMCCD-RAW": RAW,
    b"<svg": "an SVG drawing",
    b"gimp xcf": "a GIMP project",
    b"<!DOCTYPE html": PAGE,
    b"<!doctype html": PAGE,
    b"<html": PAGE,
}
ZIPPED = {  # what the first file in a ZIP archive, "mimetype", says
    b"application/x-krita": "a Krita project",
    b"image/openraster": "an OpenRaster project",
}
BRANDS = {  # of the container that starts with "ftyp"
    b"heic": "a HEIC file",
    b"heix": "a HEIC file",
    b"hevc": "a HEIC file",
    b"heim": "a HEIC file",
    b"heis": "a HEIC file",
    b"hevm": "a HEIC file",
    b"hevs": "a HEIC file",
    b"hevx": "a HEIC file",
    b"mif1": "a HEIF file",
    b"msf1": "a HEIF file",
    b"crx ": RAW,
    b"qt  ": "a film",
    b"isom": "a film",
    b"mp41": "a film",
    b"mp42": "a film",
    b"M4V ": "a film",
    b"3gp4": "a film",
    b"3gp5": "a film",
}
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SAMPLE_FORMATS = {1: "integers", 2: "integers with a sign", 3: "floating-point values"}
COMPLEX = (5, 6)  # of TIFF's sample formats


def is_raw(image: Any, file: IO[bytes]) -> bool:
    """Tell whether a file that Pillow has opened is a camera's raw file, of which it sees a preview at most.

    Parameters
    ----------
    image : PIL.Image.Image
        As opened.
    file : binary file
        Its file, which stays where it is.

    Returns
    -------
    bool
        By the name or the content of a TIFF file.
    """
    if image.format != "TIFF":
        return False
    place = file.tell()
    file.seek(CR2_PLACE)
    start = file.read(len(CR2))
    file.seek(place)
    return start == CR2 or DNG_VERSION in image.tag_v2 or is_raw_name(_name_of(file))


def describe_unknown(file: IO[bytes]) -> str:
    """Return what a file is that is no picture for Pillow.

    Parameters
    ----------
    file : binary file
        Any file that can be read from its start.

    Returns
    -------
    str
        For instance "a HEIC file, which is not read here; convert it to JPEG or PNG".
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    found = next((name for start, name in SIGNATURES.items() if head.startswith(start)), "")
    if head[4:8] == b"ftyp":
        found = BRANDS.get(head[8:12], "")
    if head.startswith(b"PK"):
        found = next((name for kind, name in ZIPPED.items() if kind in head), "")
    if head.startswith(TIFF_STARTS):
        found = _describe_tiff(file, head)
    if found == RAW or is_raw_name(_name_of(file)):
        return RAW
    if found == PAGE:
        return PAGE
    return f"{found}, which is not read here; convert it to JPEG or PNG" if found else NO_FORMAT


def _name_of(file: IO[bytes]) -> str:
    """Return the name of an open file, empty where it has none."""
    name = getattr(file, "name", "")
    return os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""


def _describe_tiff(file: IO[bytes], head: bytes) -> str:
    """Return what kind of pixels a TIFF file has."""
    from PIL import TiffImagePlugin

    tags: Any
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head[:16] if head[2] == 43 else head[:8])
        file.seek(tags.next)
        tags.load(file)
        kinds, bits = tags.get(339, (1,)), tags[258]
    except Exception:  # damaged, in as many ways as there are
        return ""
    kind = "complex numbers" if kinds[0] in COMPLEX else SAMPLE_FORMATS.get(kinds[0], "values")
    channels = f"{len(bits)} channels" if len(bits) > 1 else "one channel"
    return f"a TIFF file with {channels} of {bits[0]}-bit {kind}"

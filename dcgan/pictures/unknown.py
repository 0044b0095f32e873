"""Say what a file is that Pillow does not read, so that its user knows what to do about it."""

from typing import IO, Any

__all__ = ["describe_unknown"]

HEAD_BYTES = 64
NO_FORMAT = "no known picture format"
SIGNATURES = {  # at the start of a file
    b"%PDF": "a PDF document",
    b"8BPS": "a Photoshop file that cannot be read",
    b"\x76\x2f\x31\x01": "an OpenEXR file",
    b"#?RADIANCE": "a Radiance HDR file",
    b"\xff\x0a": "a JPEG XL file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"FUJIFILMCCD-RAW": "a camera's raw file",
    b"<svg": "an SVG drawing",
}
BRANDS = {  # of the container that starts with "ftyp"
    b"heic": "a HEIC file",
    b"heix": "a HEIC file",
    b"hevc": "a HEIC file",
    b"heim": "a HEIC file",
    b"heis": "a HEIC file",
    b"mif1": "a HEIF file",
    b"msf1": "a HEIF file",
    b"crx ": "a camera's raw file",
    b"qt  ": "a film",
    b"isom": "a film",
    b"mp42": "a film",
}
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SAMPLE_FORMATS = {1: "integers", 2: "integers with a sign", 3: "floating-point values"}
COMPLEX = (5, 6)  # of TIFF's sample formats


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
    if head.startswith(TIFF_STARTS):
        found = _describe_tiff(file, head)
    return f"{found}, which is not read here; convert it to JPEG or PNG" if found else NO_FORMAT


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

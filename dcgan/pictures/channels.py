"""Channels that a file has besides those of its picture: infrared of a scanner, selections of Photoshop."""

from typing import IO, Any

__all__ = ["count_more"]

TIFF_SAMPLES = 277
PSD_CHANNELS = slice(12, 14)  # of the header


def count_more(image: Any, file: IO[bytes]) -> str:
    """Return a note where a TIFF or Photoshop file has more channels than Pillow reads of it.

    Parameters
    ----------
    image : PIL.Image.Image
        As opened.
    file : binary file
        Its file, which stays where it is.

    Returns
    -------
    str
        Empty where there are none.
    """
    if image.format == "TIFF":
        channels = image.tag_v2.get(TIFF_SAMPLES, 1)
    elif image.format == "PSD":
        place = file.tell()
        file.seek(0)
        channels = int.from_bytes(file.read(PSD_CHANNELS.stop)[PSD_CHANNELS], "big")
        file.seek(place)
    else:
        return ""
    more = channels - len(image.getbands()) if isinstance(channels, int) else 0
    return f"channels of the file besides those of the picture are left out: {more}" if more > 0 else ""

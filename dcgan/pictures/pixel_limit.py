"""The largest picture that is read: Pillow's limit, which one option of the commands sets for every place of ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["MEGAPIXELS", "MEGAPIXELS_MAX", "largest_picture", "limited_pixels", "pixel_limit", "say_too_large"]

MEGAPIXELS = 179  # by default: Pillow's own limit, twice its MAX_IMAGE_PIXELS
#: At 4 bytes a pixel a picture stays below 2^31 bytes, with which OpenCV and codecs count.
MEGAPIXELS_MAX = 500
COMPLETED_BYTES = 8  # of memory for each pixel of a picture that is completed, see docs/limits.md
MILLION, GB = 10**6, 10**9


def pixel_limit() -> int | None:
    """Return how many pixels a picture file may have: twice Pillow's `MAX_IMAGE_PIXELS`; None where it has no limit."""
    from PIL import Image

    return None if Image.MAX_IMAGE_PIXELS is None else int(2 * Image.MAX_IMAGE_PIXELS)


@contextmanager
def limited_pixels(megapixels: float) -> Iterator[None]:
    """Read pictures of up to this size while the context lasts.

    Parameters
    ----------
    megapixels : float
        Millions of pixels, above 0 and at most 500.

    Raises
    ------
    ValueError
        The limit is outside this range.

    Notes
    -----
    The limit is Pillow's own, `PIL.Image.MAX_IMAGE_PIXELS`, and so that of the whole process.

    Examples
    --------
    >>> with limited_pixels(400):
    ...     pixel_limit()
    400000000
    """
    from PIL import Image

    if not 0 < megapixels <= MEGAPIXELS_MAX:
        raise ValueError(f"Expected `megapixels` above 0 and at most {MEGAPIXELS_MAX}. Received: {megapixels}")
    before = Image.MAX_IMAGE_PIXELS
    # Pillow refuses what has more than twice this many pixels; its type is int, but it only compares.
    Image.MAX_IMAGE_PIXELS = megapixels * MILLION / 2
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def largest_picture(*, bytes_per_pixel: int) -> int | None:
    """Return how many bytes a picture of the largest size has, None where there is no limit.

    Parameters
    ----------
    bytes_per_pixel : int
    """
    limit = pixel_limit()
    return None if limit is None else bytes_per_pixel * limit


def say_too_large(reason: str) -> str:
    """Return what a picture beyond the limit has, the limit, the option that raises it and the memory that it takes.

    Parameters
    ----------
    reason : str
        What Pillow says of it; the number of its pixels stands in it.
    """
    limit = pixel_limit() or 0
    expected = f"expected at most {limit:,} pixels"
    match = re.search(r"\((\d+) pixels\)", reason)
    if match is None:
        return f"{expected} ({reason}); --max-megapixels raises the limit, up to {MEGAPIXELS_MAX}"
    found = int(match[1])
    needed = f"found {found:,}, which take about {found * COMPLETED_BYTES / GB:,.1f} GB of memory"
    if found > MEGAPIXELS_MAX * MILLION:
        return f"{expected}, {needed}; --max-megapixels raises the limit to at most {MEGAPIXELS_MAX} million: reduce it"
    return f"{expected}, {needed}; --max-megapixels {-(-found // MILLION)} reads it"

"""From Pillow's images of every colour mode to arrays of 8 bits."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.pictures.values import STRIP_ROWS

__all__ = ["to_array"]

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
NAIVE_CMYK = "the colours of CMYK are guessed: the file has no profile that says what its inks look like"

Convert = Callable[[Any], Any]


def to_array(image: Any, channels: int) -> tuple[npt.NDArray[np.uint8], str]:
    """Return a loaded image as an array, and a note where its colours are guessed.

    Parameters
    ----------
    image : Pillow image
        Of 8 bits or one bit a channel, of any mode.
    channels : int
        1, 3 or 4.

    Returns
    -------
    pixels : uint8 array (H, W, channels)
    note : str
        Empty where nothing was guessed.
    """
    prepare, note = _preparation(image)
    pixels = np.empty((image.height, image.width, channels), np.uint8)
    for top in range(0, image.height, STRIP_ROWS):  # Pillow holds the picture once, and so do we
        strip = prepare(image.crop((0, top, image.width, min(top + STRIP_ROWS, image.height))))
        strip = strip if strip.mode == MODES[channels] else strip.convert(MODES[channels])
        pixels[top : top + STRIP_ROWS] = np.asarray(strip).reshape(strip.height, strip.width, channels)
    return pixels, note


def _preparation(image: Any) -> tuple[Convert, str]:
    """Return what brings a strip of an image into a mode that Pillow converts as it should, and a note."""
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return lambda strip: strip.convert("RGBA"), ""
    if image.mode == "La":
        return lambda strip: strip.convert("LA"), ""
    if image.mode == "LAB":
        from PIL import ImageCms

        return _by_profile(ImageCms.createProfile("LAB"), "LAB"), ""
    if image.mode == "CMYK":
        return _cmyk_preparation(image.info.get("icc_profile"))
    return lambda strip: strip, ""


def _cmyk_preparation(profile: bytes | None) -> tuple[Convert, str]:
    """Return the conversion of CMYK by the file's own profile; without one, Pillow's complement of the inks."""
    from PIL import ImageCms

    if profile:
        try:
            return _by_profile(ImageCms.ImageCmsProfile(io.BytesIO(profile)), "CMYK"), ""
        except (ImageCms.PyCMSError, OSError, ValueError):  # damaged, or of another colour space
            pass
    return lambda strip: strip, NAIVE_CMYK


def _by_profile(profile: Any, mode: str) -> Convert:
    """Return a conversion from a profile's colours to sRGB."""
    from PIL import ImageCms

    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    return lambda strip: ImageCms.applyTransform(strip, transform)

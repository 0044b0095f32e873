"""Colour profiles (ICC) of picture files: their colours in sRGB, which the model sees, and back.

References
----------
International Color Consortium, "Image technology colour management", ICC.1:2022.
"""

import functools
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.pictures.values import STRIP_ROWS

__all__ = ["from_srgb", "is_grey_profile", "profile_problem", "to_grey", "to_srgb"]

SPACES = {"RGB": "RGB", "GRAY": "L"}  # of profiles that can be used, with Pillow's mode of their values
SAME_LEVELS = 2  # a profile whose colours are nowhere farther from sRGB's is taken for sRGB: its tables were rounded
STEPS = 9  # of each channel in the colours by which that is told
KEPT = 8  # profiles that are prepared at a time; the pictures of a folder have few

Pixels = npt.NDArray[np.uint8]


def profile_problem(profile: bytes) -> str:
    """Return why a profile cannot be used.

    Parameters
    ----------
    profile : bytes
        An ICC profile as it is in a file.

    Returns
    -------
    str
        A clause for the user; empty where colours can be converted to sRGB and back.

    Examples
    --------
    >>> profile_problem(b"no profile")
    'the colour profile is damaged'
    """
    found = _prepare(profile)
    return found if isinstance(found, str) else ""


def is_grey_profile(profile: bytes | None) -> bool:
    """Tell whether a profile that can be used is one for pictures of one channel."""
    found = None if profile is None else _prepare(profile)
    return not isinstance(found, str | None) and found[0] == "L"


def to_srgb(pixels: Pixels, profile: bytes | None) -> Pixels:
    """Return the colours of a picture in sRGB.

    Parameters
    ----------
    pixels : uint8 array (H, W, 3)
        Values by the profile; of a grey profile three equal channels.
    profile : bytes, optional
        One that `profile_problem` accepts, or None for sRGB.

    Returns
    -------
    uint8 array (H, W, 3)
        The argument itself where the profile is that of sRGB; grey where a grey profile is.
    """
    mode, forward, _ = _usable(profile)
    if forward is None:
        return pixels
    converted = np.empty_like(pixels)
    for top in range(0, len(pixels), STRIP_ROWS):  # no second copy of a large picture
        strip = pixels[top : top + STRIP_ROWS]
        colors = _apply(forward, strip if mode == "RGB" else strip[..., :1])
        converted[top : top + STRIP_ROWS] = colors if mode == "RGB" else colors[..., 1:2]
    return converted


def from_srgb(colors: Pixels, profile: bytes | None) -> Pixels:
    """Return the values of sRGB colours by a profile; the inverse of `to_srgb`.

    Parameters
    ----------
    colors : uint8 array (N, 3)
    profile : bytes, optional
        As in `to_srgb`.

    Returns
    -------
    uint8 array (N, 3), or (N, 1) where the profile is grey
    """
    mode, _, backward = _usable(profile)
    if backward is not None and len(colors):
        return _apply(backward, colors[:, None])[:, 0]
    return colors if mode == "RGB" else colors[:, 1:2]


def to_grey(pixels: Pixels) -> Pixels:
    """Return the luma of a picture, (H, W, 3) uint8, as one channel (ITU-R BT.601)."""
    from PIL import Image

    grey = np.empty((*pixels.shape[:2], 1), np.uint8)
    for top in range(0, len(pixels), STRIP_ROWS):  # Pillow holds a strip, not a second copy
        strip = np.ascontiguousarray(pixels[top : top + STRIP_ROWS])
        grey[top : top + STRIP_ROWS, :, 0] = np.asarray(Image.fromarray(strip).convert("L"))
    return grey


def _usable(profile: bytes | None) -> tuple[str, Any, Any]:
    """Return the mode of a profile's values and the transforms to sRGB and back, None where nothing changes."""
    if profile is None:
        return "RGB", None, None
    found = _prepare(profile)
    if isinstance(found, str):
        raise ValueError(f"Expected `profile` that can be used. Received one of which {found}")
    return found


@functools.lru_cache(maxsize=KEPT)
def _prepare(profile: bytes) -> tuple[str, Any, Any] | str:
    """Return what `_usable` does, or why the profile cannot be used."""
    from PIL import ImageCms

    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = own.profile.xcolor_space.strip()
        if space not in SPACES:
            return f"the colour profile is one for {space}"
        mode, srgb = SPACES[space], ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC  # it leaves the colours alone that both can show
        forward = ImageCms.buildTransform(own, srgb, mode, "RGB", renderingIntent=intent)
    except Exception:  # a damaged profile raises nearly anything
        return "the colour profile is damaged"
    try:
        backward = ImageCms.buildTransform(srgb, own, "RGB", mode, renderingIntent=intent)
    except Exception:  # a scanner's profile may lack the tables for this
        return "the colour profile can only be read"
    if mode == "RGB":
        steps = np.linspace(0, 255, STEPS).round().astype(np.uint8)
        colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        if np.abs(_apply(forward, colors).astype(np.int16) - colors).max() <= SAME_LEVELS:
            return mode, None, None
    return mode, forward, backward


def _apply(transform: Any, pixels: Pixels) -> Pixels:
    """Return pixels, (H, W, 1 or 3), after a transform, (H, W, 1 or 3)."""
    from PIL import Image, ImageCms

    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    return np.asarray(ImageCms.applyTransform(image, transform)).reshape(*pixels.shape[:2], -1)

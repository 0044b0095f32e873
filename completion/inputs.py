"""What a Python user passes as pictures and masks, read as arrays: what is unambiguous is understood.

| passed as a picture | read as |
|---|---|
| uint8 array (H, W, 3) or (H, W, 1), Pillow image of mode RGB or L | itself |
| uint8 array (H, W) | a grey picture; the result is (H, W) too |
| a grey picture, and the model has three channels | the same value in each; the result is grey too |
| an array of floats, 16 bits, transparency, channels first, a path | refused, with the line that converts it |
| a Pillow image with an orientation tag that says that it is turned | refused, with the line that turns it |

| passed as a mask | read as |
|---|---|
| bool array (H, W) or (H, W, 1) | True = missing |
| array or Pillow image of 0 and 1, or of 0 and 255 | 1 or 255 = missing |
| name in `masks.MASKS`, `masks.MaskSpec` | made for each picture |
| one of these for several pictures | for all of them |
| an array or Pillow image with colours, transparency or a palette, a path | refused, with the line that reads it |
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from masks import MASK_NAMES, MaskSpec, make_mask, mask_from_array

__all__ = ["GivenPicture", "read_masks", "read_pictures"]

READ_MASK = "masks.read_drawn_mask({}).mask reads it"
ORIENTATION = 274  # EXIF's tag

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class GivenPicture:
    """A picture as it was passed and as it is completed.

    Attributes
    ----------
    pixels : uint8 array (H, W, C)
        What is completed.
    shape : tuple of int
        What was passed: (H, W), (H, W, 1) or (H, W, C).
    """

    pixels: Picture
    shape: tuple[int, ...]

    def finish(self, completed: Picture) -> Picture:
        """Return a completed picture, (H, W, C), in the shape that was passed."""
        channels = self.shape[2] if len(self.shape) == 3 else 1
        return completed[..., :channels].reshape(self.shape)


def read_pictures(images: Any, *, channels: int | None) -> list[GivenPicture]:
    """Return the pictures of a sequence or a batch, or one picture alone.

    Parameters
    ----------
    images : picture, sequence of pictures, or uint8 array (B, H, W, C)
        See this module's first lines for what a picture may be.
    channels : int, optional
        Of the model; None where there is none and pictures may have 1 or 3.

    Raises
    ------
    TypeError
        A picture is no array or Pillow image, or its dtype is not uint8.
    ValueError
        A picture has a wrong shape, or there is none.
    """
    one = _is_image(images) or isinstance(images, str | os.PathLike) or not isinstance(images, Iterable)
    if isinstance(images, np.ndarray):
        one = images.ndim == 2 or (images.ndim == 3 and images.shape[2] <= 4)
        if not one and images.ndim != 4:
            first = images.ndim == 3 and images.shape[0] in (1, 3)
            remedy = "channels first: np.moveaxis(images, 0, 2)" if first else "grey pictures: images[..., None]"
            raise ValueError(
                "Expected `images` as a picture, (H, W) or (H, W, C), a sequence of pictures, or (B, H, W, C) "
                f"({remedy}). Received: {images.shape}"
            )
    given = [_read_picture(each, channels=channels) for each in ([images] if one else images)]
    if not given:
        raise ValueError("Expected at least one picture. Received: none")
    return given


def read_masks(masks: Any, pictures: Sequence[Picture], *, seed: int = 0) -> list[Mask]:
    """Return a mask for each picture.

    Parameters
    ----------
    masks : mask, sequence of masks, or array (B, H, W)
        See this module's first lines for what a mask may be; one serves all pictures.
    pictures : sequence of uint8 arrays (H, W, C)
        At least one.
    seed : int, optional
        Of a random mask that is given by its name.

    Raises
    ------
    TypeError
        A mask holds no numbers.
    ValueError
        A mask has other values or another shape, or the number of masks is not that of the pictures.
    """
    one = isinstance(masks, str | MaskSpec | os.PathLike) or _is_image(masks)
    if one or _is_plane(masks, pictures[0]) or _has_colors(masks, pictures[0]):
        own: list[Any] = [masks] * len(pictures)
    elif not isinstance(masks, Iterable):
        raise TypeError(
            "Expected `masks` as an array, a Pillow image, a mask's name, or a sequence of these. "
            f"Received: {type(masks).__name__}"
        )
    else:
        own = list(masks)
    if len(own) != len(pictures):
        expected = "one mask for one picture" if len(pictures) == 1 else f"a mask for each of {len(pictures)} pictures"
        raise ValueError(f"Expected {expected}. Received: {len(own)}")
    return [_read_mask(mask, picture, seed=seed) for mask, picture in zip(own, pictures, strict=True)]


def _read_picture(image: Any, *, channels: int | None) -> GivenPicture:
    """Return one picture."""
    if isinstance(image, str | os.PathLike):
        raise TypeError(
            "Expected pictures as arrays (dcgan.pictures.files.read_picture reads a file). "
            f"Received: the path {os.fspath(image)!r}"
        )
    if _is_image(image):
        if image.mode not in ("L", "RGB"):
            raise ValueError(
                f'Expected a Pillow image of mode RGB or L (image.convert("RGB")). Received: mode {image.mode}'
            )
        _check_upright(image, "a picture")
        image = np.asarray(image)
    if not isinstance(image, np.ndarray):
        raise TypeError(f"Expected pictures as NumPy arrays or Pillow images. Received: {type(image).__name__}")
    if image.dtype != np.uint8:
        if np.issubdtype(image.dtype, np.floating):
            remedy = " (values in 0..1: (x * 255).round().astype(np.uint8))"
        else:
            remedy = " (values in 0..255: x.astype(np.uint8))" if np.issubdtype(image.dtype, np.integer) else ""
        raise TypeError(f"Expected pictures of dtype uint8. Received: {image.dtype}{remedy}")
    pixels = image[..., None] if image.ndim == 2 else image
    if channels == 3 and pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    allowed = (1, 3) if channels is None else (channels,)
    if pixels.ndim != 3 or pixels.shape[2] not in allowed or min(pixels.shape) < 1:
        expected = " or ".join(str(number) for number in allowed)
        remedy = " (without transparency: picture[..., :3])" if pixels.ndim == 3 and pixels.shape[2] == 4 else ""
        raise ValueError(f"Expected pictures of shape (H, W, {expected}){remedy}. Received: {image.shape}")
    return GivenPicture(pixels, image.shape)


def _read_mask(mask: Any, picture: Picture, *, seed: int) -> Mask:
    """Return one picture's mask."""
    shape = (picture.shape[0], picture.shape[1])
    if isinstance(mask, os.PathLike) or (
        isinstance(mask, str) and mask not in MASK_NAMES and os.path.splitext(mask)[1]
    ):
        reading = "completion.folder.masks.read_mask(pathlib.Path(path)).mask reads a file"
        raise TypeError(f"Expected a mask as an array, or its name ({reading}). Received: the path {os.fspath(mask)!r}")
    if isinstance(mask, str | MaskSpec):
        return make_mask(mask, shape, seed=seed, picture=picture)
    if _is_image(mask):
        if mask.mode not in ("1", "L"):
            reading = 'image.convert("RGBA")' if mask.mode in ("P", "PA", "LA") else "image"
            raise ValueError(
                f"Expected a mask as a Pillow image of mode 1 or L ({READ_MASK.format(f'np.asarray({reading})')}). "
                f"Received: mode {mask.mode}"
            )
        _check_upright(mask, "a mask")
    elif _has_colors(mask, picture):
        raise ValueError(
            f"Expected a mask of one channel, (H, W) or (H, W, 1) ({READ_MASK.format('mask')}, of uint8). "
            f"Received: {mask.shape}"
        )
    plane = mask_from_array(mask)
    if plane.shape != shape:
        raise ValueError(f"Expected `mask` of shape {shape}. Received: {plane.shape}")
    return plane


def _is_plane(masks: Any, picture: Picture) -> bool:
    """Tell whether an array is one mask, (H, W) or (H, W, 1), and not a batch of masks."""
    return isinstance(masks, np.ndarray) and (masks.ndim == 2 or masks.shape == (*picture.shape[:2], 1))


def _has_colors(mask: Any, picture: Picture) -> bool:
    """Tell whether an array is one mask with colours or transparency, as a file of it may have."""
    return isinstance(mask, np.ndarray) and mask.shape in [(*picture.shape[:2], count) for count in (2, 3, 4)]


def _check_upright(image: Any, what: str) -> None:
    """Raise ValueError where a Pillow image's tag says that its pixels are to be turned before they are looked at."""
    try:
        tag = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged tags raise nearly anything, and say nothing
        return
    if tag in range(2, 9):
        raise ValueError(
            f"Expected {what} upright (PIL.ImageOps.exif_transpose(image)). Received: an image whose orientation tag "
            f"is {tag}"
        )


def _is_image(value: Any) -> bool:
    """Tell whether something is a Pillow image."""
    return hasattr(value, "mode") and hasattr(value, "getbands")

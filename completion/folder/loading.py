"""Read a picture and its mask."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from completion.folder.masks import MaskSource
from dcgan.pictures.attached import NOTHING_ATTACHED, Attached
from dcgan.pictures.files import PictureFile, read_file
from dcgan.pictures.profiles import from_srgb, is_grey_profile, to_grey, to_srgb

__all__ = ["LoadedPicture", "load_picture"]

Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class LoadedPicture:
    """A picture that was read, with its mask.

    Attributes
    ----------
    source : InputPicture
        Where the picture comes from.
    file : PictureFile
        What its file holds.
    color : uint8 array (H, W, 1 or 3)
        In sRGB.
    alpha : uint8 array (H, W, 1), optional
        None where the picture is opaque.
    mask : bool array (H, W)
        True = missing.
    deep : uint16 array (H, W, 1, 3 or 4), optional
        The same picture, where its file has 16 bits a channel.
    attached : Attached
        What belongs to the pixels that `finish` returns.
    notes : tuple of str
        What was guessed at when the picture and its mask were read.
    """

    source: InputPicture
    file: PictureFile
    color: Picture
    alpha: Picture | None
    mask: npt.NDArray[np.bool_]
    deep: npt.NDArray[np.uint16] | None = None
    attached: Attached = NOTHING_ATTACHED
    notes: tuple[str, ...] = ()

    def finish(self, completed: Picture) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Return the pixels to write: known ones as the file has them, and the filled ones by its profile.

        Parameters
        ----------
        completed : uint8 array (H, W, 1 or 3)
            The completed picture in sRGB.

        Returns
        -------
        uint8 or uint16 array (H, W, C)
            With the file's depth and alpha; grey where the file's 16 bits or its profile are. Where `completed` was
            filled in place, it is the file's own array.
        """
        profile = self.attached.profile
        if self.deep is None and profile is None:
            if self.alpha is not None and completed.base is self.file.pixels:
                return self.file.pixels
            return completed if self.alpha is None else np.concatenate([completed, self.alpha], axis=2)
        colors: npt.NDArray[Any]
        alpha: npt.NDArray[Any] | None
        if self.deep is not None:
            colors, alpha, scale = self.deep[..., :3], self.deep[..., 3:], 257
        else:
            colors, alpha, scale = self.file.pixels[..., :3], self.alpha, 1
        colors = colors[..., :1] if is_grey_profile(profile) else colors
        result = colors.copy() if self.alpha is None or alpha is None else np.concatenate([colors, alpha], axis=2)
        filled = completed[self.mask]  # (N, 1 or 3)
        if profile is not None:
            filled = from_srgb(np.broadcast_to(filled, (len(filled), 3)), profile)
        count = colors.shape[2]
        result[self.mask, :count] = filled[:, :count].astype(result.dtype) * scale
        return result


def load_picture(source: InputPicture, masks: MaskSource, *, channels: int, seed: int = 0) -> LoadedPicture:
    """Read a picture and its mask.

    Parameters
    ----------
    source : InputPicture
        The picture's file.
    masks : MaskSource
        Where its mask comes from.
    channels : int
        1 (grey) or 3, of the model.
    seed : int, optional
        Of random masks.

    Raises
    ------
    ImageFileError
        One of them cannot be read, or there is no mask.
    """
    file = read_file(source.path)
    pixels, deep = file.pixels, file.deep
    found = masks.mask_for(pixels, source, seed=seed, orientation=file.orientation)
    mask, notes = found.mask, (*file.notes, *found.notes)
    attached = file.attached
    color = to_srgb(pixels[..., :3], attached.profile)
    if channels == 1:
        if deep is not None and not (deep[..., :1] == deep[..., 1:3]).all():
            deep, notes = None, (*notes, "the model is grey: 16 bits a channel are read as 8")
        deep = None if deep is None else deep[..., :1]
        if attached.profile is not None and deep is None and not is_grey_profile(attached.profile):
            attached = dataclasses.replace(attached, profile=None)
            notes += ("the model is grey: the colour profile is left out, the result is in sRGB",)
        return LoadedPicture(source, file, to_grey(color), None, mask, deep, attached, notes)
    # Where transparent pixels are missing, the completed picture is opaque.
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 and not masks.alpha else None
    return LoadedPicture(source, file, color, alpha, mask, deep, attached, notes)

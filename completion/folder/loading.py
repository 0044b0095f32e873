"""Read a picture and its mask."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from completion.folder.masks import MaskSource
from dcgan.pictures.files import PictureFile, grey_of, read_file

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
    alpha : uint8 array (H, W, 1), optional
        None where the picture is opaque.
    mask : bool array (H, W)
        True = missing.
    deep : uint16 array (H, W, 1, 3 or 4), optional
        The same picture, where its file has 16 bits a channel.
    notes : tuple of str
        What was guessed at when the picture and its mask were read.
    """

    source: InputPicture
    file: PictureFile
    color: Picture
    alpha: Picture | None
    mask: npt.NDArray[np.bool_]
    deep: npt.NDArray[np.uint16] | None = None
    notes: tuple[str, ...] = ()

    def finish(self, completed: Picture) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Return the pixels to write: the completed picture, (H, W, 1 or 3) uint8, with the file's alpha and depth."""
        if self.deep is not None:
            result = self.deep if self.alpha is not None else self.deep[..., :3]
            result = result.copy()
            colors = min(result.shape[2], 3)
            result[self.mask, :colors] = completed[self.mask, :colors].astype(np.uint16) * 257
            return result
        return completed if self.alpha is None else np.concatenate([completed, self.alpha], axis=2)


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
    if channels == 1:
        if deep is not None and not (deep[..., :1] == deep[..., 1:3]).all():
            deep, notes = None, (*notes, "16 bits a channel are read as 8, because the model is grey")
        deep = None if deep is None else deep[..., :1]
        return LoadedPicture(source, file, grey_of(pixels), None, mask, deep, notes)
    # Where transparent pixels are missing, the completed picture is opaque.
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 and not masks.alpha else None
    return LoadedPicture(source, file, pixels[..., :3], alpha, mask, deep, notes)

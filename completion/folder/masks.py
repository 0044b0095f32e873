"""Which pixels of an input picture are missing: by name, from files, from its transparency, from a key colour."""

import dataclasses
import os
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from completion.mask_options import MaskChoice
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.files import read_picture
from masks import MaskFolder, MaskSpec, dilate, invert, make_mask, mask_from_alpha, mask_from_color, mask_from_picture

__all__ = ["FoundMask", "MaskSource", "open_masks", "read_mask"]

Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class FoundMask:
    """The mask of a picture.

    Attributes
    ----------
    mask : ndarray of bool, shape (H, W)
        True = missing.
    notes : tuple of str
        How it was read, where that was guessed: a clause each, for the user.
    """

    mask: Mask
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """Where masks come from: one of `file`, `folder`, `alpha` and `color`, or else the named mask of `spec`.

    Attributes
    ----------
    spec : MaskSpec, optional
        The named mask, and the operations (invert, dilate) that apply to every source.
    file : ndarray of uint8, shape (H, W, 1), optional
        One mask for all pictures; white is missing.
    folder : MaskFolder, optional
        A mask for each picture, matched by stem.
    alpha : bool, default False
        Whether the transparent pixels of the picture are missing.
    color : tuple of int, optional
        (red, green, blue), each 0 to 255: pixels of this colour are missing.
    color_tolerance : int, default 0
        Largest difference in a channel at which a pixel still counts as this colour, 0 to 255.
    """

    spec: MaskSpec = dataclasses.field(default_factory=MaskSpec)
    file: Picture | None = None
    folder: MaskFolder | None = None
    alpha: bool = False
    color: tuple[int, int, int] | None = None
    color_tolerance: int = 0

    @property
    def blocks(self) -> int:
        """Return the number of block means per side that are known; 0 where pixels are known."""
        drawn = self.file is not None or self.folder is not None or self.alpha or self.color is not None
        return self.spec.options["blocks"] if self.spec.name == "lowres" and not drawn else 0

    @property
    def drawn(self) -> bool:
        """Whether the mask belongs to a picture's own pixels, and not to its size alone, as most named masks do."""
        named = self.file is None and self.folder is None and not self.alpha and self.color is None
        return not named or self.spec.name == "rectangle"

    def mask_for(self, picture: Picture, source: InputPicture, *, seed: int = 0, orientation: int = 1) -> FoundMask:
        """Return the mask of a picture.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3) or (H, W, 4)
            The picture as read.
        source : InputPicture
            The file of the picture. Random masks are seeded by its relative path, so they do not depend on the other
            pictures.
        seed : int, default 0
            Seed of the random masks, at least 0.
        orientation : int, default 1
            The orientation tag by which the picture has been turned.

        Returns
        -------
        FoundMask

        Raises
        ------
        ImageFileError
            There is no mask for this picture, its mask cannot be read, or its rectangle lies outside the picture.
        """
        shape = (picture.shape[0], picture.shape[1])
        if self.file is not None:
            mask = mask_from_picture(self.file, shape)
        elif self.folder is not None:
            path = self.folder.match(source.root / source.relative, root=source.root)
            if path is None:
                raise ImageFileError(f"{source.path}: expected a mask in {self.folder.folder}, found none by this name")
            try:
                mask = mask_from_picture(read_mask(path), shape)
            except ImageFileError as error:
                raise ImageFileError(f"{source.path}: cannot read its mask: {error}") from error
        elif self.alpha:
            if picture.shape[2] != 4:
                raise ImageFileError(f"{source.path}: expected an alpha channel, found none")
            mask = mask_from_alpha(picture)
        elif self.color is not None:
            mask = mask_from_color(picture[..., :3], self.color, tolerance=self.color_tolerance)
        else:
            try:
                made = make_mask(self.spec, shape, seed=(seed, zlib.crc32(os.fsencode(source.relative))))
            except ValueError as error:  # a rectangle outside this picture
                raise ImageFileError(f"{source.path}: {error}") from error
            return FoundMask(made)
        return FoundMask(dilate(invert(mask) if self.spec.invert else mask, self.spec.dilate_px))


def read_mask(path: Path) -> Picture:
    """Read a mask file as grey.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of uint8, shape (H, W, 1)
        The grey picture.

    Raises
    ------
    ImageFileError
        The file is not a picture that can be read.
    """
    return read_picture(path, channels=1)


def open_masks(chosen: MaskChoice) -> MaskSource:
    """Return the source of masks that the command line chose.

    Parameters
    ----------
    chosen : MaskChoice
        What `completion.mask_options.read_mask_options` returns.

    Returns
    -------
    MaskSource

    Raises
    ------
    ImageFileError
        The mask file is not a picture that can be read.
    FaceCompletionError
        The folder of masks cannot be listed.
    """
    try:
        folder = MaskFolder(chosen.folder) if chosen.folder else None
    except OSError as error:
        raise FaceCompletionError(f"{chosen.folder}: cannot list the masks: {error.strerror or error}") from error
    return MaskSource(
        spec=chosen.spec,
        file=read_mask(chosen.file) if chosen.file else None,
        folder=folder,
        alpha=chosen.alpha,
        color=chosen.color,
        color_tolerance=chosen.color_tolerance,
    )

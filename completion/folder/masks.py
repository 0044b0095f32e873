"""Which pixels of an input picture are missing: by name, from files, from its transparency, from a key colour."""

import dataclasses
import os
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from dcgan.errors import ImageFileError
from dcgan.pictures.files import read_picture
from masks import MaskFolder, MaskSpec, dilate, invert, make_mask, mask_from_alpha, mask_from_color, mask_from_picture

__all__ = ["MaskSource"]

Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """Where masks come from; exactly one of the first five is set, or none for the spec's named mask.

    Attributes
    ----------
    spec : the named mask, and the operations (invert, dilate) that hold for every source.
    file : one mask for all pictures.
    folder : a mask for each picture, matched by stem.
    alpha : take the picture's transparency.
    color : pixels of this colour are missing.
    color_tolerance : the greatest difference in a channel that still counts as this colour.
    """

    spec: MaskSpec = dataclasses.field(default_factory=MaskSpec)
    file: Picture | None = None
    folder: MaskFolder | None = None
    alpha: bool = False
    color: tuple[int, int, int] | None = None
    color_tolerance: int = 0

    @property
    def blocks(self) -> int:
        """Return how many block means a side are known of each picture; 0 where pixels are known."""
        drawn = self.file is not None or self.folder is not None or self.alpha or self.color is not None
        return self.spec.blocks if self.spec.name == "lowres" and not drawn else 0

    def mask_for(self, picture: Picture, source: InputPicture, *, seed: int = 0) -> Mask:
        """Return a picture's mask, (H, W) bool.

        Parameters
        ----------
        picture : (H, W, 3 or 4) uint8, as read
        source : the picture's file; its relative path decides the random masks, so they do not depend on the others
        seed : of the random masks

        Raises
        ------
        ImageFileError
            There is no mask for this picture, or it cannot be read.
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
                return make_mask(self.spec, shape, seed=(seed, zlib.crc32(os.fsencode(source.relative))))
            except ValueError as error:  # a rectangle outside this picture
                raise ImageFileError(f"{source.path}: {error}") from error
        return dilate(invert(mask) if self.spec.invert else mask, self.spec.dilate_px)


def read_mask(path: Path) -> Picture:
    """Read a mask file as grey, (H, W, 1) uint8."""
    return read_picture(path, channels=1)

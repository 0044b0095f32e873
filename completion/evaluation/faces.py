"""The faces of an evaluation and their masks."""

import dataclasses
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.values import crop_square, resize_picture
from dcgan.training.sources import open_source
from masks import make_mask

__all__ = ["Faces", "make_masks", "read_faces"]


@dataclasses.dataclass(frozen=True)
class Faces:
    """Complete faces.

    Attributes
    ----------
    names : their paths within the folder or zip, sorted.
    pictures : (N, size, size, 3) uint8.
    """

    names: list[str]
    pictures: npt.NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """Return the hash of names and pixels, 64 hexadecimal digits."""
        digest = hashlib.sha256("\n".join(self.names).encode("utf-8", "surrogateescape"))
        digest.update(np.ascontiguousarray(self.pictures).tobytes())
        return digest.hexdigest()


def read_faces(
    path: Path, count: int, *, size: int, seed: int = 0, on_failure: Callable[[str], None] | None = None
) -> Faces:
    """Read a seeded choice of a folder's or zip's pictures, as squares of the given size.

    Parameters
    ----------
    path : a folder (searched recursively) or a .zip
    count : pictures; all there are if there are fewer
    size : side of the result in pixels; a picture that is not square loses what lies outside its central square
    seed : of the choice
    on_failure : called with a line for each picture that cannot be read; the next of the choice takes its place

    Raises
    ------
    DatasetError
        There is no such folder or zip, or it holds no picture that can be read.
    """
    source = open_source(path)
    chosen: list[tuple[str, npt.NDArray[np.uint8]]] = []
    for index in np.random.default_rng(seed).permutation(len(source)):
        if len(chosen) == count:
            break
        name = source.name(index)
        try:
            picture = resize_picture(crop_square(source.read(index, 3)), (size, size))
        except ImageFileError as error:
            if on_failure:
                on_failure(str(error))
            continue
        chosen.append((name.removeprefix(str(path)).lstrip(":/\\"), picture))
    if not chosen:
        raise DatasetError(f"{path}: expected complete faces, found no picture that can be read")
    chosen.sort(key=lambda pair: pair[0])
    return Faces([name for name, _ in chosen], np.stack([picture for _, picture in chosen]))


def make_masks(mask: str, faces: Faces, *, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Make one mask for each face, seeded by its name, so that a face's mask does not depend on the other faces.

    Parameters
    ----------
    mask : name of a mask, with its default options
    faces : N faces
    seed : together with each name's checksum, the seed of random masks

    Returns
    -------
    (N, size, size) bool, True = missing

    Raises
    ------
    ValueError
        A mask hides nothing, so that there is no hole to measure.
    """
    shape = (faces.pictures.shape[1], faces.pictures.shape[2])
    masks = np.stack([make_mask(mask, shape, seed=(seed, zlib.crc32(os.fsencode(name)))) for name in faces.names])
    empty = ~masks.any(axis=(1, 2))
    if empty.any():
        raise ValueError(f"Expected the mask {mask} to hide something of {faces.names[int(empty.argmax())]}.")
    return masks

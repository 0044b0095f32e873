"""The faces of an evaluation and their masks."""

import dataclasses
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError, ImageFileError, OptionError
from dcgan.pictures.values import crop_square, resize_picture
from dcgan.training.sources import first_lines, open_source
from masks import make_mask

__all__ = ["Faces", "make_masks", "read_faces"]


@dataclasses.dataclass(frozen=True)
class Faces:
    """Complete faces.

    Attributes
    ----------
    names : list of str
        Sorted paths of the N pictures within the folder or zip.
    pictures : uint8 array (N, size, size, 3)
        The pictures in the order of the names.
    """

    names: list[str]
    pictures: npt.NDArray[np.uint8]

    @property
    def sha256(self) -> str:
        """SHA-256 of the names and pixels, 64 hexadecimal digits."""
        digest = hashlib.sha256("\n".join(self.names).encode("utf-8", "surrogateescape"))
        digest.update(np.ascontiguousarray(self.pictures).tobytes())
        return digest.hexdigest()


def read_faces(
    path: Path, count: int, *, size: int, seed: int = 0, on_failure: Callable[[str], None] | None = None
) -> Faces:
    """Read a random sample of the pictures in a folder or zip, as squares of one size.

    Parameters
    ----------
    path : Path
        A folder, searched recursively, or a zip.
    count : int
        Number of pictures; all of them if there are fewer.
    size : int
        Side of the result in pixels. A picture that is not square is cropped to its central square.
    seed : int, default 0
        Seed of the sample, at least 0.
    on_failure : callable, optional
        Called with a line for each of the first pictures that cannot be read, and one for the rest of them; other
        pictures replace them.

    Returns
    -------
    Faces
        The sample, sorted by name.

    Raises
    ------
    DatasetError
        The folder or zip does not exist, or contains no readable picture.
    """
    source = open_source(path)
    chosen: list[tuple[str, npt.NDArray[np.uint8]]] = []
    with first_lines(on_failure) as tell:
        for index in np.random.default_rng(seed).permutation(len(source)):
            if len(chosen) == count:
                break
            name = source.name(index)
            try:
                picture = resize_picture(crop_square(source.read(index, 3)), (size, size))
            except ImageFileError as error:
                tell(str(error))
                continue
            chosen.append((name.removeprefix(str(path)).lstrip(":/\\"), picture))
    if not chosen:
        raise DatasetError(f"{path}: expected complete faces, found no picture that can be read")
    chosen.sort(key=lambda pair: pair[0])
    return Faces([name for name, _ in chosen], np.stack([picture for _, picture in chosen]))


def make_masks(mask: str, faces: Faces, *, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Make one mask per face, seeded by the face's name, so that it is independent of the other faces.

    Parameters
    ----------
    mask : str
        Name of a mask; its options have their defaults.
    faces : Faces
        N faces.
    seed : int, default 0
        Seed of random masks, together with the checksum of each name; at least 0.

    Returns
    -------
    bool array (N, size, size)
        True = missing.

    Raises
    ------
    ValueError
        A mask is empty, so that there is no hole to measure.
    """
    shape = (faces.pictures.shape[1], faces.pictures.shape[2])
    masks = np.stack([make_mask(mask, shape, seed=(seed, zlib.crc32(os.fsencode(name)))) for name in faces.names])
    empty = ~masks.any(axis=(1, 2))
    if empty.any():
        raise OptionError(f"Expected the mask {mask} to hide something of {faces.names[int(empty.argmax())]}.")
    return masks

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
from dcgan.pictures.values import crop_square, is_square, resize_picture
from dcgan.training.sources import first_lines, open_source, say_cut
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
    path: Path, count: int, *, size: int, seed: int = 0, on_note: Callable[[str], None] | None = None
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
    on_note : callable, optional
        Called with a line on what was left out of the folder, and for each of the first pictures that cannot be read,
        which others replace, or about which something is guessed, with one for the rest of each kind;
        and with one on how many are not square.

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
    if source.left_out and on_note:
        on_note(source.left_out)
    chosen: list[tuple[str, npt.NDArray[np.uint8]]] = []
    cut = 0
    with first_lines(on_note) as tell, first_lines(on_note, what="with a guess") as tell_guess:
        for index in np.random.default_rng(seed).permutation(len(source)):
            if len(chosen) == count:
                break
            name = source.name(index)
            try:
                guesses: list[str] = []
                whole = source.read(index, 3, on_note=guesses.append)
            except ImageFileError as error:
                tell(str(error))
                continue
            if guesses:
                tell_guess(f"{name}: {'; '.join(guesses)}")
            cut += not is_square(whole)
            chosen.append(
                (name.removeprefix(str(path)).lstrip(":/\\"), resize_picture(crop_square(whole), (size, size)))
            )
    if cut and on_note:
        on_note(say_cut(cut))
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

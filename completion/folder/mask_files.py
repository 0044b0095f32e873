"""Writes the masks of pictures alone, to be looked at and corrected before they are used: --only-masks."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from completion.folder.inputs import InputPicture
from completion.folder.masks import MaskSource
from completion.workers import side_by_side
from dcgan.cores import available_cores
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.files import NO_MEMORY, read_file
from dcgan.pictures.replacing import check_replaceable
from dcgan.pictures.saving import save_picture

__all__ = ["MaskSummary", "write_masks"]

OnLine = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class MaskSummary:
    """What became of the masks.

    Attributes
    ----------
    written : int
        Masks that were written, empty ones included.
    empty : int
        Of these: those that hide nothing.
    failed : int
        Pictures that could not be read, have no mask, or whose mask could not be written.
    """

    written: int
    empty: int
    failed: int


def write_masks(
    pictures: Sequence[InputPicture],
    masks: MaskSource,
    folder: Path,
    *,
    seed: int = 0,
    overwrite: bool = False,
    on_failure: OnLine | None = None,
    on_mask: OnLine | None = None,
) -> MaskSummary:
    """Write the mask of each picture as a PNG, white = missing: a_mask.png for a.jpg.

    Parameters
    ----------
    pictures : sequence of InputPicture
    masks : MaskSource
    folder : Path
        Where the masks go, made where it does not exist; it is a folder for `--mask-dir`.
    seed : int, default 0
        Of random masks.
    overwrite : bool, default False
        Whether masks that exist are replaced.
    on_failure : callable, optional
        Called with one line for each picture that fails.
    on_mask : callable, optional
        Called with one line for each mask: its share of the picture, and what was guessed.

    Returns
    -------
    MaskSummary

    Raises
    ------
    FaceCompletionError
        A mask exists and may not be replaced, two would have one name, or the folder is one of the pictures.
    """
    paths = {source: folder / Path(source.relative).with_name(_name(source)) for source in pictures}
    own = {os.path.realpath(source.path.parent) for source in pictures}
    first: dict[Path, InputPicture] = {}
    for source, path in paths.items():
        if os.path.realpath(path.parent) in own:
            raise FaceCompletionError(f"{path.parent}: the pictures are in this folder; choose another output folder")
        if (other := first.setdefault(path, source)) is not source:
            raise FaceCompletionError(f"{path}: the masks of {other.path} and {source.path} would have this name")
        check_replaceable(path, overwrite=overwrite)

    def write(source: InputPicture) -> tuple[float, str]:
        """Return the share that is missing, and a line; the share of one that failed is below 0."""
        try:
            file = read_file(source.path)
            found = masks.mask_for(file.pixels, source, seed=seed, orientation=file.orientation)
            paths[source].parent.mkdir(parents=True, exist_ok=True)
            save_picture(paths[source], np.where(found.mask, 255, 0).astype(np.uint8))
        except ImageFileError as error:
            return -1.0, str(error)
        except OSError as error:
            return -1.0, f"{source.path}: {error.strerror or error}"
        except MemoryError:
            return -1.0, f"{source.path}: {NO_MEMORY}"
        share = float(found.mask.mean())
        notes = (*file.notes, *found.notes)
        said = any(f"{share:.2%}" in note for note in notes) or (not share and notes)
        parts = [] if said else [f"{share:.2%} missing" if share else "nothing missing"]
        return share, f"{source.path}: {'; '.join([*parts, *notes])}"

    shares = []
    for share, line in side_by_side(write, pictures, workers=min(available_cores(), max(1, len(pictures)))):
        shares.append(share)
        tell = on_failure if share < 0 else on_mask
        if tell is not None:
            tell(line)
    written = [share for share in shares if share >= 0]
    return MaskSummary(len(written), written.count(0.0), len(shares) - len(written))


def _name(source: InputPicture) -> str:
    """Return the name of a picture's mask."""
    return f"{Path(source.relative).stem}_mask.png"

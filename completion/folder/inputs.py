"""List the pictures that the user's arguments name, each with its path below a shared folder. No picture is opened."""

import dataclasses
import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from dcgan.errors import FaceCompletionError, OptionError
from dcgan.pictures.listing import list_pictures
from masks.matching import is_mask_name

__all__ = ["InputPicture", "list_inputs", "take_shard"]


@dataclasses.dataclass(frozen=True, slots=True)
class InputPicture:
    """One picture to complete.

    Attributes
    ----------
    path : Path
        The file.
    relative : str
        Its path below the folder that all inputs share, with forward slashes.
    root : Path
        That folder.
    own : str, default ""
        Its path below the folder that the user named, or the name of a file that the user named; with forward slashes.
        Unlike `relative`, it stays when another argument is added. Empty where it is not known.
    """

    path: Path
    relative: str
    root: Path
    own: str = ""


def list_inputs(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    recursive: bool = False,
    mask_dir: Path | None = None,
    output_dir: Path | None = None,
    on_left_out: Callable[[str], None] | None = None,
) -> list[InputPicture]:
    """List the pictures behind a mix of files, folders and globs.

    A file that is named is taken whatever its suffix. From a folder, the files with a picture's suffix are taken. The
    output folder and the mask folder inside a folder of pictures are left out. Where masks lie among the pictures, the
    files named like masks (``a_mask.png``) are left out as well.

    Parameters
    ----------
    arguments : sequence of str or path-like
        Paths of files and folders, and glob patterns (for shells that do not expand them).
    recursive : bool, default False
        Look into the folders' sub-folders as well.
    mask_dir : Path, optional
        Folder of the masks.
    output_dir : Path, optional
        Folder of the results.
    on_left_out : callable, optional
        Called with one line for each folder of which something was left out that could have been meant.

    Returns
    -------
    list of InputPicture
        In the order of the arguments, by name within a folder; each file once.

    Raises
    ------
    FaceCompletionError
        An argument is neither file, folder nor matching pattern, a folder cannot be listed, or there is no picture.
    """
    files: dict[str, tuple[Path, str]] = {}  # by absolute path, so that a file named twice is completed once
    roots: list[Path] = []
    for argument in arguments:
        for path in _expand(str(argument), output_dir):
            if path.is_dir():
                roots.append(path)
                found = list_pictures(
                    path, recursive=recursive, left_out=(mask_dir, output_dir), on_left_out=on_left_out
                )
                if _is_among(path, mask_dir):
                    found = [picture for picture in found if not is_mask_name(picture)]
            else:
                roots.append(path.parent)
                found = [path]
            for picture in found:
                own = picture.relative_to(path).as_posix() if picture != path else path.name
                files.setdefault(os.path.abspath(picture), (picture, own))
    if not files:
        raise FaceCompletionError(f"expected pictures, found none in {', '.join(map(str, arguments))}")
    root = Path(os.path.commonpath([os.path.abspath(path) for path in roots]))
    return [
        InputPicture(path, Path(os.path.relpath(absolute, root)).as_posix(), root, own)
        for absolute, (path, own) in files.items()
    ]


def _expand(argument: str, output_dir: Path | None) -> list[Path]:
    """Return the path itself where there is one, else what matches it as a pattern, earlier outputs left out."""
    if os.path.lexists(argument):
        return [Path(argument)]
    output = os.path.realpath(output_dir) if output_dir is not None else None
    matches = [
        Path(match)
        for match in sorted(glob.glob(argument, recursive=True))
        if output is None or not _is_inside(os.path.realpath(match), output)
    ]
    if not matches:
        raise FaceCompletionError(f"{argument}: expected a file, a folder or a pattern, found nothing there")
    return matches


def _is_among(folder: Path, masks: Path | None) -> bool:
    """Tell whether a folder of pictures is the folder of masks or lies in it."""
    return masks is not None and _is_inside(os.path.realpath(folder), os.path.realpath(masks))


def _is_inside(path: str, folder: str) -> bool:
    """Tell whether an absolute path is the folder or lies in it."""
    return path == folder or Path(folder) in Path(path).parents


def take_shard(inputs: Sequence[InputPicture], shard: tuple[int, int]) -> list[InputPicture]:
    """Return every n-th input from the i-th on; the n shards of a list are disjoint and cover it.

    Parameters
    ----------
    inputs : sequence of InputPicture
        The whole list.
    shard : tuple of int
        (i, n) with 1 <= i <= n.

    Returns
    -------
    list of InputPicture
        The shard, in the order of the list.

    Raises
    ------
    ValueError
        There is no such shard.
    """
    index, count = shard
    if not 1 <= index <= count:
        raise OptionError(f"Expected `shard` i/n with 1 <= i <= n. Received: {index}/{count}")
    return list(inputs[index - 1 :: count])

"""Which files are pictures, by their names. Pure standard library; no file is opened."""

import os
from collections.abc import Iterable
from pathlib import Path

from dcgan.errors import FaceCompletionError

__all__ = ["PICTURE_SUFFIXES", "is_picture_name", "list_pictures"]

# `masks`, which imports nothing of this package, has the same list in masks/matching.py; a test compares them.
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")


def is_picture_name(name: str) -> bool:
    """Tell whether a file is named like a picture, and not like a hidden file or macOS's shadow of one.

    Parameters
    ----------
    name : str
        Path of a file in a folder or an archive, with forward slashes.

    Returns
    -------
    bool
        True for a picture's suffix in any case.

    Examples
    --------
    >>> [is_picture_name(name) for name in ("a.JPG", "b/c.png", "b/._c.png", "__MACOSX/c.png", "notes.txt")]
    [True, True, False, False, False]
    """
    leaf = name.rsplit("/", 1)[-1]
    return leaf.lower().endswith(PICTURE_SUFFIXES) and not leaf.startswith(".") and "__MACOSX" not in name


def list_pictures(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = True,
    left_out: Iterable[str | os.PathLike[str] | None] = (),
    error: type[FaceCompletionError] = FaceCompletionError,
) -> list[Path]:
    """Return the files in a folder that are named like pictures.

    Parameters
    ----------
    folder : str or path-like
        The paths that are returned begin with it.
    recursive : bool, default True
        Look into sub-folders as well; links to folders are not followed.
    left_out : iterable of str, path-like or None, optional
        Sub-folders that are not looked into.
    error : type of FaceCompletionError, optional
        What is raised where a folder cannot be listed.

    Returns
    -------
    list of Path
        By name; the files of a folder come before those of its sub-folders.

    Raises
    ------
    FaceCompletionError
        `error`: a folder cannot be listed. To leave out its pictures would do less than was asked for.
    """

    def fail(reason: OSError) -> None:
        raise error(f"{reason.filename}: cannot list the folder: {reason.strerror}") from reason

    skipped = {os.path.realpath(path) for path in left_out if path is not None}
    found = []
    for parent, folders, names in os.walk(folder, onerror=fail):
        here = os.path.realpath(parent)
        folders[:] = sorted(name for name in folders if os.path.join(here, name) not in skipped) if recursive else []
        found += [Path(parent, name) for name in sorted(names) if is_picture_name(name)]
    return found

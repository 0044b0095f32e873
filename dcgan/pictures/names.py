"""Which files are pictures, by their names. Pure standard library; no file is opened."""

import os
from collections.abc import Iterable
from pathlib import Path

from dcgan.errors import FaceCompletionError

__all__ = ["PICTURE_SUFFIXES", "is_picture_name", "list_pictures"]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif")


def is_picture_name(name: str) -> bool:
    """Tell whether a file is named like a picture, and not like a hidden file or macOS's shadow of one.

    Parameters
    ----------
    name : path with forward slashes, of a file in a folder or an archive.

    Examples
    --------
    >>> [is_picture_name(name) for name in ("a.JPG", "b/c.png", "b/._c.png", "__MACOSX/c.png", "notes.txt")]
    [True, True, False, False, False]
    """
    leaf = name.rsplit("/", 1)[-1]
    return leaf.lower().endswith(PICTURE_SUFFIXES) and not leaf.startswith(".") and "__MACOSX" not in name


def list_pictures(
    folder: str | os.PathLike[str], *, recursive: bool = True, left_out: Iterable[str | os.PathLike[str] | None] = ()
) -> list[Path]:
    """Return the files in a folder that are named like pictures, by name; those of a folder before its subfolders'.

    Parameters
    ----------
    folder : path; the result's paths begin with it
    recursive : look into subfolders as well
    left_out : subfolders that are not looked into

    Raises
    ------
    FaceCompletionError
        A folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise FaceCompletionError(f"{error.filename}: cannot list the folder: {error.strerror}") from error

    skipped = {os.path.realpath(path) for path in left_out if path is not None}
    found = []
    for parent, folders, names in os.walk(folder, onerror=fail):
        here = os.path.realpath(parent)
        folders[:] = sorted(name for name in folders if os.path.join(here, name) not in skipped) if recursive else []
        found += [Path(parent, name) for name in sorted(names) if is_picture_name(name)]
    return found

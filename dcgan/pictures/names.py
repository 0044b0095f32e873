"""Which files are pictures, by their names. Pure standard library; no file is opened."""

import collections
import os
import re

__all__ = ["PICTURE_SUFFIXES", "LeftOut", "is_hidden", "is_picture_name", "is_raw_name"]

# `masks`, which imports nothing of this package, has the same list in masks/matching.py; a test compares them.
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".gif", ".tif", ".tiff"),
    *(".bmp", ".dib", ".tga", ".pcx", ".sgi", ".qoi", ".jp2", ".j2k", ".jpf", ".jpx"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".pfm"),
)
# Of files that lie beside pictures and that nobody takes for one.
QUIET_SUFFIXES = (
    *(".txt", ".md", ".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".html", ".log", ".ini", ".db"),
    *(".xmp", ".aae", ".npy", ".npz", ".py", ".ipynb", ".sh", ".zip", ".gz", ".tar", ".lnk", ".tmp"),
)
RAW_SUFFIXES = (  # of what a camera's sensor saw; most are TIFF files whose first picture is a small preview
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
RAW_FILE = "raw file of a camera (develop it first)"
SUFFIXES_SHOWN, NAME_SHOWN = 5, 12  # in a message: how many, and characters of each


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
    return name.lower().endswith(PICTURE_SUFFIXES) and not is_hidden(name)


def is_raw_name(name: str) -> bool:
    """Tell whether a file is named like a camera's raw file.

    Parameters
    ----------
    name : str
        Path of a file.

    Returns
    -------
    bool
    """
    return name.lower().endswith(RAW_SUFFIXES)


class LeftOut:
    """Counts what is left out of a folder though it could have been meant; hidden files are not counted.

    Examples
    --------
    >>> left_out = LeftOut()
    >>> for name in ("a.heic", "b.heic", "notes.txt", ".hidden", "scan"):
    ...     left_out.count_file(name)
    >>> left_out.describe("photos")
    "photos: left out: 3 files without a picture's suffix (.heic, none)"
    """

    def __init__(self) -> None:
        self._suffixes = collections.Counter[str]()
        self._others = collections.Counter[str]()

    def count_file(self, name: str) -> None:
        """Count a file that is not named like a picture.

        Parameters
        ----------
        name : str
            Path of a file in a folder or an archive, with forward slashes.
        """
        leaf = name.rsplit("/", 1)[-1]
        if is_raw_name(leaf) and not is_hidden(name):
            self.count_other(RAW_FILE)
        elif not is_hidden(name) and not leaf.lower().endswith((*PICTURE_SUFFIXES, *QUIET_SUFFIXES)):
            self._suffixes[os.path.splitext(leaf)[1].lower()[:NAME_SHOWN] or "none"] += 1

    def count_other(self, kind: str) -> None:
        """Count something else, by what it is: "broken link"."""
        self._others[kind] += 1

    def describe(self, folder: str | os.PathLike[str]) -> str:
        """Return one line about a folder, empty where nothing was left out."""
        parts = []
        if count := self._suffixes.total():
            shown = sorted(self._suffixes, key=lambda suffix: (-self._suffixes[suffix], suffix))[:SUFFIXES_SHOWN]
            more = ["..."] if len(self._suffixes) > len(shown) else []
            parts.append(f"{_plural(count, 'file')} without a picture's suffix ({', '.join(shown + more)})")
        parts += [_plural(count, kind) for kind, count in self._others.items()]
        return f"{os.fspath(folder)}: left out: {', '.join(parts)}" if parts else ""


def _plural(count: int, kind: str) -> str:
    """Return a count and what is counted; the plural of "link to a folder" is "links to a folder"."""
    match = re.match(r"(.*?)( to | of | \(|$)", kind)
    return f"{count:,} {kind}" if count == 1 or match is None else f"{count:,} {match[1]}s{kind[match.end(1) :]}"


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is hidden, or macOS's shadow of another one.

    Parameters
    ----------
    name : str
        Path in a folder or an archive, with forward slashes.

    Returns
    -------
    bool
    """
    return name.rsplit("/", 1)[-1].startswith(".") or "__MACOSX" in name

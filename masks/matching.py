"""Find the mask of each picture in a folder of masks. Pure standard library; no file is opened.

The masks of `a.jpg` are the files `a_mask.*` and `a.*` with the suffix of a picture, in upper or lower case.
"""

import os
from pathlib import Path

__all__ = ["MASK_SUFFIXES", "MaskFolder", "is_mask_name"]

MASK_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe"),
    *(".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pcx", ".pfm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
)
MARK = "_mask"


def is_mask_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is named like a mask, `a_mask.png`; a program that lists pictures leaves such files out.

    Parameters
    ----------
    path : str or path-like
        Any path. Only its last part counts, in upper or lower case.

    Returns
    -------
    bool
        Whether the name ends in `_mask` and the suffix of a picture.

    Examples
    --------
    >>> is_mask_name("photos/a_mask.png"), is_mask_name("photos/a.png"), is_mask_name("photos/a_mask.txt")
    (True, False, False)
    """
    name = Path(path)
    return name.suffix.lower() in MASK_SUFFIXES and _has_mark(name.stem)


class MaskFolder:
    """The masks in a folder and its subfolders, listed once.

    Parameters
    ----------
    folder : str or path-like
        Path of the folder. Files that are added to it later are not seen.

    Attributes
    ----------
    folder : Path
        The folder.

    Raises
    ------
    NotADirectoryError
        There is no such folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "a_mask.png").touch()
    ...     MaskFolder(folder).match("photos/a.jpg").name
    'a_mask.png'
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise NotADirectoryError(f"Expected `folder` to be a folder. Received: {os.fspath(folder)!r}")
        self._names: dict[tuple[str, str], list[str]] = {}  # (subfolder, stem): file names in order
        self._real_folders: dict[str, str] = {}
        for parent, _, names in os.walk(self.folder):
            subfolder = Path(parent).relative_to(self.folder).as_posix()
            for name in sorted(names, key=lambda name: (name.lower(), name)):
                if Path(name).suffix.lower() in MASK_SUFFIXES:
                    self._names.setdefault((subfolder, _stem(name)), []).append(name)

    def __len__(self) -> int:
        return sum(len(names) for names in self._names.values())

    def __repr__(self) -> str:
        return f"MaskFolder({os.fspath(self.folder)!r})"

    def match(self, picture: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> Path | None:
        """Return the path of a picture's mask, or None where it has none.

        The mask is the first of these that exists: `a_mask.*` and then `a.*` in the subfolder that the picture has
        under `root`, then the same two at the top of the mask folder. Of several suffixes, the first in alphabetical
        order counts. In the picture's own folder `a.*` does not count, so that `a.jpg` is neither its own mask nor the
        mask of `a.png`.

        Parameters
        ----------
        picture : str or path-like
            Path of the picture, as the program opens it; need not exist.
        root : str or path-like, optional
            Folder of pictures under which `picture` was found; by default the folder that holds it.

        Returns
        -------
        Path or None
            Path of the mask.

        Raises
        ------
        ValueError
            `picture` does not lie under `root`.
        """
        picture = Path(picture)
        subfolder = _subfolder(picture, root)
        own_folder = self._real(picture.parent)
        stem = _stem(picture.name)
        for place in dict.fromkeys((subfolder, ".")):
            is_own = self._real(self.folder / place) == own_folder
            names = self._names.get((place, stem + MARK)) or (not is_own and self._names.get((place, stem)))
            if names:
                return self.folder / place / names[0]
        return None

    def _real(self, folder: Path) -> str:
        """Return a folder's path with its links resolved, looked up once."""
        key = os.fspath(folder)
        if key not in self._real_folders:
            self._real_folders[key] = os.path.realpath(key)
        return self._real_folders[key]


def _has_mark(stem: str) -> bool:
    """Tell whether a stem ends in the mark, in upper or lower case, with something before it."""
    return len(stem) > len(MARK) and stem.lower().endswith(MARK)


def _stem(name: str) -> str:
    """Return the name without its suffix, the mark in lower case."""
    stem = Path(name).stem
    return stem[: -len(MARK)] + MARK if _has_mark(stem) else stem


def _subfolder(picture: Path, root: str | os.PathLike[str] | None) -> str:
    """Return the picture's folder relative to `root`, "." for the root itself."""
    if root is None:
        return "."
    try:
        return picture.parent.relative_to(Path(root)).as_posix()
    except ValueError:
        raise ValueError(f"Expected `picture` to lie under {os.fspath(root)!r}. Received: {str(picture)!r}") from None

"""Find the mask of each picture in a folder of masks. Pure standard library; no file is opened.

The masks of `a.jpg` are named `a_mask`, `a-mask`, `a.mask`, `a mask`, each also with a number behind (`a_mask001`),
`mask_a` (with the same separators), or `a`, with the suffix of a picture, in upper or lower case. The picture's whole
name may stand for its stem: `a.jpg_mask.png`, `a.jpg.png`. Names are compared in Unicode's form NFC, so that a name
that macOS decomposed is found; and where that gives nothing, without regard to upper and lower case.
"""

import dataclasses
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["MASK_SUFFIXES", "MaskFolder", "MaskMatch", "is_mask_name"]

MASK_SUFFIXES = (
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".j2k", ".jfif", ".jp2", ".jpe"),
    *(".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pcx", ".pfm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
)
MARK = "_mask"
MARKED = re.compile(r"(.+)[_\-. ]mask(?:[_\-. ]?[0-9]{1,6})?", re.IGNORECASE | re.DOTALL)
PREFIXED = re.compile(r"mask[_\-. ](.+)", re.IGNORECASE | re.DOTALL)
FIRST, MARKED_RANK, PLAIN = range(3)  # a_mask, another mark, the picture's own name


def is_mask_name(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is named like a mask, `a_mask.png`; a program that lists pictures leaves such files out.

    Parameters
    ----------
    path : str or path-like
        Any path. Only its last part counts, in upper or lower case.

    Returns
    -------
    bool
        Whether the name has one of the marks of this module, and the suffix of a picture.

    Examples
    --------
    >>> [is_mask_name(f"photos/{name}") for name in ("a_mask.png", "a-mask001.png", "a.png", "a_mask.txt")]
    [True, True, False, False]
    """
    name = Path(path)
    return name.suffix.lower() in MASK_SUFFIXES and any(rank != PLAIN for _, rank in _bases(name.stem))


@dataclasses.dataclass(frozen=True)
class MaskMatch:
    """The mask that was found for a picture.

    Attributes
    ----------
    path : Path
        Its file.
    notes : tuple of str
        What was guessed about the names, a clause each.
    """

    path: Path
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Name:
    """One file of a folder of masks, by one reading of its name."""

    base: str  # what the picture is called, in NFC
    rank: int
    name: str


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
        self._names: dict[tuple[str, str], list[_Name]] = {}  # (subfolder, base without case): in order of the names
        self._real_folders: dict[str, str] = {}
        self._count = 0
        for parent, _, names in os.walk(self.folder):
            subfolder = _nfc(Path(parent).relative_to(self.folder).as_posix())
            for name in sorted(names, key=lambda name: (name.lower(), name)):
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in MASK_SUFFIXES:
                    self._count += 1
                    for base, rank in _bases(_nfc(stem)):
                        self._names.setdefault((subfolder, base.casefold()), []).append(_Name(base, rank, name))

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"MaskFolder({os.fspath(self.folder)!r})"

    def match(self, picture: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> Path | None:
        """Return the path of a picture's mask, or None where it has none; see `find`.

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
        found = self.find(picture, root=root)
        return None if found is None else found.path

    def find(self, picture: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> MaskMatch | None:
        """Return a picture's mask with what was guessed about its name, or None where the picture has none.

        The mask is looked for in the subfolder that the picture has under `root`, then at the top of the mask folder.
        In each, `a_mask.*` comes first, then the other marks, then `a.*`. Of several that are equally good, the first
        by name is taken, with a note. In the picture's own folder `a.*` does not count, so that `a.jpg` is neither its
        own mask nor the mask of `a.png`. A name that differs in upper and lower case is taken only where there is no
        other, with a note; of two such names none is taken.

        Parameters
        ----------
        picture : str or path-like
            Path of the picture, as the program opens it; need not exist.
        root : str or path-like, optional
            Folder of pictures under which `picture` was found; by default the folder that holds it.

        Returns
        -------
        MaskMatch or None
            Path of the mask, and notes.

        Raises
        ------
        ValueError
            `picture` does not lie under `root`.
        """
        picture = Path(picture)
        found = self._found(picture, root)
        for place, names in found.items():
            if equal := _equal(picture, names):
                return MaskMatch(self.folder / place / equal[0], _several(equal))
        for place, names in found.items():
            others = {name.name for name in names}
            if len(others) == 1:
                name = others.pop()
                return MaskMatch(
                    self.folder / place / name, (f"its mask was taken to be {name}, in other letter case",)
                )
        return None

    def unmatched(
        self, pictures: Iterable[tuple[Path, Path | None]], *, left_out: Iterable[str | os.PathLike[str]] = ()
    ) -> list[str]:
        """Return the files of the folder that are the mask of none of some pictures.

        Hidden files do not count, nor do pictures, nor the files beside them that are not named like masks. A file
        that a note or the error of a picture names is not returned: one of several that are equally good, or one of two
        in another letter case.

        Parameters
        ----------
        pictures : iterable of (Path, Path or None)
            Each picture with its root; see `find`.
        left_out : iterable of str or path-like, optional
            Folders whose files do not count, for instance that of the results.

        Returns
        -------
        list of str
            Their paths below the folder, with forward slashes.
        """
        told: set[tuple[str, str]] = set()
        own: set[str] = set()
        named: set[str] = set()
        for picture, root in pictures:
            found = self._found(picture, root)
            own.add(self._real(picture.parent))
            named.add(os.path.join(self._real(picture.parent), picture.name))
            for place, names in found.items():
                if equal := _equal(picture, names):
                    told |= {(place, name) for name in equal}
                    break
            else:
                told |= {(place, name.name) for place, names in found.items() for name in names}
        closed = [Path(os.path.realpath(path)) for path in left_out]
        unmatched: dict[tuple[str, str], None] = {}
        for (place, _), names in self._names.items():
            real = self._real(self.folder / place)
            if any(path in (Path(real), *Path(real).parents) for path in closed):
                continue
            for name in names:
                beside = real in own and not is_mask_name(name.name)
                if not (name.name.startswith(".") or beside or os.path.join(real, name.name) in named):
                    unmatched[place, name.name] = None
        return sorted((Path(place) / name).as_posix() for place, name in unmatched if (place, name) not in told)

    def _found(self, picture: Path, root: str | os.PathLike[str] | None) -> dict[str, list[_Name]]:
        """Return the names that may be masks of a picture, in any case, by the subfolders that are looked into."""
        bases = [_nfc(picture.stem), _nfc(picture.name)]
        places = dict.fromkeys((_subfolder(picture, root), "."))
        return {_nfc(place): self._candidates(place, bases, picture.parent) for place in places}

    def looked_for(self, picture: str | os.PathLike[str]) -> str:
        """Return in words under which names a picture's mask is looked for, with those that are in doubt.

        Parameters
        ----------
        picture : str or path-like
            Path of the picture.

        Returns
        -------
        str
            The names without their suffixes.
        """
        picture = Path(picture)
        stem, bases = picture.stem, [_nfc(picture.stem), _nfc(picture.name)]
        text = f"{stem}_mask, {stem}-mask, {stem}.mask, {stem}_mask001, mask_{stem}, {stem} or {picture.name}_mask"
        doubtful = sorted({name.name for name in self._candidates(".", bases, picture.parent)})
        if doubtful:
            text += f"; {' and '.join(doubtful)} differ from them and each other in letter case"
        return text

    def _candidates(self, place: str, bases: list[str], own_folder: Path) -> list[_Name]:
        """Return the names in a subfolder that may be masks of a picture, in any case."""
        keys = dict.fromkeys(base.casefold() for base in bases)
        names = [name for key in keys for name in self._names.get((_nfc(place), key), ())]
        if names and self._real(self.folder / place) == self._real(own_folder):
            return [name for name in names if name.rank != PLAIN]
        return names

    def _real(self, folder: Path) -> str:
        """Return a folder's path with its links resolved, looked up once."""
        key = os.fspath(folder)
        if key not in self._real_folders:
            self._real_folders[key] = os.path.realpath(key)
        return self._real_folders[key]


def _bases(stem: str) -> Iterator[tuple[str, int]]:
    """Yield what the picture may be called whose mask has this stem, with the rank of that reading."""
    marked = MARKED.fullmatch(stem)
    if marked is not None:
        base = marked[1]
        yield base, FIRST if stem[len(base) :].lower() == MARK else MARKED_RANK
    prefixed = PREFIXED.fullmatch(stem)
    if prefixed is not None:
        yield prefixed[1], MARKED_RANK
    yield stem, PLAIN


def _equal(picture: Path, names: list[_Name]) -> list[str]:
    """Return those of the names that are a picture's mask in its own letter case, and equally good."""
    bases = [_nfc(picture.stem), _nfc(picture.name)]
    exact = [name for name in names if name.base in bases]
    best = min((name.rank for name in exact), default=FIRST)
    return list(dict.fromkeys(name.name for name in exact if name.rank == best))


def _several(names: list[str]) -> tuple[str, ...]:
    """Return a note where several names are equally good."""
    if len(names) == 1:
        return ()
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return (f"its mask may be {names[0]} or {names[1]}{more}: the first was taken (--mask-file names one)",)


def _nfc(text: str) -> str:
    """Return a text in Unicode's composed form."""
    return unicodedata.normalize("NFC", text)


def _subfolder(picture: Path, root: str | os.PathLike[str] | None) -> str:
    """Return the picture's folder relative to `root`, "." for the root itself."""
    if root is None:
        return "."
    try:
        return picture.parent.relative_to(Path(root)).as_posix()
    except ValueError:
        raise ValueError(f"Expected `picture` to lie under {os.fspath(root)!r}. Received: {str(picture)!r}") from None

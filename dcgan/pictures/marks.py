"""Which folders and files are ours: only these are deleted or overwritten.

A folder that a command fills carries a mark, the file `.dcgan.json`. A folder that version 0.1.0 filled has none and is
recognised by its record.

FolderKind, check_folder             refuses a folder that others filled
mark_folder                          writes the mark
clear_folder                         removes what we wrote, and nothing else
refuse_links                         nothing is written through a link
"""

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import remove_leftovers, remove_leftovers_in, write_whole

__all__ = [
    "MARK",
    "FolderKind",
    "check_folder",
    "check_mark",
    "clear_folder",
    "mark_folder",
    "read_json_object",
    "refuse_links",
]

MARK = ".dcgan.json"
FORMAT = 1  # of the mark, and of the folder that carries it


@dataclasses.dataclass(frozen=True)
class FolderKind:
    """What one kind of folder holds.

    Attributes
    ----------
    name : str
        As the mark and messages name it, for example "training run".
    record : str
        Name of the file with the run's settings.
    is_record : callable
        Tells whether a JSON object, a dict, is such a record.
    files : tuple of str
        Names of all files that a run writes, `record` among them.
    folders : mapping of str to re.Pattern
        Sub-folders that a run fills, with the names that it writes there.
    """

    name: str
    record: str
    is_record: Callable[[dict[str, Any]], bool]
    files: tuple[str, ...]
    folders: Mapping[str, re.Pattern[str]]


def check_folder(folder: Path, kind: FolderKind, *, error: type[FaceCompletionError] = FaceCompletionError) -> bool:
    """Tell whether an earlier run filled a folder, or refuse a folder in which something of others would be lost.

    Nothing is written.

    Parameters
    ----------
    folder : Path
        It need not exist.
    kind : FolderKind
        What is to be written.
    error : type of FaceCompletionError, optional
        What is raised.

    Returns
    -------
    bool
        False where the folder has neither mark nor record, nor any name that a run writes.

    Raises
    ------
    FaceCompletionError
        `error`: the folder carries the mark of another kind, holds names that a run writes but that no run wrote, or
        has a link in their place.
    """
    marked = check_mark(folder, kind.name, error=error)
    refuse_links(folder, [MARK, *kind.files, *kind.folders], error=error)
    record = folder / kind.record
    if os.path.lexists(record):
        found = read_json_object(record)
        if found is None or not kind.is_record(found):
            raise error(f"{record}: expected the settings of a {kind.name}; choose another folder, or move this file")
    elif not marked:
        for name in (*kind.files, *kind.folders):
            if os.path.lexists(folder / name):
                raise error(f"{folder / name}: no {kind.name} wrote this; choose another folder")
        return False
    for path in _own_entries(folder, kind):
        if path.is_symlink():
            raise error(f"{path}: expected no link here; choose another folder, or move the link")
    return True


def check_mark(folder: Path, kind: str, *, error: type[FaceCompletionError] = FaceCompletionError) -> bool:
    """Tell whether a folder carries the mark of a kind.

    Parameters
    ----------
    folder : Path
        It need not exist.
    kind : str
        Name of the kind.
    error : type of FaceCompletionError, optional
        What is raised.

    Returns
    -------
    bool
        False where there is no mark.

    Raises
    ------
    FaceCompletionError
        `error`: the mark is one of another kind or of a later version, or the file is no mark.
    """
    path = folder / MARK
    if not os.path.lexists(path):
        return False
    found = read_json_object(path) if not path.is_symlink() else None
    if found is None or found.keys() != {"kind", "format", "version"} or not isinstance(found["format"], int):
        raise error(f"{path}: expected the mark of a {kind}; choose another folder")
    if found["kind"] != kind:
        raise error(f"{folder}: holds {found['kind']!r}, expected {kind!r}; choose another folder")
    if found["format"] > FORMAT:
        raise error(f"{folder}: written by dcgan {found['version']}, which is later; choose another folder")
    return True


def mark_folder(folder: Path, kind: str, *, shared: bool = False) -> None:
    """Write the mark of a kind where there is none yet.

    Parameters
    ----------
    folder : Path
        Exists, and has passed `check_folder` or `check_mark`.
    kind : str
        Name of the kind.
    shared : bool, default False
        Processes fill it without a common lock, so what another one is writing is left alone.
    """
    from dcgan import __version__

    if not (folder / MARK).exists():
        with write_whole(folder / MARK) as file:
            file.write(json.dumps({"kind": kind, "format": FORMAT, "version": __version__}).encode() + b"\n")
    if not shared:
        remove_leftovers([folder / MARK])


def clear_folder(folder: Path, kind: FolderKind, *, leftovers_only: bool = False) -> None:
    """Remove what a run wrote, and nothing else that lies in its folder.

    Sub-folders that are empty afterwards are removed too. Links are neither removed nor followed.

    Parameters
    ----------
    folder : Path
        For which `check_folder` returned True; the caller holds its lock.
    kind : FolderKind
        What runs write there.
    leftovers_only : bool, default False
        Remove only the temporary files that a killed run left.
    """
    remove_leftovers(folder / name for name in kind.files)
    for name in kind.folders:
        if not (folder / name).is_symlink():
            remove_leftovers_in(folder / name)
    if leftovers_only:
        return
    for path in (*(folder / name for name in kind.files), *_own_entries(folder, kind)):
        if path.is_file() and not path.is_symlink():
            path.unlink()
    for name in kind.folders:
        path = folder / name
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def _own_entries(folder: Path, kind: FolderKind) -> Iterator[Path]:
    """Yield what has a name in a sub-folder that a run writes there; links to folders are not followed."""
    for name, pattern in kind.folders.items():
        below = folder / name
        if below.is_dir() and not below.is_symlink():
            yield from [below / leaf for leaf in sorted(os.listdir(below)) if pattern.fullmatch(leaf)]


def refuse_links(folder: Path, names: Iterable[str], *, error: type[FaceCompletionError] = FaceCompletionError) -> None:
    """Raise if a link lies in the place of a file or sub-folder that is to be written.

    Parameters
    ----------
    folder : Path
        The folder to write in, which may itself be reached through a link.
    names : iterable of str
        Relative paths in it, with forward slashes; the sub-folders on their way are checked too.
    error : type of FaceCompletionError, optional
        What is raised.

    Raises
    ------
    FaceCompletionError
        `error`: there is a link.
    """
    checked: set[Path] = set()
    for name in names:
        path = folder
        for part in name.split("/"):
            path = path / part
            if path not in checked and path.is_symlink():
                raise error(f"{path}: expected no link here; choose another folder, or move the link")
            checked.add(path)


def read_json_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict or None
        None where the file is no regular file, cannot be read or holds something else.
    """
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

"""The files that a command wrote in a folder which may hold files of others as well.

Their names are listed in a hidden file beside the record, each before the file is written: so a file that a killed run
wrote but did not record is known as ours.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.marks import refuse_links
from dcgan.pictures.records import JsonLines, iterate_json_lines, iterate_own_lines

__all__ = ["OwnFiles", "check_list", "list_path", "listed_files", "refuse_others"]

FIELDS = ("file",)


def list_path(record: Path) -> Path:
    """Return the path of the list that belongs to a record: ``.manifest.jsonl.files`` to ``manifest.jsonl``."""
    return record.with_name(f".{record.name}.files")


def check_list(record: Path, *, marked: bool) -> set[str]:
    """Return the names in a record's list, or refuse a file of others in its place.

    Parameters
    ----------
    record : Path
        The record.
    marked : bool
        Whether its folder carries our mark; the list may be empty then.

    Returns
    -------
    set of str
        Relative paths with forward slashes.

    Raises
    ------
    FaceCompletionError
        The file is no such list.
    """
    path = list_path(record)
    names = {str(line["file"]) for line in iterate_own_lines(path, fields=FIELDS)}
    if not names and not marked and os.path.lexists(path):
        raise FaceCompletionError(f"{path}: expected a list of files; choose another folder, or move this file")
    return names


def listed_files(folder: Path, records: re.Pattern[str], *, except_of: Path | None = None) -> set[str]:
    """Return the names in the lists that belong to some records of a folder.

    Parameters
    ----------
    folder : Path
        It need not exist.
    records : re.Pattern
        Matches the records' names.
    except_of : Path, optional
        A record whose list is not read.

    Returns
    -------
    set of str
        Relative paths with forward slashes.
    """
    names: set[str] = set()
    for path in folder.glob(".*.files") if folder.is_dir() else ():
        if except_of is not None and path.name == list_path(except_of).name:
            continue
        if records.fullmatch(path.name[1:].removesuffix(".files")) and path.is_file() and not path.is_symlink():
            lines = iterate_json_lines(path)
            names.update(line["file"] for line in lines if isinstance(line.get("file"), str))
    return names


def refuse_others(
    folder: Path,
    names: Iterable[str],
    *,
    own: Iterable[str],
    error: type[FaceCompletionError] = FaceCompletionError,
) -> None:
    """Raise if a file of others or a link lies where a file is to be written.

    Parameters
    ----------
    folder : Path
        The folder to write in.
    names : iterable of str
        Relative paths of the files to write, with forward slashes.
    own : iterable of str
        Those of the files that we wrote.
    error : type of FaceCompletionError, optional
        What is raised.

    Raises
    ------
    FaceCompletionError
        `error`: there is such a file.
    """
    names, own = list(names), frozenset(own)
    refuse_links(folder, names, error=error)
    for name in names:
        path = folder / name
        if name not in own and os.path.lexists(path) and not path.is_dir():  # a folder is never replaced by a file
            raise error(
                f"{path}: exists, and this program has not written it; choose another folder, or move this file"
            )


class OwnFiles:
    """The list of the files that we wrote in a folder; the caller holds the record's lock.

    Parameters
    ----------
    record : Path
        The record that the list belongs to.
    known : iterable of str
        Relative paths of files that are known as ours from elsewhere.
    listed : set of str, optional
        What the list holds, where the caller has read it with `check_list` under the same lock.

    Attributes
    ----------
    names : set of str
        Relative paths of all files that are ours.

    Raises
    ------
    FaceCompletionError
        The list cannot be written, or is none.
    """

    def __init__(self, record: Path, *, known: Iterable[str] = (), listed: set[str] | None = None) -> None:
        self.folder = record.parent
        path = list_path(record)
        self.names = check_list(record, marked=True) if listed is None else set(listed)
        self._list = JsonLines(path, fields=FIELDS, checked=True)
        self._add(known)

    def claim(self, name: str) -> None:
        """List a file that is about to be written.

        Parameters
        ----------
        name : str
            Its relative path, with forward slashes.

        Raises
        ------
        ImageFileError
            A file of others or a link lies there.
        """
        refuse_others(self.folder, [name], own=self.names, error=ImageFileError)
        self._add([name])

    def _add(self, names: Iterable[str]) -> None:
        """Append names that are not in the list."""
        for name in sorted(set(names) - self.names):
            self._list.append({"file": name})
            self.names.add(name)

    def __enter__(self) -> "OwnFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._list.__exit__(kind, error, trace)

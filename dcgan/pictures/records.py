"""Folders that this project fills: locked, recorded, and cleaned of what a killed run left.

`dcgan.pictures.marks` says which folders these are.

locked                               one process at a time
write_whole                          a file appears whole or not at all
remove_leftovers(_in)                removes the temporary files of `write_whole`
JsonLines, read_json_lines           a record that grows line by line and survives a kill
read_own_lines                       the same, refused where a line is not ours
iterate_json_lines, iterate_own_lines   the same, one record at a time
changed_settings                     how the settings of an earlier run differ
"""

import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any


from dcgan.errors import FaceCompletionError
from dcgan.pictures.bounded_lines import bounded_lines

__all__ = [
    "JsonLines",
    "changed_settings",
    "iterate_json_lines",
    "iterate_own_lines",
    "locked",
    "parse_line",
    "read_json_lines",
    "read_own_lines",
    "remove_leftovers",
    "remove_leftovers_in",
    "write_whole",
]

NAME_SHOWN = 40  # characters of a file's name in its temporary name, which must not be longer than the system allows
TEMPORARY_NAME = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp", re.DOTALL)  # what `_temporary_path` makes
STALE_SECONDS = 3600.0  # a temporary file that nobody has written to for so long belongs to no running process
BLOCK_BYTES = 65536
# Line breaks for `str.splitlines` that JSON leaves as they are.
LINE_BREAKS = {0x85: r"\u0085", 0x2028: r"\u2028", 0x2029: r"\u2029"}


@contextmanager
def locked(
    folder: Path,
    *,
    busy: str,
    cannot: str = "cannot write",
    name: str = ".lock",
    error: type[FaceCompletionError] = FaceCompletionError,
) -> Iterator[None]:
    """Make a folder and keep other processes out of it.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    busy : str
        What the message says where another process holds the lock.
    cannot : str, optional
        What the message says where the system refuses something.
    name : str, optional
        Name of the lock's file in the folder. Processes with different names do not keep each other out.
    error : type of FaceCompletionError, optional
        What is raised in both cases.

    Raises
    ------
    FaceCompletionError
        `error`: another process holds the lock, a file of others or a link has its name, or the system refuses to read
        or write (OSError), now or while the folder is in use.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder), busy="another process is writing in it"):
    ...     Path(folder, "result.txt").touch()
    """
    import filelock  # what only reads models does without

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / name
        if lock.is_symlink() or (lock.is_file() and lock.stat().st_size):  # locking would empty it; ours is empty
            raise error(f"{lock}: expected the empty file of a lock; choose another folder")
        with filelock.FileLock(lock).acquire(timeout=0):
            try:
                yield
            except OSError as reason:
                if not _is_of(reason, folder):  # of a file that is read
                    raise error(f"{reason.filename}: {reason.strerror or reason}") from reason
                raise
    except filelock.Timeout as reason:
        raise error(f"{folder}: {busy}") from reason
    except OSError as reason:
        raise error(f"{folder}: {cannot}: {reason.strerror or reason}") from reason


def _is_of(error: OSError, folder: Path) -> bool:
    """Tell whether an error of the system is about a folder, or names no file."""
    if not isinstance(error.filename, str | bytes):
        return True
    path, folder = Path(os.path.abspath(os.fsdecode(error.filename))), Path(os.path.abspath(folder))
    return path == folder or folder in path.parents


@contextmanager
def write_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that appears whole under `path` or not at all.

    It is written under a temporary name in the same folder, synced, then renamed.

    Parameters
    ----------
    path : str or path-like
        A file that is there already is replaced.
    """
    path = Path(path)
    temporary = _temporary_path(path)
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _temporary_path(path: Path) -> Path:
    """Return a new temporary name for a file; `TEMPORARY_NAME` recognises it."""
    return path.parent / f".{path.name[:NAME_SHOWN]}.{secrets.token_hex(8)}.tmp"


def remove_leftovers(paths: Iterable[Path]) -> None:
    """Remove the temporary files that a killed run left of these files.

    The caller holds the lock under which they are written. A long name is cut in the temporary one. What is left of it
    may belong to another file, which a process with another lock is writing now: it is removed when it is an hour old.

    Parameters
    ----------
    paths : iterable of Path
        The files, as they were given to `write_whole`.
    """
    names_by_folder: dict[Path, set[str]] = {}
    for path in paths:
        names_by_folder.setdefault(path.parent, set()).add(path.name[:NAME_SHOWN])
    for folder, names in names_by_folder.items():
        for leftover, name in _temporary_files(folder):
            if name in names and (len(name) < NAME_SHOWN or _is_stale(leftover)):
                leftover.unlink(missing_ok=True)


def remove_leftovers_in(folder: Path, *, stale_only: bool = False) -> None:
    """Remove the temporary files that a killed run left in a folder, whichever files they were to become.

    Parameters
    ----------
    folder : Path
        A folder that this project alone fills; its sub-folders are not looked into. It need not exist.
    stale_only : bool, default False
        Leave those that are less than an hour old, for a folder that processes fill without a common lock.
    """
    for leftover, _ in _temporary_files(folder):
        if not stale_only or _is_stale(leftover):
            leftover.unlink(missing_ok=True)


def _temporary_files(folder: Path) -> list[tuple[Path, str]]:
    """Return the temporary files in a folder, each with the file's name in it, which may be cut."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        matches = [
            (Path(entry.path), TEMPORARY_NAME.fullmatch(entry.name))
            for entry in entries
            if entry.is_file(follow_symlinks=False)
        ]
    return [(path, match[1]) for path, match in matches if match]


def _is_stale(path: Path) -> bool:
    """Tell whether a temporary file belongs to no running process."""
    try:
        return time.time() - path.lstat().st_mtime > STALE_SECONDS
    except FileNotFoundError:  # another process has just removed or renamed it
        return False


class JsonLines:
    """A file with one JSON object a line, to which records are appended.

    A record is in the file as soon as `append` returns. A line that a killed run left unfinished is cut off when the
    file is opened again; a file that holds anything else is refused. The caller holds the lock of the folder.

    Parameters
    ----------
    path : Path
        Made where it does not exist.
    fields : sequence of str, default ()
        Names that every record has; each begins with the first of them.
    also : sequence of str, default ()
        The same of records of another kind.
    start : iterable of dict, optional
        Records that replace what the file holds, all at once; the caller knows that it is ours. By default its whole
        lines stay.
    checked : bool, default False
        The caller has read the lines with `read_own_lines`, under the same lock.

    Raises
    ------
    FaceCompletionError
        The file cannot be written, is a link, or holds something else than such records.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with JsonLines(Path(folder, "record.jsonl")) as record:
    ...         record.append({"picture": "a.png"})
    ...     read_json_lines(Path(folder, "record.jsonl"))
    [{'picture': 'a.png'}]
    """

    def __init__(
        self,
        path: Path,
        *,
        fields: Sequence[str] = (),
        also: Sequence[str] = (),
        start: Iterable[dict[str, Any]] | None = None,
        checked: bool = False,
    ) -> None:
        self.path = path
        if path.is_symlink():
            raise FaceCompletionError(f"{path}: expected no link here; choose another folder, or move the link")
        if start is None and not checked:
            for _ in iterate_own_lines(path, fields=fields, also=also):
                pass
        try:
            if start is not None:
                with write_whole(path) as whole:
                    whole.writelines(map(_encode, start))
            # Without a buffer, so that after a failed write nothing is left that closing would try to write again.
            self._file = open(path, "ab+", buffering=0)  # noqa: SIM115  (closed by __exit__)
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            _cut_unfinished_line(self._file)
        except OSError as error:
            self._file.close()
            raise self._cannot_write(error) from error

    def append(self, record: dict[str, Any]) -> None:
        """Write one record at once.

        Parameters
        ----------
        record : dict
            What JSON can hold; numbers are finite. File names that are not UTF-8 are kept without loss.

        Raises
        ------
        FaceCompletionError
            The file cannot be written.
        ValueError
            A number is not finite.
        """
        rest = memoryview(_encode(record))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> FaceCompletionError:
        """Return the error to raise for one of the system."""
        return FaceCompletionError(f"{self.path}: cannot write: {error.strerror or error}")

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _encode(record: dict[str, Any]) -> bytes:
    """Return a record's line in UTF-8, with the newline."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False).translate(LINE_BREAKS)
    # A file name that is not UTF-8 holds lone surrogates; as backslash escapes they are JSON that reads back the same.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _cut_unfinished_line(file: IO[bytes]) -> None:
    """Cut off what follows the last newline."""
    end = kept = file.seek(0, os.SEEK_END)
    while kept:
        start = max(0, kept - BLOCK_BYTES)
        file.seek(start)
        newline = file.read(kept - start).rfind(b"\n")
        if newline >= 0:
            kept = start + newline + 1
            break
        kept = start
    if kept < end:
        file.truncate(kept)


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file that `JsonLines` wrote, up to the first line that is damaged or unfinished.

    Parameters
    ----------
    path : Path
        The file; where there is none, there are no records.

    Returns
    -------
    list of dict
        The records in the order of the file.

    Raises
    ------
    FaceCompletionError
        The file or a line of it is too long; see `dcgan.pictures.bounded_lines`.
    """
    return list(iterate_json_lines(path))


def iterate_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records that `read_json_lines` returns, one at a time."""
    for line in bounded_lines(path) if path.exists() else ():
        record = parse_line(line) if line.endswith(b"\n") else None  # what follows the last newline is unfinished
        if record is None:
            break
        yield record


def read_own_lines(
    path: Path, *, fields: Sequence[str], heading: Sequence[str] = (), also: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return the records of a file, or refuse it where it holds anything that `JsonLines` did not write there.

    Parameters
    ----------
    path : Path
        The file; where there is none, there are no records.
    fields : sequence of str
        Names that every record has; each begins with the first of them.
    heading : sequence of str, default ()
        The same of the first line, where it is another kind of record.
    also : sequence of str, default ()
        The same of records of another kind, which may be anywhere.

    Returns
    -------
    list of dict
        The records in the order of the file; a last line that was left unfinished is none.

    Raises
    ------
    FaceCompletionError
        The file cannot be read, or a line is not such a record.
    """
    return list(iterate_own_lines(path, fields=fields, heading=heading, also=also))


def iterate_own_lines(
    path: Path, *, fields: Sequence[str], heading: Sequence[str] = (), also: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield the records that `read_own_lines` returns, one at a time; it raises where it comes to a line of others."""
    try:
        for number, line in enumerate(bounded_lines(path) if path.is_file() else ()):
            expected = heading if heading and number == 0 else fields
            kinds = (expected, also) if also else (expected,)
            record = (parse_line(line) or {}) if line.endswith(b"\n") else None
            if not any(_is_start(line, kind) if record is None else _has_fields(record, kind) for kind in kinds):
                names = ", ".join(expected) or "JSON"
                raise FaceCompletionError(
                    f"{path}: line {number + 1}: expected a record of {names}; choose another folder, or move this file"
                )
            if record is not None:
                yield record
    except OSError as error:
        raise FaceCompletionError(f"{path}: cannot read: {error.strerror or error}") from error


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a line, None where it is something else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _has_fields(record: dict[str, Any], fields: Sequence[str]) -> bool:
    """Tell whether a record has these fields, the first of them first; without fields, whether it has any."""
    return bool(record) and record.keys() >= set(fields) and (not fields or next(iter(record)) == fields[0])


def _is_start(rest: bytes, fields: Sequence[str]) -> bool:
    """Tell whether what follows the last newline may be the start of a record; zeros are what a power cut leaves."""
    rest = rest.rstrip(b"\0")
    if whole := parse_line(rest):
        return _has_fields(whole, fields)
    start = f'{{"{fields[0]}": '.encode() if fields else b'{"'
    return rest.startswith(start) or start.startswith(rest)


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return how the settings of an earlier run differ from those of this one, a phrase for each.

    Parameters
    ----------
    old : mapping of str to object
        Settings by name, as an earlier run recorded them.
    new : mapping of str to object
        Settings of this run; names that it lacks are not compared.

    Returns
    -------
    list of str
        Empty where nothing has changed.

    Examples
    --------
    >>> changed_settings({"size": 64, "margin": 0.0}, {"size": 96, "margin": 0.0})
    ['size was 64, now 96']
    """
    return [f"{name} was {old.get(name)!r}, now {value!r}" for name, value in new.items() if old.get(name) != value]

"""The record of a folder's completion: one line of JSON for each picture, beside the outputs."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from dcgan.errors import FaceCompletionError
from dcgan.pictures.marks import MARK, check_mark, mark_folder, refuse_links
from dcgan.pictures.own_files import OwnFiles, check_list, list_path, listed_files
from dcgan.pictures.records import JsonLines, locked, read_json_lines, read_own_lines

__all__ = ["Manifest", "check_manifest", "list_own_outputs", "open_manifest", "recorded_outputs"]

KIND = "completed pictures"  # of the folder's mark
FIELDS = ("input", "output", "status", "seed", "model_sha256")  # of every line
MANIFEST = re.compile(r"manifest(-[0-9]+-of-[0-9]+)?\.jsonl")


class Manifest:
    """An open manifest, and the list of the files that were written beside it.

    Parameters
    ----------
    lines : JsonLines
        The manifest.
    own : OwnFiles
        The list.
    resumed : bool
        Whether an earlier run wrote in the folder.

    Attributes
    ----------
    resumed : bool
        The same.
    """

    def __init__(self, lines: JsonLines, own: OwnFiles, *, resumed: bool) -> None:
        self._lines, self._own, self.resumed = lines, own, resumed

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one picture's line; see `JsonLines.append`."""
        self._lines.append(dict(record))

    def claim(self, path: Path) -> None:
        """List a file below the manifest's folder that is about to be written, or refuse one of others there."""
        self._own.claim(path.relative_to(self._own.folder).as_posix())


def _lock_name(path: Path) -> str:
    """Return the name of a manifest's lock."""
    return f".{path.name}.lock"


def check_manifest(path: Path) -> bool:
    """Tell whether an earlier run wrote a manifest, or refuse to write where something of others would be lost.

    Parameters
    ----------
    path : Path
        The manifest's file, which need not exist.

    Returns
    -------
    bool
        False where there is neither the manifest nor our mark in its folder.

    Raises
    ------
    FaceCompletionError
        The file is no manifest, a link lies in its place, or the folder is filled by another command.
    """
    marked = check_mark(path.parent, KIND)
    lock = _lock_name(path)
    refuse_links(path.parent, [MARK, path.name, lock, list_path(path).name])
    records = read_own_lines(path, fields=FIELDS)
    check_list(path, marked=marked)
    # A run that was stopped before its first picture left an empty manifest beside its lock.
    if not records and path.exists() and not (path.parent / lock).exists():
        raise FaceCompletionError(f"{path}: expected a manifest; choose another folder, or move this file")
    return marked or path.exists()


@contextmanager
def open_manifest(path: Path) -> Iterator[Manifest]:
    """Open a manifest for appending, one process at a time, and mark its folder.

    Each shard of a job has its own manifest, and so its own lock in the folder that they share.

    Parameters
    ----------
    path : Path
        The manifest's file; it and its folder are made where they do not exist.

    Yields
    ------
    Manifest
        Takes one record for each picture.

    Raises
    ------
    FaceCompletionError
        Another process is writing to the manifest, the system refuses to write, now or while it is open, or see
        `check_manifest`.
    """
    check_manifest(path)  # before the lock's file appears in a folder of others
    with locked(path.parent, busy="another process is completing pictures into it", name=_lock_name(path)):
        resumed = check_manifest(path)
        own = list_own_outputs(path.parent)
        mark_folder(path.parent, KIND)
        with JsonLines(path, fields=FIELDS) as lines, OwnFiles(path, known=own) as files:
            yield Manifest(lines, files, resumed=resumed)


def list_own_outputs(folder: Path) -> set[str]:
    """Return the pictures in a folder that earlier runs wrote there.

    Parameters
    ----------
    folder : Path
        Folder of the results; it need not exist.

    Returns
    -------
    set of str
        Relative paths with forward slashes.
    """
    own = listed_files(folder, MANIFEST)
    for record in _records(folder):
        own.update(*(_own_names(str(each), folder) for each in _as_list(record["output"])))
    return own


def recorded_outputs(folder: Path) -> dict[str, str]:
    """Return the names that earlier runs gave to the results in a folder.

    Parameters
    ----------
    folder : Path
        Folder of the results; it need not exist.

    Returns
    -------
    dict of str to str
        From a picture's path below the folder of inputs to the relative path of its result, without the number of a
        candidate. A result is beside where its picture is; of the input's path the name alone is read.
    """
    names = {}
    for record in _records(folder):
        outputs = _as_list(record["output"])
        for name in _own_names(str(outputs[0]), folder) if outputs else ():
            path = PurePosixPath(name)
            source = path.with_name(PurePosixPath(str(record["input"])).name or path.name)
            if len(outputs) > 1:
                path = path.with_name(path.stem.removesuffix(".candidate-1") + path.suffix)
            names[source.as_posix()] = path.as_posix()
    return names


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of all manifests in a folder."""
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        path = folder / name
        if MANIFEST.fullmatch(name) and path.is_file() and not path.is_symlink():
            yield from (record for record in read_json_lines(path) if record.keys() >= set(FIELDS))


def _as_list(output: Any) -> list[Any]:
    """Return the outputs of a line, of which there are none, one or several."""
    if isinstance(output, list):
        return output
    return [] if output is None else [output]


def _own_names(output: str, folder: Path) -> set[str]:
    """Return the relative path of an output, whose line has its path in the working directory of that time."""
    here, parts = Path(os.path.abspath(folder)), Path(output).parts
    if os.path.isabs(output):
        return {Path(output).relative_to(here).as_posix()} if here in Path(output).parents else set()
    while ".." in parts:
        parts = parts[parts.index("..") + 1 :]
    names = {
        "/".join(parts[count:]) for count in range(len(parts)) if not count or parts[:count] == here.parts[-count:]
    }
    existing = {name for name in names if (folder / name).is_file()}
    return existing if len(existing) == 1 else set()

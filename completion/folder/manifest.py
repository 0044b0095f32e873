"""The record of a folder's completion: one line of JSON for each picture, beside the outputs.

A line {"settings": {...}} holds for the lines after it: there is one before the first picture, and one wherever a later
run has other settings.
"""

import contextlib
import dataclasses
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from completion.folder.parts import PARTS, iterate_parts
from dcgan.errors import FaceCompletionError
from dcgan.pictures.bounded_lines import bounded_lines
from dcgan.pictures.marks import MARK, check_mark, mark_folder, refuse_links
from dcgan.pictures.own_files import OwnFiles, check_list, list_path, listed_files
from dcgan.pictures.records import (
    JsonLines,
    changed_settings,
    iterate_json_lines,
    iterate_own_lines,
    locked,
    parse_line,
)

__all__ = [
    "FolderRecord",
    "Manifest",
    "add_lines",
    "check_manifest",
    "check_settings",
    "first_settings",
    "manifest_schema",
    "open_manifest",
    "read_record",
]

KIND = "completed pictures"  # of the folder's mark
FIELDS = ("input", "output", "status", "seed", "model_sha256")  # of every picture's line
SETTINGS = ("settings",)  # of a line that says how the pictures after it are completed
MAY_DIFFER = ("version", "device")  # settings with which a folder goes on
DONE = ("completed", "untouched")
MANIFEST = re.compile(r"manifest(-[0-9]+-of-([0-9]+))?\.jsonl")


@dataclasses.dataclass(frozen=True)
class FolderRecord:
    """What earlier runs recorded in a folder, whichever shards they were.

    Attributes
    ----------
    own : set of str
        Relative paths, with forward slashes, of the files that they wrote or were about to write.
    finished : set of str
        Those of the results that have a line in a manifest, and whose latest line says that they are done.
    settings : dict of str to dict
        The latest settings in each manifest that has any, by the manifest's name.
    names : dict of str to str
        From a picture's path below the folder of inputs to the relative path of its result, without the number of a
        candidate. A result is beside where its picture is; of the input's path the name alone is read.
    resumed : bool
        Whether the folder carries our mark, or the manifest that was asked for is there.
    listed : set of str
        The files in the list that belongs to this manifest.
    stamps : dict of str to dict of str to str
        From a result to the stamps, see `dcgan.pictures.stamps`, of the "picture" and the "mask" that it was made of.
    sources : dict of str to str
        From a result to the path of its picture, as it was in the working directory of that time.
    """

    own: set[str] = dataclasses.field(default_factory=set)
    finished: set[str] = dataclasses.field(default_factory=set)
    settings: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    names: dict[str, str] = dataclasses.field(default_factory=dict)
    resumed: bool = False
    listed: set[str] = dataclasses.field(default_factory=set)
    stamps: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    sources: dict[str, str] = dataclasses.field(default_factory=dict)


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a manifest's lines, with what each field means.

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> manifest_schema()["$defs"]["picture"]["properties"]["missing"]["description"]
    'Share of the pixels that were missing.'
    """
    found: dict[str, Any] = json.loads(Path(__file__).with_name("manifest.schema.json").read_text(encoding="utf-8"))
    return found


class Manifest:
    """An open manifest, and the list of the files that were written beside it.

    Parameters
    ----------
    lines : JsonLines
        The manifest.
    own : OwnFiles
        The list.
    record : FolderRecord
        What earlier runs recorded, read under the lock.

    Attributes
    ----------
    record : FolderRecord
        The same.
    """

    def __init__(self, lines: JsonLines, own: OwnFiles, *, record: FolderRecord) -> None:
        self._lines, self._own, self.record = lines, own, record
        self._claiming = threading.Lock()

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one picture's line; see `JsonLines.append`."""
        self._lines.append(dict(record))

    def claim(self, path: Path) -> None:
        """List a file below the manifest's folder that is about to be written, or refuse one of others there.

        Threads may call it at once.
        """
        with self._claiming:
            self._own.claim(path.relative_to(self._own.folder).as_posix())


def _lock_name(path: Path) -> str:
    """Return the name of a manifest's lock."""
    return f".{path.name}.lock"


def check_manifest(path: Path) -> FolderRecord:
    """Return what earlier runs recorded, or refuse to write where something of others would be lost.

    Every file is read once.

    Parameters
    ----------
    path : Path
        The manifest's file, which need not exist.

    Returns
    -------
    FolderRecord
        Of the manifest's folder.

    Raises
    ------
    FaceCompletionError
        The file is no manifest, a link lies in its place, or the folder is filled by another command.
    """
    marked = check_mark(path.parent, KIND)
    lock = _lock_name(path)
    refuse_links(path.parent, [MARK, path.name, lock, list_path(path).name])
    record = FolderRecord(resumed=marked or path.exists())
    add_lines(iterate_parts(path.parent), record, path=path.parent / PARTS)
    is_empty = not add_lines(iterate_own_lines(path, fields=FIELDS, also=SETTINGS), record, path=path)
    record.listed.update(check_list(path, marked=marked))
    record.own.update(record.listed)
    # A run that was stopped before its first picture left an empty manifest beside its lock.
    if is_empty and path.exists() and not (path.parent / lock).exists():
        raise FaceCompletionError(f"{path}: expected a manifest; choose another folder, or move this file")
    _add_others(path.parent, record, checked=path)
    return record


def check_settings(record: FolderRecord, settings: Mapping[str, Any], *, folder: Path) -> None:
    """Refuse to go on with a folder whose pictures were completed with other settings.

    Parameters
    ----------
    record : FolderRecord
        What earlier runs recorded.
    settings : mapping of str to object
        What this run would record; "version" and "device", which change the results by rounding alone, may differ.
    folder : Path
        The folder, for the message.

    Raises
    ------
    FaceCompletionError
        Settings differ.
    """
    compared = {name: value for name, value in _as_read(settings).items() if name not in MAY_DIFFER}
    for name, old in sorted(record.settings.items()):
        changed = changed_settings(old, compared)
        if changed:
            raise FaceCompletionError(
                f"{folder / name}: pictures were completed with other settings ({'; '.join(changed)}); "
                "choose another folder, or replace them with --overwrite"
            )


def _as_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are when they are read from a manifest: lists in place of tuples."""
    found: dict[str, Any] = json.loads(json.dumps(settings))
    return found


@contextlib.contextmanager
def open_manifest(
    path: Path, *, settings: Mapping[str, Any] | None = None, checked: bool = False
) -> Iterator[Manifest]:
    """Open a manifest for appending, one process at a time, and mark its folder.

    Each shard of a job has its own manifest, and so its own lock in the folder that they share. Another division of the
    job (into one part, or another number of shards) is kept out, so that no picture is completed twice.

    Parameters
    ----------
    path : Path
        The manifest's file; it and its folder are made where they do not exist.
    settings : mapping of str to object, optional
        How the pictures are completed, in values that JSON has; written where the manifest's latest settings differ.
    checked : bool, default False
        The caller has called `check_manifest`, without which nothing is written; it is called again under the lock.

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
    if not checked:
        check_manifest(path)  # before the lock's file appears in a folder of others
    with locked(path.parent, busy="another process is completing pictures into it", name=_lock_name(path)):
        _refuse_other_divisions(path)
        record = check_manifest(path)
        mark_folder(path.parent, KIND)
        with (
            JsonLines(path, fields=FIELDS, also=SETTINGS, checked=True) as lines,
            OwnFiles(path, known=record.own, listed=record.listed) as files,
        ):
            if settings and record.settings.get(path.name) != _as_read(settings):
                lines.append({"settings": dict(settings)})
            yield Manifest(lines, files, record=record)


def _refuse_other_divisions(path: Path) -> None:
    """Raise if a process that divides the job otherwise is completing pictures into a manifest's folder."""
    for lock in sorted(path.parent.glob(".manifest*.jsonl.lock")):
        name = lock.name[1:].removesuffix(".lock")
        if MANIFEST.fullmatch(name) and _shard_count(name) != _shard_count(path.name):
            busy = f"another process is completing all or another part of the pictures into it ({name})"
            with locked(path.parent, busy=busy, name=lock.name):
                pass


def _shard_count(name: str) -> int:
    """Return the number of shards in a manifest's name; 1 for manifest.jsonl."""
    match = MANIFEST.fullmatch(name)
    return int(match[2] or 1) if match else 1


def first_settings(folder: Path) -> list[dict[str, Any]]:
    """Return the settings with which each manifest of a folder begins; the folder need not exist."""
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        path = folder / name
        if MANIFEST.fullmatch(name) and path.is_file() and not path.is_symlink():
            with contextlib.closing(bounded_lines(path)) as lines:  # the first alone is read
                line = parse_line(next(lines, b"")) or {}
            found += [line["settings"]] if isinstance(line.get("settings"), dict) else []
    return found


def read_record(folder: Path) -> FolderRecord:
    """Return what earlier runs recorded in a folder.

    Parameters
    ----------
    folder : Path
        Folder of the results; it need not exist.

    Returns
    -------
    FolderRecord
    """
    record = FolderRecord()
    add_lines(iterate_parts(folder), record, path=folder / PARTS)
    _add_others(folder, record)
    return record


def _add_others(folder: Path, record: FolderRecord, *, checked: Path | None = None) -> None:
    """Add what the lists and manifests of a folder say to a record, except those of a manifest that was checked."""
    record.own.update(listed_files(folder, MANIFEST, except_of=checked))
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        path = folder / name
        is_checked = checked is not None and name == checked.name
        if MANIFEST.fullmatch(name) and not is_checked and path.is_file() and not path.is_symlink():
            add_lines(iterate_json_lines(path), record, path=path)


def add_lines(
    lines: Iterable[dict[str, Any]],
    record: FolderRecord,
    *,
    path: Path,
    own_name: Callable[[str], str | None] | None = None,
) -> int:
    """Add a manifest's lines to a record, and return how many there are.

    Parameters
    ----------
    lines : iterable of dict
        Of pictures, and of settings; others are left out.
    record : FolderRecord
        Is added to.
    path : Path
        The manifest, in the folder of the results.
    own_name : callable, optional
        Returns an output's path below the folder, or None where it is not known.

    Returns
    -------
    int
    """
    done: dict[str, set[str]] = {}  # outputs by input, for a later line holds in place of an earlier one
    own_name = own_name or _OwnNames(path.parent)
    count = 0
    for count, line in enumerate(lines, start=1):  # noqa: B007  (the last is returned)
        if isinstance(line.get("settings"), dict):
            record.settings[path.name] = line["settings"]
        elif line.keys() >= set(FIELDS):
            source, outputs = str(line["input"]), [own_name(str(each)) for each in _as_list(line["output"])]
            names = {name for name in outputs if name is not None}
            record.own.update(names)
            done[source] = names if line["status"] in DONE else set()
            stamps = line.get("files")
            record.sources.update(dict.fromkeys(names, source))
            record.stamps.update(dict.fromkeys(names, stamps if isinstance(stamps, dict) else {}))
            if outputs and outputs[0] is not None:
                folder, _, leaf = outputs[0].rpartition("/")
                if len(outputs) > 1:
                    stem, suffix = os.path.splitext(leaf)
                    leaf = stem.removesuffix(".candidate-1") + suffix
                start = f"{folder}/" if folder else ""
                record.names[start + (source.rpartition("/")[2] or leaf)] = start + leaf
    record.finished.update(*done.values())
    return count


def _as_list(output: Any) -> list[Any]:
    """Return the outputs of a line, of which there are none, one or several."""
    if isinstance(output, list):
        return output
    return [] if output is None else [output]


class _OwnNames:
    """From an output's path, as it was in the working directory of that time, to its path below the folder.

    None where it is not known which file of the folder is meant.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._here = Path(os.path.abspath(folder)).parts
        self._start = f"{folder}/"

    def __call__(self, output: str) -> str | None:
        """Return the relative path of an output, with forward slashes."""
        name = output.removeprefix(self._start)
        if name != output and ".." not in name and self._is_file(name):  # nearly always: the same working directory
            return name
        parts = Path(output).parts
        if os.path.isabs(output):
            return "/".join(parts[len(self._here) :]) if parts[: len(self._here)] == self._here else None
        while ".." in parts:
            parts = parts[parts.index("..") + 1 :]
        names = {
            "/".join(parts[count:]) for count in range(len(parts)) if not count or parts[:count] == self._here[-count:]
        }
        existing = [name for name in names if self._is_file(name)]
        return existing[0] if len(existing) == 1 else None

    def _is_file(self, name: str) -> bool:
        """Tell whether a relative path is that of a file."""
        return os.path.isfile(f"{self._folder}/{name}")

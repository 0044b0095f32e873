"""Inputs and results behind URLs: what completion/folder/inputs.py, job.py and manifest.py do for folders."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_distinct, name_results
from completion.folder.list_file import named_pictures, shared_start
from completion.folder.manifest import KIND, FolderRecord, add_lines, check_settings
from completion.folder.outputs import Output
from completion.folder.parts import PARTS, PartWriter, compact_parts, iterate_parts
from completion.folder.urls import as_path, as_url, open_storage
from dcgan import __version__
from dcgan.errors import FaceCompletionError
from dcgan.pictures.marks import FORMAT, MARK
from dcgan.pictures.names import PICTURE_SUFFIXES
from dcgan.terminal import one_line

__all__ = ["RemoteManifest", "check_remote", "list_remote", "open_remote", "read_remote"]

PATTERN = re.compile(r"[*?\[]")


def list_remote(arguments: Sequence[str], *, recursive: bool = False) -> list[InputPicture]:
    """List the pictures behind URLs of files, folders and patterns.

    Parameters
    ----------
    arguments : sequence of str
    recursive : bool, default False
        Look into the folders' sub-folders as well.

    Returns
    -------
    list of InputPicture
        Their paths are as `completion.folder.urls.as_path` writes them.

    Raises
    ------
    FaceCompletionError
        A URL cannot be listed, or there is no picture.
    """
    named: dict[str, str] = {}
    starts: list[str] = []
    for url in arguments:
        storage, path = open_storage(url)
        try:
            if PATTERN.search(path):
                found = sorted(storage.glob(path))
            elif storage.isfile(path):
                found = [path]
            else:
                found = storage.find(path, maxdepth=None if recursive else 1)
                found = sorted(name for name in found if str(name).lower().endswith(PICTURE_SUFFIXES))
                starts.append(f"{as_path(url)}/")
        except Exception as error:  # what the packages of storages raise is their own
            raise FaceCompletionError(f"{url}: cannot list: {one_line(error)}") from error
        for name in found:
            full = str(as_path(storage.unstrip_protocol(name)))
            named.setdefault(full, full)
    if not named:
        raise FaceCompletionError(f"expected pictures, found none in {', '.join(arguments)}")
    if len(arguments) == len(starts) == 1:
        return named_pictures(named, start=starts[0])
    start = None
    for name in named:
        start = shared_start(name, start)
    return named_pictures(named, start=start or "")


def read_remote(folder: Path) -> FolderRecord:
    """Return what earlier runs recorded behind a URL, or refuse one where others have written.

    Parameters
    ----------
    folder : Path
        As `completion.folder.urls.as_path` writes it.
    """
    url = as_url(folder)
    storage, root = open_storage(url)
    record = FolderRecord()
    try:
        if storage.exists(f"{root}/{MARK}"):
            mark = json.loads(storage.cat_file(f"{root}/{MARK}"))
            if mark.get("kind") != KIND or mark.get("format", 0) > FORMAT:
                raise FaceCompletionError(f"{url}: expected {KIND}, found {mark.get('kind')!r}; choose another folder")
        elif storage.exists(root) and storage.ls(root, detail=False):
            raise FaceCompletionError(f"{url}: holds files that no run wrote; choose another folder")
    except FaceCompletionError:
        raise
    except Exception as error:
        raise FaceCompletionError(f"{url}: cannot read: {one_line(error)}") from error
    start = f"{url}/"
    add_lines(
        iterate_parts(folder),
        record,
        path=folder / PARTS,
        own_name=lambda output: output.removeprefix(start) if output.startswith(start) else None,
    )
    return record


def check_remote(
    inputs: Sequence[InputPicture], job: FolderJob, *, candidates: int, record: FolderRecord | None = None
) -> tuple[dict[InputPicture, Output], int]:
    """Return where the pictures go that are to be completed, and how many are done; see `check_outputs`.

    What is done is what the record says: no result is looked for, and a picture that has changed is not noticed.
    """
    record = read_remote(job.output) if record is None else record
    if any(source.path.parent == job.output for source in inputs):
        raise FaceCompletionError(
            f"{as_url(job.output)}: the pictures are in this folder; choose another output folder"
        )
    outputs = name_results(inputs, job, candidates=candidates, record=record)
    check_distinct([path for output in outputs.values() for path in output.paths], job)
    if job.existing == "skip" and job.settings:
        check_settings(record, job.settings, folder=job.output)
    shard = job.own_part(inputs)
    waiting = {
        source: outputs[source]
        for source in shard
        if not all(path.relative_to(job.output).as_posix() in record.finished for path in outputs[source].paths)
    }
    if job.existing == "refuse" and len(waiting) < len(shard):
        raise FaceCompletionError(
            f"{as_url(job.output)}: {len(shard) - len(waiting)} of {len(shard)} outputs exist; --skip-existing goes on "
            "with the others, --overwrite replaces them"
        )
    if job.existing != "skip":
        waiting = {source: outputs[source] for source in shard}
    return waiting, len(shard) - len(waiting)


class RemoteManifest:
    """The record of results behind a URL: `append` and `claim` of `completion.folder.manifest.Manifest`.

    Parameters
    ----------
    writer : PartWriter
    record : FolderRecord
        What earlier runs recorded.
    """

    def __init__(self, writer: PartWriter, record: FolderRecord) -> None:
        self._writer, self.record = writer, record

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one picture's line."""
        self._writer.append({**record, "input": as_url(record["input"])})

    def claim(self, path: Path) -> None:
        """Do nothing: a file that was written and not recorded is written again."""


@contextlib.contextmanager
def open_remote(job: FolderJob) -> Iterator[RemoteManifest]:
    """Open the record behind a URL. There is no lock there: one run at a time is the user's to see to."""
    record = read_remote(job.output)
    url = as_url(job.output)
    storage, root = open_storage(url)
    try:
        storage.makedirs(root, exist_ok=True)
        mark = {"kind": KIND, "format": FORMAT, "version": __version__}
        storage.pipe_file(f"{root}/{MARK}", json.dumps(mark).encode() + b"\n")
    except Exception as error:
        raise FaceCompletionError(f"{url}: cannot write: {one_line(error)}") from error
    compact_parts(job.output, shard=job.shard)
    with PartWriter(job.output, shard=job.shard) as writer:
        settings = json.loads(json.dumps(job.settings))
        if settings and record.settings.get(PARTS) != settings:
            writer.append({"settings": settings})
        yield RemoteManifest(writer, record)

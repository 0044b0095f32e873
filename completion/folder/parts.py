"""The record of a large job as Parquet files: ``OUTPUT/manifest-parts/part-000001.parquet`` and so on.

A part holds one row for each picture: columns for what one asks most, and in `record` the line of JSON that
manifest.jsonl would hold. Parts are written whole, and a later row of a picture holds in place of an earlier one. They
lie in a folder or behind a URL of fsspec, where nothing can be appended.
"""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from completion.folder.urls import as_url, is_url, open_storage
from dcgan.errors import FaceCompletionError
from dcgan.pictures.marks import refuse_links
from dcgan.pictures.records import write_whole
from dcgan.terminal import one_line

if TYPE_CHECKING:
    import pyarrow

__all__ = ["PARTS", "PartWriter", "compact_parts", "has_parts", "import_parquet", "iterate_parts"]

PARTS = "manifest-parts"
PART = re.compile(r"part(-[0-9]+-of-[0-9]+)?-([0-9]{6,})\.parquet")
PART_ROWS = 10_000
PART_SECONDS = 60.0
COMPACT_ROWS = 1_000_000
COLUMNS = ("input", "output", "status", "error", "method", "mode", "missing", "seconds", "seed", "model_sha256")


def import_parquet() -> Any:
    """Return pyarrow.parquet, or raise a `FaceCompletionError` that says what to install."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise FaceCompletionError(
            "Parquet files need pyarrow, which is not installed: pip install 'dcgan-face-completion[ray]'"
        ) from error
    return pyarrow.parquet


def has_parts(folder: Path) -> bool:
    """Tell whether a folder, or what is behind a URL, has a record in parts."""
    return bool(_part_names(folder))


def iterate_parts(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a record in parts, as manifest.jsonl would hold them, in the order of the parts.

    Parameters
    ----------
    folder : Path
        The folder of the results, or a URL as `completion.folder.urls.as_path` writes it. It need not exist.

    Yields
    ------
    dict of str to object
        One picture's line, or one of settings.

    Raises
    ------
    FaceCompletionError
        A part cannot be read, or pyarrow is missing.
    """
    for name in _part_names(folder):
        for batch in _read_part(folder, name, columns=["record"]).to_batches(max_chunksize=PART_ROWS):
            yield from map(json.loads, batch.column(0).to_pylist())


class PartWriter:
    """Writes a record in parts: one whenever there are 10,000 rows or a minute has passed, and one at the end.

    Parameters
    ----------
    folder : Path
        See `iterate_parts`.
    shard : (int, int), default (1, 1)
        Each shard of a job has parts of its own.
    """

    def __init__(self, folder: Path, *, shard: tuple[int, int] = (1, 1)) -> None:
        self._parquet = import_parquet()
        self._folder, self._shard = folder, shard
        if not is_url(folder):
            refuse_links(folder, [PARTS])
        self._number = max((_number(name) for name in _part_names(folder)), default=0)
        self._records: list[Mapping[str, Any]] = []
        self._since = time.monotonic()

    def append(self, record: Mapping[str, Any]) -> None:
        """Take one line; it is in a part at the latest when the writer is closed."""
        self._records.append(dict(record))
        if len(self._records) >= PART_ROWS or time.monotonic() - self._since > PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write a part of the lines that are waiting."""
        if self._records:
            self._number += 1
            own = "" if self._shard[1] == 1 else f"-{self._shard[0]}-of-{self._shard[1]}"
            _write_part(self._folder, f"part{own}-{self._number:06}.parquet", as_table(self._records))
        self._records.clear()
        self._since = time.monotonic()

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()


def as_table(records: Iterable[Mapping[str, Any]]) -> pyarrow.Table:
    """Return lines of a manifest as the table of a part."""
    import pyarrow

    text, numbers = pyarrow.string(), pyarrow.float64()
    kinds = {"missing": numbers, "seconds": numbers, "seed": pyarrow.int64(), "output": pyarrow.list_(text)}
    columns: dict[str, list[Any]] = {name: [] for name in (*COLUMNS, "record")}
    for record in records:
        for name in COLUMNS:
            value = record.get(name)
            if name == "output" and value is not None:
                value = value if isinstance(value, list) else [value]
                value = [_as_text(each) for each in value]
            columns[name].append(_as_text(value) if isinstance(value, str) else value)
        columns["record"].append(json.dumps(record))  # ASCII: a name that is not UTF-8 is kept by its escapes
    arrays = {name: pyarrow.array(values, kinds.get(name, text)) for name, values in columns.items()}
    return pyarrow.table(arrays)


def _as_text(value: str) -> str:
    """Return a name as Parquet can hold it."""
    return value.encode("utf-8", "backslashreplace").decode()


def compact_parts(folder: Path, *, shard: tuple[int, int] = (1, 1), beyond: int = 100) -> int:
    """Join the parts of a shard where there are many; the caller holds the lock.

    The joined part comes after those that it replaces. They are removed when it is there; a run that is killed in
    between leaves rows twice, which say the same.

    Parameters
    ----------
    folder : Path
        See `iterate_parts`.
    shard : (int, int), default (1, 1)
        Parts of other shards are left alone.
    beyond : int, default 100
        Parts that may stay.

    Returns
    -------
    int
        The number of parts that were replaced.
    """
    own = None if shard[1] == 1 else f"-{shard[0]}-of-{shard[1]}"
    names = [name for name in _part_names(folder) if _shard_of(name) == own]
    if len(names) <= beyond:
        return 0
    import pyarrow

    number, replaced, waiting, rows = _number(names[-1]), 0, [], 0
    for name in names:
        waiting.append((name, _read_part(folder, name)))
        rows += waiting[-1][1].num_rows
        if rows >= COMPACT_ROWS or name == names[-1]:
            number += 1
            table = pyarrow.concat_tables([table for _, table in waiting])
            _write_part(folder, f"part{own or ''}-{number:06}.parquet", table)
            for old, _ in waiting:
                _remove(folder, old)
            replaced, waiting, rows = replaced + len(waiting), [], 0
    return replaced


def _part_names(folder: Path) -> list[str]:
    """Return the names of the parts in the order of their numbers."""
    if is_url(folder):
        storage, root = open_storage(as_url(folder))
        try:
            found = [str(path).rpartition("/")[2] for path in storage.ls(f"{root}/{PARTS}", detail=False)]
        except FileNotFoundError:
            found = []
    else:
        found = os.listdir(folder / PARTS) if (folder / PARTS).is_dir() else []
    return sorted((name for name in found if PART.fullmatch(name)), key=lambda name: (_number(name), name))


def _number(name: str) -> int:
    """Return the number of a part."""
    match = PART.fullmatch(name)
    return int(match[2]) if match else 0


def _shard_of(name: str) -> str | None:
    """Return the shard in a part's name, None where the job is not divided."""
    match = PART.fullmatch(name)
    return match[1] if match else None


def _read_part(folder: Path, name: str, *, columns: list[str] | None = None) -> pyarrow.Table:
    """Return the table of a part, or some of its columns."""
    parquet = import_parquet()
    place = f"{as_url(folder)}/{PARTS}/{name}"
    try:
        if is_url(folder):
            storage, root = open_storage(as_url(folder))
            data = io.BytesIO(storage.cat_file(f"{root}/{PARTS}/{name}"))
        else:
            data = io.BytesIO((folder / PARTS / name).read_bytes())
        file = parquet.ParquetFile(data)
        if "record" not in file.schema_arrow.names:
            raise FaceCompletionError(f"{place}: expected a part of a manifest, found a table without records")
        return file.read(columns)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise FaceCompletionError(f"{place}: expected a part of a manifest: {one_line(error)}") from error


def _write_part(folder: Path, name: str, table: pyarrow.Table) -> None:
    """Write a part; it appears whole or not at all."""
    parquet = import_parquet()
    place = f"{as_url(folder)}/{PARTS}/{name}"
    try:
        if is_url(folder):
            data = io.BytesIO()
            parquet.write_table(table, data, compression="zstd")
            storage, root = open_storage(as_url(folder))
            storage.makedirs(f"{root}/{PARTS}", exist_ok=True)
            storage.pipe_file(f"{root}/{PARTS}/{name}", data.getvalue())
            return
        (folder / PARTS).mkdir(exist_ok=True)
        with write_whole(folder / PARTS / name) as file:
            parquet.write_table(table, file, compression="zstd")
    except OSError as error:
        raise FaceCompletionError(f"{place}: cannot write: {error.strerror or one_line(error)}") from error


def _remove(folder: Path, name: str) -> None:
    """Remove a part."""
    if is_url(folder):
        storage, root = open_storage(as_url(folder))
        storage.rm_file(f"{root}/{PARTS}/{name}")
    else:
        (folder / PARTS / name).unlink(missing_ok=True)

"""Lists of pictures in a file: a text file with a path a line, or a Parquet file with a column of paths."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from completion.folder.inputs import InputPicture
from completion.folder.parts import import_parquet
from completion.folder.urls import as_path, is_url
from dcgan.errors import FaceCompletionError

__all__ = ["named_pictures", "read_list", "shared_start"]

LINE_CHARACTERS_MAX = 8192
COLUMN = "path"
BATCH_ROWS = 65_536


def read_list(path: Path, *, shard: tuple[int, int] = (1, 1)) -> tuple[list[InputPicture], int]:
    """Return the pictures in a list, each once, in its order. None of them is looked for: one that is missing fails.

    Only the pictures of the shard are kept in memory. A picture's shard is that of a hash of its path without suffix:
    pictures whose results might have the same name are in the same shard.

    Parameters
    ----------
    path : Path
        A .parquet file with the column "path" (or with one column of text), or a text file with a path a line; empty
        lines are left out. Relative paths are those of the working directory. A path may be a URL, see
        `completion.folder.urls`.
    shard : (int, int), default (1, 1)
        (i, n): the i-th of n parts.

    Returns
    -------
    pictures : list of InputPicture
        Of the shard. Their `relative` is the path below the folder that the pictures of all shards share.
    count : int
        How many paths the whole list has, one that is named twice counted twice.

    Raises
    ------
    FaceCompletionError
        The file cannot be read, is no such list, or is empty.
    """
    read = _parquet_paths if path.suffix.lower() == ".parquet" else _text_paths
    index, shards = shard
    named: dict[str, str] = {}  # from the absolute path, so that a picture named twice is completed once
    start, count = None, 0
    try:
        for text in read(path):
            full = _absolute(text)
            count += 1
            if start is None or not full.startswith(start):
                start = shared_start(full, start)
            if shards == 1 or zlib.crc32(os.fsencode(os.path.splitext(full)[0])) % shards == index - 1:
                named.setdefault(full, text)
    except OSError as error:
        raise FaceCompletionError(f"{path}: cannot read: {error.strerror or error}") from error
    if start is None:
        raise FaceCompletionError(f"{path}: expected paths of pictures, found none")
    if not start:
        raise FaceCompletionError(f"{path}: expected paths, or URLs of one kind. Received: both")
    return named_pictures(named, start=start), count


def _absolute(text: str) -> str:
    """Return a path as it is from the root, or a URL as a path."""
    scheme, _, rest = text.partition("://")
    clean = not ("/." in text or "//" in (rest or text) or text.endswith("/"))
    if clean and (scheme.isalnum() and rest[0] != "/" if rest else text.startswith("/")):  # nearly always
        return f"{scheme}:/{rest}" if rest else text
    return str(as_path(text)) if is_url(text) else os.path.abspath(text)


def shared_start(path: str, start: str | None) -> str:
    """Return the folder of a path, with a slash at its end, or what it shares with that of the paths before."""
    folder = path[: path.rfind("/") + 1]
    if start is None:
        return folder
    shared = os.path.commonprefix([folder, start])  # noqa: RUF071  (cut at a slash in the next line)
    return shared[: shared.rfind("/") + 1]


def named_pictures(named: Mapping[str, str], *, start: str) -> list[InputPicture]:
    """Return pictures by their paths.

    Parameters
    ----------
    named : mapping of str to str
        From the absolute path, or the URL as a path, to the path as the user wrote it.
    start : str
        The folder of which all of them are, with a slash at its end.
    """
    root, cut = Path(start), len(start)
    return [InputPicture(Path(text), full[cut:], root, full.rpartition("/")[2]) for full, text in named.items()]


def _text_paths(path: Path) -> Iterator[str]:
    """Yield the lines of a text file that are not empty."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        number = 0
        while line := file.readline(LINE_CHARACTERS_MAX + 1):
            number += 1
            if len(line) > LINE_CHARACTERS_MAX or "\0" in line:
                raise FaceCompletionError(f"{path}: line {number}: expected a path a line")
            if text := line.rstrip("\r\n"):
                yield text


def _parquet_paths(path: Path) -> Iterator[str]:
    """Yield the paths in a Parquet file, which is read piece by piece."""
    parquet = import_parquet()
    import pyarrow

    try:
        file = parquet.ParquetFile(path)
        texts = [field.name for field in file.schema_arrow if pyarrow.types.is_string(field.type)]
        texts += [field.name for field in file.schema_arrow if pyarrow.types.is_large_string(field.type)]
        if COLUMN not in texts and len(texts) != 1:
            raise FaceCompletionError(
                f'{path}: expected a column "{COLUMN}" of text. Received: {", ".join(file.schema_arrow.names)}'
            )
        column = COLUMN if COLUMN in texts else texts[0]
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=[column]):
            yield from filter(None, batch.column(0).to_pylist())
    except pyarrow.ArrowException as error:
        raise FaceCompletionError(f"{path}: expected a Parquet file: {str(error).splitlines()[0]}") from error

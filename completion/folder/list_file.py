"""Lists of pictures in a file: a text file with a path a line, or a Parquet file with a column of paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from completion.folder.inputs import InputPicture
from completion.folder.parts import import_parquet
from completion.folder.urls import as_path, is_url
from dcgan.errors import FaceCompletionError

__all__ = ["named_pictures", "read_list"]

LINE_CHARACTERS_MAX = 8192
COLUMN = "path"
BATCH_ROWS = 65_536


def read_list(path: Path) -> list[InputPicture]:
    """Return the pictures in a list, each once, in its order. None of them is looked for: one that is missing fails.

    Parameters
    ----------
    path : Path
        A .parquet file with the column "path" (or with one column of text), or a text file with a path a line; empty
        lines are left out. Relative paths are those of the working directory. A path may be a URL, see
        `completion.folder.urls`.

    Returns
    -------
    list of InputPicture
        Their `relative` is the path below the folder that all of them share.

    Raises
    ------
    FaceCompletionError
        The file cannot be read, is no such list, or is empty.
    """
    read = _parquet_paths if path.suffix.lower() == ".parquet" else _text_paths
    named: dict[str, str] = {}  # from the absolute path, so that a picture named twice is completed once
    try:
        for text in read(path):
            named.setdefault(str(as_path(text)) if is_url(text) else os.path.abspath(text), text)
    except OSError as error:
        raise FaceCompletionError(f"{path}: cannot read: {error.strerror or error}") from error
    if not named:
        raise FaceCompletionError(f"{path}: expected paths of pictures, found none")
    return named_pictures(named)


def named_pictures(named: Mapping[str, str], *, start: str | None = None) -> list[InputPicture]:
    """Return pictures by their paths.

    Parameters
    ----------
    named : mapping of str to str
        From the absolute path, or the URL as a path, to the path as the user wrote it.
    start : str, optional
        The folder of which all of them are; by default what they share.
    """
    start = _shared_folder(named) if start is None else start
    root = Path(start)
    cut = len(start.rstrip("/")) + 1
    return [InputPicture(Path(text), full[cut:], root, full.rpartition("/")[2]) for full, text in named.items()]


def _shared_folder(paths: Iterable[str]) -> str:
    """Return the folder, or the start of the URLs, that all paths share; they are all absolute or all URLs."""
    shared: list[str] | None = None
    for path in paths:
        parts = path.split("/")[:-1]
        if shared is None:
            shared = parts
        elif parts[: len(shared)] != shared:
            same = [here == there for here, there in zip(shared, parts, strict=False)]
            shared = shared[: same.index(False)] if False in same else shared[: len(same)]
    if not shared:
        raise FaceCompletionError("expected paths, or URLs of one kind, in the list; found both")
    return "/".join(shared) or "/"


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

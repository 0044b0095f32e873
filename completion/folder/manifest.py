"""The record of a folder's completion: one line of JSON for each picture, beside the outputs."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock

from dcgan.errors import FaceCompletionError

__all__ = ["Manifest"]


class Manifest:
    """Append records to a manifest, one process at a time.

    A line that a killed run left unfinished is cut off when the file is opened again.

    Parameters
    ----------
    path : of the file, made where it does not exist

    Raises
    ------
    FaceCompletionError
        Another process is writing to it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise FaceCompletionError(f"{path.parent}: another process is completing pictures into it") from error
        except OSError as error:
            raise FaceCompletionError(f"{path.parent}: cannot write: {error.strerror or error}") from error
        try:
            self._file = open(path, "ab+")  # noqa: SIM115 (closed by __exit__)
            self._drop_unfinished_line()
        except OSError as error:
            self._lock.release()
            raise FaceCompletionError(f"{path}: cannot write: {error.strerror or error}") from error

    def _drop_unfinished_line(self) -> None:
        """Cut off what follows the last newline."""
        end = self._file.seek(0, os.SEEK_END)
        kept = end
        while kept:
            self._file.seek(kept - 1)
            if self._file.read(1) == b"\n":
                break
            kept -= 1
        if kept < end:
            self._file.truncate(kept)

    def append(self, record: dict[str, Any]) -> None:
        """Write one record at once."""
        line = json.dumps(record, ensure_ascii=False, allow_nan=False)
        # A file name that is no UTF-8 has lone surrogates; as backslash escapes they are JSON that reads back the same.
        self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._file.flush()

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()

"""Files that appear whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["NAME_SHOWN", "write_whole"]

NAME_SHOWN = 40  # characters of a file's name in its temporary name, which must not be longer than the system allows


@contextmanager
def write_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open a file that appears whole under `path` or not at all.

    Written under a temporary name in the same folder, synced, then renamed.
    """
    path = Path(path)
    temporary = path.parent / f".{path.name[:NAME_SHOWN]}.{secrets.token_hex(8)}.tmp"
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

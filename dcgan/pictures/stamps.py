"""Tells whether a file is still the one that a result was made of."""

import functools
import hashlib
import os
from pathlib import Path
from typing import Any

from dcgan.pictures.reading import open_regular

__all__ = ["is_another", "stamp_of"]

DIGEST_BYTES = 8
BLOCK_BYTES = 2**20


def stamp_of(path: Path) -> str:
    """Return what a file is told by later.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    str
        Its size in bytes, the time in nanoseconds at which it was changed, and a digest of its content.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
    return f"{status.st_size} {status.st_mtime_ns} {_digest(str(path), status.st_size, status.st_mtime_ns)}"


def is_another(path: Path, stamp: Any) -> bool:
    """Tell whether a file has another content than when its stamp was taken.

    Its content is read only where its size is the same and its time is not.

    Parameters
    ----------
    path : Path
        The file.
    stamp : object
        What `stamp_of` returned; of anything else nothing is known, and the answer is no.

    Returns
    -------
    bool
        False as well where the file cannot be read: nothing could be made of it.
    """
    parts = stamp.split() if isinstance(stamp, str) else []
    if len(parts) != 3:
        return False
    try:
        status = os.stat(path)
        if str(status.st_size) != parts[0]:
            return True
        return str(status.st_mtime_ns) != parts[1] and stamp_of(path).split()[2] != parts[2]
    except OSError:
        return False


@functools.lru_cache(maxsize=1024)
def _digest(path: str, size: int, mtime_ns: int) -> str:
    """Return a digest of a file's content; size and time make a changed file another key."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    with open_regular(path) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()

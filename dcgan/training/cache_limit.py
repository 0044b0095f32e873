"""The limit on what the folder of decoded pictures holds."""

import os
import re
from pathlib import Path

__all__ = ["CACHE_LIMIT_VARIABLE", "cache_limit", "make_room"]

CACHE_LIMIT_VARIABLE = "DCGAN_CACHE_GB"
DEFAULT_GB = 8.0
GB = 10**9
ENTRY_NAME = re.compile(r"([0-9a-f]{20})\.(uint8|json)")  # of the two files of a decoded dataset


def cache_limit() -> float:
    """Return how many bytes the decoded datasets may take in all.

    Returns
    -------
    float
        The environment variable DCGAN_CACHE_GB, in gigabytes, times 10^9; by default 8 GB.

    Raises
    ------
    ValueError
        The variable is no number of at least 0.
    """
    text = os.environ.get(CACHE_LIMIT_VARIABLE) or str(DEFAULT_GB)
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not limit >= 0.0:  # NaN as well
        raise ValueError(f"Expected {CACHE_LIMIT_VARIABLE} as a number of gigabytes, at least 0. Received: {text!r}")
    return limit * GB


def make_room(folder: Path, key: str, *, needed: int, limit: float) -> None:
    """Remove decoded datasets, the least recently used first, until all of them are within the limit.

    A process that has mapped a dataset keeps it on POSIX systems, where a removed file lasts until it is closed; on
    Windows such a file stays.

    Parameters
    ----------
    folder : Path
        The folder of decoded datasets. Files with other names are left alone.
    key : str
        The dataset that is used now. It stays, even if it alone is beyond the limit.
    needed : int
        Its size in bytes, also if it is not decoded yet.
    limit : float
        Bytes of all datasets together.
    """
    sizes: dict[str, int] = {}
    used: dict[str, float] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = ENTRY_NAME.fullmatch(entry.name)
            if not match or match[1] == key:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # another process has just removed it
                continue
            sizes[match[1]] = sizes.get(match[1], 0) + status.st_size
            used[match[1]] = max(used.get(match[1], 0.0), status.st_mtime)
    total = needed + sum(sizes.values())
    for other in sorted(sizes, key=lambda name: used[name]):
        if total <= limit:
            break
        try:
            for suffix in ("json", "uint8"):  # without the first the second counts as incomplete
                (folder / f"{other}.{suffix}").unlink(missing_ok=True)
        except OSError:  # open on Windows, or in a folder that cannot be written: whoever writes there will say so
            continue
        total -= sizes[other]

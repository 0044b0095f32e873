"""The limit on what the folder of decoded pictures holds."""

import dataclasses
import json
import os
import re
from pathlib import Path
from dcgan.errors import OptionError

__all__ = ["CACHE_LIMIT_VARIABLE", "GB", "CachedDataset", "cache_limit", "cached_datasets", "clear_cache", "make_room"]

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
        raise OptionError(f"Expected {CACHE_LIMIT_VARIABLE} as a number of gigabytes, at least 0. Received: {text!r}")
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
    others = [each for each in cached_datasets(folder) if each.key != key]
    total = needed + sum(each.size for each in others)
    for each in others:
        if total <= limit:
            break
        if _remove(folder, each.key):
            total -= each.size


@dataclasses.dataclass(frozen=True)
class CachedDataset:
    """A decoded dataset.

    Attributes
    ----------
    key : str
        In the names of its two files.
    size : int
        Bytes.
    used : float
        When it was used last, in seconds since 1970.
    description : str
        Number of its pictures, or "incomplete".
    """

    key: str
    size: int
    used: float
    description: str


def cached_datasets(folder: Path) -> list[CachedDataset]:
    """Return the decoded datasets in a folder, which need not exist, the least recently used first."""
    sizes: dict[str, int] = {}
    used: dict[str, float] = {}
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        for entry in entries:
            match = ENTRY_NAME.fullmatch(entry.name)
            if not match:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # another process has just removed it
                continue
            sizes[match[1]] = sizes.get(match[1], 0) + status.st_size
            used[match[1]] = max(used.get(match[1], 0.0), status.st_mtime)
    keys = sorted(sizes, key=lambda key: used[key])
    return [CachedDataset(key, sizes[key], used[key], _describe(folder / f"{key}.json")) for key in keys]


def clear_cache(folder: Path) -> None:
    """Remove all decoded datasets of a folder, and no other file."""
    for each in cached_datasets(folder):
        _remove(folder, each.key)


def _remove(folder: Path, key: str) -> bool:
    """Remove a decoded dataset, and tell whether that was possible."""
    try:
        for suffix in ("json", "uint8"):  # without the first the second counts as incomplete
            (folder / f"{key}.{suffix}").unlink(missing_ok=True)
    except OSError:  # open on Windows, or in a folder that cannot be written: whoever writes there will say so
        return False
    return True


def _describe(path: Path) -> str:
    """Return what a dataset's description says of its pictures."""
    try:
        return f"{json.loads(path.read_text(encoding='utf-8'))['count']:,} pictures"
    except (OSError, ValueError, KeyError, TypeError):
        return "incomplete"

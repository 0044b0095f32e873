"""The limit on what the folder of decoded pictures holds."""

import contextlib
import dataclasses
import json
import os
import re
from pathlib import Path

from dcgan.cache_folder import MODELS_FOLDER, cache_folder
from dcgan.errors import DatasetError, FaceCompletionError, OptionError
from dcgan.pictures.marks import check_mark, mark_folder, refuse_links
from dcgan.pictures.records import TEMPORARY_NAME

__all__ = [
    "CACHE_LIMIT_VARIABLE",
    "GB",
    "CachedDataset",
    "cache_limit",
    "cached_datasets",
    "clear_cache",
    "default_cache_dir",
    "make_room",
    "prepare_cache",
]

KIND = "decoded pictures"  # of the folder's mark
SUFFIXES = ("json", "uint8")  # without the first the second counts as incomplete
INDEX_BYTES_MAX = 2**28

CACHE_LIMIT_VARIABLE = "DCGAN_CACHE_GB"
DEFAULT_GB = 8.0
GB = 10**9
ENTRY_NAME = re.compile(r"([0-9a-f]{20})\.(uint8|json)")  # of the two files of a decoded dataset


def default_cache_dir() -> Path:
    """Return the folder for decoded datasets.

    Returns
    -------
    Path
        See `dcgan.cache_folder.cache_folder`: by default ~/.cache/dcgan on Linux.
    """
    return cache_folder()


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
    """Return the decoded datasets in a folder, the least recently used first.

    In a folder without our mark, a dataset is one whose index and data agree.

    Parameters
    ----------
    folder : Path
        It need not exist. Links in it are left alone.

    Returns
    -------
    list of CachedDataset
    """
    if not folder.is_dir():
        return []
    marked, files = _is_marked(folder), _entries(folder)
    datasets = []
    for key in {key for key, _ in files}:
        found = {suffix: files[key, suffix] for suffix in SUFFIXES if (key, suffix) in files}
        count = _count(folder / f"{key}.json", found["uint8"].st_size) if len(found) == len(SUFFIXES) else None
        if marked or count is not None:
            size = sum(status.st_size for status in found.values())
            used = max(status.st_mtime for status in found.values())
            datasets.append(CachedDataset(key, size, used, "incomplete" if count is None else f"{count:,} pictures"))
    return sorted(datasets, key=lambda each: each.used)


def prepare_cache(folder: Path, key: str) -> None:
    """Make the folder of decoded datasets, mark it where it holds nothing else, and check where a dataset goes.

    Parameters
    ----------
    folder : Path
        Folders of others, and those that other commands fill, get no mark.
    key : str
        Of the dataset that is to be written.

    Raises
    ------
    DatasetError
        A link lies where the dataset is to be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    refuse_links(folder, [f"{key}.{suffix}" for suffix in SUFFIXES], error=DatasetError)
    others = [name for name in os.listdir(folder) if name != MODELS_FOLDER]  # the hub's models lie beside datasets
    if all(ENTRY_NAME.fullmatch(name) or TEMPORARY_NAME.fullmatch(name) for name in others):
        mark_folder(folder, KIND, shared=True)


def _is_marked(folder: Path) -> bool:
    """Tell whether a folder carries our mark, and is filled by nobody else then."""
    try:
        return check_mark(folder, KIND)
    except FaceCompletionError:  # the mark of another command
        return False


def _entries(folder: Path) -> dict[tuple[str, str], os.stat_result]:
    """Return the regular files in a folder that have a dataset's names, by key and suffix; links are none."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = ENTRY_NAME.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                # FileNotFoundError: another process has just removed it.
                with contextlib.suppress(FileNotFoundError):
                    found[match[1], match[2]] = entry.stat(follow_symlinks=False)
    return found


def _count(index: Path, size: int) -> int | None:
    """Return the number of pictures by a dataset's index, None where it does not agree with the size of the data."""
    try:
        found = json.loads(index.read_bytes()) if index.stat().st_size <= INDEX_BYTES_MAX else None
    except (OSError, ValueError, RecursionError):
        return None
    if (
        not isinstance(found, dict)
        or found.keys() - {"guessed", "cut"} != {"count", "unreadable"}
        or type(found["count"]) is not int
    ):
        return None
    count: int = found["count"]
    return count if count > 0 and size > 0 and size % count == 0 else None


def clear_cache(folder: Path) -> None:
    """Remove all decoded datasets of a folder, and no other file."""
    for each in cached_datasets(folder):
        _remove(folder, each.key)


def _remove(folder: Path, key: str) -> bool:
    """Remove a decoded dataset, and tell whether that was possible."""
    paths = [folder / f"{key}.{suffix}" for suffix in SUFFIXES]
    try:
        for path in paths:
            if not path.is_symlink():
                path.unlink(missing_ok=True)
    except OSError:  # open on Windows, or in a folder that cannot be written: whoever writes there will say so
        return False
    return True

"""The record of a folder's completion: one line of JSON for each picture, beside the outputs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dcgan.pictures.records import JsonLines, locked

__all__ = ["open_manifest"]


@contextmanager
def open_manifest(path: Path) -> Iterator[JsonLines]:
    """Open a manifest for appending, one process at a time.

    Each shard of a job has its own manifest, and so its own lock in the folder that they share.

    Parameters
    ----------
    path : Path
        The manifest's file; it and its folder are made where they do not exist.

    Yields
    ------
    JsonLines
        Takes one record for each picture.

    Raises
    ------
    FaceCompletionError
        Another process is writing to the manifest, or the system refuses to write, now or while it is open.
    """
    busy = "another process is completing pictures into it"
    with locked(path.parent, busy=busy, name=f".{path.name}.lock"), JsonLines(path) as manifest:
        yield manifest

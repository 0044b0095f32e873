"""The folder of a training run: one process at a time, one configuration, nothing removed that is not the run's."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from dcgan.errors import RunError
from dcgan.pictures.records import write_whole

__all__ = ["check_config", "clear_run", "locked", "remove_leftovers"]

FILES = ("config.json", "losses.csv", "checkpoint.safetensors", "model.safetensors")
FOLDERS = ("tensorboard", "samples", "snapshots")
RESUMABLE = ("train.epochs", "dataset.names")  # the settings that may change when a run goes on


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a run's folder and keep other processes out of it; what the system refuses becomes a RunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / ".lock").acquire(timeout=0):
            yield
    except filelock.Timeout as error:
        raise RunError(f"{folder}: another process is training in this folder") from error
    except OSError as error:
        raise RunError(f"{folder}: cannot write the run: {error.strerror or error}") from error


def check_config(path: Path, wanted: dict[str, dict[str, Any]]) -> None:
    """Write the run's configuration, or refuse to go on with a run that has another one.

    Parameters
    ----------
    path : of config.json
    wanted : the settings by name, for each of "model", "train" and "dataset"

    Raises
    ------
    RunError
        The folder holds a run with other settings, or its configuration is damaged.
    """
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            old = {f"{part}.{key}": value for part in wanted for key, value in found[part].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{path}: the run's configuration is damaged ({error}); start over with --overwrite"
            ) from error
        new = {f"{part}.{key}": value for part in wanted for key, value in wanted[part].items()}
        changed = [
            f"{name} was {old.get(name)!r}, now {value!r}"
            for name, value in new.items()
            if old.get(name) != value and name not in RESUMABLE
        ]
        if changed:
            raise RunError(
                f"{path.parent}: holds a run with other settings ({'; '.join(changed)}); "
                "choose another folder, or start over with --overwrite"
            )
    with write_whole(path) as file:
        file.write(json.dumps(wanted, indent=2).encode() + b"\n")


def clear_run(folder: Path) -> None:
    """Remove what a run wrote, and nothing else that may lie in its folder."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed run left behind."""
    patterns = [f".{name}.*.tmp" for name in FILES] + [f"{name}/.step-*.tmp" for name in ("samples", "snapshots")]
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)

"""The folder of a training run: one process at a time, one configuration, nothing removed that is not the run's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dcgan.errors import RunError
from dcgan.pictures.records import (
    changed_settings,
    locked,
    remove_leftovers,
    remove_leftovers_in,
    remove_outputs,
    write_whole,
)

__all__ = ["check_config", "clear_run", "locked_run"]

FILES = ("config.json", "losses.csv", "checkpoint.safetensors", "model.safetensors")
FOLDERS = ("tensorboard", "samples", "snapshots")
RESUMABLE = ("train.epochs", "dataset.names")  # the settings that may change when a run goes on


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Make a run's folder, keep other processes out of it, and remove the temporary files of a killed run.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Raises
    ------
    RunError
        Another process is training in the folder, or the system refuses to write, now or while the folder is in use.
    """
    busy, cannot = "another process is training in this folder", "cannot write the run"
    with locked(folder, busy=busy, cannot=cannot, error=RunError):
        remove_leftovers(folder / name for name in FILES)
        for name in FOLDERS:
            remove_leftovers_in(folder / name)
        yield


def check_config(path: Path, wanted: dict[str, dict[str, Any]]) -> None:
    """Write the run's configuration, or refuse to go on with a run that has another one.

    Parameters
    ----------
    path : Path
        Of config.json.
    wanted : dict of str to dict
        The settings by name, for each part of the configuration: "model", "train" and "dataset" of a training.

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
        changed = changed_settings(old, {name: value for name, value in new.items() if name not in RESUMABLE})
        if changed:
            raise RunError(
                f"{path.parent}: holds a run with other settings ({'; '.join(changed)}); "
                "choose another folder, or start over with --overwrite"
            )
    with write_whole(path) as file:
        file.write(json.dumps(wanted, indent=2).encode() + b"\n")


def clear_run(folder: Path) -> None:
    """Remove what a run wrote, and nothing else that may lie in its folder.

    Parameters
    ----------
    folder : Path
        The run's folder; the caller holds its lock.
    """
    remove_outputs(folder, files=FILES, folders=FOLDERS)

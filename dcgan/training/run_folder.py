"""The folder of a training run: one process at a time, one configuration, nothing removed that is not the run's."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dcgan.errors import RunError
from dcgan.pictures.marks import FolderKind, check_folder, clear_folder, mark_folder, read_json_object
from dcgan.pictures.records import changed_settings, locked, write_whole

__all__ = ["begin_run", "check_config", "locked_run"]

WATCHED = ("health.jsonl", "distances.csv", "best.safetensors")  # of dcgan.training.monitor
RESUMABLE = ("train.epochs", "dataset.names")  # the settings that may change when a run goes on


def _is_config(found: dict[str, Any]) -> bool:
    """Tell whether a JSON object is the configuration of a training."""
    return (
        found.keys() == {"model", "train", "dataset"}
        and all(isinstance(part, dict) for part in found.values())
        and found["model"].keys() >= {"size", "channels", "latent_dim"}
        and found["train"].keys() >= {"epochs", "batch_size", "seed"}
        and found["dataset"].keys() >= {"names", "pictures", "key"}
    )


RUN = FolderKind(
    name="training run",
    record="config.json",
    is_record=_is_config,
    files=("config.json", "losses.csv", "checkpoint.safetensors", "model.safetensors", *WATCHED),
    folders={
        "tensorboard": re.compile(r"events\.out\.tfevents\..+"),
        "samples": re.compile(r"step-[0-9]{7,}\.png"),
        "snapshots": re.compile(r"step-[0-9]{7,}\.safetensors"),
    },
)


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
        The folder holds files or links that no run wrote where a run would write, another process is training in it,
        or the system refuses to write, now or while the folder is in use.
    """
    busy, cannot = "another process is training in this folder", "cannot write the run"
    check_folder(folder, RUN, error=RunError)  # before the lock's file appears in a folder of others
    with locked(folder, busy=busy, cannot=cannot, error=RunError):
        if check_folder(folder, RUN, error=RunError):
            clear_folder(folder, RUN, leftovers_only=True)
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
        found = read_json_object(path)
        parts = {} if found is None else {part: found.get(part) for part in wanted}
        if not parts or not all(isinstance(settings, dict) for settings in parts.values()):
            raise RunError(f"{path}: the run's configuration is damaged; choose another folder, or move this file")
        old = {f"{part}.{key}": value for part, settings in parts.items() for key, value in (settings or {}).items()}
        new = {f"{part}.{key}": value for part in wanted for key, value in wanted[part].items()}
        changed = changed_settings(old, {name: value for name, value in new.items() if name not in RESUMABLE})
        if changed:
            raise RunError(
                f"{path.parent}: holds a run with other settings ({'; '.join(changed)}); "
                "choose another folder, or start over with --overwrite"
            )
    with write_whole(path) as file:
        file.write(json.dumps(wanted, indent=2).encode() + b"\n")


def begin_run(folder: Path, wanted: dict[str, dict[str, Any]], *, overwrite: bool = False) -> None:
    """Mark a run's folder and write its configuration, or refuse to go on with a run that has another one.

    Parameters
    ----------
    folder : Path
        The run's folder; the caller holds its lock.
    wanted : dict of str to dict
        See `check_config`.
    overwrite : bool, default False
        First remove what an earlier run wrote, and nothing else that may lie in the folder.

    Raises
    ------
    RunError
        The folder holds a run with other settings, or files that no run wrote.
    """
    if check_folder(folder, RUN, error=RunError) and overwrite:
        clear_folder(folder, RUN)
    mark_folder(folder, RUN.name)
    check_config(folder / RUN.record, wanted)

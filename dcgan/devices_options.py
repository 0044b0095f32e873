"""The options of dcgan-train that say on which devices and in how many processes it trains; standard library and click.

`dcgan.training.devices` does what they say.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import click

from dcgan.command import shown_default, with_options
from dcgan.config import check

__all__ = ["AUTO", "Devices", "devices_options"]

AUTO = "auto"  # a coordinator that the environment names
DEVICES_MAX = 1024
PROCESSES_MAX = 4096
JOIN_SECONDS_MAX = 86_400.0
ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+(%\w+)?\]|[^:\s\[\]/]+):(?P<port>[0-9]{1,5})")

Command = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Devices:
    """On which devices, and in how many processes, a training runs; it trains the same model on any of them.

    Attributes
    ----------
    devices : int, optional
        Devices of each process; 0: all that it has. None: what the engine takes by itself, which is one with
        TensorFlow, and all with JAX.
    coordinator : str, default ""
        "HOST:PORT" of process 0, where all processes meet; "auto": as the environment says; "": there is one process.
    processes : int, optional
        Number of processes.
    process_id : int, optional
        Number of this one, from 0.
    join_seconds : float, default 300
        How long processes wait for one another at the start.
    """

    devices: int | None = None
    coordinator: str = ""
    processes: int | None = None
    process_id: int | None = None
    join_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.devices is not None:
            check(0 <= self.devices <= DEVICES_MAX, f"`devices` from 1 to {DEVICES_MAX}, or all", devices=self.devices)
        for name in ("processes", "process_id"):
            value = getattr(self, name)
            check(value is None or bool(self.coordinator), f"`coordinator` with `{name}`", **{name: value})
        if self.coordinator and self.coordinator != AUTO:
            found = ADDRESS.fullmatch(self.coordinator)
            check(
                found is not None and 0 < int(found["port"]) < 65_536,
                f"`coordinator` of the form HOST:PORT, or {AUTO}",
                coordinator=self.coordinator,
            )
        check(
            self.processes is None or 1 <= self.processes <= PROCESSES_MAX,
            f"`processes` from 1 to {PROCESSES_MAX}",
            processes=self.processes,
        )
        most = PROCESSES_MAX if self.processes is None else self.processes
        check(
            self.process_id is None or 0 <= self.process_id < most,
            f"`process_id` from 0 to {most - 1}, below the number of processes",
            process_id=self.process_id,
        )
        check(
            0 < self.join_seconds <= JOIN_SECONDS_MAX,
            f"`join_seconds` above 0, at most {JOIN_SECONDS_MAX:g}",
            join_seconds=self.join_seconds,
        )


class _Count(click.ParamType):
    """A number of devices, or "all", which is 0."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if value == "all" or isinstance(value, int):
            return 0 if value == "all" else value
        if not re.fullmatch(r"[1-9][0-9]{0,18}", value) or int(value) > DEVICES_MAX:
            self.fail(f"expected a number from 1 to {DEVICES_MAX}, or all; received {value}", param, ctx)
        return int(value)


def devices_options(command: Command) -> Command:
    """Add the options to a command; they have the names of the fields of `Devices`."""
    defaults = Devices()
    options = (
        click.option(
            "--devices",
            type=_Count(),
            metavar="N|all",
            help="Devices of this machine, or of each process, that share every batch; needs KERAS_BACKEND=jax.  "
            "[default: all with JAX, one with TensorFlow]",
        ),
        click.option(
            "--coordinator",
            metavar="HOST:PORT",
            default="",
            help="Train in several processes, on one machine or many, that meet at this address, which is that of "
            "process 0; auto: as SLURM, Open MPI, Kubernetes or JAX_COORDINATOR_ADDRESS say. Needs KERAS_BACKEND=jax.",
        ),
        click.option("--processes", type=int, help="Number of processes; see docs/training.md."),
        click.option("--process-id", type=int, help="Number of this process, from 0; process 0 writes the run folder."),
        click.option(
            "--join-seconds",
            type=float,
            help="How long processes wait for one another at the start.",
            **shown_default(defaults.join_seconds),
        ),
    )
    return with_options(command, options)

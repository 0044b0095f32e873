"""Keras callbacks of a training run: progress bar, logs, checkpoints, and a periodic action such as an export.

One Keras epoch of `fit` is an interval of a fixed number of training steps. The callbacks act at the end of an
interval. Passes over the pictures are counted separately, so a run can resume in the middle of a pass.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import csv
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from dcgan.training.checkpoint import save_checkpoint
from dcgan.errors import ModelFileError, RunError
from dcgan.model_tensors import check_values
from dcgan.heap import keep_freed_memory
from dcgan.pictures.records import write_whole
from dcgan.terminal import bar_size
from dcgan.training.team import ALONE, Team

__all__ = [
    "Checkpoints",
    "DivergedError",
    "KeepFreedMemory",
    "LossLog",
    "Periodic",
    "ProgressBar",
    "StepCounter",
    "StopOnDivergence",
    "WaitForFirst",
    "last_losses",
]

BEFORE, AFTER = ("step", "epoch"), ("pictures_per_second",)  # columns before and after the model's metrics

Action = Callable[[int, dict[str, float]], None]


@dataclasses.dataclass(frozen=True)
class StepCounter:
    """Convert Keras epochs (intervals) to training steps.

    Attributes
    ----------
    interval : int
        Training steps in an interval.
    intervals : int
        Number of intervals that this process trains.
    first_step : int
        Training steps completed before this process started.
    steps_per_pass : int
        Training steps in a pass over the pictures.
    batch_size : int
        Pictures in a training step.
    """

    interval: int
    intervals: int
    first_step: int
    steps_per_pass: int
    batch_size: int

    @property
    def total_steps(self) -> int:
        """Number of training steps completed at the end of the run."""
        return self.first_step + self.intervals * self.interval

    def step_after(self, keras_epoch: int) -> int:
        """Return the number of training steps completed at the end of a Keras epoch, counted from 0."""
        return self.first_step + (keras_epoch + 1) * self.interval


class ProgressBar(keras.callbacks.Callback):
    """A progress bar that shows the pass, the losses, pictures per second and the remaining time.

    Parameters
    ----------
    counter : StepCounter
        The steps of this run.
    epochs : int
        Number of passes over the pictures.
    show : bool, optional
        Whether to show the bar; by default only where stderr is a terminal.
    """

    def __init__(self, counter: StepCounter, *, epochs: int, show: bool | None = None) -> None:
        super().__init__()
        self.counter, self.epochs = counter, epochs
        self.bar = tqdm(
            total=counter.total_steps * counter.batch_size,
            initial=counter.first_step * counter.batch_size,
            unit=" pictures",
            unit_scale=True,
            smoothing=0.05,
            disable=None if show is None else not show,
            **bar_size(),
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Advance the bar by one batch."""
        self.bar.update(self.counter.batch_size)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the number of completed passes and the losses."""
        done = min(self.counter.step_after(epoch) / self.counter.steps_per_pass, self.epochs)
        self.bar.set_description(f"epoch {done:.1f}/{self.epochs}")
        losses = {name: value for name, value in logs.items() if name.endswith("_loss")}
        self.bar.set_postfix({name.removesuffix("_loss"): f"{value:.3f}" for name, value in losses.items()})

    def close(self) -> None:
        """Close the bar and leave its last state on the screen."""
        self.bar.close()


class LossLog(keras.callbacks.Callback):
    """Append the metrics of each interval to losses.csv and to TensorBoard's event files.

    Rows of losses.csv that are damaged, or later than the step from which the run resumes, are removed first.

    Parameters
    ----------
    folder : pathlib.Path
        The run folder.
    counter : StepCounter
        The steps of this run.
    model : keras.Model
        The model; its metrics are the columns of the log.
    """

    def __init__(self, folder: Path, counter: StepCounter, model: keras.Model) -> None:
        super().__init__()
        self.counter = counter
        self.names = [metric.name for metric in model.metrics if metric.name != "loss"]
        columns = [*BEFORE, *self.names, *AFTER]
        path = folder / "losses.csv"
        kept = [row for row in _read_rows(path) if row[0].isdecimal() and len(row) == len(columns)]
        kept = [row for row in kept if int(row[0]) <= counter.first_step]  # training repeats the later steps
        with write_whole(path) as file:
            file.write("".join(",".join(row) + "\r\n" for row in [columns, *kept]).encode())
        self.file = path.open("a", newline="")
        self.writer = csv.writer(self.file)
        from tensorboardX import SummaryWriter

        self.events = SummaryWriter(str(folder / "tensorboard"), purge_step=counter.first_step + 1)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Record the start time of the interval."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the metrics of the interval."""
        step = self.counter.step_after(epoch)
        seconds = time.perf_counter() - self.started
        rate = self.counter.interval * self.counter.batch_size / seconds
        values = [float(logs[name]) for name in self.names]
        epochs_done = step / self.counter.steps_per_pass
        self.writer.writerow([step, f"{epochs_done:.3f}", *(f"{value:.5f}" for value in values), f"{rate:.1f}"])
        self.file.flush()
        for name, value in zip((*self.names, *AFTER), (*values, rate), strict=True):
            self.events.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the CSV file and the event file."""
        self.file.close()
        self.events.close()


def _read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a loss log including its header, or an empty list if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [row for row in csv.reader(file) if row]


def last_losses(path: Path) -> dict[str, float]:
    """Return the metrics in the last complete row of a loss log.

    Parameters
    ----------
    path : pathlib.Path
        Path of losses.csv.

    Returns
    -------
    dict of str to float
        The value of each metric by name; empty if there is no complete row.
    """
    header, *rows = _read_rows(path) or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    if not whole:
        return {}
    own = slice(len(BEFORE), -len(AFTER))
    return {name: float(value) for name, value in zip(header[own], whole[-1][own], strict=True)}


RUNAWAY = 1e4  # magnitude of a loss from which on a training has diverged


class DivergedError(RunError):
    """A loss or a weight is not finite, or has run away.

    Attributes
    ----------
    step : int
        Training step by which it had.
    """

    def __init__(self, step: int) -> None:
        super().__init__(f"the training diverged by step {step}")
        self.step = step


class KeepFreedMemory(keras.callbacks.Callback):
    """Undo, after the first step, what TensorFlow sets as it begins to read batches: see `dcgan.heap`."""

    def __init__(self) -> None:
        super().__init__()
        self._done = False

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keep memory from the first step on."""
        if not self._done:
            keep_freed_memory()
            self._done = True


class StopOnDivergence(keras.callbacks.Callback):
    """Stop the training if a loss or a weight is not finite or runs away.

    The callback must run before the checkpoint is saved. Process 0 decides for all.

    Parameters
    ----------
    counter : StepCounter
        The steps of this run.
    team : Team, optional
        The processes of the training.
    """

    def __init__(self, counter: StepCounter, team: Team = ALONE) -> None:
        super().__init__()
        self.counter, self.team = counter, team

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Raise DivergedError unless all losses and weights are finite and not too large."""
        step = self.counter.step_after(epoch)
        try:
            if self.team.leads:
                self._check(step, logs)
        except DivergedError:
            self.team.share(True)
            raise
        if self.team.share(False):
            raise DivergedError(step)

    def _check(self, step: int, logs: Any) -> None:
        """Raise DivergedError unless all losses and weights are finite and not too large."""
        if not all(abs(value) <= RUNAWAY for value in logs.values()):  # a NaN is not
            raise DivergedError(step)
        for network in self.model.networks.values() if self.model is not None else ():
            for variable in network.weights:  # not dropout's seeds
                try:
                    check_values("", variable.path, np.asarray(variable.numpy()))
                except ModelFileError as error:  # no file could hold it
                    raise DivergedError(step) from error


class WaitForFirst(keras.callbacks.Callback):
    """Wait at the end of an interval until process 0 has written what is due; the last callback of all processes.

    Without it the others would wait in the engine, which does not do so for ever.

    Parameters
    ----------
    team : Team
        The processes of the training.
    """

    def __init__(self, team: Team) -> None:
        super().__init__()
        self.team = team

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Wait."""
        self.team.share()


class Checkpoints(keras.callbacks.Callback):
    """Save a checkpoint at the end of an interval if the last one is old enough, and at the end of the run.

    Parameters
    ----------
    path : pathlib.Path
        Path of the checkpoint file.
    counter : StepCounter
        The steps of this run.
    seconds : float
        Shortest time between two checkpoints, in seconds.
    """

    def __init__(self, path: Path, counter: StepCounter, *, seconds: float) -> None:
        super().__init__()
        self.path, self.counter, self.seconds = path, counter, seconds
        self.saved_at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save a checkpoint if it is due."""
        step = self.counter.step_after(epoch)
        if time.monotonic() - self.saved_at >= self.seconds or step >= self.counter.total_steps:
            save_checkpoint(self.path, self.model, step=step)
            self.saved_at = time.monotonic()


class Periodic(keras.callbacks.Callback):
    """Call a function at regular numbers of training steps, and at the end of the run.

    Parameters
    ----------
    counter : StepCounter
        The steps of this run.
    every : int
        Training steps between two calls. The call comes at the end of the interval that contains a multiple of `every`.
    action : callable
        Called as ``action(step, logs)``, where `logs` is a dict of the interval's metrics.
    each_pass : bool, default False
        Also at the end of each pass.
    """

    def __init__(self, counter: StepCounter, *, every: int, action: Action, each_pass: bool = False) -> None:
        super().__init__()
        self.counter, self.action = counter, action
        self.every = (every, counter.steps_per_pass) if each_pass else (every,)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Call the function if it is due."""
        step = self.counter.step_after(epoch)
        passed = any(step // every > (step - self.counter.interval) // every for every in self.every)
        if passed or step >= self.counter.total_steps:
            self.action(step, {name: float(value) for name, value in (logs or {}).items()})

"""What happens beside the training steps: progress, logs, checkpoints, sample grids, exports.

One Keras epoch of `fit` is an interval of a fixed number of steps. All of this happens at the end of an interval.
Passes over the pictures are counted separately, so a run can go on from the middle of a pass.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import csv
import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from tqdm import tqdm

from dcgan.training.checkpoint import save_checkpoint
from dcgan.errors import RunError
from dcgan.pictures.records import write_whole

__all__ = ["Checkpoints", "LossLog", "Periodic", "ProgressBar", "StepCounter", "StopOnDivergence", "last_losses"]

BEFORE, AFTER = ("step", "epoch"), ("pictures_per_second",)  # columns around the model's own figures

Action = Callable[[int, dict[str, float]], None]


@dataclasses.dataclass(frozen=True)
class StepCounter:
    """Translate Keras's epochs (intervals) into steps and passes.

    Attributes
    ----------
    interval : int
        Steps in an interval.
    intervals : int
        Intervals that this process trains.
    first_step : int
        Steps that were done before.
    steps_per_pass : int
        Steps in a pass over the pictures.
    batch_size : int
        Pictures in a step.
    """

    interval: int
    intervals: int
    first_step: int
    steps_per_pass: int
    batch_size: int

    @property
    def total_steps(self) -> int:
        """Return the number of steps done at the very end."""
        return self.first_step + self.intervals * self.interval

    def step_after(self, keras_epoch: int) -> int:
        """Return the number of steps done when a Keras epoch ends.

        Parameters
        ----------
        keras_epoch : int
            Number of the interval in this process, from 0.

        Returns
        -------
        int
            Steps since the run began.
        """
        return self.first_step + (keras_epoch + 1) * self.interval


class ProgressBar(keras.callbacks.Callback):
    """A bar with the epoch, the losses, pictures per second and the time left.

    Parameters
    ----------
    counter : StepCounter
        Translates intervals to steps.
    epochs : int
        Passes over the pictures in total.
    show : bool, optional
        Draw the bar; by default where stderr is a terminal.
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
            dynamic_ncols=True,
            disable=None if show is None else not show,
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar by a batch."""
        self.bar.update(self.counter.batch_size)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the passes done and the losses."""
        done = min(self.counter.step_after(epoch) / self.counter.steps_per_pass, self.epochs)
        self.bar.set_description(f"epoch {done:.1f}/{self.epochs}")
        losses = {name: value for name, value in logs.items() if name.endswith("_loss")}
        self.bar.set_postfix({name.removesuffix("_loss"): f"{value:.3f}" for name, value in losses.items()})

    def close(self) -> None:
        """Leave the bar as it is and end its line."""
        self.bar.close()


class LossLog(keras.callbacks.Callback):
    """Append the losses of each interval to a CSV file and to TensorBoard's event files.

    Rows of steps after the counter's first one, which will be made again, and damaged rows are dropped.

    Parameters
    ----------
    folder : Path
        Gets losses.csv and tensorboard/.
    counter : StepCounter
        Translates intervals to steps.
    model : keras.Model
        Its metrics name the columns.
    """

    def __init__(self, folder: Path, counter: StepCounter, model: keras.Model) -> None:
        super().__init__()
        self.counter = counter
        self.names = [metric.name for metric in model.metrics if metric.name != "loss"]
        columns = [*BEFORE, *self.names, *AFTER]
        path = folder / "losses.csv"
        kept = [row for row in _read_rows(path) if row[0].isdecimal() and len(row) == len(columns)]
        kept = [row for row in kept if int(row[0]) <= counter.first_step]  # the others will be made again
        with write_whole(path) as file:
            file.write("".join(",".join(row) + "\r\n" for row in [columns, *kept]).encode())
        self.file = path.open("a", newline="")
        self.writer = csv.writer(self.file)
        from tensorboardX import SummaryWriter

        self.events = SummaryWriter(str(folder / "tensorboard"), purge_step=counter.first_step + 1)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the interval's mean losses."""
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
        """Close both files."""
        self.file.close()
        self.events.close()


def _read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a loss log, its header among them; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [row for row in csv.reader(file) if row]


def last_losses(path: Path) -> dict[str, float]:
    """Return the figures of a loss log's last row.

    Parameters
    ----------
    path : Path
        Of losses.csv.

    Returns
    -------
    dict of str to float
        By the columns' names; empty where there is no row.
    """
    header, *rows = _read_rows(path) or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    if not whole:
        return {}
    own = slice(len(BEFORE), -len(AFTER))
    return {name: float(value) for name, value in zip(header[own], whole[-1][own], strict=True)}


class StopOnDivergence(keras.callbacks.Callback):
    """End the training once a loss is not finite, before such a state reaches the checkpoint.

    Parameters
    ----------
    counter : StepCounter
        Translates intervals to steps.
    """

    def __init__(self, counter: StepCounter) -> None:
        super().__init__()
        self.counter = counter

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Raise a RunError unless the losses are finite."""
        if not all(math.isfinite(value) for value in logs.values()):
            raise RunError(
                f"the training diverged by step {self.counter.step_after(epoch)}: its losses are no numbers any more; "
                "start over with a lower --learning-rate"
            )


class Checkpoints(keras.callbacks.Callback):
    """Save the run's state at the end of an interval, at least `seconds` after the last time, and at the very end.

    Parameters
    ----------
    path : Path
        The checkpoint's file.
    counter : StepCounter
        Translates intervals to steps.
    seconds : float
        The shortest time between two checkpoints.
    """

    def __init__(self, path: Path, counter: StepCounter, *, seconds: float) -> None:
        super().__init__()
        self.path, self.counter, self.seconds = path, counter, seconds
        self.saved_at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the state where it is time."""
        step = self.counter.step_after(epoch)
        if time.monotonic() - self.saved_at >= self.seconds or step >= self.counter.total_steps:
            save_checkpoint(self.path, self.model, step=step)
            self.saved_at = time.monotonic()


class Periodic(keras.callbacks.Callback):
    """Call `action(step, logs)` whenever a multiple of `every` steps has been passed, and at the end.

    Parameters
    ----------
    counter : StepCounter
        Translates intervals to steps.
    every : int
        Steps between two calls.
    action : callable
        Called with the steps that are done, int, and the losses by name, dict of str to float.
    """

    def __init__(self, counter: StepCounter, *, every: int, action: Action) -> None:
        super().__init__()
        self.counter, self.every, self.action = counter, every, action

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Call the action where it is time."""
        step = self.counter.step_after(epoch)
        passed = step // self.every > (step - self.counter.interval) // self.every
        if passed or step >= self.counter.total_steps:
            self.action(step, {name: float(value) for name, value in (logs or {}).items()})

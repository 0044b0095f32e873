"""The training loop shared by all trainings: fits a model, resumes it, and writes the run folder."""

import dataclasses
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)
from dcgan.config import RunConfig
from dcgan.pictures.records import write_whole
from dcgan.pictures.saving import save_picture
from dcgan.errors import FaceCompletionError, RunError
from dcgan.training.callbacks import (
    Checkpoints,
    DivergedError,
    KeepFreedMemory,
    LossLog,
    Periodic,
    ProgressBar,
    StepCounter,
    StopOnDivergence,
    WaitForFirst,
    last_losses,
)
from dcgan.training.checkpoint import read_checkpoint, save_checkpoint, state_of
from dcgan.training.devices import assign_state, on_one_device, same_state
from dcgan.training.health import DIVERGENCE, Health
from dcgan.training.team import ALONE, Team

__all__ = ["CHECKPOINT", "Batches", "Export", "Watchers", "count_steps", "fit_in_folder"]

CHECKPOINT, MODEL, BEST, HEALTH = "checkpoint.safetensors", "model.safetensors", "best.safetensors", "health.jsonl"
RETRIES = 3  # after a divergence
PASS_STEPS = 100  # from which on there is a sample grid at the end of each pass

Export = Callable[[dict[str, float]], npt.NDArray[np.uint8]]
Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Watchers:
    """What looks at a run.

    Attributes
    ----------
    look : callable
        Called with the step and the sample grid after each export.
    measure : callable, optional
        Called with the step and the passes after an export; returns a line for the user.
    """

    look: Callable[[int, npt.NDArray[np.uint8]], None]
    measure: Callable[[int, float], str] | None = None


Watching = Callable[[Any, int], Watchers]


class Batches(Protocol):
    """An endless `keras.utils.PyDataset` of batches that can start at any training step.

    Attributes
    ----------
    first_step : int
        Training step of the first batch.
    steps_per_pass : int
        Training steps in a pass over the pictures.
    batch_size : int
        Pictures in a batch.
    """

    first_step: int
    steps_per_pass: int
    batch_size: int


def fit_in_folder(
    model: Any,
    batches: Batches,
    run_dir: Path,
    *,
    epochs: int,
    run: RunConfig,
    export: Export,
    report: Report,
    progress: bool | None,
    watch: Watching | None = None,
    team: Team = ALONE,
) -> None:
    """Train a compiled model to the end of its run, from the last checkpoint in the run folder if there is one.

    In several processes, process 0 alone reads and writes the run folder; the others get its state.

    Parameters
    ----------
    model : keras.Model
        A compiled model with a dict `networks` of the networks that it trains; see `dcgan.training.checkpoint.Trainee`.
        Without a checkpoint, training starts from its current weights.
    batches : Batches
        The training batches.
    run_dir : pathlib.Path
        The run folder, for losses, checkpoints, sample grids and snapshots.
    epochs : int
        Total number of passes over the pictures, including those before a checkpoint.
    run : RunConfig
        How often the files are written.
    export : callable
        Called with a dict of "step", "epochs" and the last losses. Writes model.safetensors to the run folder and
        returns the sample grid, an ndarray of uint8, shape (H, W, C).
    report : callable
        Called with a line of text when a run resumes and at each export.
    progress : bool or None
        Whether to show a progress bar; None shows it only where stderr is a terminal.
    watch : callable, optional
        From TensorBoard's writer and the step from which the run goes on to `Watchers`.
    team : Team, optional
        The processes of the training.

    Raises
    ------
    RunError
        The checkpoint is damaged or belongs to other networks, or the training diverged, at half its learning rate
        again, and twice more.
    """
    for attempt in range(RETRIES + 1):
        try:
            _fit(
                model,
                batches,
                run_dir,
                epochs=epochs,
                run=run,
                export=export,
                report=report,
                progress=progress,
                watch=watch,
                team=team,
            )
            break
        except DivergedError as error:
            if attempt == RETRIES:
                raise RunError(
                    f"{error}: a loss or a weight is no number any more or far too large, and three times again with "
                    "half the learning rate each time; start over with a lower --learning-rate or another --loss"
                ) from error
            step = _restore(run_dir / CHECKPOINT, model, team, rate=0.5)
            if team.leads:
                save_checkpoint(run_dir / CHECKPOINT, model, step=step)  # an interrupted run goes on with this rate
                line = f"{error}: goes on from step {step} with half the learning rate"
                report(line)
                Health(run_dir / HEALTH, first_step=error.step).note(error.step, DIVERGENCE, line)
    best = run_dir / BEST
    if team.leads and run.keep == "best" and best.exists():
        with write_whole(run_dir / MODEL) as file:
            file.write(best.read_bytes())
        report("model.safetensors is the best that was measured; see distances.csv")


def _restore(checkpoint: Path, model: Any, team: Team, *, rate: float = 1.0) -> int:
    """Assign a checkpoint to the models of all processes, with its learning rates times `rate`; return its step.

    Without a checkpoint, all processes get the weights of process 0, and the step is 0.
    """
    state, step = state_of(model), 0
    values = None
    if team.leads and checkpoint.exists():
        step, values = read_checkpoint(checkpoint, model)
        for name, variable in state.items():
            if variable.name == "learning_rate":
                values[name] = values[name] * np.float32(rate)
    step = int(team.share(step))  # the others meet process 0 in the engine only if it could read its file
    if team.count > 1:
        held = {name: np.asarray(variable.numpy()) for name, variable in state.items()}
        values = same_state({name: (values or held)[name].astype(each.dtype) for name, each in held.items()}, team)
    if values is not None:
        assign_state(state, values)
    return step


def _fit(
    model: Any,
    batches: Batches,
    run_dir: Path,
    *,
    epochs: int,
    run: RunConfig,
    export: Export,
    report: Report,
    progress: bool | None,
    watch: Watching | None,
    team: Team,
) -> None:
    """Train from the last checkpoint to the end, or until the training diverges; see `fit_in_folder`."""
    checkpoint = run_dir / CHECKPOINT
    first = _restore(checkpoint, model, team)
    if team.leads and not checkpoint.exists():
        save_checkpoint(checkpoint, model, step=0)
    counter = count_steps(batches, first_step=first, epochs=epochs, interval_steps=run.interval_steps)
    if first:
        report(f"going on from step {first} (epoch {first / counter.steps_per_pass:.1f})")
    exported_step = -1
    watchers: Watchers | None = None

    def export_at(step: int, logs: dict[str, float]) -> None:
        nonlocal exported_step
        if step == exported_step:  # a sample grid and a snapshot at the same step
            return
        done = round(step / counter.steps_per_pass, 2)
        with on_one_device():
            grid = export({"step": step, "epochs": done, **{name: round(value, 4) for name, value in logs.items()}})
        (run_dir / "samples").mkdir(exist_ok=True)
        save_picture(run_dir / "samples" / f"step-{step:07d}.png", grid)
        if watchers is not None:
            with on_one_device():
                watchers.look(step, grid)
        exported_step = step
        losses = ", ".join(f"{name} {value:.3f}" for name, value in logs.items() if name.endswith("_loss"))
        report(f"step {step}, epoch {done}/{epochs}: {losses}")

    if counter.intervals == 0:
        if team.leads:
            export_at(first, last_losses(run_dir / "losses.csv"))
        return
    batches.first_step = first

    def snapshot(step: int, logs: dict[str, float]) -> None:
        export_at(step, logs)
        (run_dir / "snapshots").mkdir(exist_ok=True)
        with write_whole(run_dir / "snapshots" / f"step-{step:07d}.safetensors") as file:
            file.write((run_dir / MODEL).read_bytes())

    def measure(step: int, logs: dict[str, float]) -> None:
        export_at(step, logs)
        if watchers is not None and watchers.measure is not None:
            with on_one_device():
                line = watchers.measure(step, step / counter.steps_per_pass)
            report(line)

    if not team.leads:
        _run(model, batches, counter, [KeepFreedMemory(), StopOnDivergence(counter, team), WaitForFirst(team)])
        return
    log, bar = LossLog(run_dir, counter, model), ProgressBar(counter, epochs=epochs, show=progress)
    with closing(log), closing(bar):
        callbacks: list[keras.callbacks.Callback] = [
            KeepFreedMemory(),
            log,
            bar,
            StopOnDivergence(counter, team),
            Periodic(counter, every=run.sample_steps, action=export_at, each_pass=counter.steps_per_pass >= PASS_STEPS),
        ]
        if watch is not None:
            with on_one_device():
                watchers = watch(log.events, first)
        if run.measure_epochs:
            callbacks.append(Periodic(counter, every=run.measure_epochs * counter.steps_per_pass, action=measure))
        if run.snapshot_epochs:
            callbacks.append(Periodic(counter, every=run.snapshot_epochs * counter.steps_per_pass, action=snapshot))
        # Last: what is due at a step is done before the checkpoint says that the step is.
        callbacks.append(Checkpoints(checkpoint, counter, seconds=run.checkpoint_seconds))
        callbacks.append(WaitForFirst(team))
        _run(model, batches, counter, callbacks)


def _run(model: Any, batches: Batches, counter: StepCounter, callbacks: list[keras.callbacks.Callback]) -> None:
    """Train to the end of the run."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*shuffle=True.*")  # the batches are shuffled already
        try:
            model.fit(
                batches,
                epochs=counter.intervals,
                steps_per_epoch=counter.interval,
                shuffle=False,
                verbose=0,
                callbacks=callbacks,
            )
        except (
            Exception
        ) as error:  # of Keras on JAX, which cannot clean up after Ctrl-C in the first step of an interval
            cause = error.__context__
            while cause is not None and not isinstance(cause, KeyboardInterrupt | FaceCompletionError):
                cause = cause.__context__
            if cause is None:
                raise
            raise cause from None


def count_steps(batches: Batches, *, first_step: int, epochs: int, interval_steps: int) -> StepCounter:
    """Return the counter of the remaining training steps.

    Parameters
    ----------
    batches : Batches
        The training batches.
    first_step : int
        Number of training steps completed.
    epochs : int
        Total number of passes over the pictures.
    interval_steps : int
        Largest number of training steps in an interval. The actual number divides a pass into equal intervals, up to
        rounding.

    Returns
    -------
    StepCounter
        The counter.
    """
    steps_per_pass = batches.steps_per_pass
    parts = -(-steps_per_pass // interval_steps)
    interval = steps_per_pass // parts  # divides a pass into equal intervals, up to rounding
    left = max(0, epochs * steps_per_pass - first_step)
    return StepCounter(
        interval=interval,
        intervals=-(-left // interval),
        first_step=first_step,
        steps_per_pass=steps_per_pass,
        batch_size=batches.batch_size,
    )

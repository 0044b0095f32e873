"""Train a DCGAN: a dataset in, a run's folder with a model file out.

The run's folder holds config.json, losses.csv, tensorboard/, samples/, checkpoint.safetensors and model.safetensors.
Killed at any moment, the same call goes on from the last checkpoint.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import keras

from dcgan.callbacks import (
    Checkpoints,
    LossLog,
    Periodic,
    ProgressBar,
    StepCounter,
    StopOnDivergence,
    last_losses,
)
from dcgan.checkpoint import averaged_weights, restore_checkpoint
from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.dataset import CachedPictures, TrainingBatches
from dcgan.devices import data_parallel
from dcgan.gan import DCGAN, build_gan
from dcgan.model_file import Prior, save_model
from dcgan.networks import build_discriminator, build_generator, settle_spectral_norm
from dcgan.pictures import make_grid, save_picture, write_whole
from dcgan.run_folder import check_config, clear_run, locked, remove_leftovers
from dcgan.sampling import draw_latents, generate, reestimate_batch_norm

__all__ = ["train"]

GRID_PICTURES = 64

Report = Callable[[str], None]


def train(
    data: CachedPictures,
    run_dir: Path,
    *,
    model: ModelConfig,
    settings: TrainConfig | None = None,
    run: RunConfig | None = None,
    dataset_names: Sequence[str] = (),
    overwrite: bool = False,
    start_from: Prior | None = None,
    report: Report | None = None,
    progress: bool | None = None,
) -> Path:
    """Train a model, or go on with a run that was stopped.

    Parameters
    ----------
    data : the decoded pictures (see `dcgan.dataset.cache_pictures`)
    run_dir : the run's folder, made where it does not exist
    model : the networks
    settings : how they are trained
    run : how often state, samples and snapshots are written
    dataset_names : what to call the data in the model file
    overwrite : start over where the folder holds a run
    start_from : a model whose weights a new run starts from, of the same configuration; a run that goes on has its own
    report : called with a line of text at each sample grid and at the end
    progress : draw a progress bar; by default where stderr is a terminal

    Returns
    -------
    Path
        Of the exported model file, RUN_DIR/model.safetensors.

    Raises
    ------
    RunError
        Another process trains in this folder, it holds a run with other settings, it cannot be written, or the losses
        stopped being numbers.
    DatasetError
        There are fewer pictures than one batch.
    ValueError
        The model to start from has another configuration.
    """
    if start_from is not None and start_from.config != model:
        raise ValueError(f"Expected a model of {model} to start from. Received: {start_from.config}")
    settings, run, report = settings or TrainConfig(), run or RunConfig(), report or (lambda line: None)
    description = {"names": list(dataset_names), "pictures": len(data.pictures), "key": data.key}
    wanted = {"model": dataclasses.asdict(model), "train": dataclasses.asdict(settings), "dataset": description}
    with locked(run_dir), data_parallel(settings.batch_size):
        trainer = _Trainer(data, run_dir, model, settings, run, description, report, start_from)
        remove_leftovers(run_dir)
        if overwrite:
            clear_run(run_dir)
        check_config(run_dir / "config.json", wanted)
        trainer.fit(progress)
    return run_dir / "model.safetensors"


class _Trainer:
    """One run: the networks, the data and the folder."""

    def __init__(
        self,
        data: CachedPictures,
        run_dir: Path,
        model: ModelConfig,
        settings: TrainConfig,
        run: RunConfig,
        description: dict[str, Any],
        report: Report,
        start_from: Prior | None,
    ) -> None:
        self.run_dir, self.model, self.settings, self.run = run_dir, model, settings, run
        self.description, self.report, self.start_from = description, report, start_from
        self.batches = TrainingBatches(
            data.pictures,
            batch_size=settings.batch_size,
            latent_dim=model.latent_dim,
            flip=settings.flip,
            seed=settings.seed,
        )
        self.fixed_latents = draw_latents(GRID_PICTURES, model.latent_dim, seed=settings.seed)
        self.exported = build_generator(model), build_discriminator(model)
        self.exported_step = -1

    def fit(self, progress: bool | None) -> None:
        """Train from the last checkpoint to the end."""
        checkpoint = self.run_dir / "checkpoint.safetensors"
        gan = build_gan(self.model, self.settings)
        first = restore_checkpoint(checkpoint, gan) if checkpoint.exists() else 0
        if first == 0 and self.start_from is not None:
            gan.generator.set_weights(self.start_from.generator.get_weights())
            gan.discriminator.set_weights(self.start_from.discriminator.get_weights())
        counter = self.counter = self._count_from(first)
        if first:
            self.report(f"going on from step {first} (epoch {first / counter.steps_per_pass:.1f})")
        if counter.intervals == 0:
            self.export(gan, first, last_losses(self.run_dir / "losses.csv"))
            return
        self.batches.first_step = first
        log, bar = LossLog(self.run_dir, counter), ProgressBar(counter, epochs=self.settings.epochs, show=progress)
        with closing(log), closing(bar):
            callbacks: list[keras.callbacks.Callback] = [
                log,
                bar,
                StopOnDivergence(counter),
                Checkpoints(checkpoint, counter, seconds=self.run.checkpoint_seconds),
                Periodic(counter, every=self.run.sample_steps, action=self.export),
            ]
            if self.run.snapshot_epochs:
                every = self.run.snapshot_epochs * counter.steps_per_pass
                callbacks.append(Periodic(counter, every=every, action=self.snapshot))
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*shuffle=True.*")  # our stream is shuffled already
                gan.fit(
                    self.batches,
                    epochs=counter.intervals,
                    steps_per_epoch=counter.interval,
                    shuffle=False,
                    verbose=0,
                    callbacks=callbacks,
                )

    def _count_from(self, first: int) -> StepCounter:
        """Return the counter of the steps that are left after `first`."""
        steps_per_pass = self.batches.steps_per_pass
        parts = -(-steps_per_pass // self.run.interval_steps)
        interval = steps_per_pass // parts  # a pass holds a whole number of them, or nearly
        left = max(0, self.settings.epochs * steps_per_pass - first)
        return StepCounter(
            interval=interval,
            intervals=-(-left // interval),
            first_step=first,
            steps_per_pass=steps_per_pass,
            batch_size=self.settings.batch_size,
        )

    def export(self, gan: DCGAN, step: int, logs: dict[str, float]) -> None:
        """Write the averaged networks as a model file and a grid of what they draw from the fixed z."""
        if step == self.exported_step:  # a grid and a snapshot fall on the same step
            return
        generator, discriminator = self.exported
        for network, weights in zip(self.exported, averaged_weights(gan), strict=True):
            network.set_weights(weights)
        reestimate_batch_norm(generator, seed=self.settings.seed)
        settle_spectral_norm(discriminator)
        epochs_done = round(step / self.counter.steps_per_pass, 2)
        figures = {"step": step, "epochs": epochs_done, **{name: round(value, 4) for name, value in logs.items()}}
        info = {
            "dataset": self.description,
            "train": dataclasses.asdict(self.settings),
            "last": figures,
            "written_by": f"dcgan {_version()}",
        }
        save_model(self.run_dir / "model.safetensors", generator, discriminator, config=self.model, info=info)
        (self.run_dir / "samples").mkdir(exist_ok=True)
        grid = make_grid(generate(generator, self.fixed_latents))
        save_picture(self.run_dir / "samples" / f"step-{step:07d}.png", grid)
        self.exported_step = step
        names = ("discriminator_loss", "generator_loss")
        losses = ", ".join(f"{name} {logs[name]:.3f}" for name in names if name in logs)
        self.report(f"step {step}/{self.counter.total_steps}, epoch {epochs_done}: {losses}")

    def snapshot(self, gan: DCGAN, step: int, logs: dict[str, float]) -> None:
        """Export, and keep a copy of the model under its step."""
        self.export(gan, step, logs)
        folder = self.run_dir / "snapshots"
        folder.mkdir(exist_ok=True)
        with write_whole(folder / f"step-{step:07d}.safetensors") as file:
            file.write((self.run_dir / "model.safetensors").read_bytes())


def _version() -> str:
    """Return this package's version."""
    from dcgan import __version__

    return __version__

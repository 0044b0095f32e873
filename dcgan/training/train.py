"""Train a DCGAN: from a dataset to a run folder with a model file.

The run folder contains config.json, losses.csv, tensorboard/, samples/, snapshots/ (on request), checkpoint.safetensors
and model.safetensors. After an interruption at any moment, the same call resumes from the last checkpoint.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from tensorboardX import SummaryWriter

from dcgan.pictures.saving import save_picture
from dcgan.training.checkpoint import averaged_weights, save_checkpoint
from dcgan.config import COMPARED_MIN, ModelConfig, RunConfig, TrainConfig
from dcgan.errors import DatasetError
from dcgan.out_of_memory import training_memory
from dcgan.training.dataset import CachedPictures, Chosen, PictureRows, TrainingBatches, Updates, check_batch
from dcgan.training.devices import data_parallel, on_one_device
from dcgan.training.fitting import CHECKPOINT, HEALTH, PASS_STEPS, Watchers, fit_in_folder
from dcgan.training.gan import build_gan
from dcgan.training.growing import check_start, copy_weights
from dcgan.training.health import Health
from dcgan.training.monitor import Distances, Watch, add_networks
from dcgan.training.probe import Probe
from dcgan.model_file import Prior, save_model
from dcgan.networks import build_discriminator, build_generator, fold_spectral_norm
from dcgan.pictures.values import make_grid
from dcgan.training.run_folder import begin_run, locked_run
from dcgan.sampling import draw_latents
from dcgan.training.agreement import check_agreement
from dcgan.training.augment import DRAWS
from dcgan.training.averages import estimate_generator_batch_norm, generate
from dcgan.training.team import ALONE, Team

__all__ = ["rehearse", "train"]

GRID_PICTURES = 64
TIMED_STEPS = 5  # of a rehearsal
PROBED = 64  # pictures that a probe looks at
COMPARED_MAX = 2000  # real pictures that distances are measured to

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
    devices: int | None = None,
    team: Team = ALONE,
) -> Path:
    """Train a model, or resume a run that was interrupted.

    Parameters
    ----------
    data : CachedPictures
        The decoded pictures; see `dcgan.training.dataset.cache_pictures`.
    run_dir : pathlib.Path
        The run folder; created if it does not exist.
    model : ModelConfig
        Configuration of the model.
    settings : TrainConfig, optional
        Settings of the training.
    run : RunConfig, optional
        How often the files in the run folder are written.
    dataset_names : sequence of str, default ()
        Names of the datasets, saved in the model file.
    overwrite : bool, default False
        Delete the run in the run folder and start over.
    start_from : Prior, optional
        Model whose weights a new run starts from, of the same configuration, or of half the size with twice the
        filters; see `dcgan.training.growing`. A run that resumes keeps its own weights.
    report : callable, optional
        Called with a line of text when a run resumes and at each export.
    progress : bool, optional
        Whether to show a progress bar; by default only where stderr is a terminal.
    devices : int, optional
        Devices of each process that share every batch; 0 or None: all that the engine has.
    team : Team, optional
        The processes of the training; see `dcgan.training.devices.joined`. Process 0 alone uses the run folder and the
        model to start from.

    Returns
    -------
    pathlib.Path
        Path of the exported model, RUN_DIR/model.safetensors.

    Raises
    ------
    RunError
        Another process is training in this folder, the folder contains a run with other settings, its configuration or
        checkpoint is damaged, it cannot be written, the training diverged, or the device has too little memory for a
        batch.
    DatasetError
        There are fewer pictures than one batch.
    ValueError
        The model to start from has another configuration, or the batch cannot be split evenly across the devices.
    """
    if start_from is not None:
        check_start(start_from.config, model)
    settings, run, report = settings or TrainConfig(), run or RunConfig(), report or (lambda line: None)
    _check_counts(data, settings, run)  # before there is a folder
    check_agreement(team, data.pictures, model=model, settings=settings, run=run)
    description = {"names": list(dataset_names), "pictures": len(data.pictures), "key": data.key}
    wanted = {"model": model.to_dict(), "train": settings.to_dict(), "dataset": description}
    with (
        training_memory(settings.batch_size),
        data_parallel(settings.batch_size, devices),
        locked_run(run_dir) if team.leads else nullcontext(),
    ):
        trainer = _Trainer(
            data,
            run_dir,
            model=model,
            settings=settings,
            run=run,
            description=description,
            report=report,
            start_from=start_from,
            team=team,
        )
        shared = keras.distribution.distribution()
        if shared is not None:
            count = shared.device_mesh.devices.size
            report(f"{count} devices, {settings.batch_size // count} pictures of each batch on every one")
        if team.leads:
            begin_run(run_dir, wanted, overwrite=overwrite)
        trainer.fit(progress)
    return run_dir / "model.safetensors"


def rehearse(
    data: CachedPictures,
    run_dir: Path,
    *,
    model: ModelConfig,
    settings: TrainConfig | None = None,
    run: RunConfig | None = None,
    start_from: Prior | None = None,
    devices: int | None = None,
) -> list[str]:
    """Do everything of a training once, in a temporary folder, and say what the whole of it would take.

    Parameters
    ----------
    data, run_dir, model, settings, run, start_from, devices
        See `train`. The run folder is not touched.

    Returns
    -------
    list of str
        Lines for the user: networks, time, memory, disk and files.

    Raises
    ------
    DatasetError
        There are fewer pictures than one batch.
    ValueError
        The model to start from has another configuration.
    """
    settings, run = settings or TrainConfig(), run or RunConfig()
    _check_counts(data, settings, run)
    with (
        training_memory(settings.batch_size),
        tempfile.TemporaryDirectory() as name,
        data_parallel(settings.batch_size, devices),
    ):
        folder = Path(name)
        trainer = _Trainer(
            data,
            folder,
            model=model,
            settings=settings,
            run=run,
            description={},
            report=lambda line: None,
            start_from=None,
        )
        gan = trainer.gan = build_gan(model, settings)
        if start_from is not None:
            check_start(start_from.config, model)
            copy_weights(start_from, gan.generator, gan.discriminator)
        began = time.perf_counter()
        gan.train_on_batch(trainer.batches[0])
        compiled = time.perf_counter()
        for step in range(1, 1 + TIMED_STEPS):
            gan.train_on_batch(trainer.batches[step])
        step_seconds = (time.perf_counter() - compiled) / TIMED_STEPS
        with closing(SummaryWriter(str(folder / "tensorboard"))) as events:
            with on_one_device():
                watchers = trainer.watch(events, 0)
            for _ in range(2):  # the second one is not compiled any more
                began_export = time.perf_counter()
                with on_one_device():
                    grid = trainer.export({})
                    save_picture(folder / "grid.png", grid)
                    watchers.look(0, grid)
                export_seconds = time.perf_counter() - began_export
            began_measure = time.perf_counter()
            if watchers.measure is not None:
                with on_one_device():
                    watchers.measure(0, 0.0)
            measure_seconds = time.perf_counter() - began_measure
        save_checkpoint(folder / CHECKPOINT, gan, step=0)
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    per_pass = trainer.batches.steps_per_pass
    steps = settings.epochs * per_pass
    every = [run.sample_steps, *([per_pass] if per_pass >= PASS_STEPS else [])]
    every += [each * per_pass for each in (run.snapshot_epochs, run.measure_epochs) if each]
    grids = len({step for each in every for step in range(each, steps + 1, each)} | {steps})
    snapshots = settings.epochs // run.snapshot_epochs if run.snapshot_epochs else 0
    measured = settings.epochs // run.measure_epochs if run.measure_epochs else 0
    seconds = compiled - began + steps * step_seconds + grids * export_seconds + measured * measure_seconds
    copies = 1 + snapshots + (measured > 0)
    disk = sizes[CHECKPOINT] + sizes["model.safetensors"] * copies + sizes["grid.png"] * grids
    files = ["config.json", "losses.csv", CHECKPOINT, "model.safetensors", "tensorboard/", "samples/", HEALTH]
    files += ["snapshots/"] if snapshots else []
    files += ["distances.csv", "best.safetensors"] if measured else []
    weights = {name: network.count_params() for name, network in gan.networks.items()}
    model_mb, grid_mb = sizes["model.safetensors"] / 1e6, sizes["grid.png"] / 1e6
    return [
        "weights: " + ", ".join(f"{name} {count:,}" for name, count in weights.items()),
        f"time: {_duration(seconds)} for {_counted(settings.epochs, 'pass')} of {_counted(per_pass, 'step')}; "
        f"{settings.batch_size / step_seconds:.0f} pictures a second, {export_seconds:.1f} s for each grid",
        f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB of this process up to now",
        f"disk: {disk / 1e6:.0f} MB: checkpoint {sizes[CHECKPOINT] / 1e6:.0f} MB, model "
        f"{model_mb:.1f} MB times {copies}, grid {grid_mb:.2f} MB times {grids}",
        f"would be written: {run_dir}: " + ", ".join(files),
    ]


def _duration(seconds: float) -> str:
    """Return a time for people."""
    minutes = seconds / 60.0
    if minutes < 1.0:
        return "less than a minute"
    return _counted(round(minutes), "minute") if minutes < 100.0 else f"{minutes / 60.0:.1f} hours"


def _counted(count: int, name: str) -> str:
    """Return a number with a noun: "1 pass", "2 passes"."""
    plural = "es" if name.endswith("s") else "s"
    return f"{count:,} {name}" + (plural if count != 1 else "")


class _Trainer:
    """One run: its networks, data and folder."""

    def __init__(
        self,
        data: CachedPictures,
        run_dir: Path,
        *,
        model: ModelConfig,
        settings: TrainConfig,
        run: RunConfig,
        description: dict[str, Any],
        report: Report,
        start_from: Prior | None,
        team: Team = ALONE,
    ) -> None:
        self.run_dir, self.model, self.settings, self.run = run_dir, model, settings, run
        self.description, self.report, self.start_from, self.team = description, report, start_from, team
        self.trained, self.held_out = _split(data.pictures, settings)
        self.batches = TrainingBatches(
            self.trained,
            batch_size=settings.batch_size,
            latent_dim=model.latent_dim,
            latent=model.latent,
            flip=settings.flip,
            seed=settings.seed,
            updates=Updates.of(settings),
            draws=DRAWS if settings.augment else 0,
            part=team.number,
            parts=team.count,
        )
        self.fixed_latents = draw_latents(
            GRID_PICTURES, model.latent_dim, seed=settings.seed, distribution=model.latent
        )
        with on_one_device():
            self.exported = build_generator(model), build_discriminator(model)

    def fit(self, progress: bool | None) -> None:
        """Train from the last checkpoint to the end of the run."""
        self.team.meet()
        gan = self.gan = build_gan(self.model, self.settings)
        if self.team.leads and self.start_from is not None and not (self.run_dir / CHECKPOINT).exists():
            copy_weights(self.start_from, gan.generator, gan.discriminator)
        fit_in_folder(
            gan,
            self.batches,
            self.run_dir,
            epochs=self.settings.epochs,
            run=self.run,
            export=self.export,
            report=self.report,
            progress=progress,
            watch=self.watch,
            team=self.team,
        )

    def watch(self, events: Any, first_step: int) -> Watchers:
        """Return what looks at the run: a probe, its health, and the distance to real pictures."""
        rng = np.random.default_rng((self.settings.seed, 3))
        rows = np.sort(
            rng.permutation(len(self.trained))[: max(COMPARED_MAX if self.run.measure_epochs else 0, PROBED)]
        )
        real = np.asarray(self.trained[rows])
        probe = Probe(self.gan, real[:PROBED], self.fixed_latents)
        watch = Watch(probe, Health(self.run_dir / HEALTH, first_step=first_step), events=events, report=self.report)
        add_networks(events, self.gan.networks)

        def look(step: int, grid: npt.NDArray[np.uint8]) -> None:
            watch.look(step, self.gan, grid)

        if not self.run.measure_epochs:
            return Watchers(look)
        held_out = self.held_out if len(self.held_out) else real
        distances = Distances(self.run_dir, held_out, self.draw, events=events, first_step=first_step)
        kind = "held out" if len(self.held_out) else "of the training"

        def measure(step: int, epoch: float) -> str:
            found = distances.measure(step, epoch)
            return (
                f"distance of {len(held_out):,} samples to pictures {kind}: kernel {found.kernel.mean:.5f} "
                f"[{found.kernel.low:.5f}, {found.kernel.high:.5f}], Fréchet {found.frechet:.4f}"
            )

        return Watchers(look, measure)

    def draw(self, count: int) -> npt.NDArray[np.uint8]:
        """Return samples of the generator that was exported last."""
        latents = draw_latents(
            count, self.model.latent_dim, seed=self.settings.seed + 1, distribution=self.model.latent
        )
        return generate(self.exported[0], latents)

    def export(self, figures: dict[str, float]) -> npt.NDArray[np.uint8]:
        """Write a model file with the averaged weights, and return the sample grid."""
        generator, discriminator = self.exported
        for network, weights in zip(self.exported, averaged_weights(self.gan), strict=True):
            network.set_weights(weights)
        estimate_generator_batch_norm(generator, seed=self.settings.seed, distribution=self.model.latent)
        fold_spectral_norm(discriminator)
        info = {
            "dataset": self.description,
            "train": self.settings.to_dict(),
            "last": figures,
            "written_by": f"dcgan {_version()}",
        }
        save_model(self.run_dir / "model.safetensors", generator, discriminator, config=self.model, info=info)
        return make_grid(generate(generator, self.fixed_latents))


def _check_counts(data: CachedPictures, settings: TrainConfig, run: RunConfig) -> None:
    """Raise DatasetError where there are too few pictures to train on, or to measure a distance to."""
    check_batch(len(data.pictures), settings.batch_size)
    _split(data.pictures, settings)
    if run.measure_epochs and not settings.held_out and len(data.pictures) < COMPARED_MIN:
        raise DatasetError(
            f"expected at least {COMPARED_MIN} pictures to compare samples with, found {len(data.pictures)}"
        )


def _split(pictures: PictureRows, settings: TrainConfig) -> tuple[PictureRows, npt.NDArray[np.uint8]]:
    """Return the pictures that are trained on, and those that are held out, at most `COMPARED_MAX` of them."""
    if not settings.held_out:
        return pictures, np.empty(0, np.uint8)
    if len(pictures) - settings.held_out < settings.batch_size:
        raise DatasetError(
            f"expected at least one batch of {settings.batch_size} pictures besides the {settings.held_out} that are "
            f"held out, found {len(pictures)} in all; fewer with --held-out"
        )
    order = np.random.default_rng((settings.seed, 4)).permutation(len(pictures))
    held_out = np.sort(order[: min(settings.held_out, COMPARED_MAX)])
    return Chosen(pictures, np.sort(order[settings.held_out :])), np.asarray(pictures[held_out])


def _version() -> str:
    """Return the version of this package."""
    from dcgan import __version__

    return __version__

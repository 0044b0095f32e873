"""Train a DCGAN: from a dataset to a run folder with a model file.

The run folder contains config.json, losses.csv, tensorboard/, samples/, snapshots/ (on request), checkpoint.safetensors
and model.safetensors. After an interruption at any moment, the same call resumes from the last checkpoint.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.training.checkpoint import averaged_weights
from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.training.dataset import CachedPictures, TrainingBatches, Updates, check_batch
from dcgan.training.devices import data_parallel
from dcgan.training.fitting import CHECKPOINT, fit_in_folder
from dcgan.training.gan import build_gan
from dcgan.training.growing import check_start, copy_weights
from dcgan.model_file import Prior, save_model
from dcgan.networks import build_discriminator, build_generator, fold_spectral_norm
from dcgan.pictures.values import make_grid
from dcgan.training.run_folder import begin_run, locked_run
from dcgan.sampling import draw_latents
from dcgan.training.augment import DRAWS
from dcgan.training.averages import estimate_generator_batch_norm, generate

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

    Returns
    -------
    pathlib.Path
        Path of the exported model, RUN_DIR/model.safetensors.

    Raises
    ------
    RunError
        Another process is training in this folder, the folder contains a run with other settings, its configuration or
        checkpoint is damaged, it cannot be written, or the training diverged.
    DatasetError
        There are fewer pictures than one batch.
    ValueError
        The model to start from has another configuration, or the batch cannot be split evenly across the devices.
    """
    if start_from is not None:
        check_start(start_from.config, model)
    settings, run, report = settings or TrainConfig(), run or RunConfig(), report or (lambda line: None)
    check_batch(len(data.pictures), settings.batch_size)  # before there is a folder
    description = {"names": list(dataset_names), "pictures": len(data.pictures), "key": data.key}
    wanted = {"model": model.to_dict(), "train": settings.to_dict(), "dataset": description}
    with locked_run(run_dir), data_parallel(settings.batch_size):
        trainer = _Trainer(
            data,
            run_dir,
            model=model,
            settings=settings,
            run=run,
            description=description,
            report=report,
            start_from=start_from,
        )
        begin_run(run_dir, wanted, overwrite=overwrite)
        trainer.fit(progress)
    return run_dir / "model.safetensors"


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
    ) -> None:
        self.run_dir, self.model, self.settings, self.run = run_dir, model, settings, run
        self.description, self.report, self.start_from = description, report, start_from
        self.batches = TrainingBatches(
            data.pictures,
            batch_size=settings.batch_size,
            latent_dim=model.latent_dim,
            latent=model.latent,
            flip=settings.flip,
            seed=settings.seed,
            updates=Updates.of(settings),
            draws=DRAWS if settings.augment else 0,
        )
        self.fixed_latents = draw_latents(
            GRID_PICTURES, model.latent_dim, seed=settings.seed, distribution=model.latent
        )
        self.exported = build_generator(model), build_discriminator(model)

    def fit(self, progress: bool | None) -> None:
        """Train from the last checkpoint to the end of the run."""
        gan = self.gan = build_gan(self.model, self.settings)
        if self.start_from is not None and not (self.run_dir / CHECKPOINT).exists():
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
        )

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


def _version() -> str:
    """Return the version of this package."""
    from dcgan import __version__

    return __version__

"""Train a DCGAN: a dataset in, a run's folder with a model file out.

The run's folder holds config.json, losses.csv, tensorboard/, samples/, checkpoint.safetensors and model.safetensors.
Killed at any moment, the same call goes on from the last checkpoint.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.training.checkpoint import averaged_weights
from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.training.dataset import CachedPictures, TrainingBatches
from dcgan.training.devices import data_parallel
from dcgan.training.fitting import CHECKPOINT, fit_in_folder
from dcgan.training.gan import build_gan
from dcgan.model_file import Prior, save_model
from dcgan.networks import build_discriminator, build_generator, settle_spectral_norm
from dcgan.pictures.values import make_grid
from dcgan.training.run_folder import check_config, clear_run, locked_run
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
    data : the decoded pictures (see `dcgan.training.dataset.cache_pictures`)
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
    with locked_run(run_dir), data_parallel(settings.batch_size):
        trainer = _Trainer(data, run_dir, model, settings, run, description, report, start_from)
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

    def fit(self, progress: bool | None) -> None:
        """Train from the last checkpoint to the end."""
        gan = self.gan = build_gan(self.model, self.settings)
        if self.start_from is not None and not (self.run_dir / CHECKPOINT).exists():
            gan.generator.set_weights(self.start_from.generator.get_weights())
            gan.discriminator.set_weights(self.start_from.discriminator.get_weights())
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
        """Write the averaged networks as a model file; return a grid of what they draw from the fixed z."""
        generator, discriminator = self.exported
        for network, weights in zip(self.exported, averaged_weights(self.gan), strict=True):
            network.set_weights(weights)
        reestimate_batch_norm(generator, seed=self.settings.seed)
        settle_spectral_norm(discriminator)
        info = {
            "dataset": self.description,
            "train": dataclasses.asdict(self.settings),
            "last": figures,
            "written_by": f"dcgan {_version()}",
        }
        save_model(self.run_dir / "model.safetensors", generator, discriminator, config=self.model, info=info)
        return make_grid(generate(generator, self.fixed_latents))


def _version() -> str:
    """Return this package's version."""
    from dcgan import __version__

    return __version__

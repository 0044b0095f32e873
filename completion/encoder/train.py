"""Train a model's encoder: a dataset and a model in, a run's folder with the model and its encoder out.

The run's folder is that of `dcgan.training.train`, and a run that was stopped goes on in the same way.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops
from tqdm import tqdm

from completion.encoder.config import EncoderTrainConfig
from completion.encoder.data import DamagedBatches
from completion.encoder.trainer import build_encoder_trainer
from completion.search.encoder_input import encoder_input
from dcgan.training.checkpoint import averaged_weights
from dcgan.config import RunConfig
from dcgan.training.dataset import CachedPictures
from dcgan.encoder import build_encoder, decode
from dcgan.errors import ModelFileError
from dcgan.training.fitting import CHECKPOINT, fit_in_folder
from dcgan.model_file import Prior, load_model, save_model
from dcgan.pictures.values import make_grid, to_float, to_uint8
from dcgan.training.launch import load_pictures
from dcgan.training.run_folder import check_config, clear_run, locked_run
from dcgan.sampling import settle_batch_norm
from dcgan.training.sources import open_source

__all__ = ["train_encoder", "train_encoder_on"]

GRID_PICTURES = 12
SETTLING_BATCHES = 16
SETTLING_STEP = 10**6  # the batches that settle BatchNorm are those of steps that no training reaches

Report = Callable[[str], None]


def train_encoder(
    data: CachedPictures,
    run_dir: Path,
    *,
    prior: Prior,
    settings: EncoderTrainConfig | None = None,
    run: RunConfig | None = None,
    dataset_names: Sequence[str] = (),
    overwrite: bool = False,
    start_from: Prior | None = None,
    report: Report | None = None,
    progress: bool | None = None,
) -> Path:
    """Train the encoder of a model, or go on with a run that was stopped.

    Parameters
    ----------
    data : the decoded pictures, of the model's size (see `dcgan.training.dataset.cache_pictures`)
    run_dir : the run's folder, made where it does not exist
    prior : the model; generator and discriminator stay as they are
    settings : how the encoder is trained
    run : how often state, samples and snapshots are written
    dataset_names : what to call the data in the model file
    overwrite : start over where the folder holds a run
    start_from : a model of the same configuration whose encoder a new run starts from; a run that goes on has its own
    report : called with a line of text at each sample grid and at the end
    progress : draw a progress bar; by default where stderr is a terminal

    Returns
    -------
    Path
        Of the exported model file with its encoder, RUN_DIR/model.safetensors.

    Raises
    ------
    RunError, DatasetError
        As `dcgan.training.train.train`.
    ModelFileError
        The model to start from has no encoder.
    ValueError
        It has another configuration.
    """
    first = None
    if start_from is not None:
        first = start_from.encoder
        if first is None:
            raise ModelFileError("expected a model with an encoder to start from, this one has none")
        if start_from.config != prior.config:
            raise ValueError(f"Expected a model of {prior.config} to start from. Received: {start_from.config}")
    settings, report = settings or EncoderTrainConfig(), report or (lambda line: None)
    description = {"names": list(dataset_names), "pictures": len(data.pictures), "key": data.key}
    wanted = {
        "model": dataclasses.asdict(prior.config) | {"sha256": prior.sha256},
        "train": dataclasses.asdict(settings),
        "dataset": description,
    }
    with locked_run(run_dir):
        training = _Training(data, run_dir, prior, settings=settings, description=description)
        if overwrite:
            clear_run(run_dir)
        check_config(run_dir / "config.json", wanted)
        if first is not None and not (run_dir / CHECKPOINT).exists():
            training.trainer.encoder.set_weights(first.get_weights())
        fit_in_folder(
            training.trainer,
            training.batches,
            run_dir,
            epochs=settings.epochs,
            run=run or RunConfig(),
            export=training.export,
            report=report,
            progress=progress,
        )
    return run_dir / "model.safetensors"


class _Training:
    """The networks of one run, and how they are exported."""

    def __init__(
        self,
        data: CachedPictures,
        run_dir: Path,
        prior: Prior,
        *,
        settings: EncoderTrainConfig,
        description: dict[str, Any],
    ) -> None:
        self.run_dir, self.prior, self.settings = run_dir, prior, settings
        self.description = description
        self.batches = DamagedBatches(
            data.pictures, batch_size=settings.batch_size, flip=settings.flip, seed=settings.seed
        )
        self.trainer = build_encoder_trainer(prior, settings, steps=settings.epochs * self.batches.steps_per_pass)
        self.encoder = build_encoder(prior.config)

    def export(self, figures: dict[str, float]) -> npt.NDArray[np.uint8]:
        """Write the model with the averaged encoder; return a grid of damaged, completed and true pictures."""
        self.encoder.set_weights(averaged_weights(self.trainer)[0])
        settle_batch_norm(self.encoder, self._settling_inputs())
        about = {"dataset": self.description, "train": dataclasses.asdict(self.settings), "last": figures}
        save_model(
            self.run_dir / "model.safetensors",
            self.prior.generator,
            self.prior.discriminator,
            config=self.prior.config,
            info={**self.prior.info, "encoder": about},
            encoder=self.encoder,
        )
        return self._grid()

    def _settling_inputs(self) -> Iterator[Any]:
        """Yield batches of the encoder's input, the same ones every time."""
        first = SETTLING_STEP - self.batches.first_step
        for index in range(first, first + SETTLING_BATCHES):
            yield _seen(self.batches[index])

    def _grid(self) -> npt.NDArray[np.uint8]:
        """Return damaged pictures, what the encoder makes of them, and the pictures, in three rows."""
        batch = self.batches[SETTLING_STEP - 1 - self.batches.first_step]
        batch = {name: part[:GRID_PICTURES] for name, part in batch.items()}
        seen = _seen(batch)
        latents, offset = self.encoder(seen, training=False)
        drawn = decode(self.prior.generator, self.prior.config, latents, offset=offset)
        generated = to_uint8(ops.convert_to_numpy(drawn))
        completed = np.where(batch["known"] > 0, batch["pictures"], generated)
        damaged = to_uint8(ops.convert_to_numpy(seen[..., :-1]))
        rows = np.concatenate([damaged, generated, completed, batch["pictures"]])
        return make_grid(rows, columns=len(seen))


def _seen(batch: dict[str, np.ndarray]) -> Any:
    """Return the encoder's input of a batch."""
    return encoder_input(to_float(batch["pictures"]), batch["known"].astype(np.float32), batch["means"])


def train_encoder_on(
    datasets: Sequence[Path],
    run_dir: Path | None = None,
    *,
    model: str,
    settings: EncoderTrainConfig | None = None,
    run: RunConfig | None = None,
    cache_dir: Path | None = None,
    overwrite: bool = False,
    start_from: str | None = None,
    quiet: bool = False,
) -> Path:
    """Train a model's encoder on one or more datasets.

    Parameters
    ----------
    datasets : folders, zips, .npy or idx files (see `dcgan.training.sources.open_source`)
    run_dir : the run's folder; default runs/NAME-encoder of the model
    model : a bundled model's name or the path of a model file
    settings, run : see `train_encoder`
    cache_dir : for decoded pictures
    overwrite : start over where the folder holds a run
    start_from : a bundled model's name or the path of a model file with an encoder, which a new run starts from
    quiet : report nothing

    Returns
    -------
    Path
        Of the exported model.
    """
    sources = [open_source(path) for path in datasets]
    prior = load_model(model)
    folder = run_dir or Path("runs") / f"{Path(model).stem}-encoder"

    def report(line: str) -> None:
        if not quiet:
            tqdm.write(line, file=sys.stderr)

    progress = False if quiet else None
    data = load_pictures(sources, prior.config, report=report, cache_dir=cache_dir, progress=progress)
    report(f"{len(data.pictures):,} pictures; the encoder of {model}; run folder {folder}")
    return train_encoder(
        data,
        folder,
        prior=prior,
        settings=settings,
        run=run,
        dataset_names=[path.name for path in datasets],
        overwrite=overwrite,
        start_from=load_model(start_from) if start_from else None,
        report=report,
        progress=progress,
    )

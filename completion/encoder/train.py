"""Train a model's encoder: from a dataset and a model to a run folder with the model and its encoder.

The run folder has the files of `dcgan.training.train`, and an interrupted run resumes in the same way.
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
from completion.encoder.network_input import encoder_input
from dcgan.training.checkpoint import averaged_weights
from dcgan.command import RunOptions
from dcgan.config import ModelConfig, RunConfig
from dcgan.training.dataset import CachedPictures, check_batch
from dcgan.encoder import build_encoder, decode
from dcgan.engine_device import steer_engine
from dcgan.errors import ModelFileError, OptionError
from dcgan.out_of_memory import training_memory
from dcgan.training.fitting import CHECKPOINT, fit_in_folder
from dcgan.hub.reference import is_hub_reference, parse_reference
from dcgan.model_file import Prior, load_model, save_model
from dcgan.pictures.values import make_grid, to_float, to_uint8
from dcgan.training.launch import load_pictures
from dcgan.training.run_folder import begin_run, locked_run
from dcgan.training.averages import estimate_batch_norm
from dcgan.training.sources import open_source
from dcgan.terminal import printable

__all__ = ["train_encoder", "train_encoder_on"]

SAMPLE_PICTURES = 12  # columns of the sample grid
SETTLING_BATCHES = 16  # batches that BatchNorm's statistics are estimated from before an export
LATER_FIELDS = {
    "offset_maps": (1, None),
    "margin": (0.0,),
    "log_weight": (0.0,),
    "patch_weight": (0.0,),
    "gradient_penalty": (0.0,),
    "moved": (0.0,),
    "framed": (0.0,),
    "worn": (0.0,),
}  # with the values that runs without them have
SETTLING_STEP = 10**6  # their first step, which no training reaches

Report = Callable[[str], None]


def train_encoder(
    data: CachedPictures,
    run_dir: Path,
    *,
    prior: Prior,
    settings: EncoderTrainConfig | None = None,
    run: RunConfig | None = None,
    tight: CachedPictures | None = None,
    dataset_names: Sequence[str] = (),
    overwrite: bool = False,
    start_from: Prior | None = None,
    report: Report | None = None,
    progress: bool | None = None,
) -> Path:
    """Train the encoder of a model, or resume an interrupted run.

    Parameters
    ----------
    data : CachedPictures
        The decoded pictures at the model's size; see `dcgan.training.dataset.cache_pictures`.
    run_dir : Path
        The run folder; created if it does not exist.
    prior : Prior
        The model. Its generator and discriminator are not changed.
    settings : EncoderTrainConfig, optional
        How the encoder is trained.
    run : RunConfig, optional
        How often losses, checkpoints, samples and snapshots are written.
    tight : CachedPictures, optional
        Pictures that show the tight square of the model's frame alone, at the model's size.
    dataset_names : sequence of str, default ()
        Names of the datasets for the model file.
    overwrite : bool, default False
        Delete a run in the folder and start a new one.
    start_from : Prior, optional
        A model of the same configuration with an encoder, whose weights a new run starts from. A resumed run ignores
        them.
    report : callable, optional
        Called with a line of text at each sample grid and at the end.
    progress : bool, optional
        Whether to draw a progress bar. By default if stderr is a terminal.

    Returns
    -------
    Path
        Path of the exported model file with its encoder, RUN_DIR/model.safetensors.

    Raises
    ------
    RunError
        Another process trains in the folder, it holds a run with other settings, it cannot be written, a loss is not
        finite, or the device has too little memory for a batch.
    DatasetError
        There are fewer pictures than one batch has.
    ModelFileError
        The model to start from has no encoder.
    ValueError
        The model to start from has another configuration.
    """
    settings, report = settings or EncoderTrainConfig(), report or (lambda line: None)
    prior = _with_offset_maps(prior, settings.offset_maps)
    initial_encoder = None
    if start_from is not None:
        initial_encoder = start_from.encoder
        if initial_encoder is None:
            raise ModelFileError("expected a model with an encoder to start from, this one has none")
        if start_from.config != prior.config:
            raise OptionError(f"Expected a model of {prior.config} to start from. Received: {start_from.config}")
    check_batch(len(data.pictures), settings.batch_size)  # before there is a folder
    description = {"names": list(dataset_names), "pictures": len(data.pictures), "key": data.key}
    if tight is not None:
        description |= {"tight_pictures": len(tight.pictures), "tight_key": tight.key}
    expected_config = {
        "model": _without_later_defaults(prior.config) | {"sha256": prior.sha256},
        "train": _without_later_defaults(settings),
        "dataset": description,
    }
    with training_memory(settings.batch_size), locked_run(run_dir):
        batches = DamagedBatches(
            data.pictures, settings, tight=tight.pictures if tight else None, margin=prior.config.margin
        )
        training = _Training(batches, run_dir, prior, description=description)
        begin_run(run_dir, expected_config, overwrite=overwrite)
        if initial_encoder is not None and not (run_dir / CHECKPOINT).exists():
            training.trainer.encoder.set_weights(initial_encoder.get_weights())
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
    """The trainer and the batches of one run, and the export of its model."""

    def __init__(
        self,
        batches: DamagedBatches,
        run_dir: Path,
        prior: Prior,
        *,
        description: dict[str, Any],
    ) -> None:
        self.run_dir, self.prior, self.settings = run_dir, prior, batches.settings
        self.batches, self.description = batches, description
        steps = self.settings.epochs * batches.steps_per_pass
        self.trainer = build_encoder_trainer(prior, self.settings, steps=steps)
        self.encoder = build_encoder(prior.config)

    def export(self, last_step: dict[str, float]) -> npt.NDArray[np.uint8]:
        """Write the model with the averaged encoder and return the sample grid; the model file records `last_step`."""
        self.encoder.set_weights(averaged_weights(self.trainer)[0])
        estimate_batch_norm(self.encoder, self._settling_inputs())
        encoder_info = {"dataset": self.description, "train": dataclasses.asdict(self.settings), "last": last_step}
        save_model(
            self.run_dir / "model.safetensors",
            self.prior.generator,
            self.prior.discriminator,
            config=self.prior.config,
            info={**self.prior.info, "encoder": encoder_info},
            encoder=self.encoder,
        )
        return self._sample_grid()

    def _settling_inputs(self) -> Iterator[Any]:
        """Yield the same batches of the encoder's input on each call."""
        first = SETTLING_STEP - self.batches.first_step
        for index in range(first, first + SETTLING_BATCHES):
            yield _batch_input(self.batches[index])

    def _sample_grid(self) -> npt.NDArray[np.uint8]:
        """Return rows of damaged, generated, completed and true pictures."""
        batch = self.batches[SETTLING_STEP - 1 - self.batches.first_step]
        batch = {name: array[:SAMPLE_PICTURES] for name, array in batch.items()}
        inputs = _batch_input(batch)
        latents, *offsets = self.encoder(inputs, training=False)
        decoded = decode(self.prior.generator, self.prior.config, latents, offsets=offsets)
        generated = to_uint8(ops.convert_to_numpy(decoded))
        completed = np.where(batch["known"] > 0, batch["seen"], generated)
        damaged = to_uint8(ops.convert_to_numpy(inputs[..., :-1]))
        rows = np.concatenate([damaged, generated, completed, batch["pictures"]])
        return make_grid(rows, columns=len(inputs))


def _without_later_defaults(settings: ModelConfig | EncoderTrainConfig) -> dict[str, Any]:
    """Return the fields by name, without later ones of no effect, so that an earlier version's run goes on."""
    values = dataclasses.asdict(settings)
    return {name: value for name, value in values.items() if value not in LATER_FIELDS.get(name, ())}


def _with_offset_maps(prior: Prior, count: int | None) -> Prior:
    """Return a model whose encoder adds offsets to `count` feature maps; without an encoder, where that is new."""
    config = dataclasses.replace(prior.config, offset_maps=count or prior.config.offset_maps)
    if config == prior.config:
        return prior
    tensors = {name: values for name, values in prior.tensors.items() if not name.startswith("encoder/")}
    return Prior(config, tensors, info=prior.info, sha256=prior.sha256)


def _batch_input(batch: dict[str, np.ndarray]) -> Any:
    """Return the encoder's input of a batch."""
    return encoder_input(to_float(batch["seen"]), batch["known"].astype(np.float32), batch["means"])


def _model_name(model: str) -> str:
    """Return what to call a model: by its file, and by its run where that is model.safetensors, as all runs' are."""
    if is_hub_reference(model):
        return parse_reference(model).name
    path = Path(model)
    return path.resolve().parent.name if path.name == "model.safetensors" else path.stem


def train_encoder_on(
    datasets: Sequence[Path],
    run: RunOptions | None = None,
    *,
    model: str,
    settings: EncoderTrainConfig | None = None,
    tight_datasets: Sequence[Path] = (),
    crop: float = 1.0,
) -> Path:
    """Train a model's encoder on one or more datasets.

    Parameters
    ----------
    datasets : sequence of Path
        Folders, zip, npy or idx files; see `dcgan.training.sources.open_source`.
    run : RunOptions, optional
        The run folder and what is written to it. By default runs/MODEL-encoder, and runs/RUN-encoder for a run's model.
    model : str
        Name of a bundled model or path of a model file.
    settings : EncoderTrainConfig, optional
        How the encoder is trained.
    tight_datasets : sequence of Path, default ()
        Of pictures that show the tight square of the model's frame alone.
    crop : float, default 1
        The middle of each picture of `datasets` that is used, as a share of its shorter side.

    Returns
    -------
    Path
        Path of the exported model file.

    Raises
    ------
    RunError, DatasetError, ModelFileError, ValueError
        See `train_encoder`.
    """
    run = run or RunOptions()
    steer_engine(run.device)
    sources, tight_sources = ([open_source(path) for path in paths] for paths in (datasets, tight_datasets))
    prior = load_model(model)
    folder = run.folder or Path("runs") / f"{_model_name(model)}-encoder"

    def report(line: str) -> None:
        if not run.quiet:
            tqdm.write(printable(line), file=sys.stderr)

    if run.device not in ("auto", "cpu"):
        report(f"device: {run.device}")
    progress = False if run.quiet else None
    data, *more = (
        load_pictures(each, prior.config, report=report, crop=share, cache_dir=run.cache_dir, progress=progress)
        for each, share in ((sources, crop), (tight_sources, 1.0))
        if each
    )
    count = sum(len(each.pictures) for each in (data, *more))
    report(f"{count:,} pictures; the encoder of {model}; run folder {folder}")
    return train_encoder(
        data,
        folder,
        prior=prior,
        settings=settings,
        run=run.config,
        tight=more[0] if more else None,
        dataset_names=[path.name for path in (*datasets, *tight_datasets)],
        overwrite=run.overwrite,
        start_from=load_model(run.start_from) if run.start_from else None,
        report=report,
        progress=progress,
    )

"""From paths to a trained model: what dcgan-train does, as a function."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.training.dataset import CachedPictures, cache_pictures
from dcgan.model_file import load_model
from dcgan.training.sources import Source, open_source, source_channels
from dcgan.training.train import Report, train

__all__ = ["load_pictures", "train_on"]

DEFAULT_SIZE = 64
UNREADABLE_SHOWN = 10


def train_on(
    datasets: Sequence[Path],
    run_dir: Path | None = None,
    *,
    model_options: dict[str, Any],
    settings: TrainConfig | None = None,
    run: RunConfig | None = None,
    cache_dir: Path | None = None,
    overwrite: bool = False,
    start_from: str | None = None,
    quiet: bool = False,
) -> Path:
    """Train on one or more datasets.

    Parameters
    ----------
    datasets : folders, zips, .npy or idx files (see `dcgan.training.sources.open_source`)
    run_dir : the run's folder; default runs/NAME of the first dataset
    model_options : fields of `ModelConfig`; a size or channels of None is taken from the data
    settings, run : see `dcgan.training.train.train`
    cache_dir : for decoded pictures
    overwrite : start over where the folder holds a run
    start_from : a bundled model's name or a model file whose weights a new run starts from
    quiet : report nothing

    Returns
    -------
    Path
        Of the exported model.
    """
    sources = [open_source(path) for path in datasets]
    model = _model_config(sources, model_options)
    folder = run_dir or Path("runs") / datasets[0].resolve().name.lstrip(".").split(".")[0]

    def report(line: str) -> None:
        if not quiet:
            tqdm.write(line, file=sys.stderr)

    data = load_pictures(sources, model, report=report, cache_dir=cache_dir, progress=False if quiet else None)
    report(f"{len(data.pictures):,} pictures of {model.size}x{model.size}x{model.channels}; run folder {folder}")
    names = [path.name for path in datasets]
    return train(
        data,
        folder,
        model=model,
        settings=settings,
        run=run,
        dataset_names=names,
        overwrite=overwrite,
        start_from=load_model(start_from) if start_from else None,
        report=report,
        progress=False if quiet else None,
    )


def _model_config(sources: Sequence[Source], options: dict[str, Any]) -> ModelConfig:
    """Return the networks' configuration, with what the user left open taken from the data."""
    options = dict(options)
    if options.get("size") is None:
        options["size"] = sources[0].native_size or DEFAULT_SIZE
    channels = options.get("channels")
    options["channels"] = source_channels(sources) if channels is None else int(channels)
    return ModelConfig(**options)


def load_pictures(
    sources: Sequence[Source],
    model: ModelConfig,
    *,
    report: Report,
    cache_dir: Path | None = None,
    progress: bool | None = None,
) -> CachedPictures:
    """Decode or find the pictures, and name those that cannot be read.

    Parameters
    ----------
    sources : what to read (see `dcgan.training.sources.open_source`)
    model : whose size and channels the pictures are brought to
    report : called with a line of text for each of the first unreadable pictures
    cache_dir : for decoded pictures
    progress : draw a progress bar; by default where stderr is a terminal
    """
    bar = tqdm(unit=" pictures", desc="decoding", disable=None if progress is None else not progress, delay=1.0)

    def decoded(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        data = cache_pictures(sources, size=model.size, channels=model.channels, cache_dir=cache_dir, progress=decoded)
    if data.unreadable:
        report(f"{len(data.unreadable)} pictures cannot be read and are left out:")
        for line in data.unreadable[:UNREADABLE_SHOWN]:
            report(f"  {line}")
        if len(data.unreadable) > UNREADABLE_SHOWN:
            report(f"  and {len(data.unreadable) - UNREADABLE_SHOWN} more")
    return data

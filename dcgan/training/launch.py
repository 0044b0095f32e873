"""From dataset paths to a trained model: the work of dcgan-train, as a function."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dcgan.command import RunOptions
from dcgan.config import ModelConfig, TrainConfig
from dcgan.devices_options import Devices
from dcgan.engine_device import steer_engine
from dcgan.errors import OptionError
from dcgan.model_file import load_model
from dcgan.terminal import bar_size, printable
from dcgan.training.dataset import CachedPictures, cache_pictures
from dcgan.training.devices import joined
from dcgan.training.sources import Source, first_lines, open_source, say_cut, source_channels
from dcgan.training.team import Lost, Team
from dcgan.training.train import Report, rehearse, train

__all__ = ["load_pictures", "train_on"]

DEFAULT_SIZE = 64


def train_on(
    datasets: Sequence[Path],
    run: RunOptions | None = None,
    *,
    model: ModelConfig | None = None,
    settings: TrainConfig | None = None,
    size: int | None = None,
    channels: int | None = None,
    crop: float = 1.0,
    dry_run: bool = False,
    devices: Devices | None = None,
    on_lost: Lost | None = None,
) -> Path | None:
    """Train a model on one or more datasets, or resume a run.

    Parameters
    ----------
    datasets : sequence of pathlib.Path
        Folders, zip files, .npy arrays or idx files; see `dcgan.training.sources.open_source`.
    run : RunOptions, optional
        The run folder and what is written to it. By default runs/NAME, with the name of the first dataset.
    model : ModelConfig, optional
        Configuration of the model, without its size and channels.
    settings : TrainConfig, optional
        Settings of the training.
    size : int, optional
        Side of the pictures in pixels; by default the data's own, or 64.
    channels : int, optional
        1 (grey) or 3 (RGB); by default the data's own.
    crop : float, default 1
        The middle of each picture that is used, as a share of its shorter side.
    dry_run : bool, default False
        Decode the pictures, do one step of everything, report what the training would take, and write nothing else.
    devices : Devices, optional
        On which devices, and in how many processes.
    on_lost : callable, optional
        See `dcgan.training.devices.joined`.

    Returns
    -------
    pathlib.Path or None
        Path of the exported model; None of a dry run, and in all processes but process 0.

    Raises
    ------
    DatasetError
        A dataset cannot be read, too few of its pictures can, or there are fewer pictures than one batch.
    ModelFileError
        The model to start from cannot be loaded.
    RunError
        See `dcgan.training.train.train`.
    ValueError
        A setting is out of range, there is no such device, or the model to start from has another configuration.
    """
    devices = devices or Devices()
    if dry_run and devices.coordinator:
        raise OptionError(f"Expected one process with `dry_run`. Received: coordinator={devices.coordinator}")
    if run is not None and run.device != "auto" and (devices.devices is not None or devices.coordinator):
        raise OptionError(f"Expected `device` auto with several devices or processes. Received: device={run.device}")
    with joined(devices, on_lost=on_lost) as team:
        form: dict[str, Any] = {"size": size, "channels": channels, "crop": crop, "dry_run": dry_run}
        options = dataclasses.replace(run or RunOptions(), quiet=(run or RunOptions()).quiet or not team.leads)
        return _train_in(team, datasets, options, model=model, settings=settings, devices=devices.devices, **form)


def _train_in(
    team: Team,
    datasets: Sequence[Path],
    run: RunOptions,
    *,
    model: ModelConfig | None,
    settings: TrainConfig | None,
    size: int | None,
    channels: int | None,
    crop: float,
    dry_run: bool,
    devices: int | None,
) -> Path | None:
    """Train as one of several processes, or as the only one; see `train_on`."""
    steer_engine(run.device)
    sources = [open_source(path) for path in datasets]
    model = dataclasses.replace(
        model or ModelConfig(),
        size=size or sources[0].native_size or DEFAULT_SIZE,
        channels=channels or source_channels(sources),
    )
    folder = run.folder or Path("runs") / datasets[0].resolve().name.lstrip(".").split(".")[0]

    def report(line: str) -> None:
        if not run.quiet:
            tqdm.write(printable(line), file=sys.stderr)

    if run.device not in ("auto", "cpu"):
        report(f"device: {run.device}")
    progress = False if run.quiet else None
    data = load_pictures(sources, model, report=report, crop=crop, cache_dir=run.cache_dir, progress=progress)
    report(f"{len(data.pictures):,} pictures of {model.size}x{model.size}x{model.channels}; run folder {folder}")
    if not dry_run:
        report(f"to watch it: tensorboard --logdir {folder / 'tensorboard'} (pip install tensorboard)")
    start_from = load_model(run.start_from) if run.start_from and team.leads else None
    if dry_run:
        form: dict[str, Any] = {"model": model, "settings": settings, "run": run.config}
        for line in rehearse(data, folder, **form, start_from=start_from, devices=devices):
            tqdm.write(printable(line))
        return None
    names = [path.name for path in datasets]
    path = train(
        data,
        folder,
        model=model,
        settings=settings,
        run=run.config,
        dataset_names=names,
        overwrite=run.overwrite,
        start_from=start_from,
        report=report,
        progress=progress,
        devices=devices,
        team=team,
    )
    return path if team.leads else None


def load_pictures(
    sources: Sequence[Source],
    model: ModelConfig,
    *,
    report: Report,
    crop: float = 1.0,
    cache_dir: Path | None = None,
    progress: bool | None = None,
) -> CachedPictures:
    """Decode the pictures, or take them from the cache; report what is left out and what cannot be read.

    Parameters
    ----------
    sources : sequence of Source
        The datasets; see `dcgan.training.sources.open_source`.
    model : ModelConfig
        Its size and channels are those of the decoded pictures.
    report : callable
        Called with a line for each dataset of which something is left out, and for the first unreadable pictures.
    crop : float, default 1
        See `dcgan.training.dataset.cache_pictures`.
    cache_dir : pathlib.Path, optional
        Folder for decoded pictures; see `dcgan.training.dataset.default_cache_dir` for the default.
    progress : bool, optional
        Whether to show a progress bar; by default only where stderr is a terminal.

    Returns
    -------
    CachedPictures
        The decoded pictures.

    Raises
    ------
    DatasetError
        See `dcgan.training.dataset.cache_pictures`.
    """
    for source in sources:
        if source.left_out:
            report(source.left_out)
    disabled = None if progress is None else not progress
    bar = tqdm(unit=" pictures", desc="decoding", disable=disabled, delay=1.0, **bar_size())

    def decoded(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        form: dict[str, Any] = {"size": model.size, "channels": model.channels, "crop": crop}
        data = cache_pictures(sources, **form, cache_dir=cache_dir, progress=decoded)
    if data.unreadable:
        report(f"{len(data.unreadable)} pictures cannot be read and are left out:")
        with first_lines(lambda line: report(f"  {line}")) as tell:
            for line in data.unreadable:
                tell(line)
    if data.cut:
        report(say_cut(data.cut))
    if data.guessed:
        count = len(data.guessed)
        report(f"{count:,} picture{'s are' if count > 1 else ' is'} read with a guess:")
        with first_lines(lambda line: report(f"  {line}"), what="with a guess") as tell:
            for line in data.guessed:
                tell(line)
    return data

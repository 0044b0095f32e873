"""The commands dcgan-train and dcgan-cache: each parses its options and calls a function."""

import time
from pathlib import Path
from typing import Any

import click

from dcgan.command import (
    FolderPath,
    DEFAULTS,
    common_errors,
    crop_option,
    end_at_once,
    read_run_options,
    read_settings,
    run_options,
    shown_default,
)
from dcgan.config import DISCRIMINATOR_NORMS, KEPT, PRECISIONS, ModelConfig, RunConfig, TrainConfig
from dcgan.devices_options import Devices, devices_options
from dcgan.recipe_options import read_recipe, recipe_options
from dcgan.terminal import printable

__all__ = ["cache_command", "train_command"]

MODEL, TRAIN, RUN = ModelConfig(), TrainConfig(), RunConfig()


@click.command(
    "dcgan-train",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-train --dataset aligned",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder of aligned pictures (searched recursively), .zip, .npy array (N, H, W[, C]) or MNIST idx3 file; "
    "may be given several times.",
)
@click.option("--size", type=int, help="Side of the pictures, in pixels.  [default: 64, or that of an array]")
@click.option(
    "--channels", type=click.Choice(["1", "3"]), help="1 for grey, 3 for RGB.  [default: 3, or that of an array]"
)
@crop_option
@click.option("--latent-dim", type=int, help="Number of entries of the latents z.", **shown_default(MODEL.latent_dim))
@click.option(
    "--filters",
    type=int,
    help="Channels of the feature maps at half the picture's size.",
    **shown_default(MODEL.filters),
)
@click.option(
    "--widening",
    type=int,
    help="Largest number of channels of a feature map, as a multiple of --filters.",
    **shown_default(MODEL.widening),
)
@click.option(
    "--margin",
    type=float,
    help="How the faces were aligned: dcgan-align's --margin; the model's file says it.",
    **shown_default(MODEL.margin),
)
@click.option("--kernel-size", type=int, help="Side of the kernels, in pixels.", **shown_default(MODEL.kernel_size))
@click.option(
    "--discriminator-norm",
    type=click.Choice(DISCRIMINATOR_NORMS),
    help="Normalisation in the discriminator: BatchNorm or spectral.",
    **shown_default(MODEL.discriminator_norm),
)
@click.option("--epochs", type=int, help="Number of passes over the pictures.", **shown_default(TRAIN.epochs))
@click.option("--batch-size", type=int, help="Pictures in a batch.", **shown_default(TRAIN.batch_size))
@click.option(
    "--learning-rate",
    type=float,
    help="Adam's learning rate for the generator.",
    **shown_default(TRAIN.learning_rate),
)
@click.option(
    "--discriminator-learning-rate",
    type=float,
    help="Adam's learning rate for the discriminator.  [default: that for the generator]",
)
@click.option("--beta-1", type=float, help="Adam's decay rate of the first moment.", **shown_default(TRAIN.beta_1))
@click.option(
    "--label-smoothing",
    type=float,
    help="One-sided label smoothing: the discriminator's target for real pictures is 1 minus this.",
    **shown_default(TRAIN.label_smoothing),
)
@click.option(
    "--ema-momentum",
    type=float,
    help="Decay of the exponential moving average of the weights, which is exported; 0: export the weights themselves.",
    **shown_default(TRAIN.ema_momentum),
)
@click.option("--flip/--no-flip", help="Mirror each picture with probability 1/2.", **shown_default(TRAIN.flip))
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Precision of the arithmetic; mixed_bfloat16 is faster on processors and GPUs that support bfloat16.",
    **shown_default(TRAIN.precision),
)
@click.option(
    "--seed",
    type=int,
    help="Seed of the initial weights, the order of the pictures, mirroring and latents.",
    **shown_default(TRAIN.seed),
)
@click.option(
    "--held-out",
    type=int,
    help="Pictures, chosen by the seed, that are not trained on but compared with; see --measure-epochs.",
    **shown_default(TRAIN.held_out),
)
@click.option(
    "--measure-epochs",
    type=int,
    help="Passes between two measurements of the distance of samples to real pictures; 0: none.",
    **shown_default(RUN.measure_epochs),
)
@click.option(
    "--keep",
    type=click.Choice(KEPT),
    help="The model that stays at the end: that of the last step, or the best that was measured.",
    **shown_default(RUN.keep),
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Do one step of everything, say what time, memory and disk the training would take, and write nothing.",
)
@devices_options
@recipe_options
@run_options
@common_errors("the same command resumes from the last checkpoint")
def train_command(*, datasets: tuple[Path, ...], crop: float, dry_run: bool, **options: Any) -> None:
    """Train a DCGAN on aligned faces, or on other pictures of one kind.

    Writes losses, TensorBoard logs, sample grids, checkpoints and model.safetensors to the run folder, and prints the
    path of the model. After an interruption, the same command resumes the run from its last checkpoint.
    """
    settings = read_recipe(click.get_current_context(), options)
    size, channels = settings["size"], settings["channels"]
    networks = {name: value for name, value in settings.items() if name not in ("size", "channels")}
    networks |= {} if size is None else {"size": size}
    model, training = read_settings(ModelConfig, networks), read_settings(TrainConfig, settings)
    run, devices = read_run_options(options), read_settings(Devices, options)
    from dcgan.quiet import quiet_import

    with quiet_import():
        from dcgan.training.launch import train_on

    shape: dict[str, Any] = {"size": size, "channels": None if channels is None else int(channels), "crop": crop}
    where: dict[str, Any] = {"devices": devices, "on_lost": end_at_once}
    path = train_on(datasets, run, model=model, settings=training, dry_run=dry_run, **shape, **where)
    if path is not None:
        click.echo(printable(path))


@click.command(
    "dcgan-cache",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-cache --clear",
)
@click.option(
    "--cache-dir",
    type=FolderPath(),
    help="Folder for decoded pictures.  [default: ~/.cache/dcgan]",
)
@click.option("--clear", is_flag=True, help="Remove all decoded datasets; the next training decodes its own again.")
@common_errors("what was removed stays removed")
def cache_command(*, cache_dir: Path | None, clear: bool) -> None:
    """Show or empty the folder of decoded datasets.

    Training decodes every dataset once and keeps the result. The environment variable DCGAN_CACHE_GB limits what is
    kept, 8 GB by default; the least recently used dataset goes first. Models of the hub lie beside the datasets and do
    not count: dcgan-models lists and removes them.
    """
    from dcgan.training.cache_limit import GB, cache_limit, cached_datasets, clear_cache, default_cache_dir

    folder = cache_dir or default_cache_dir()
    datasets = cached_datasets(folder)
    if clear:
        clear_cache(folder)
        click.echo(
            f"removed {len(datasets)} datasets, {sum(each.size for each in datasets) / GB:.2f} GB: {printable(folder)}"
        )
        return
    for each in datasets:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.used))
        click.echo(f"{each.size / GB:8.2f} GB  last used {used}  {printable(each.description)}")
    total = sum(each.size for each in datasets) / GB
    click.echo(f"{total:8.2f} GB in {len(datasets)} datasets, limit {cache_limit() / GB:g} GB: {printable(folder)}")

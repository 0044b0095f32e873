"""The commands dcgan-train and dcgan-sample: each parses its options and calls a function."""

import time
from pathlib import Path
from typing import Any

import click

from dcgan.command import (
    FolderPath,
    DEFAULTS,
    common_errors,
    crop_option,
    device_option,
    echo_device,
    read_run_options,
    read_settings,
    run_options,
    shown_default,
)
from dcgan.config import DEFAULT_MODEL, DISCRIMINATOR_NORMS, PRECISIONS, SEED_MAX, ModelConfig, TrainConfig
from dcgan.recipe_options import read_recipe, recipe_options
from dcgan.terminal import printable
from dcgan.errors import OptionError

__all__ = ["cache_command", "sample_command", "train_command"]

MODEL, TRAIN = ModelConfig(), TrainConfig()
SHEET_PIXELS_MAX = 2**26


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
@recipe_options
@run_options
@common_errors("the same command resumes from the last checkpoint")
def train_command(*, datasets: tuple[Path, ...], crop: float, **options: Any) -> None:
    """Train a DCGAN on aligned faces, or on other pictures of one kind.

    Writes losses, TensorBoard logs, sample grids, checkpoints and model.safetensors to the run folder, and prints the
    path of the model. After an interruption, the same command resumes the run from its last checkpoint.
    """
    settings = read_recipe(click.get_current_context(), options)
    size, channels = settings["size"], settings["channels"]
    networks = {name: value for name, value in settings.items() if name not in ("size", "channels")}
    networks |= {} if size is None else {"size": size}
    model, training = read_settings(ModelConfig, networks), read_settings(TrainConfig, settings)
    run = read_run_options(options)
    from dcgan.quiet import quiet_import

    with quiet_import():
        from dcgan.training.launch import train_on

    shape: dict[str, Any] = {"size": size, "channels": None if channels is None else int(channels), "crop": crop}
    click.echo(printable(train_on(datasets, run, model=model, settings=training, **shape)))


@click.command(
    "dcgan-sample",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-sample --model faces-128 --output faces.png",
)
@click.option("--model", **shown_default(DEFAULT_MODEL), help="A bundled model's name or the path of a model file.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Picture file to write.",
    **shown_default("samples.png"),
)
@click.option("--count", type=click.IntRange(1, 10_000), help="Number of pictures in the grid.", **shown_default(64))
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="Seed of the latents.", **shown_default(0))
@device_option
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a picture.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("nothing was written")
def sample_command(
    *, model: str, output: Path, count: int, seed: int, device: str, overwrite: bool, quiet: bool
) -> None:
    """Write a grid of pictures drawn from a model."""
    from dcgan.device import find_device
    from dcgan.pictures.replacing import check_replaceable

    check_replaceable(output, overwrite=overwrite)
    from dcgan.model_file import load_model
    from dcgan.pictures.saving import save_picture
    from dcgan.pictures.values import make_grid
    from dcgan.sampling import sample

    found = find_device(device)
    prior = load_model(model)
    most = SHEET_PIXELS_MAX // prior.config.size**2
    if count > most:
        raise OptionError(f"Expected --count of at most {most} with pictures of this size. Received: {count}")
    if not quiet:
        echo_device(found)
    save_picture(output, make_grid(sample(prior, count, seed=seed, device=found.name)))
    if not quiet:
        click.echo(printable(output))


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
    kept, 8 GB by default; the least recently used dataset goes first.
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

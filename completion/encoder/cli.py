"""The command dcgan-train-encoder: parse the options and call `completion.encoder.train.train_encoder_on`."""

from pathlib import Path
from typing import Any

import click

from completion.encoder.config import EncoderTrainConfig
from dcgan.command import (
    DEFAULTS,
    common_errors,
    crop_option,
    read_run_options,
    read_settings,
    run_options,
    shown_default,
)
from dcgan.config import DEFAULT_MODEL, MODEL_HELP, PRECISIONS
from dcgan.terminal import printable

__all__ = ["train_encoder_command"]

TRAIN = EncoderTrainConfig()


@click.command(
    "dcgan-train-encoder",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-train-encoder --model faces-128 --dataset aligned",
)
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="As for dcgan-train: a folder, a .zip, an .npy or an MNIST idx3 file; may be given several times.",
)
@click.option(
    "--tight-dataset",
    "tight_datasets",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="As --dataset, of faces that were aligned without the model's margin: the middle of its frame.",
)
@crop_option
@click.option("--model", help=MODEL_HELP, **shown_default(DEFAULT_MODEL))
@click.option("--epochs", type=int, help="Passes over the pictures.", **shown_default(TRAIN.epochs))
@click.option("--batch-size", type=int, help="Pictures in a training step.", **shown_default(TRAIN.batch_size))
@click.option(
    "--learning-rate", type=float, help="Adam's learning rate at the first step.", **shown_default(TRAIN.learning_rate)
)
@click.option("--beta-1", type=float, help="Adam's first-moment decay.", **shown_default(TRAIN.beta_1))
@click.option("--hole-weight", type=float, help="Weight of the error in the hole.", **shown_default(TRAIN.hole_weight))
@click.option(
    "--log-weight",
    type=float,
    help="Weight of the logarithm of the squared error in the hole.",
    **shown_default(TRAIN.log_weight),
)
@click.option(
    "--latent-weight",
    type=float,
    help="Weight of the errors of G(z), the picture without the offset.",
    **shown_default(TRAIN.latent_weight),
)
@click.option(
    "--adversarial-weight",
    type=float,
    help="Weight of the critic's adversarial loss; 0: none.",
    **shown_default(TRAIN.adversarial_weight),
)
@click.option(
    "--feature-weight",
    type=float,
    help="Weight of the feature matching loss of the critic; 0: none.",
    **shown_default(TRAIN.feature_weight),
)
@click.option(
    "--patch-weight",
    type=float,
    help="Weight of the adversarial loss of the hole's parts, which the critic judges one by one; 0: none.",
    **shown_default(TRAIN.patch_weight),
)
@click.option(
    "--gradient-penalty",
    type=float,
    help="Weight of the penalty of the critic's gradient (R1), which keeps the critic from winning; 0: none.",
    **shown_default(TRAIN.gradient_penalty),
)
@click.option(
    "--ema-momentum",
    type=float,
    help="Decay of the exported average of the weights.",
    **shown_default(TRAIN.ema_momentum),
)
@click.option("--flip/--no-flip", help="Mirror half of the pictures.", **shown_default(TRAIN.flip))
@click.option(
    "--moved",
    type=float,
    help="Share of the pictures that are moved, turned and zoomed a little.",
    **shown_default(TRAIN.moved),
)
@click.option(
    "--framed", type=float, help="Share of the pictures whose surroundings are unknown.", **shown_default(TRAIN.framed)
)
@click.option(
    "--worn",
    type=float,
    help="Share of the pictures that look old: grey, toned, faded, blurred, noisy, compressed.",
    **shown_default(TRAIN.worn),
)
@click.option(
    "--offset-maps",
    type=int,
    help="How many of the generator's feature maps, from the largest down, the encoder adds to.  "
    "[default: as in the model]",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Arithmetic; mixed_bfloat16 is faster on hardware with bfloat16 instructions and slower elsewhere.",
    **shown_default(TRAIN.precision),
)
@click.option(
    "--seed",
    type=int,
    help="Seed of the initial weights, the order of the pictures, mirroring and masks.",
    **shown_default(TRAIN.seed),
)
@run_options
@common_errors("the same command resumes from the last checkpoint")
def train_encoder_command(
    *, datasets: tuple[Path, ...], tight_datasets: tuple[Path, ...], crop: float, model: str, **options: Any
) -> None:
    """Train a model's encoder on aligned faces.

    The encoder maps a damaged picture to the latent vector of its completion, so that completing a picture takes one
    pass instead of hundreds of search steps. Writes the same files as dcgan-train; model.safetensors includes the
    encoder. After an interruption the same command resumes the run. Prints the path of the model.
    """
    settings, run = read_settings(EncoderTrainConfig, options), read_run_options(options)
    from dcgan.quiet import quiet_import

    with quiet_import():
        from completion.encoder.train import train_encoder_on

    more: dict[str, Any] = {"settings": settings, "tight_datasets": tight_datasets, "crop": crop}
    click.echo(printable(train_encoder_on(datasets, run, model=model, **more)))

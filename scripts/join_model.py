"""Make a model file of the weights that scripts/train_on_gpu.py wrote.

    python scripts/join_model.py START.safetensors GENERATOR.safetensors ENCODER.safetensors MODEL.safetensors \
        --dataset FACES.zip [--tight-dataset FACES.zip]

GENERATOR may be START itself where only the encoder was trained further. Averaged weights need BatchNorm statistics of
their own: those of the generator are estimated from random latents, those of the encoder from damaged pictures of the
training sets.
"""

import dataclasses
from pathlib import Path

import click
import numpy as np
import safetensors.numpy


@click.command(help=__doc__)
@click.argument("start", type=click.Path(path_type=Path, exists=True))
@click.argument("generator", type=click.Path(path_type=Path, exists=True))
@click.argument("encoder", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--dataset", "datasets", type=click.Path(path_type=Path, exists=True), multiple=True, required=True)
@click.option("--tight-dataset", "tight_datasets", type=click.Path(path_type=Path, exists=True), multiple=True)
@click.option("--info", default="", help="A line about the training, for the model file.")
def main(
    start: Path,
    generator: Path,
    encoder: Path,
    model: Path,
    datasets: tuple[Path, ...],
    tight_datasets: tuple[Path, ...],
    info: str,
) -> None:
    """Join the weights."""
    from completion.encoder.config import EncoderTrainConfig
    from completion.encoder.data import DamagedBatches
    from completion.encoder.train import SETTLING_BATCHES, _batch_input
    from dcgan.encoder import build_encoder
    from dcgan.model_file import load_model, save_model
    from dcgan.networks import build_discriminator, build_generator, fold_spectral_norm
    from dcgan.training.averages import estimate_batch_norm, estimate_generator_batch_norm
    from dcgan.training.launch import load_pictures
    from dcgan.training.sources import open_source

    prior = load_model(str(start))
    keeps_generator = generator == start
    tensors = safetensors.numpy.load_file(encoder)
    if not keeps_generator:
        tensors |= safetensors.numpy.load_file(generator)

    def weights_of(name: str) -> list[np.ndarray]:
        return [tensors[key].astype(np.float32) for key in sorted(tensors) if key.startswith(f"{name}/")]

    config = prior.config
    if keeps_generator:
        networks = prior.generator, prior.discriminator, build_encoder(config)
    else:
        is_spectral = len(weights_of("discriminator")) != len(prior.discriminator.get_weights())
        config = dataclasses.replace(config, discriminator_norm="spectral" if is_spectral else "batch")
        networks = build_generator(config), build_discriminator(config), build_encoder(config)
        for name, network in zip(("generator", "discriminator"), networks[:2], strict=True):
            network.set_weights(weights_of(name))
        estimate_generator_batch_norm(networks[0], batches=64)
        fold_spectral_norm(networks[1])
    networks[2].set_weights(weights_of("encoder"))
    data, *more = (
        load_pictures([open_source(path) for path in paths], config, report=click.echo)
        for paths in (datasets, tight_datasets)
        if paths
    )
    settings = EncoderTrainConfig(batch_size=64, moved=0.6, framed=0.25, worn=0.35)
    tight = more[0].pictures if more else None
    batches = DamagedBatches(data.pictures, settings, tight=tight, margin=config.margin)
    estimate_batch_norm(networks[2], (_batch_input(batches[10**6 + index]) for index in range(2 * SETTLING_BATCHES)))
    save_model(
        model, networks[0], networks[1], config=config, info={**prior.info, "training": info}, encoder=networks[2]
    )


if __name__ == "__main__":
    main()

"""Measure a model's samples against real pictures of its size: kernel and Frechet distance.

    python scripts/measure_samples.py MODEL.safetensors DATASET [--crop SHARE] [--count 1000]

DATASET is what dcgan-train takes; pictures that are not of the training show what the model can do. The features are
those of `dcgan-train --measure-epochs`, from convolutions of fixed random weights. A second line compares two halves of
the real pictures: the distance that a perfect model would have.
"""

import os
from pathlib import Path

import click
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from dcgan.distances import frechet_distance, kernel_distance
from dcgan.model_file import load_model
from dcgan.sampling import sample
from dcgan.training.features import RandomFeatures
from dcgan.training.launch import load_pictures
from dcgan.training.sources import open_source


@click.command(help=__doc__)
@click.argument("model")
@click.argument("dataset", type=click.Path(exists=True, path_type=Path))
@click.option("--crop", default=1.0, show_default=True, help="As that of dcgan-train.")
@click.option("--count", default=1000, show_default=True, help="Pictures on each side.")
def main(model: str, dataset: Path, crop: float, count: int) -> None:
    """Print both distances."""
    prior = load_model(model)
    describe = RandomFeatures(prior.config.size, prior.config.channels)
    data = load_pictures([open_source(dataset)], prior.config, report=click.echo, crop=crop)
    rows = np.random.default_rng(0).permutation(len(data.pictures))[: 2 * count]
    real = np.asarray(data.pictures[np.sort(rows)])
    for name, pictures in (("samples", sample(prior, count, seed=1)), ("other real pictures", real[1::2])):
        first, second = describe(real[::2]), describe(pictures)
        kernel = kernel_distance(first, second)
        frechet = frechet_distance(first, second)
        click.echo(f"{name}: kernel {kernel.mean:.4f} [{kernel.low:.4f}, {kernel.high:.4f}], Frechet {frechet:.2f}")


if __name__ == "__main__":
    main()

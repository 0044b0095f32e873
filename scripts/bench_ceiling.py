"""Measure the reconstruction limit of the generator: its best PSNR for a fully known face bounds every completion.

Adam minimises the mean squared error of the whole picture from one random z, over z alone, and over z and the offsets
of the last feature maps. Print the PSNR of whole pictures, mean over faces.
"""

from pathlib import Path

import click
import keras
import numpy as np
from keras import ops

from completion.evaluation.faces import read_faces
from completion.search.adam import start_latents
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.encoder import decode, offset_shapes
from dcgan.model_file import load_model
from dcgan.pictures.values import to_float

KINDS = {"z": False, "z and offsets": True}


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--model", default="faces-128", show_default=True)
@click.option("--count", default=32, show_default=True, help="Faces.")
@click.option("--steps", default=300, show_default=True)
def main(faces: Path, model: str, count: int, steps: int) -> None:
    """Print the PSNR for each set of variables."""
    prior = load_model(model)
    config = prior.config
    targets = to_float(read_faces(faces, count, size=config.size).pictures)
    for name, has_offset in KINDS.items():
        shapes = offset_shapes(config) if has_offset else []
        ends = np.cumsum([config.latent_dim, *(np.prod(shape) for shape in shapes)]).tolist()

        def losses(point, shapes=shapes, ends=ends):
            z = ops.clip(point[:, : config.latent_dim], -1.0, 1.0)
            pieces = zip(shapes, ends[:-1], ends[1:], strict=True)
            offsets = [ops.reshape(point[:, start:end], (-1, *shape)) for shape, start, end in pieces]
            drawn = decode(prior.generator, config, z, offsets=offsets)
            return ops.mean(ops.square(drawn - targets), axis=(1, 2, 3)), ()

        start = start_latents(count, config.latent_dim)
        point = keras.Variable(
            np.concatenate([start, np.zeros((count, ends[-1] - config.latent_dim), np.float32)], axis=1)
        )
        rate = keras.optimizers.schedules.CosineDecay(0.1, steps)
        optimizer = keras.optimizers.Adam(rate)
        gradient_of = compile_function(value_and_grad(losses))
        for _ in range(steps):
            (values, _), gradient = gradient_of(point.value)
            optimizer.apply_gradients([(gradient, point)])
        (values, _), _ = gradient_of(point.value)
        psnr = 10.0 * np.log10(4.0 / ops.convert_to_numpy(values))
        click.echo(f"{name}: {psnr.mean():.2f} dB (least {psnr.min():.2f})")


if __name__ == "__main__":
    main()

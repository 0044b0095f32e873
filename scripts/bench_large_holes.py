"""Measure how long methods that solve an equation take for large holes, at full resolution and as they are bounded.

The picture is a photograph enlarged to the size at which a square of a quarter of it, or a random mask of 80%, hides
the given number of pixels.
"""

import time
from pathlib import Path

import click
import numpy as np

from completion.blending.classical import fill_classical
from completion.methods import MethodOptions, make_method
from dcgan.pictures.files import read_picture
from dcgan.pictures.values import crop_square, resize_picture


def make_holes(unknowns: int) -> dict[str, np.ndarray]:
    """Return masks, bool (side, side), that hide about so many pixels."""
    side = round(unknowns**0.5)
    square = np.zeros((2 * side, 2 * side), np.bool_)
    square[side // 2 : side // 2 + side, side // 2 : side // 2 + side] = True
    side = round((unknowns / 0.8) ** 0.5)
    return {"square": square, "random 80%": np.random.default_rng(0).random((side, side)) < 0.8}


def psnr(filled: np.ndarray, picture: np.ndarray, hole: np.ndarray) -> float:
    """Return the hole PSNR in dB."""
    return float(10 * np.log10(255**2 / ((filled[hole].astype(float) - picture[hole]) ** 2).mean()))


@click.command()
@click.option("--photograph", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--unknowns", default="250000,1000000,4000000", help="Numbers of missing pixels.")
@click.option("--exact-max", default=1_000_000, help="Most missing pixels that are filled at full resolution too.")
def main(photograph: Path, unknowns: str, exact_max: int) -> None:
    """Print seconds and the hole PSNR."""
    original = crop_square(read_picture(photograph))
    for count in (int(part) for part in unknowns.split(",")):
        for shape, hole in make_holes(count).items():
            picture = resize_picture(original, hole.shape)
            for name in ("biharmonic", "harmonic"):
                started = time.perf_counter()
                filled = make_method(name, MethodOptions()).prepare(picture, hole).compose(np.empty(0, np.float32))
                seconds = time.perf_counter() - started
                line = f"{hole.sum():8,} {shape:11} {name:11} {seconds:6.1f} s, {psnr(filled, picture, hole):.2f} dB"
                if count <= exact_max:
                    started = time.perf_counter()
                    filled = fill_classical(name, picture[None], hole[None])[0]
                    seconds = time.perf_counter() - started
                    line += f"; at full resolution {seconds:6.1f} s, {psnr(filled, picture, hole):.2f} dB"
                click.echo(line)


if __name__ == "__main__":
    main()

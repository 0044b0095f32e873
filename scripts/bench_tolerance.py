"""Measure what a relative error of conjugate gradients is in grey levels, for both equations over several holes.

Each hole of a photograph is solved by a factorisation and by the iteration, which stops at several relative errors.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from completion.blending import solvers
from completion.blending.biharmonic import BiharmonicSolver
from completion.blending.poisson import PoissonSolver
from dcgan.pictures.files import read_picture
from dcgan.pictures.values import crop_square, resize_picture

SIDE = 512
ALL = 10**9  # a hole of any size is factorised
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6)
EQUATIONS = {"poisson": PoissonSolver, "biharmonic": BiharmonicSolver}


def make_holes() -> Iterator[tuple[str, tuple[slice, slice], NDArray[np.bool_]]]:
    """Yield holes: their names, the rows and columns of the picture that are used, and the masks of these."""
    whole, part = (slice(0, SIDE), slice(0, SIDE)), (slice(100, 300), slice(150, 350))
    ys, xs = np.indices((SIDE, SIDE))
    across, down = abs(xs - SIDE // 2), abs(ys - SIDE // 2)
    yield "square, 200 px", whole, (across < 100) & (down < 100)
    yield "square, 300 px", whole, (across < 150) & (down < 150)
    yield "left third", whole, xs < SIDE // 3
    yield "random 80%, 256 px", whole, (across < 128) & (down < 128) & (np.random.default_rng(0).random(xs.shape) < 0.8)
    yield "strip, 20x500 px", whole, (across < 250) & (down < 10)
    yield "disc, radius 120 px", whole, across**2 + down**2 < 120**2
    yield "200 px but a corner of 6 px", part, ~((ys < 106) & (xs < 156))[part]


@click.command()
@click.option("--photograph", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(photograph: Path) -> None:
    """Print the largest error in the hole, in grey levels, for each relative error."""
    original = resize_picture(crop_square(read_picture(photograph)), (SIDE, SIDE)).astype(float)
    solvers.MAX_ITERATIONS = 10_000
    for name, part, hole in make_holes():
        picture = original[part]
        nothing = np.zeros_like(picture)
        for equation, solver_class in EQUATIONS.items():
            exact = solver_class(hole, _direct_limit=ALL).blend(nothing, picture).clip(0, 255)
            solver = solver_class(hole, _direct_limit=0)
            errors = []
            for tolerance in TOLERANCES:
                solvers.TOLERANCE = tolerance
                solved = solver.blend(nothing, picture).clip(0, 255)
                errors.append(f"{tolerance:g}: {np.abs(solved - exact)[hole].max():.2f}")
            click.echo(f"{name:27} {equation:10} {', '.join(errors)}")


if __name__ == "__main__":
    main()

"""Show whether augmentation leaks into samples: compare colours and flat squares of sample grids with those of faces.

    python scripts/check_augmentation.py --faces part1.zip out/plain-0.jpg out/DiffAugment-0.jpg

DiffAugment (Zhao et al. 2020, arXiv:2006.10738) changes brightness, saturation and contrast of what the discriminator
sees, moves it and cuts squares out of it. A generator that learned to draw that would draw pictures whose brightness
and saturation spread more than those of real ones, borders of black, and flat grey squares.
"""

import zipfile
from pathlib import Path

import click
import cv2
import numpy as np

from train_on_gpu import read_grid

FLAT = 2.0  # grey levels: standard deviation within a flat patch
PATCH = 12


def figures(pictures: np.ndarray) -> list[float]:
    """Return the spread of brightness, saturation and contrast, and the shares with dark borders and flat squares."""
    values = pictures.astype(np.float32)
    grey = values.mean(axis=3)
    saturation = (values.max(axis=3) - values.min(axis=3)).mean(axis=(1, 2))
    border = np.concatenate([grey[:, :, :3].mean(axis=(1, 2))[:, None], grey[:, :, -3:].mean(axis=(1, 2))[:, None]], 1)
    size = grey.shape[1]
    inside = [
        grey[:, y : y + PATCH, x : x + PATCH].std(axis=(1, 2))
        for y in range(size // 4, 3 * size // 4 - PATCH + 1, 4)
        for x in range(size // 4, 3 * size // 4 - PATCH + 1, 4)
    ]
    flat = np.min(inside, axis=0) < FLAT
    spreads = [float(each.std()) for each in (grey.mean(axis=(1, 2)), saturation, grey.std(axis=(1, 2)))]
    return [*spreads, float((border.min(axis=1) < 4).mean()), float(flat.mean())]


@click.command(help=__doc__)
@click.argument("grids", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--faces", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--size", default=64, show_default=True)
@click.option("--count", default=2000, show_default=True, help="Faces.")
def main(grids: tuple[Path, ...], faces: Path, size: int, count: int) -> None:
    """Print a table."""
    with zipfile.ZipFile(faces) as file:
        names = sorted(file.namelist())
        real = [
            np.asarray(cv2.imdecode(np.frombuffer(file.read(name), np.uint8), cv2.IMREAD_COLOR))[..., ::-1]
            for name in names[:: max(1, len(names) // count)]
        ]
    print("| pictures | brightness | saturation | contrast | dark border | flat square |\n|---|---|---|---|---|---|")
    sets = {"faces": np.stack([cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA) for each in real])}
    sets |= {grid.stem: read_grid(grid, size) for grid in grids}
    for name, pictures in sets.items():
        *spreads, dark, flat = figures(pictures)
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in spreads)} | {dark:.1%} | {flat:.1%} |")


if __name__ == "__main__":
    main()

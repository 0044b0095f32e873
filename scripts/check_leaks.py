"""Look for pictures of an evaluation set that are in a training set: near copies, and people of the same name.

Every picture of one set is compared with every picture of the other, as it is and mirrored: the middle of each is
16 x 16 grey values of mean 0 and length 1, whose correlation is computed for all pairs. A person's name is
what comes before a last underscore and four digits, as in Labeled Faces in the Wild; other names tell nobody.

The exit code is 1 where a near copy or a name of both sets is found.
"""

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import crop_square, make_grid, resize_picture
from dcgan.training.sources import open_source

SIDE = 16
SHOWN = 20
SHEET_SIDE = 96
CHUNK = 4096  # pictures of a training set that are compared at once
PERSON = re.compile(r"([^/\\:]*[A-Za-z][^/\\:]*)_\d{4}\.\w+$")

Picture = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]


class PictureSet:
    """The pictures of a folder, zip, .npy or idx file that can be read, and their descriptors.

    Parameters
    ----------
    path : Path
    crop : float
        Side of the described square in the middle of each picture, as a share of the picture's side.
    """

    def __init__(self, path: Path, *, crop: float) -> None:
        self.path, self._crop, self._source = path, crop, open_source(path)
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(self._describe, range(len(self._source))))
        rows = [index for index, each in enumerate(found) if each is not None]
        self.names = [self._source.name(index) for index in rows]
        self.descriptors = np.array([each for each in found if each is not None], np.float32).reshape(-1, SIDE**2)
        self._rows = rows

    def read(self, row: int) -> Picture:
        """Return the described part of a picture, uint8 (H, W, 3)."""
        return self._middle(self._rows[row])

    def _middle(self, index: int) -> Picture:
        square = crop_square(self._source.read(index, 3))
        edge = round((1.0 - self._crop) / 2.0 * len(square))
        return square[edge : len(square) - edge, edge : len(square) - edge]

    def _describe(self, index: int) -> Array | None:
        """Return a picture's descriptor, or None where it cannot be read."""
        try:
            return describe(self._middle(index))
        except ImageFileError as error:
            click.echo(f"left out: {error}", err=True)
            return None


def describe(picture: Picture) -> Array:
    """Return 16 x 16 grey values of mean 0 and length 1, float32 (256,)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None]
    values = resize_picture(grey, (SIDE, SIDE)).astype(np.float32).ravel()
    values -= values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-6), np.float32)


def mirrored(descriptors: Array) -> Array:
    """Return the descriptors of the mirrored pictures."""
    return np.ascontiguousarray(descriptors.reshape(-1, SIDE, SIDE)[:, :, ::-1]).reshape(-1, SIDE**2)


def near_copies(one: Array, other: Array, *, threshold: float) -> list[tuple[float, int, int]]:
    """Return the pairs, (correlation, row of one, row of the other), that correlate most, one for each row of one."""
    best, where = np.full(len(one), -1.0, np.float32), np.zeros(len(one), np.intp)
    for start in range(0, len(other), CHUNK):
        part = other[start : start + CHUNK]
        correlation = np.maximum(one @ part.T, mirrored(one) @ part.T)
        found = correlation.argmax(axis=1)
        value = correlation[np.arange(len(one)), found]
        where[value > best] = start + found[value > best]
        best = np.maximum(best, value)
    rows = np.flatnonzero(best >= threshold)
    return sorted(((float(best[row]), int(row), int(where[row])) for row in rows), reverse=True)


def people(names: list[str]) -> set[str]:
    """Return the names of people in names of files."""
    return {match[1] for name in names if (match := PERSON.search(name))}


@click.command()
@click.option("--evaluation", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--training", required=True, multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--evaluation-crop", default=1.0, show_default=True, type=click.FloatRange(0.1, 1.0), help="Middle share compared."
)
@click.option(
    "--training-crop",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 1.0),
    help="The same of the training sets; 0.667 where they have a margin of 0.25 and the evaluation's faces none.",
)
@click.option("--threshold", default=0.97, show_default=True, type=click.FloatRange(-1.0, 1.0), help="Of a near copy.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write the closest pairs to a picture.")
def main(
    evaluation: Path,
    training: tuple[Path, ...],
    evaluation_crop: float,
    training_crop: float,
    threshold: float,
    sheet: Path | None,
) -> None:
    """Print near copies and names that both sets have."""
    faces = PictureSet(evaluation, crop=evaluation_crop)
    leaks, tiles = 0, []
    for path in training:
        learned = PictureSet(path, crop=training_crop)
        pairs = near_copies(faces.descriptors, learned.descriptors, threshold=threshold)
        shared = sorted(people(faces.names) & people(learned.names))
        leaks += len(pairs) + len(shared)
        click.echo(
            f"{evaluation.name} ({len(faces.names):,}) and {path.name} ({len(learned.names):,}): "
            f"{len(pairs)} near copies, {len(shared)} people of one name"
        )
        for correlation, row, other in pairs[:SHOWN]:
            click.echo(f"  {correlation:.3f} {faces.names[row]} {learned.names[other]}")
            tiles += [faces.read(row), learned.read(other)]
        for name in shared[:SHOWN]:
            click.echo(f"  {name}")
    if sheet and tiles:
        save_picture(sheet, make_grid(np.stack([resize_picture(each, (SHEET_SIDE, SHEET_SIDE)) for each in tiles])))
    sys.exit(1 if leaks else 0)


if __name__ == "__main__":
    main()

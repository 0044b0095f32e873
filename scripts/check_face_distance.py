"""Check that distances of the face embedding reflect identity and damage in aligned pictures.

Two kinds of input for dlib's network are compared: the whole picture at 150x150, as in
`completion.evaluation.face_distance` ("whole"), and the picture at its position in dlib's own face chip, with its
border replicated ("framed"). For both, print the probability that two pictures of one person are closer than pictures
of two people (the area under the ROC curve; 0.5 is chance), and the mean distance between a picture and the same
picture with a blurred centre of increasing size. Names of people come from file names as in Labeled Faces in the Wild,
NAME_0001.jpg. Needs the extra "evaluate".
"""

import re
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np

from completion.evaluation.faces import read_faces
from completion.evaluation.face_distance import FaceEmbedder, identity_distance
from masks import MaskSpec, make_mask

CHIP_SIZE = 150
SCALES = (0.125, 0.25, 0.5, 0.75)  # side of the blurred centre as a fraction of the picture's
# Inner eye corners and bottom lip (landmarks 39, 42, 57) as fractions of the side: in this project's alignment,
# OpenFace's min-max template, and in dlib's face chip, whose mean face has a padding of 0.25 around it.
OURS = np.array([[0.3638, 0.1779], [0.6190, 0.1728], [0.5002, 0.7506]], np.float32)
DLIBS = (np.array([[0.3346, 0.2317], [0.6456, 0.2317], [0.4901, 0.9093]], np.float32) + 0.25) / 1.5


def framed(pictures: np.ndarray) -> np.ndarray:
    """Return aligned pictures, (B, S, S, 3), at their position in dlib's face chip, (B, 150, 150, 3)."""
    matrix = cv2.getAffineTransform(OURS * pictures.shape[1], DLIBS.astype(np.float32) * CHIP_SIZE)
    options = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REPLICATE}
    return np.stack([cv2.warpAffine(picture, matrix, (CHIP_SIZE, CHIP_SIZE), **options) for picture in pictures])


def area_under_curve(same: np.ndarray, different: np.ndarray) -> float:
    """Return the probability that a distance between pictures of one person is less than one between two people."""
    return float((same[:, None] < different[None]).mean() + 0.5 * (same[:, None] == different[None]).mean())


def blurred(pictures: np.ndarray, scale: float) -> np.ndarray:
    """Return pictures with a strongly blurred centre."""
    hole = make_mask(MaskSpec(scale=scale), pictures.shape[1:3])
    blur = np.stack([cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 8) for picture in pictures])
    return np.where(hole[..., None], blur, pictures)


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=2000, show_default=True, help="Pictures that are looked at for pairs.")
@click.option("--pairs", "pair_count", default=200, show_default=True, help="Pairs of each kind, at most.")
@click.option("--size", default=64, show_default=True, help="Side of the pictures in pixels.")
def main(faces: Path, count: int, pair_count: int, size: int) -> None:
    """Print a line for each kind of input."""
    chosen = read_faces(faces, count, size=size)
    people: dict[str, list[int]] = {}
    for index, name in enumerate(chosen.names):
        if found := re.fullmatch(r"(.*[A-Za-z])_\d{4}\.jpg", Path(name).name):
            people.setdefault(found[1], []).append(index)
    same = np.array([indices[:2] for indices in people.values() if len(indices) > 1][:pair_count])
    if len(same) < 2:
        raise click.ClickException(f"{faces}: expected at least two people with two pictures each (NAME_0001.jpg)")
    embed = FaceEmbedder()
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {"whole": lambda pictures: pictures, "framed": framed}
    for way, place in ways.items():
        first, second = (embed(place(chosen.pictures[side])) for side in same.T)
        area = area_under_curve(identity_distance(first, second), identity_distance(first, np.roll(second, 1, axis=0)))
        damage = [
            identity_distance(first, embed(place(blurred(chosen.pictures[same[:, 0]], scale)))).mean()
            for scale in SCALES
        ]
        grown = ", ".join(f"{scale:.3f}: {distance:.3f}" for scale, distance in zip(SCALES, damage, strict=True))
        click.echo(f"{way}: {len(same)} pairs of each kind, area under the curve {area:.3f}; blurred centre {grown}")


if __name__ == "__main__":
    main()

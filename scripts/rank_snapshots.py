"""Rank model files by the Fréchet distance between what they draw and faces that no training has seen.

The distance (Heusel et al. 2017, arXiv:1706.08500) is taken in the 128-dimensional embedding of dlib's face recognition
network rather than in Inception's features: it looks at faces, and its weights come from a package. Lower is better.
Needs the extra "bench". A second set of real faces gives the distance that sampling alone accounts for.
"""

import importlib.metadata
from pathlib import Path

import click
import numpy as np
from bench_quality import load_faces
from scipy.linalg import sqrtm

from dcgan.model_file import load_model
from dcgan.pictures import make_grid, resize_picture, save_picture
from dcgan.sampling import sample

NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
CHIP_SIZE = 150  # what the network takes


class Embedder:
    """dlib's face recognition network."""

    def __init__(self) -> None:
        import dlib

        files = importlib.metadata.files("face_recognition_models") or []
        path = next(file.locate() for file in files if file.name == NETWORK)
        self.network = dlib.face_recognition_model_v1(str(path))

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Return the embeddings, (B, 128)."""
        chips = [np.ascontiguousarray(resize_picture(picture, (CHIP_SIZE, CHIP_SIZE))) for picture in pictures]
        return np.concatenate(
            [
                np.array(self.network.compute_face_descriptor(chips[start : start + 32]))
                for start in range(0, len(chips), 32)
            ]
        )


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the squared Fréchet distance between the normal distributions of two sets of rows."""
    means = first.mean(axis=0), second.mean(axis=0)
    covariances = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    mixed = sqrtm(covariances[0] @ covariances[1])
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * mixed.real))


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True, help="Pictures on each side.")
@click.option(
    "--grids", type=click.Path(path_type=Path), help="Write a grid of each model's pictures into this folder."
)
def main(models: tuple[str, ...], faces: Path, count: int, grids: Path | None) -> None:
    """Print a line for each model, and one for real faces against real faces."""
    embed = Embedder()
    prior = load_model(models[0])
    _, real = load_faces(faces, 2 * count, prior.config.size)
    reference, other = embed(real[::2]), embed(real[1::2])
    click.echo(f"{frechet_distance(reference, other):.4f}  real faces against other real faces")
    for name in models:
        pictures = sample(load_model(name), count, seed=1)
        click.echo(f"{frechet_distance(reference, embed(pictures)):.4f}  {name}")
        if grids:
            grids.mkdir(parents=True, exist_ok=True)
            save_picture(grids / f"{Path(name).stem}.png", make_grid(pictures[:64]))


if __name__ == "__main__":
    main()

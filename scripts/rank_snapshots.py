"""Rank model files by the Fréchet distance between their samples and faces that are not in the training set.

The distance (Heusel et al. 2017, arXiv:1706.08500) is measured in the 128-dimensional embedding of dlib's face
recognition network, not in Inception's features: it is trained on faces, and a Python package has its weights. Lower is
better. A second set of real faces gives the distance that is due to sampling alone. Needs the extra "evaluate".
"""

from pathlib import Path

import click

from completion.evaluation.face_distance import FaceEmbedder
from dcgan.distances import frechet_distance
from completion.evaluation.faces import read_faces
from dcgan.model_file import load_model
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import make_grid
from dcgan.sampling import sample


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True, help="Pictures on each side.")
@click.option(
    "--grids", type=click.Path(path_type=Path), help="Write a grid of each model's pictures into this folder."
)
def main(models: tuple[str, ...], faces: Path, count: int, grids: Path | None) -> None:
    """Print a line for each model, and one for two sets of real faces."""
    embed = FaceEmbedder()
    prior = load_model(models[0])
    real = read_faces(faces, 2 * count, size=prior.config.size).pictures
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

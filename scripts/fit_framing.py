"""Fit how tight and wide aligned faces are told apart by four points that BlazeFace finds in them.

    python scripts/fit_framing.py --tight tight-train-utkface.zip --wide wide-train-celeba.zip --wide wide-train-lfw.zip

Prints the constants of completion/framing_points.py; MEAN is PLACES of dcgan/faces/behind.py. The faces are training
faces, whole and with a part hidden.
"""

from pathlib import Path

import click
import numpy as np

MASKS = ("", "center", "left", "right", "bottom", "top", "medium", "thick", "random")
ODD = 30.0  # squared Mahalanobis distance of points that are left out: hardly those of a face


@click.command(help=__doc__)
@click.option("--tight", type=click.Path(path_type=Path, exists=True), multiple=True, required=True)
@click.option("--wide", type=click.Path(path_type=Path, exists=True), multiple=True, required=True)
@click.option("--count", default=150, show_default=True, help="Faces of each set and mask.")
@click.option("--seed", default=3, show_default=True)
def main(tight: tuple[Path, ...], wide: tuple[Path, ...], count: int, seed: int) -> None:
    """Fit and print."""
    from completion.framing import WIDE_MARGIN
    from completion.framing_points import in_tight_square

    found = {kind: [_points(path, count, seed) for path in paths] for kind, paths in (("tight", tight), ("wide", wide))}
    tights, wides = (np.concatenate(parts).reshape(-1, 8) for parts in found.values())
    spread = (np.cov(tights.T) + np.cov(wides.T)) / 2.0
    weights = np.linalg.solve(spread, tights.mean(axis=0) - wides.mean(axis=0))
    bias = -float(weights @ (tights.mean(axis=0) + wides.mean(axis=0))) / 2.0
    margins = {"tight": 0.0, "wide": WIDE_MARGIN}
    squares = np.concatenate(
        [in_tight_square(points, margins[kind]).reshape(-1, 8) for kind, parts in found.items() for points in parts]
    )
    for _ in range(4):
        mean, inverse = squares.mean(axis=0), np.linalg.inv(np.cov(squares.T))
        squares = squares[np.einsum("ni,ij,nj->n", squares - mean, inverse, squares - mean) < ODD]
    mean, covariance = squares.mean(axis=0), np.cov(squares.T)
    for name, values in {"WEIGHTS": weights, "BIAS": bias, "MEAN": mean, "COVARIANCE": 1e4 * covariance}.items():
        click.echo(f"{name} = {np.round(values, 3 if name == 'MEAN' else 2).tolist()}")


def _points(path: Path, count: int, seed: int) -> np.ndarray:
    """Return the points (N, 4, 2) of the faces that are seen in some pictures of a set."""
    from completion.framing_points import SEEN_SCORE, VIEWS, face_points
    from dcgan.training.sources import open_source
    from masks import MaskSpec, make_mask

    source, points = open_source(path), []
    rows = np.random.default_rng(seed).choice(len(source), min(count, len(source)), replace=False)
    for name in MASKS:
        for row in rows:
            picture = source.read(int(row), 3)
            shape = picture.shape[:2]
            mask = make_mask(MaskSpec(name), shape, seed=(seed, int(row))) if name else np.zeros(shape, np.bool_)
            points += [view.points for view in face_points(picture, mask, views=VIEWS[1:2], min_score=SEEN_SCORE)]
    return np.array(points)


if __name__ == "__main__":
    main()

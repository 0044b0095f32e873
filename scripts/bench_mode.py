"""Measure how often pictures are rightly taken as aligned faces or as photographs.

The pictures are aligned faces, the same set into blurred surroundings, and photographs. The holes of aligned faces are
those of the named masks. A photograph has its holes, one a run, over the middle of each face that is detected in it
without a hole, and at random places. Every picture must be known by what its hole leaves.
"""

import time
from collections import Counter
from pathlib import Path

import click
import numpy as np
from bench_faces import align, hide

from completion.evaluation.faces import read_faces
from completion.methods import MethodOptions, make_method
from dcgan.config import DEFAULT_MODEL
from dcgan.errors import NoFaceError
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import GivenFaces
from dcgan.model_file import load_model
from dcgan.pictures.files import read_picture
from dcgan.pictures.names import is_picture_name
from masks import MaskSpec, make_mask

AUTO = GivenFaces(mode="auto")
ALIGNED_HOLES = ("center", "left", "medium", "random")


def mode_of(method, picture: np.ndarray, mask: np.ndarray) -> str:
    """Return what a picture is taken as: "aligned", "photograph" or, where it is refused, "refused"."""
    try:
        return method.see(picture, mask, AUTO).mode
    except NoFaceError:
        return "refused"


def report(name: str, modes: list[str], seconds: float) -> None:
    """Print a row of the table."""
    counts = Counter(modes)
    cells = [str(counts[mode]) for mode in ("aligned", "photograph", "refused")]
    click.echo(f"| {name} | {len(modes)} | {' | '.join(cells)} | {1000 * seconds / max(len(modes), 1):.0f} |")


def photograph_holes(picture: np.ndarray, detector: FaceDetector, rng: np.random.Generator) -> list[np.ndarray]:
    """Return holes in a photograph: the middle of each face's frame, and three squares at random places."""
    height, width = picture.shape[:2]
    found = [face for face in detector.detect(picture) if face.score > 0.5]
    holes = [hide((height, width), align(face.landmarks), MaskSpec("center"), 0) for face in found]
    for _ in range(3):
        side = int(rng.uniform(0.1, 0.35) * min(height, width))
        top, left = rng.integers(0, height - side), rng.integers(0, width - side)
        mask = np.zeros((height, width), bool)
        mask[top : top + side, left : left + side] = True
        holes.append(mask)
    return holes


@click.command()
@click.option("--faces", type=click.Path(exists=True, path_type=Path), required=True, help="Aligned faces.")
@click.option("--photographs", type=click.Path(exists=True, path_type=Path), multiple=True, required=True)
@click.option("--side", type=int, multiple=True, default=(64, 128, 512), help="Of the aligned faces, in pixels.")
@click.option("--count", default=200, help="Number of aligned faces.")
def main(faces: Path, photographs: tuple[Path, ...], side: tuple[int, ...], count: int) -> None:
    """Print what aligned faces and photographs are taken as."""
    detector = FaceDetector()
    method = make_method("fast", MethodOptions(load_model(DEFAULT_MODEL), detector=detector))
    click.echo("| pictures | number | aligned | photograph | refused | ms each |\n|---|---|---|---|---|---|")
    for each in side:
        loaded = read_faces(faces, count, size=each).pictures
        for hole in ALIGNED_HOLES:
            modes, started = [], time.perf_counter()
            for index, picture in enumerate(loaded):
                modes.append(mode_of(method, picture, make_mask(MaskSpec(hole), (each, each), seed=index)))
            report(f"aligned, {each} px, {hole}", modes, time.perf_counter() - started)
    rng = np.random.default_rng(0)
    for folder in photographs:
        paths = sorted(path for path in folder.iterdir() if is_picture_name(path.name))
        modes, started = [], time.perf_counter()
        for path in paths:
            picture = read_picture(path)
            modes += [mode_of(method, picture, mask) for mask in photograph_holes(picture, detector, rng)]
        report(str(folder.name), modes, time.perf_counter() - started)


if __name__ == "__main__":
    main()

"""Measure what a misplaced face costs: a model's hole PSNR of aligned faces, and of the same faces misplaced.

    python scripts/bench_misplaced.py --faces wide-eval.zip --model faces-128 --model faces-64

The face moves under the hole, which stays at its place in the frame: by 8% of the frame's side in a random direction,
zoomed to 0.85, or turned by 10 degrees to a random side. What lies beyond the source picture's edge is a reflection and
is not counted. All pictures are resampled in the same way, the aligned ones too.

Something else is in the hole then, which may be easier or harder to fill. So the classical method that is best on the
aligned faces fills the same holes. The lead is the model's PSNR minus that of the classical method. Changes are paired
differences to the aligned faces, [low, high] the 95% interval of a bootstrap over the faces.
"""

import dataclasses
from pathlib import Path

import click
import cv2
import numpy as np

from completion.config import CLASSICAL_METHODS, FRAMINGS
from completion.evaluation.bootstrap import mean_interval
from completion.evaluation.faces import Faces, make_masks, read_faces
from completion.evaluation.methods import make_compared_method
from completion.evaluation.metrics import psnr
from dcgan.model_file import load_model
from dcgan.pictures.values import resize_picture

FINE = 4  # faces are moved at this multiple of their size, then reduced: no method may profit from blurred pictures
BATCH = 50  # pictures completed together
HEADINGS = ("model", "mask", "faces", "PSNR", "change", "classical", "PSNR", "change", "lead", "change of the lead")


@dataclasses.dataclass(frozen=True)
class Misplacement:
    """How far a face is from its place: a share of the frame's side, a factor, degrees."""

    moved: float = 0.0
    zoomed: float = 1.0
    turned: float = 0.0


ALIGNED = "aligned"
MISPLACEMENTS = {
    ALIGNED: Misplacement(),
    "moved by 8%": Misplacement(moved=0.08),
    "zoomed to 0.85": Misplacement(zoomed=0.85),
    "turned by 10 degrees": Misplacement(turned=10.0),
}


def misplace(
    picture: np.ndarray, misplacement: Misplacement, *, size: int, direction: float = 0.0, side: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture whose face is misplaced, (size, size, C), and where it is not reflected, (size, size) bool.

    The face is moved towards `direction`, in radians (0 = right, a quarter turn = down), and turned counter-clockwise
    where `side` is 1, clockwise where it is -1.
    """
    frame = len(picture)
    middle = (frame - 1) / 2
    there = cv2.getRotationMatrix2D((middle, middle), side * misplacement.turned, misplacement.zoomed)
    there[:, 2] += misplacement.moved * frame * np.array([np.cos(direction), np.sin(direction)])
    shape = (frame, frame)
    moved = cv2.warpAffine(picture, there, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    inside = cv2.warpAffine(np.ones(shape, np.float32), there, shape, flags=cv2.INTER_NEAREST)
    kept = cv2.resize(inside, (size, size), interpolation=cv2.INTER_AREA) > 0.999
    return resize_picture(moved, (size, size)), kept


def misplace_all(faces: Faces, misplacement: Misplacement, *, size: int, seed: int) -> tuple[Faces, np.ndarray]:
    """Return all faces misplaced, each in its own direction, and where they are not reflected, (N, size, size) bool."""
    rng = np.random.default_rng(seed)
    pairs = [
        misplace(picture, misplacement, size=size, direction=rng.uniform(0, 2 * np.pi), side=rng.choice((-1, 1)))
        for picture in faces.pictures
    ]
    pictures, kept = (np.stack(parts) for parts in zip(*pairs, strict=True))
    return Faces(faces.names, pictures), kept


def measure(
    method: str, cases: dict[str, tuple[Faces, np.ndarray]], *, model: str, mask: str, framing: str
) -> dict[str, np.ndarray]:
    """Return the hole PSNR of each face, (N,), for each misplacement."""
    fill = make_compared_method(method, load_model(model), rows=BATCH, framing=framing).fill
    found = {}
    for name, (faces, kept) in cases.items():
        masks = make_masks(mask, faces)
        parts = [slice(start, start + BATCH) for start in range(0, len(masks), BATCH)]
        completed = np.concatenate([fill(faces.pictures[part], masks[part]) for part in parts])
        found[name] = np.array([psnr(*each) for each in zip(faces.pictures, completed, masks & kept, strict=True)])
    return found


def shown(values: np.ndarray) -> str:
    """Return a mean difference with its interval, as text."""
    interval = mean_interval(values)
    return f"{interval.mean:+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


@click.command(help=__doc__)
@click.option("--faces", "path", required=True, type=click.Path(exists=True, path_type=Path), help="A zip or a folder.")
@click.option("--model", "models", multiple=True, default=("faces-128",), show_default=True)
@click.option("--method", default="fast", show_default=True)
@click.option("--mask", "masks", multiple=True, default=("center", "left"), show_default=True)
@click.option("--count", default=200, show_default=True, help="Faces, a seeded choice.")
@click.option("--size", default=128, show_default=True, help="Side to which faces are brought, in pixels.")
@click.option("--framing", type=click.Choice(FRAMINGS), default="auto", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(
    path: Path,
    models: tuple[str, ...],
    method: str,
    masks: tuple[str, ...],
    count: int,
    size: int,
    framing: str,
    seed: int,
) -> None:
    """Measure and print a table."""
    faces = read_faces(path, count, size=FINE * size, seed=seed)
    cases = {name: misplace_all(faces, each, size=size, seed=seed) for name, each in MISPLACEMENTS.items()}
    aligned = {ALIGNED: cases[ALIGNED]}
    click.echo("| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS))
    for mask in masks:
        trials = {
            name: measure(name, aligned, model=models[0], mask=mask, framing=framing) for name in CLASSICAL_METHODS
        }
        classical = max(trials, key=lambda name: trials[name][ALIGNED].mean())
        theirs = measure(classical, cases, model=models[0], mask=mask, framing=framing)
        for model in models:
            ours = measure(method, cases, model=model, mask=mask, framing=framing)
            for name in cases:
                lead = ours[name] - theirs[name]
                first = ours[ALIGNED] - theirs[ALIGNED]
                changes = ours[name] - ours[ALIGNED], theirs[name] - theirs[ALIGNED], lead - first
                own, other, of_lead = ("" if name == ALIGNED else shown(values) for values in changes)
                figures = f"{ours[name].mean():.2f}", own, classical, f"{theirs[name].mean():.2f}", other, shown(lead)
                click.echo("| " + " | ".join((model, mask, name, *figures, of_lead)) + " |")


if __name__ == "__main__":
    main()

"""Compare harmonic blending, biharmonic blending and the automatic choice between them for all kinds of masks.

For each mask, print the depth of the deepest hole as a fraction of the picture's side (mean over masks) and the hole
PSNR (uint8 RGB, mean over pictures) after blending three kinds of generated pictures: zeros, which is interpolation;
the original picture, blurred and 20 grey levels too bright; the output of the model. Pictures and masks are the same
for all methods. With --photos, the masks are discs of several radii in the central 512 pixels of photographs instead.
"""

import zlib
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np

from completion.blending.biharmonic import biharmonic_blend
from completion.completer import Completer
from completion.evaluation.faces import read_faces
from completion.blending.geometry import geometry_blend, hole_depths
from completion.blending.poisson import poisson_blend
from dcgan.faces.placement import Placement
from dcgan.model_file import load_model
from dcgan.pictures.files import read_picture
from masks import MaskSpec, make_mask

SPECS = {
    "center": MaskSpec("center"),
    "center, a quarter": MaskSpec("center", scale=0.25),
    "center, an eighth": MaskSpec("center", scale=0.125),
    "left": MaskSpec("left"),
    **{f"random {fraction:.0%}": MaskSpec("random", fraction=fraction) for fraction in (0.2, 0.5, 0.8, 0.9, 0.95)},
    **{f"grid {step}": MaskSpec("grid", step=step) for step in (2, 3, 4, 6, 8)},
    **{name: MaskSpec(name) for name in ("thin", "medium", "thick", "strokes")},
}
METHODS: dict[str, Callable[..., np.ndarray]] = {
    "harmonic": poisson_blend,
    "biharmonic": biharmonic_blend,
    "auto": geometry_blend,
}
PEAK = 255.0


def hole_psnr(result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the hole PSNR of a result in [-1, 1], rounded to uint8."""
    levels = np.clip(np.rint((result + 1) * (PEAK / 2)), 0, PEAK)
    return float(10 * np.log10(PEAK**2 / max(((levels - truth)[mask] ** 2).mean(), 1e-3)))


def generate(completer: Completer, pictures: np.ndarray, masks: list[np.ndarray]) -> list[np.ndarray]:
    """Return the model's generated picture for each picture, enlarged to the picture's size."""
    generated = completer.complete(list(pictures), masks).generated
    shape = pictures.shape[1:]
    placement = Placement.whole(shape, generated.shape[1])
    return [placement.place(each, (slice(0, shape[0]), slice(0, shape[1])), shape) for each in generated]


def measure(completer: Completer, pictures: np.ndarray, masks: list[np.ndarray]) -> list[float]:
    """Return the mean depth, and the PSNR of each method for each of the three kinds of generated pictures."""
    originals = pictures.astype(np.float32) / (PEAK / 2) - 1
    size = pictures.shape[2]
    blurred = [cv2.GaussianBlur(original, (0, 0), size / 32) + 20 / (PEAK / 2) for original in originals]
    kinds = [[np.zeros_like(original) for original in originals], blurred, generate(completer, pictures, masks)]
    depth = np.mean([hole_depths(mask)[1].max(initial=0.0) for mask in masks]) / size
    figures = [float(depth)]
    for kind in kinds:
        for blend in METHODS.values():
            results = [blend(*arguments) for arguments in zip(kind, originals, masks, strict=True)]
            figures.append(float(np.mean([hole_psnr(*each) for each in zip(results, pictures, masks, strict=True)])))
    return figures


def discs(side: int, radius: int, *, seed: int) -> np.ndarray:
    """Return a mask (side, side) of random discs: 24 small ones, fewer large ones."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    centers = rng.integers(radius + 4, side - radius - 4, (max(1, min(24, 96 // radius)), 2))
    return np.any([(y - cy) ** 2 + (x - cx) ** 2 < radius**2 for cy, cx in centers], axis=0)


def photo_table(folder: Path) -> None:
    """Print the hole PSNR for discs in photographs."""
    crops = []
    for path in sorted(folder.glob("*.jpg")):
        picture = read_picture(path)
        height, width = picture.shape[:2]
        side = min(512, height, width)
        top, left = (height - side) // 2, (width - side) // 2
        crops.append(picture[top : top + side, left : left + side])
    click.echo("| radius | nothing: harmonic | nothing: biharmonic | blurred: harmonic | blurred: biharmonic |")
    click.echo("|---|---|---|---|---|")
    for radius in (2, 4, 8, 12, 16, 32):
        masks = [discs(len(crop), radius, seed=index) for index, crop in enumerate(crops)]
        originals = [crop.astype(np.float32) / (PEAK / 2) - 1 for crop in crops]
        blurred = [cv2.GaussianBlur(original, (0, 0), 16) + 20 / (PEAK / 2) for original in originals]
        figures = []
        for kind in ([np.zeros_like(original) for original in originals], blurred):
            for blend in (poisson_blend, biharmonic_blend):
                results = [blend(*arguments) for arguments in zip(kind, originals, masks, strict=True)]
                figures.append(np.mean([hole_psnr(*each) for each in zip(results, crops, masks, strict=True)]))
        click.echo(f"| {radius} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


@click.command()
@click.option("--faces", type=click.Path(exists=True, path_type=Path), help="A zip of aligned faces.")
@click.option("--photos", type=click.Path(exists=True, path_type=Path), help="A folder of photographs instead.")
@click.option("--model", default="faces-128", show_default=True)
@click.option("--count", default=64, show_default=True, help="Faces.")
@click.option("--size", default=64, show_default=True, help="Side of the faces in pixels.")
@click.option("--method", default="fast", show_default=True)
def main(faces: Path | None, photos: Path | None, model: str, count: int, size: int, method: str) -> None:
    """Print the table."""
    if photos is not None:
        return photo_table(photos)
    if faces is None:
        raise click.UsageError("Expected --faces or --photos.")
    completer = Completer(load_model(model), method)
    chosen = read_faces(faces, count, size=size)
    names, pictures = chosen.names, chosen.pictures
    kinds = ("nothing", "blurred", "the model's")
    click.echo(
        "| mask | depth / side | " + " | ".join(f"{kind}: {method}" for kind in kinds for method in METHODS) + " |"
    )
    click.echo("|---|---|" + "---|" * (len(kinds) * len(METHODS)))
    for title, spec in SPECS.items():
        masks = [make_mask(spec, (size, size), seed=(0, zlib.crc32(name.encode()))) for name in names]
        depth, *figures = measure(completer, pictures, masks)
        click.echo(f"| {title} | {depth:.3f} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")


if __name__ == "__main__":
    main()

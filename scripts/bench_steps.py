"""Measure the effect of search steps after the encoder's prediction, on known pixels and in the hole.

For each mask and setting, print the contextual loss (all known pixels, before blending) and, after automatic blending,
hole PSNR and SSIM (uint8), identity and Fréchet distance (see `completion.evaluation.face_distance`). Faces and masks
are the same for all settings.
"""

import time
from pathlib import Path

import click
import numpy as np

from completion.completer import Completer
from completion.config import PRESETS, choose_search
from completion.evaluation.faces import make_masks, read_faces
from completion.evaluation.face_distance import FaceEmbedder, frechet_distance, identity_distance
from completion.evaluation.metrics import picture_metrics
from dcgan.model_file import load_model

ALL_PIXELS = {"held_out": 0.0, "patience": 0}
FEATURES = {"learning_rate": 0.005, "feature_rate": 0.01}
SETTINGS = {
    "fast: the encoder alone": PRESETS["fast"],
    "balanced: four views": PRESETS["balanced"],
    "best: ten views": PRESETS["best"],
    "balanced and 20 steps in z": choose_search("balanced", iterations=20, **ALL_PIXELS),
    "chosen by held-out pixels": choose_search("balanced", iterations=20),
    "near the start": choose_search("balanced", iterations=20, proximity=1.0, **ALL_PIXELS),
    "100 steps": choose_search("balanced", iterations=100, **ALL_PIXELS),
    "20 steps in z and features": choose_search("balanced", iterations=20, **FEATURES),
    "and the discriminator": choose_search("balanced", iterations=20, perceptual_weight=0.003, **FEATURES),
    "and three candidates": choose_search("balanced", iterations=20, perceptual_weight=0.003, candidates=3, **FEATURES),
}


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--model", default="faces-64", show_default=True)
@click.option("--count", default=64, show_default=True, help="Faces.")
@click.option("--masks", "mask_names", default="center,random", show_default=True)
def main(faces: Path, model: str, count: int, mask_names: str) -> None:
    """Print the table."""
    prior, embedder = load_model(model), FaceEmbedder()
    chosen = read_faces(faces, count, size=prior.config.size)
    originals = embedder(chosen.pictures)
    click.echo("| mask | search | contextual loss | hole PSNR | hole SSIM | identity | Fréchet | ms a picture |")
    click.echo("|---|---|---|---|---|---|---|---|")
    for mask in mask_names.split(","):
        masks = make_masks(mask, chosen)
        for name, config in SETTINGS.items():
            completer = Completer(prior, config)
            completer.search.warm_up(count)
            started = time.perf_counter()
            result = completer.complete_batch(list(chosen.pictures), list(masks))
            spent = (time.perf_counter() - started) / count
            completed = np.stack(result.pictures)
            figures = [picture_metrics(*each) for each in zip(chosen.pictures, completed, masks, strict=True)]
            psnr, ssim = (np.mean([row[key] for row in figures]) for key in ("hole_psnr", "hole_ssim"))
            seen = embedder(completed)
            click.echo(
                f"| {mask} | {name} | {result.contextual.mean():.4f} | {psnr:.2f} | {ssim:.3f} | "
                f"{identity_distance(originals, seen).mean():.4f} | {frechet_distance(originals, seen):.4f} | "
                f"{1000 * spent:.0f} |"
            )


if __name__ == "__main__":
    main()

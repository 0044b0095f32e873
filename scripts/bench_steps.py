"""What a search from the encoder's answer does to the known pixels, and what to the hole.

For every mask and setting: the contextual loss (all known pixels, before blending), and after automatic blending PSNR
and SSIM in the hole (uint8), identity and Fréchet distance (see `completion.face_distance`). The same faces and masks
for all settings.
"""

import time
from pathlib import Path

import click
import numpy as np

from completion.completer import Completer
from completion.config import PRESETS, choose_search
from completion.evaluation_faces import make_masks, read_faces
from completion.face_distance import FaceEmbedder, frechet_distance, identity_distance
from completion.metrics import picture_metrics
from dcgan.model_file import load_model

NO_OPINION = {"perceptual_weight": 0.0, "held_out": 0.0, "patience": 0, "feature_rate": 0.0}
SETTINGS = {
    "fast: the encoder alone": choose_search("fast"),
    "four views": choose_search("balanced", iterations=0),
    "and 20 steps in z": choose_search("balanced", **NO_OPINION, learning_rate=0.02),
    "20 steps in z and features": choose_search("balanced", **{**NO_OPINION, "feature_rate": 0.03}),
    "the same, 100 steps": choose_search("balanced", **{**NO_OPINION, "feature_rate": 0.03}, iterations=100),
    "the same, near the start": choose_search("balanced", **{**NO_OPINION, "feature_rate": 0.03}, proximity=1.0),
    "chosen by held-out pixels": choose_search("balanced", perceptual_weight=0.0),
    "balanced (and the discriminator)": PRESETS["balanced"],
    "ten views": choose_search("best", iterations=0, candidates=1),
    "best with one candidate": choose_search("best", candidates=1),
    "best": PRESETS["best"],
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

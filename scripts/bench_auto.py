"""Compare the model with biharmonic interpolation, to set the threshold of `--method auto`.

For faces of two sizes and many kinds of masks, print the mean depth of the deepest hole in pixels and the hole PSNR
(uint8) of both methods.
"""

from pathlib import Path

import click
import numpy as np

from completion.blending.classical import ClassicalFiller
from completion.completer import Completer
from completion.evaluation.faces import read_faces
from completion.blending.geometry import hole_depths
from completion.evaluation.metrics import picture_metrics
from dcgan.model_file import load_model
from masks import MaskSpec, make_mask

SPECS = {f"random {share:.0%}": MaskSpec("random", fraction=share) for share in (0.1, 0.2, 0.5, 0.8, 0.9)}
SPECS |= {f"grid {step}": MaskSpec("grid", step=step) for step in (2, 3, 4, 6)}
SPECS |= {name: MaskSpec(name) for name in ("thin", "medium", "strokes")}
SPECS |= {f"center {scale}": MaskSpec("center", scale=scale) for scale in (0.05, 0.1, 0.15, 0.2, 0.25)}


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--model", default="faces-128", show_default=True)
@click.option("--method", default="balanced", show_default=True)
def main(faces: Path, model: str, method: str) -> None:
    """Print the table."""
    completer, fill = Completer(load_model(model), method), ClassicalFiller("biharmonic")
    click.echo("| mask | pixels | depth | model | biharmonic |\n|---|---|---|---|---|")
    for side, count in ((64, 32), (128, 16)):
        chosen = read_faces(faces, count, size=side).pictures
        for name, spec in SPECS.items():
            masks = np.stack([make_mask(spec, (side, side), seed=(0, index)) for index in range(count)])
            depth = np.mean([hole_depths(mask)[1].max() for mask in masks])
            completed = completer.complete(list(chosen), list(masks)).pictures
            psnr = [
                np.mean([picture_metrics(*each)["hole_psnr"] for each in zip(chosen, result, masks, strict=True)])
                for result in (completed, fill(chosen, masks))
            ]
            click.echo(f"| {name} | {side} | {depth:.1f} | {psnr[0]:.2f} | {psnr[1]:.2f} |")


if __name__ == "__main__":
    main()

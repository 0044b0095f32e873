"""Measure how often the framing of an aligned face is found out, which is partly hidden.

    python scripts/bench_framing.py --tight FACES.zip --wide FACES.zip --model MODEL --count 200

Prints, for each mask and kind of picture, how many were taken wrongly, how many of those with a note, and how
often the points of a face decided.
"""

from pathlib import Path

import click
import numpy as np


@click.command(help=__doc__)
@click.option("--tight", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--wide", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--model", required=True)
@click.option("--count", default=200, show_default=True, help="Faces of each kind.")
@click.option("--mask", "masks", multiple=True, default=("center", "left", "top", "medium"), show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(tight: Path, wide: Path, model: str, count: int, masks: tuple[str, ...], seed: int) -> None:
    """Measure."""
    from completion.framing import Framer
    from completion.framing_points import framing_by_points
    from dcgan.model_file import load_model
    from dcgan.training.sources import open_source
    from masks import MaskSpec, make_mask

    framer = Framer(load_model(model))
    for mask_name in masks:
        for kind, path in (("tight", tight), ("wide", wide)):
            source = open_source(path)
            rows = np.random.default_rng(seed).choice(len(source), min(count, len(source)), replace=False)
            wrong = noted = decided = 0
            for row in rows:
                picture = source.read(int(row), 3)
                mask = make_mask(MaskSpec(mask_name), picture.shape[:2], seed=(seed, int(row)))
                points = framing_by_points(picture, mask, margin=framer.margin)
                decided += points is not None and points.sure
                framing = framer.find(picture, mask, scores=dict)
                wrong += framing.name != kind
                noted += framing.name != kind and bool(framing.notes)
            click.echo(
                f"{mask_name:8} {kind:5} of {len(rows)}: wrong {wrong}, {noted} of them with a note; "
                f"the points decided {decided}"
            )


if __name__ == "__main__":
    main()

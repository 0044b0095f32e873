"""Measure how often the framing of an aligned face is found out, which is partly hidden.

    python scripts/bench_framing.py --tight FACES.zip --wide FACES.zip --model MODEL --count 200

Prints, for each mask and kind of picture, how many were taken wrongly, how many of those with a note, and how
often the generator alone did not decide.
"""

from functools import partial
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
    from completion import modes
    from completion.framing import Framer
    from dcgan.faces.detector import FaceDetector
    from dcgan.model_file import load_model
    from dcgan.training.sources import open_source
    from masks import MaskSpec, make_mask

    framer, detector = Framer(load_model(model)), FaceDetector()
    for mask_name in masks:
        for kind, path in (("tight", tight), ("wide", wide)):
            source = open_source(path)
            rows = np.random.default_rng(seed).choice(len(source), min(count, len(source)), replace=False)
            wrong = noted = looked = 0
            for row in rows:
                picture = source.read(int(row), 3)
                mask = make_mask(MaskSpec(mask_name), picture.shape[:2], seed=(seed, int(row)))
                look = partial(modes.filling_scores, picture, mask, detector, margins=framer.seen)
                asked = []
                framing = framer.find(picture, mask, scores=lambda look=look, asked=asked: asked.append(1) or look())
                looked += len(asked)
                wrong += framing.name != kind
                noted += framing.name != kind and bool(framing.notes)
            click.echo(
                f"{mask_name:8} {kind:5} of {len(rows)}: wrong {wrong}, {noted} of them with a note; "
                f"the face detector was asked for {looked}"
            )


if __name__ == "__main__":
    main()

"""Plot how error and realism pull apart over several evaluations, e.g. of encoders with an ever stronger critic.

    python scripts/plot_strengths.py critic.png 0=evaluation-0 1=evaluation-1 4=evaluation-4

Each part is a label and the output folder of complete-evaluate. Drawn are the Frechet distance and the sharpness over
the PSNR of the hole, mask by mask, for one method.
"""

import json
from pathlib import Path

import click
import matplotlib.pyplot as plt

MEASURES = {"frechet": "squared Fréchet distance", "hole_sharpness": "sharpness in the hole"}


def value_of(figure: float | dict[str, float]) -> float:
    """Return a figure, or the mean of one with an interval."""
    return figure["mean"] if isinstance(figure, dict) else figure


@click.command(help=__doc__)
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("parts", nargs=-1, required=True, metavar="LABEL=FOLDER...")
@click.option("--mask", "masks", multiple=True, default=("center", "left", "medium"), show_default=True)
@click.option("--method", default="fast", show_default=True)
def main(output: Path, parts: tuple[str, ...], masks: tuple[str, ...], method: str) -> None:
    """Draw the plot."""
    evaluations = {}
    for part in parts:
        label, _, folder = part.partition("=")
        evaluations[label] = json.loads((Path(folder) / "results.json").read_text())["results"]
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(9, 3.6), layout="constrained")
    for axis, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for mask in masks:
            results = [each[mask][method] for each in evaluations.values()]
            points = [(each["hole_psnr"]["mean"], value_of(each[measure])) for each in results]
            axis.plot(*zip(*points, strict=True), marker="o", label=mask)
            for label, point in zip(evaluations, points, strict=True):
                axis.annotate(label, point, xytext=(4, 4), textcoords="offset points")
        axis.set(xlabel="hole PSNR, dB", ylabel=title)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(output, dpi=100)


if __name__ == "__main__":
    main()

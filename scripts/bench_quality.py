"""Compare the latent search with the two published ones and with classical inpainting.

For each mask and method, print the mean absolute error of the known pixels before blending (values in [-1, 1]), PSNR
and SSIM in the hole and over the whole picture after blending (uint8), and the seconds per picture without compilation.
Pictures and masks are the same for all methods.
"""

import json
import time
from pathlib import Path

import click
import numpy as np

from completion.completer import Completer
from completion.config import CLASSICAL_METHODS
from completion.evaluation.faces import make_masks, read_faces
from completion.evaluation.methods import make_compared_method
from completion.evaluation.metrics import picture_metrics, psnr
from dcgan.model_file import Prior, load_model
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import make_grid, to_uint8

SEARCHES = ("yeh2017", "amos2016", "latent")
METRICS = ("hole_psnr", "hole_ssim", "whole_psnr", "whole_ssim")


def quality(truth: np.ndarray, result: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Return the mean PSNR and SSIM in the hole and over the whole picture."""
    rows = [picture_metrics(*each) for each in zip(truth, result, masks, strict=True)]
    return {name: float(np.mean([row[name] for row in rows])) for name in METRICS}


def run_search(
    method: str, prior: Prior, pictures: np.ndarray, masks: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Search, blend and measure; return the metrics and the completed pictures."""
    completer = Completer(prior, method, blend="poisson")  # as in the papers
    completer.warm_up(len(pictures))
    started = time.perf_counter()
    result = completer.complete(list(pictures), list(masks))
    seconds = (time.perf_counter() - started) / len(pictures)
    truth = pictures.astype(np.float32) / 127.5 - 1.0
    known_l1 = float(
        np.mean([np.abs(g - t)[~m].mean() for g, t, m in zip(result.generated, truth, masks, strict=True)])
    )
    pasted = [psnr(*each) for each in zip(pictures, to_uint8(result.generated), masks, strict=True)]
    figures = {"known_l1": known_l1, "hole_psnr_pasted": float(np.mean(pasted))}
    blended = np.stack(result.pictures)
    return {**figures, **quality(pictures, blended, masks), "seconds": seconds}, blended


COLUMNS = ("known_l1", "hole_psnr_pasted", "hole_psnr", "hole_ssim", "whole_psnr", "whole_ssim", "seconds")
HEADINGS = ("known L1", "hole PSNR, pasted", "hole PSNR", "hole SSIM", "whole PSNR", "whole SSIM", "seconds a picture")
DIGITS = (4, 2, 2, 3, 2, 3, 4)


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the metrics as a Markdown table."""
    lines = ["| mask | method | " + " | ".join(HEADINGS) + " |", "|---|---|" + "---|" * len(HEADINGS)]
    for mask, methods in results.items():
        for method, figures in methods.items():
            cells = [f"{figures[c]:.{d}f}" if c in figures else "" for c, d in zip(COLUMNS, DIGITS, strict=True)]
            lines.append(f"| {mask} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="A zip of aligned faces.")
@click.option("--model", default="faces-128", show_default=True)
@click.option("--count", default=64, show_default=True, help="Faces.")
@click.option("--masks", "mask_names", default="center,left,random,grid", show_default=True)
@click.option("--methods", default=",".join((*SEARCHES, *CLASSICAL_METHODS)), show_default=True)
@click.option("--output", default=Path("bench-quality"), type=click.Path(path_type=Path), show_default=True)
def main(faces: Path, model: str, count: int, mask_names: str, methods: str, output: Path) -> None:
    """Print the table; write it as JSON, with a sheet of pictures for each mask."""
    prior = load_model(model)
    chosen = read_faces(faces, count, size=prior.config.size)
    pictures = chosen.pictures
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for mask_name in mask_names.split(","):
        masks = make_masks(mask_name, chosen)
        columns = [pictures, np.where(masks[..., None], np.uint8(128), pictures)]
        results[mask_name] = {}
        for method in methods.split(","):
            if method in CLASSICAL_METHODS:
                fill = make_compared_method(method, prior, rows=count).fill
                started = time.perf_counter()
                filled = fill(pictures, masks)
                seconds = (time.perf_counter() - started) / count
                figures = {**quality(pictures, filled, masks), "seconds": seconds}
            else:
                figures, filled = run_search(method, prior, pictures, masks)
            results[mask_name][method] = figures
            columns.append(filled)
            click.echo(
                f"{mask_name} {method} " + " ".join(f"{name} {value:.4f}" for name, value in figures.items()), err=True
            )
        shown = min(8, count)
        sheet = np.concatenate([column[:shown] for column in columns])
        save_picture(output / f"{mask_name}.png", make_grid(sheet, columns=shown))
        report = {"model_sha256": prior.sha256, "faces": count, "results": results}
        (output / "figures.json").write_text(json.dumps(report, indent=1))
    click.echo(table(results))


if __name__ == "__main__":
    main()

"""Compare our default with the two published searches and with classical inpainting, on complete faces.

For every mask and method: the mean absolute difference to the known pixels before blending (values in [-1, 1]), PSNR
and SSIM in the hole and over the whole picture after blending (uint8), and seconds a picture. The same pictures and the
same masks for all methods; what a method spends on its first call (compilation) is not counted.
"""

import io
import json
import time
import zipfile
import zlib
from pathlib import Path

import click
import cv2
import numpy as np
from skimage.metrics import structural_similarity
from skimage.restoration import inpaint_biharmonic

from completion.completer import Completer
from completion.config import PRESETS
from dcgan.model_file import Prior, load_model
from dcgan.pictures import crop_square, decode_picture, make_grid, resize_picture, save_picture
from masks import make_mask

SEARCHES = ("yeh2017", "amos2016", "default")
CLASSICAL = ("telea", "ns", "biharmonic")
PEAK = 255.0


def load_faces(path: Path, count: int, size: int) -> tuple[list[str], np.ndarray]:
    """Return names and pictures, (count, size, size, 3) uint8, a seeded choice."""
    archive = zipfile.ZipFile(path)
    names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
    names = [names[index] for index in sorted(np.random.default_rng(0).permutation(len(names))[:count])]
    pictures = [crop_square(decode_picture(io.BytesIO(archive.read(name)))) for name in names]
    return names, np.stack([resize_picture(picture, (size, size)) for picture in pictures])


def classical(method: str, pictures: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Inpaint without a prior."""
    filled = []
    for picture, mask in zip(pictures, masks, strict=True):
        if method == "biharmonic":
            result = inpaint_biharmonic(np.where(mask[..., None], 0, picture), mask, channel_axis=-1)
            filled.append(np.clip(np.rint(result * PEAK), 0, 255).astype(np.uint8))
        else:
            flag = cv2.INPAINT_TELEA if method == "telea" else cv2.INPAINT_NS
            filled.append(cv2.inpaint(np.where(mask[..., None], 0, picture), mask.astype(np.uint8), 3, flag))
    return np.stack(filled)


def quality(truth: np.ndarray, result: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Return mean PSNR and SSIM in the hole and over the whole picture."""
    rows = []
    for picture, filled, mask in zip(truth, result, masks, strict=True):
        error = (picture.astype(np.float64) - filled) ** 2
        _, similarity = structural_similarity(picture, filled, channel_axis=-1, full=True)
        rows.append(
            (
                10 * np.log10(PEAK**2 / max(error[mask].mean(), 1e-3)),
                similarity[mask].mean(),
                10 * np.log10(PEAK**2 / max(error.mean(), 1e-3)),
                similarity.mean(),
            )
        )
    names = ("hole_psnr", "hole_ssim", "whole_psnr", "whole_ssim")
    return {name: float(value) for name, value in zip(names, np.mean(rows, axis=0), strict=True)}


def run_search(
    method: str, prior: Prior, pictures: np.ndarray, masks: np.ndarray
) -> tuple[dict[str, float], np.ndarray]:
    """Search, blend and measure."""
    completer = Completer(prior, PRESETS[method])
    completer.search.warm_up(len(pictures))
    started = time.perf_counter()
    result = completer.complete_batch(list(pictures), list(masks))
    seconds = (time.perf_counter() - started) / len(pictures)
    truth = pictures.astype(np.float32) / 127.5 - 1.0
    known_l1 = float(
        np.mean([np.abs(g - t)[~m].mean() for g, t, m in zip(result.generated, truth, masks, strict=True)])
    )
    pasted = np.where(masks[..., None], np.clip(np.rint((result.generated + 1) * 127.5), 0, 255), pictures)
    figures = {"known_l1": known_l1, "hole_psnr_pasted": quality(pictures, pasted.astype(np.uint8), masks)["hole_psnr"]}
    blended = np.stack(result.pictures)
    return {**figures, **quality(pictures, blended, masks), "seconds": seconds}, blended


COLUMNS = ("known_l1", "hole_psnr_pasted", "hole_psnr", "hole_ssim", "whole_psnr", "whole_ssim", "seconds")
HEADINGS = ("known L1", "hole PSNR, pasted", "hole PSNR", "hole SSIM", "whole PSNR", "whole SSIM", "seconds a picture")
DIGITS = (4, 2, 2, 3, 2, 3, 4)


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| mask | method | " + " | ".join(HEADINGS) + " |", "|---|---|" + "---|" * len(HEADINGS)]
    for mask, methods in results.items():
        for method, figures in methods.items():
            cells = [f"{figures[c]:.{d}f}" if c in figures else "" for c, d in zip(COLUMNS, DIGITS, strict=True)]
            lines.append(f"| {mask} | {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="A zip of aligned faces.")
@click.option("--model", default="faces-64", show_default=True)
@click.option("--count", default=64, show_default=True, help="Faces.")
@click.option("--masks", "mask_names", default="center,left,random,grid", show_default=True)
@click.option("--methods", default=",".join((*SEARCHES, *CLASSICAL)), show_default=True)
@click.option("--output", default=Path("bench-quality"), type=click.Path(path_type=Path), show_default=True)
def main(faces: Path, model: str, count: int, mask_names: str, methods: str, output: Path) -> None:
    """Print the table; write it as JSON, with a sheet of pictures for each mask."""
    prior = load_model(model)
    size = prior.config.size
    names, pictures = load_faces(faces, count, size)
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for mask_name in mask_names.split(","):
        masks = np.stack([make_mask(mask_name, (size, size), seed=(0, zlib.crc32(name.encode()))) for name in names])
        columns = [pictures, np.where(masks[..., None], np.uint8(128), pictures)]
        results[mask_name] = {}
        for method in methods.split(","):
            if method in CLASSICAL:
                started = time.perf_counter()
                filled = classical(method, pictures, masks)
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

"""The pictures of an evaluation's report: sheets of faces, and plots of the figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from completion.evaluation.store import EvaluationStore
from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import write_whole

__all__ = ["SHOWN", "draw_plots", "draw_sheet"]

SHOWN = 8  # faces on a sheet
FACE_PX = 128  # a face's side on a sheet, at least
MARGIN_PX = 4
LABEL_PX = 150
FONT_PX = 16
HIDDEN = np.uint8(128)  # what is missing is shown grey
INSTALL = "pip install 'dcgan-face-completion[evaluate]'"

Picture = npt.NDArray[np.uint8]


def draw_sheet(store: EvaluationStore, summary: Mapping[str, Any], mask: str) -> Picture:
    """Draw what the methods made of a few faces: rows are original, masked and each method, labelled.

    Parameters
    ----------
    store : a finished evaluation
    summary : of `completion.evaluation.summary.summarise`
    mask : one of its masks

    Returns
    -------
    (H, W, 3) uint8
        At most `SHOWN` faces, spread evenly over the evaluation's.
    """
    pictures, masks = store.faces().pictures, store.masks(mask)
    shown = np.unique(np.linspace(0, len(pictures) - 1, SHOWN).round().astype(int))
    rows = {
        "original": pictures[shown],
        "masked": np.where(masks[shown][..., None], HIDDEN, pictures[shown]),
    }
    for method, figures in summary["results"][mask].items():
        label = f"{method}\n{figures['hole_psnr']['mean']:.2f} dB\nSSIM {figures['hole_ssim']['mean']:.3f}"
        if "identity" in figures:
            label += f"\nidentity {figures['identity']['mean']:.3f}"
        rows[label] = store.completed(mask, method)["pictures"][shown]
    return _labelled_rows(rows)


def _labelled_rows(rows: Mapping[str, npt.NDArray[np.uint8]]) -> Picture:
    """Lay rows of pictures, each (N, S, S, 3), under each other with their labels on the left."""
    count, size = next(iter(rows.values())).shape[:2]
    times = -(-FACE_PX // size)  # whole, so that every pixel of the model is seen as it is
    step = size * times + MARGIN_PX
    sheet = Image.new("RGB", (LABEL_PX + count * step, MARGIN_PX + len(rows) * step), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for row, (label, pictures) in enumerate(rows.items()):
        top = MARGIN_PX + row * step
        draw.multiline_text((MARGIN_PX, top), label, fill="black", font=font)
        for column, picture in enumerate(pictures):
            scaled = picture.repeat(times, axis=0).repeat(times, axis=1)
            sheet.paste(Image.fromarray(scaled), (LABEL_PX + column * step, top))
    return np.asarray(sheet)


def draw_plots(
    folder: Path, results: Mapping[str, Mapping[str, Mapping[str, Any]]], *, headings: Mapping[str, str]
) -> list[str]:
    """Plot each metric: masks side by side, a point with its interval for each method.

    Parameters
    ----------
    folder : where the PNG files go
    results : for each mask and method, a figure for each metric: a number, or a dict of mean, low and high
    headings : what to call each metric; one that was not measured is left out

    Returns
    -------
    list of str
        The names of the files.

    Raises
    ------
    FaceCompletionError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # without pyplot: no window, no global state, the Agg canvas
    except ImportError as error:
        raise FaceCompletionError(f"Plots need matplotlib, which is not installed: {INSTALL}") from error
    names = []
    for metric, heading in headings.items():
        if not any(metric in figures for methods in results.values() for figures in methods.values()):
            continue
        figure = Figure(figsize=(2.4 * len(results) + 1.2, 3.2), layout="constrained")
        axes = figure.subplots(1, len(results), squeeze=False)[0]
        for axis, (mask, methods) in zip(axes, results.items(), strict=True):
            _plot_methods(axis, methods, metric)
            axis.set_title(mask)
        figure.suptitle(heading)
        with write_whole(folder / f"{metric}.png") as file:
            # Without the version of matplotlib the file depends on its contents alone.
            figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
        names.append(f"{metric}.png")
    return names


def _plot_methods(axis: Any, methods: Mapping[str, Mapping[str, Any]], metric: str) -> None:
    """Plot one metric under one mask, a row for each method, the first on top."""
    for row, (_, figures) in enumerate(methods.items()):
        figure = figures.get(metric)
        if isinstance(figure, dict):
            axis.plot([figure["low"], figure["high"]], [row, row], color=f"C{row}", linewidth=2)
            figure = figure["mean"]
        if figure is not None:
            axis.plot([figure], [row], "o", color=f"C{row}")
    axis.set_yticks(range(len(methods)), list(methods))
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    if metric == "seconds":
        axis.set_xscale("log")

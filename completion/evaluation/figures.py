"""Pictures for an evaluation's report: sheets of faces, and plots of the metrics."""

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
FACE_PX = 128  # minimum side of a face on a sheet
MARGIN_PX = 4
LABEL_PX = 150
FONT_PX = 16
HIDDEN = np.uint8(128)  # grey level of missing pixels on a sheet
INSTALL = "pip install '.[evaluate]' in a clone of the project"

Picture = npt.NDArray[np.uint8]


def draw_sheet(store: EvaluationStore, summary: Mapping[str, Any], mask: str) -> Picture:
    """Draw the results of all methods on a few faces, in labelled rows: original, masked and each method.

    Parameters
    ----------
    store : EvaluationStore
        A finished evaluation.
    summary : mapping
        The result of `completion.evaluation.summary.summarise`.
    mask : str
        One of its masks.

    Returns
    -------
    uint8 array (H, W, 3)
        A sheet of at most `SHOWN` faces, at equal intervals in the list of faces.
    """
    pictures, masks = store.faces().pictures, store.masks(mask)
    shown = np.unique(np.linspace(0, len(pictures) - 1, SHOWN).round().astype(int))
    rows = {
        "original": pictures[shown],
        "masked": np.where(masks[shown][..., None], HIDDEN, pictures[shown]),
    }
    for method, statistics in summary["results"][mask].items():
        label = f"{method}\n{statistics['hole_psnr']['mean']:.2f} dB\nSSIM {statistics['hole_ssim']['mean']:.3f}"
        if "identity" in statistics:
            label += f"\nidentity {statistics['identity']['mean']:.3f}"
        rows[label] = store.completed(mask, method)["pictures"][shown]
    return _labelled_rows(rows)


def _labelled_rows(rows: Mapping[str, npt.NDArray[np.uint8]]) -> Picture:
    """Return rows of pictures, each (N, S, S, 3), one below the other, with their labels on the left."""
    count, size = next(iter(rows.values())).shape[:2]
    zoom = -(-FACE_PX // size)  # an integer, so that enlarged pixels stay square and sharp
    step = size * zoom + MARGIN_PX
    sheet = Image.new("RGB", (LABEL_PX + count * step, MARGIN_PX + len(rows) * step), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for row, (label, pictures) in enumerate(rows.items()):
        top = MARGIN_PX + row * step
        draw.multiline_text((MARGIN_PX, top), label, fill="black", font=font)
        for column, picture in enumerate(pictures):
            scaled = picture.repeat(zoom, axis=0).repeat(zoom, axis=1)
            sheet.paste(Image.fromarray(scaled), (LABEL_PX + column * step, top))
    return np.asarray(sheet)


def draw_plots(
    folder: Path, results: Mapping[str, Mapping[str, Mapping[str, Any]]], *, headings: Mapping[str, str]
) -> list[str]:
    """Plot each metric: one panel per mask, in it one point with its confidence interval per method.

    Parameters
    ----------
    folder : Path
        Folder of the PNG files.
    results : mapping
        For each mask and method, a statistic for each metric: a number, or a dict of "mean", "low" and "high".
    headings : mapping of str to str
        The title for each metric. A metric without any statistic is skipped.

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
        from matplotlib.figure import Figure  # not pyplot: no window, no global state, the Agg canvas
    except ImportError as error:
        raise FaceCompletionError(f"Plots need matplotlib, which is not installed: {INSTALL}") from error
    names = []
    for metric, heading in headings.items():
        if not any(metric in statistics for methods in results.values() for statistics in methods.values()):
            continue
        figure = Figure(figsize=(2.4 * len(results) + 1.2, 3.2), layout="constrained")
        axes = figure.subplots(1, len(results), squeeze=False)[0]
        for axis, (mask, methods) in zip(axes, results.items(), strict=True):
            _plot_methods(axis, methods, metric)
            axis.set_title(mask)
        figure.suptitle(heading)
        with write_whole(folder / f"{metric}.png") as file:
            # Omit the version of matplotlib, so that equal results give equal files.
            figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
        names.append(f"{metric}.png")
    return names


def _plot_methods(axis: Any, methods: Mapping[str, Mapping[str, Any]], metric: str) -> None:
    """Plot one metric for one mask: one row per method, the first at the top."""
    for row, (_, statistics) in enumerate(methods.items()):
        value = statistics.get(metric)
        if isinstance(value, dict):
            axis.plot([value["low"], value["high"]], [row, row], color=f"C{row}", linewidth=2)
            value = value["mean"]
        if value is not None:
            axis.plot([value], [row], "o", color=f"C{row}")
    axis.set_yticks(range(len(methods)), list(methods))
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    if metric == "seconds":
        axis.set_xscale("log")

"""Write what an evaluation found: tables for people, CSV and JSON for programs, a Markdown report with pictures."""

import csv
import io
import json
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from completion.evaluation.figures import draw_plots, draw_sheet
from completion.evaluation.store import EvaluationStore
from completion.evaluation.summary import measured_columns
from completion.evaluation.metrics import PICTURE_METRICS, PSNR_MAX
from dcgan.errors import FaceCompletionError
from dcgan.pictures.files import save_picture
from dcgan.pictures.records import write_whole

__all__ = ["COLUMNS", "differences_table", "results_table", "write_report"]

# metric: heading, digits, whether more is better
COLUMNS = {
    "hole_psnr": ("hole PSNR", 2, True),
    "hole_ssim": ("hole SSIM", 3, True),
    "hole_l1": ("hole L1", 2, False),
    "hole_gradient": ("hole gradient", 2, False),
    "identity": ("identity", 3, False),
    "frechet": ("Fréchet", 4, False),
    "whole_psnr": ("whole PSNR", 2, True),
    "whole_ssim": ("whole SSIM", 3, True),
    "whole_l1": ("whole L1", 2, False),
    "whole_gradient": ("whole gradient", 2, False),
    "seconds": ("seconds a picture", 4, False),
}
WITH_INTERVAL = ("hole_psnr", "hole_ssim", "identity")  # in the table of results; the JSON has all
COMPARED = ("hole_psnr", "hole_ssim", "hole_l1", "hole_gradient", "identity")
DEFINITIONS = f"""\
All figures are of uint8 RGB at the model's size, means over the faces; [low, high] is the 95% interval of a percentile
bootstrap over the faces. PSNR in dB, of one picture at most {PSNR_MAX:.1f}; SSIM with a 7x7 window, the full map
averaged over the hole; L1 and gradient in grey levels: the mean absolute difference of the pixels, and of the
differences between neighbouring pixels (for the hole: of which at least one is missing). Identity is the Euclidean
distance of completed and original face in the embedding of dlib's face recognition network, Fréchet the squared Fréchet
distance between the completed and the original faces in it; less is better. Seconds a picture are without loading and
compilation. The best of each column is bold.
"""


def write_report(store: EvaluationStore, summary: dict[str, Any], *, note: Callable[[str], None]) -> None:
    """Write results.csv, results.json, report.md, a sheet for each mask and the plots.

    Parameters
    ----------
    store : a finished evaluation
    summary : of `completion.evaluation.summary.summarise`
    note : called with a line where the plots are left out, for want of matplotlib
    """
    _write(store, "results.csv", _rows_as_csv(store, summary))
    for mask in summary["results"]:
        save_picture(store.folder / "sheets" / f"{mask}.png", draw_sheet(store, summary, mask))
    headings = {name: heading for name, (heading, _, _) in COLUMNS.items()}
    try:
        plots = draw_plots(store.folder / "plots", summary["results"], headings=headings)
    except FaceCompletionError as error:
        note(f"{error}; left out: plots")
        plots = []
    _write(store, "results.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    _write(store, "report.md", _markdown(summary, plots))


def results_table(summary: dict[str, Any], mask: str, *, bold: bool = False) -> str:
    """Return the means of every method under one mask as a Markdown table, aligned for a terminal.

    Parameters
    ----------
    summary : of `completion.evaluation.summary.summarise`
    mask : one of its masks
    bold : set the best of each column in bold
    """
    results = summary["results"][mask]
    present = [name for name in COLUMNS if any(name in figures for figures in results.values())]
    best = {
        name: (max if COLUMNS[name][2] else min)(
            _mean(figures[name]) for figures in results.values() if name in figures
        )
        for name in present
    }
    rows = []
    for method, figures in results.items():
        cells = [_cell(figures.get(name), COLUMNS[name][1], name in WITH_INTERVAL) for name in present]
        if bold:
            won = [name in figures and _mean(figures[name]) == best[name] for name in present]
            cells = [f"**{cell}**" if wins else cell for cell, wins in zip(cells, won, strict=True)]
        rows.append([method, *cells])
    return _table([mask, *(COLUMNS[name][0] for name in present)], rows)


def differences_table(summary: dict[str, Any], mask: str) -> str:
    """Return method minus reference, picture by picture, as a Markdown table; * where the interval does not hold 0."""
    differences = summary["differences"][mask]
    present = [name for name in COMPARED if any(name in figures for figures in differences.values())]
    rows = []
    for method, figures in differences.items():
        cells = []
        for name in present:
            part = figures.get(name)
            sure = part is not None and (part["low"] > 0 or part["high"] < 0)
            cells.append(_cell(part, COLUMNS[name][1], True, signed=True) + (" *" if sure else ""))
        rows.append([method, *cells])
    return _table([mask, *(COLUMNS[name][0] for name in present)], rows)


def _mean(figure: Any) -> float:
    """Return a figure's mean; figures without an interval are numbers."""
    return float(figure["mean"] if isinstance(figure, dict) else figure)


def _cell(figure: Any, digits: int, interval: bool, *, signed: bool = False) -> str:
    """Return a figure as text; nothing where it was not measured."""
    if figure is None:
        return ""
    form = f"{'+' if signed else ''}.{digits}f"
    text = format(_mean(figure), form)
    return f"{text} [{figure['low']:{form}}, {figure['high']:{form}}]" if interval else text


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (headings, *rows)
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _rows_as_csv(store: EvaluationStore, summary: dict[str, Any]) -> str:
    """Return a row for every picture, mask and method."""
    names = store.faces().names
    metrics = [*PICTURE_METRICS, "identity"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "mask", "method", *metrics, "seconds"])
    for mask, methods in summary["results"].items():
        for method in methods:
            columns = measured_columns(store, mask, method)
            seconds = store.completed(mask, method)["seconds"]
            for row, name in enumerate(names):
                figures = [f"{columns[metric][row]:.6g}" if metric in columns else "" for metric in metrics]
                writer.writerow([name, mask, method, *figures, f"{seconds[row]:.6g}"])
    return text.getvalue()


def _markdown(summary: dict[str, Any], plots: Sequence[str]) -> str:
    """Return the report."""
    faces, model, options = summary["faces"], summary["model"], summary["options"]
    size = model["size"]
    parts = [
        "# Evaluation",
        f"{faces['count']} faces at {size}x{size}, model {model['name']} (sha256 {model['sha256'][:12]}...).",
        f"    {_command(options)}",
        DEFINITIONS,
        "## Results",
    ]
    for mask in summary["results"]:
        parts += [f"### {mask}", results_table(summary, mask, bold=True), f"![{mask}](sheets/{mask}.png)"]
    if len(options["methods"]) > 1:
        parts += [
            f"## Differences to {options['reference']}",
            f"Method minus {options['reference']}, picture by picture; * where the 95% interval does not hold 0.",
            *(differences_table(summary, mask) for mask in summary["differences"]),
        ]
    if plots:
        parts += ["## Plots", *(f"![{name}](plots/{name})" for name in plots)]
    if summary["notes"]:
        parts += ["## Left out", "\n".join(f"- {line}" for line in summary["notes"])]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    machine = summary["machine"]
    parts += ["## Made with", f"{versions}; {machine['system']}, {machine['cores']} cores."]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _command(options: dict[str, Any]) -> str:
    """Return the command that repeats the evaluation."""
    words = ["complete-evaluate", options["faces"]]
    words += ["--count", options["count"], "--mask", ",".join(options["masks"])]
    words += ["--method", ",".join(options["methods"]), "--reference", options["reference"]]
    words += ["--model", options["model"], "--batch-size", options["batch_size"]]
    words += ["--seed", options["seed"], "--bootstrap", options["resamples"]]
    return shlex.join(map(str, words))


def _write(store: EvaluationStore, name: str, text: str) -> None:
    """Write a text file, whole or not at all."""
    with write_whole(store.folder / name) as file:
        file.write(text.encode("utf-8", "backslashreplace"))

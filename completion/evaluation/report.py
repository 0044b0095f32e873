"""Write the results of an evaluation: Markdown tables and a report with pictures, CSV and JSON."""

import csv
import io
import json
import math
import shlex
from collections.abc import Callable, Sequence
from typing import Any

from completion.evaluation.figures import draw_plots, draw_sheet
from completion.evaluation.metrics import PICTURE_METRICS, PSNR_MAX
from completion.evaluation.store import EvaluationStore
from completion.evaluation.summary import measured_columns
from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import write_whole
from dcgan.pictures.saving import save_picture

__all__ = ["COLUMNS", "differences_table", "results_table", "write_report"]

# Metric: heading, digits, the best value.
COLUMNS = {
    "hole_psnr": ("hole PSNR", 2, math.inf),
    "hole_ssim": ("hole SSIM", 3, math.inf),
    "hole_l1": ("hole L1", 2, 0.0),
    "hole_gradient": ("hole gradient", 2, 0.0),
    "hole_sharpness": ("hole sharpness", 3, 1.0),
    "identity": ("identity", 3, 0.0),
    "frechet": ("Fréchet", 4, 0.0),
    "whole_psnr": ("whole PSNR", 2, math.inf),
    "whole_ssim": ("whole SSIM", 3, math.inf),
    "whole_l1": ("whole L1", 2, 0.0),
    "whole_gradient": ("whole gradient", 2, 0.0),
    "seconds": ("seconds a picture", 4, 0.0),
}
WITH_INTERVAL = (
    "hole_psnr",
    "hole_ssim",
    "hole_sharpness",
    "identity",
)  # intervals in the table of results; results.json has all
COMPARED = (
    "hole_psnr",
    "hole_ssim",
    "hole_l1",
    "hole_gradient",
    "hole_sharpness",
    "identity",
)  # columns of the table of differences
DEFINITIONS = f"""\
All values are means over the faces, measured on uint8 RGB pictures at the model's size; [low, high] is the 95%
confidence interval of a percentile bootstrap over the faces. PSNR is in dB, at most {PSNR_MAX:.1f} per picture. SSIM
has a 7x7 window; its map is averaged over the hole. L1 and gradient are in grey levels: the mean absolute difference of
the pixels, and of the differences between adjacent pixels (for the hole: of which at least one is missing). Sharpness
is the mean gradient magnitude of the luminance in the hole, completed over original: 1 = as sharp as the original, and
best; less = smoother, more = noisier or with harder edges. Only missing pixels count whose right and lower neighbours
are missing too; faces without any are left out of the mean. Identity is the Euclidean distance between the completed
and the original face in the embedding of dlib's face recognition network, Fréchet the squared Fréchet distance between
all completed and all original faces in this embedding; lower is better. Seconds a picture exclude loading and
compilation. The best value of each column is bold.
"""


def write_report(store: EvaluationStore, summary: dict[str, Any], *, note: Callable[[str], None]) -> None:
    """Write results.csv, results.json, report.md, a sheet for each mask and the plots.

    Parameters
    ----------
    store : EvaluationStore
        A finished evaluation.
    summary : dict
        The result of `completion.evaluation.summary.summarise`, and the lines "notes".
    note : callable
        Called with a line if matplotlib is not installed and the plots are omitted.
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
    """Return a Markdown table of the results of all methods for one mask, aligned for a terminal.

    Parameters
    ----------
    summary : dict
        The result of `completion.evaluation.summary.summarise`.
    mask : str
        One of its masks.
    bold : bool, default False
        Set the best value of each column in bold.

    Returns
    -------
    str
        The table, without a line break at the end.
    """
    results = summary["results"][mask]
    present = [name for name in COLUMNS if any(name in statistics for statistics in results.values())]
    best = {
        name: _best([_mean(statistics[name]) for statistics in results.values() if name in statistics], name)
        for name in present
    }
    rows = []
    for method, statistics in results.items():
        cells = [_cell(statistics.get(name), COLUMNS[name][1], name in WITH_INTERVAL) for name in present]
        if bold:
            are_best = [name in statistics and _mean(statistics[name]) == best[name] for name in present]
            cells = [f"**{cell}**" if is_best else cell for cell, is_best in zip(cells, are_best, strict=True)]
        rows.append([method, *cells])
    return _table([mask, *(COLUMNS[name][0] for name in present)], rows)


def differences_table(summary: dict[str, Any], mask: str) -> str:
    """Return a Markdown table of the paired differences method - reference for one mask.

    Parameters
    ----------
    summary : dict
        The result of `completion.evaluation.summary.summarise`.
    mask : str
        One of its masks.

    Returns
    -------
    str
        The table; * marks a difference whose interval excludes 0.
    """
    differences = summary["differences"][mask]
    present = [name for name in COMPARED if any(name in statistics for statistics in differences.values())]
    rows = []
    for method, statistics in differences.items():
        cells = []
        for name in present:
            statistic = statistics.get(name)
            significant = statistic is not None and (statistic["low"] > 0 or statistic["high"] < 0)
            cells.append(_cell(statistic, COLUMNS[name][1], True, signed=True) + (" *" if significant else ""))
        rows.append([method, *cells])
    return _table([mask, *(COLUMNS[name][0] for name in present)], rows)


def _best(means: Sequence[float], name: str) -> float:
    """Return the best of a metric's means, the one that is nearest to the best value there is."""
    target = COLUMNS[name][2]
    return max(means) if target == math.inf else min(means, key=lambda mean: abs(mean - target))


def _mean(statistic: Any) -> float:
    """Return the mean of a statistic, which is a number if it has no interval."""
    return float(statistic["mean"] if isinstance(statistic, dict) else statistic)


def _cell(statistic: Any, digits: int, interval: bool, *, signed: bool = False) -> str:
    """Return a statistic as text, with its interval or without; empty if it was not measured."""
    if statistic is None:
        return ""
    form = f"{'+' if signed else ''}.{digits}f"
    text = format(_mean(statistic), form)
    return f"{text} [{statistic['low']:{form}}, {statistic['high']:{form}}]" if interval else text


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (headings, *rows)
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _rows_as_csv(store: EvaluationStore, summary: dict[str, Any]) -> str:
    """Return a CSV table with a row for each picture, mask and method."""
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
                values = [columns[metric][row] if metric in columns else math.nan for metric in metrics]
                cells = ["" if math.isnan(value) else f"{value:.6g}" for value in (*values, seconds[row])]
                writer.writerow([name, mask, method, *cells])
    return text.getvalue()


def _markdown(summary: dict[str, Any], plots: Sequence[str]) -> str:
    """Return the report as Markdown."""
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
            f"Paired differences, method minus {options['reference']}; * where the 95% interval excludes 0.",
            *(differences_table(summary, mask) for mask in summary["differences"]),
        ]
    if plots:
        parts += ["## Plots", *(f"![{name}](plots/{name})" for name in plots)]
    if summary["notes"]:
        parts += ["## Left out", "\n".join(f"- {line}" for line in summary["notes"])]
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    machine = summary["machine"]
    device = summary["options"]["device"]
    parts += ["## Made with", f"{versions}; {machine['system']}, {machine['cores']} cores; device: {device}."]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _command(options: dict[str, Any]) -> str:
    """Return the command that repeats the evaluation."""
    arguments = ["complete-evaluate", options["faces"]]
    arguments += ["--count", options["count"], "--mask", ",".join(options["masks"])]
    arguments += ["--method", ",".join(options["methods"]), "--reference", options["reference"]]
    arguments += ["--model", options["model"], "--batch-size", options["batch_size"]]
    arguments += ["--seed", options["seed"], "--bootstrap", options["resamples"], "--device", options["device"]]
    arguments += ["--framing", options["framing"], *(["--size", options["size"]] if options["size"] else [])]
    return shlex.join(map(str, arguments))


def _write(store: EvaluationStore, name: str, text: str) -> None:
    """Write a text file atomically."""
    with write_whole(store.folder / name) as file:
        file.write(text.encode("utf-8", "backslashreplace"))

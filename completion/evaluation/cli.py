"""The command complete-evaluate: parse options, call a function."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from completion.config import BATCH_SIZE_MAX, FRAMINGS, METHODS
from completion.evaluation.config import EVALUATION_MASKS, RESAMPLES_MAX, EvaluationConfig
from dcgan.command import (
    FolderPath,
    DEFAULTS,
    common_errors,
    device_option,
    max_megapixels_option,
    shown_default,
)
from dcgan.config import MODEL_HELP, SEED_MAX, SIZE_MAX
from dcgan.terminal import ProgressLines, bar_size, printable

__all__ = ["evaluate_command"]

DEFAULT = EvaluationConfig()
BAR_FORMAT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} pictures [{elapsed}<{remaining}]"


class NamesType(click.ParamType):
    """Names with commas between them, each among the known ones."""

    name = "names"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Parse and check."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(","))
        for name in names:
            if name not in self.known:
                self.fail(f"expected names among {', '.join(self.known)}, received {name!r}", param, ctx)
        return names


@click.command(
    "complete-evaluate",
    context_settings=DEFAULTS,
    epilog="""\b
    Examples:
      complete-evaluate faces.zip
      complete-evaluate faces.zip --count 16 --mask center,left --method balanced,telea,biharmonic
    """,
)
@click.argument("faces", type=click.Path(exists=True, path_type=Path))
@click.option("--count", type=click.IntRange(min=2), help="Faces, a seeded choice.", **shown_default(DEFAULT.count))
@click.option(
    "--mask",
    "masks",
    multiple=True,
    type=NamesType(EVALUATION_MASKS),
    help=f"{', '.join(EVALUATION_MASKS)}; may be given several times.  [default: {', '.join(DEFAULT.masks)}]",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=NamesType(tuple(METHODS)),
    help=f"{', '.join(METHODS)}; may be given several times. A search takes seconds a picture.  "
    f"[default: {', '.join(DEFAULT.methods)}]",
)
@click.option(
    "--reference",
    type=click.Choice(tuple(METHODS)),
    help="The method that the others are compared with.  [default: the first]",
)
@click.option("--model", help=MODEL_HELP, **shown_default(DEFAULT.model))
@click.option(
    "--output",
    type=FolderPath(),
    help="Folder of the report.",
    **shown_default("evaluation"),
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, BATCH_SIZE_MAX),
    help="Pictures completed at once.",
    **shown_default(DEFAULT.batch_size),
)
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    help="Of the choice, random masks, starts and bootstrap.",
    **shown_default(DEFAULT.seed),
)
@click.option(
    "--bootstrap",
    "resamples",
    type=click.IntRange(1, RESAMPLES_MAX),
    help="Resamples behind the confidence intervals.",
    **shown_default(DEFAULT.resamples),
)
@click.option(
    "--framing",
    type=click.Choice(FRAMINGS),
    help="Of FACES: tight, from the brows to the chin, or wide, with hair, ears and neck; auto finds it out for each "
    "damaged face where the model is a wide one.",
    **shown_default(DEFAULT.framing),
)
@click.option(
    "--size",
    type=click.IntRange(0, SIZE_MAX),
    default=0,
    help="Side in pixels to which FACES are brought.  [default: the model's]",
)
@max_megapixels_option
@device_option
@click.option("--overwrite", is_flag=True, help="Start over where the output holds an evaluation already.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("the same command goes on from here")
def evaluate_command(faces: Path, output: Path, overwrite: bool, quiet: bool, **options: Any) -> None:
    """Compare ways to complete faces: masks, methods, metrics.

    FACES is a folder or a .zip of complete aligned faces. Each is hidden in part by every mask, completed by every
    method and compared with what it was. Prints a table for each mask; writes results.csv (a row for each picture, mask
    and method), results.json, report.md with sheets of pictures and plots, and what it takes to go on after a stop, to
    OUTPUT. Identity and Fréchet distance need dlib and face_recognition_models, plots need matplotlib: pip
    install '.[evaluate]' in a clone of the project.
    """
    for name in ("masks", "methods"):
        options[name] = tuple(part for parts in options[name] for part in parts) or getattr(DEFAULT, name)
    config = EvaluationConfig(**{**options, "reference": options["reference"] or ""})
    from dcgan.quiet import quiet_import

    with quiet_import():
        from completion.evaluation.run import evaluate
        from completion.evaluation.report import results_table

    with _progress(quiet) as (on_progress, on_note):
        summary = evaluate(faces, config, output=output, overwrite=overwrite, on_progress=on_progress, on_note=on_note)
    if not quiet:
        for mask in config.masks:
            click.echo(results_table(summary, mask) + "\n")
        click.echo(printable(output / "report.md"))


@contextmanager
def _progress(quiet: bool) -> Iterator[tuple[Any, Any]]:
    """Yield what shows progress, a bar for each stage, and what prints a line beside it."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}
    disabled = True if quiet else None  # None: shown where stderr is a terminal
    lines = ProgressLines(show=not quiet and not sys.stderr.isatty())

    def on_progress(stage: str, done: int, total: int) -> None:
        lines.report(stage, done, total=total)
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(
                total=total, initial=done, desc=stage, bar_format=BAR_FORMAT, disable=disabled, **bar_size()
            )
        bars[stage].update(done - bars[stage].n)

    def on_note(line: str) -> None:
        if not quiet:
            tqdm.write(f"note: {printable(line)}", file=sys.stderr)

    try:
        yield on_progress, on_note
    finally:
        for bar in bars.values():
            bar.close()

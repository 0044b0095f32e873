"""The command dcgan-align: parses its options and calls a function."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from dcgan.faces.align_config import FRAMINGS, SELECTIONS, AlignConfig
from dcgan.command import FolderPath, DEFAULTS, common_errors, max_megapixels_option, shown_default
from dcgan.terminal import bar_size, printable

__all__ = ["align_command"]

ALIGN = AlignConfig()


@click.command(
    "dcgan-align",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-align photographs aligned && dcgan-train --dataset aligned",
)
@click.argument("raw", type=FolderPath(exists=True))
@click.argument("aligned", type=FolderPath())
@click.option("--size", type=int, help="Side of the crops, in pixels.", **shown_default(ALIGN.size))
@click.option(
    "--framing",
    type=click.Choice(FRAMINGS),
    help="The three landmarks that are mapped to OpenFace's template.",
    **shown_default(ALIGN.framing),
)
@click.option(
    "--margin",
    type=float,
    help="Width added on each side of the template's square, as a fraction of its side.",
    **shown_default(ALIGN.margin),
)
@click.option(
    "--like",
    "model",
    help="Take --size and --margin from a model: a bundled model's name, a path, or hf://OWNER/NAME.",
)
@click.option(
    "--select",
    type=click.Choice(SELECTIONS),
    help="Faces to write of each photograph; only-one skips photographs with several faces.",
    **shown_default(ALIGN.select),
)
@click.option(
    "--min-face",
    type=int,
    help="Smallest side of a face's box, in pixels; smaller faces are ignored.",
    **shown_default(ALIGN.min_face),
)
@click.option(
    "--min-score",
    type=float,
    help="Lowest detection score of a face; 0.5 rejects most false detections.",
    **shown_default(ALIGN.min_score),
)
@click.option(
    "--upsample",
    type=int,
    help="How often to double the size of a photograph before detection; each doubling detects faces half as large "
    "and takes four times as long.",
    **shown_default(ALIGN.upsample),
)
@click.option(
    "--antialias/--no-antialias",
    help="Average the pixels of a face that is larger than its crop; OpenFace does not.",
    **shown_default(ALIGN.antialias),
)
@click.option(
    "--landmarks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of a 68-point landmark model for dlib.  [default: that of face_recognition_models]",
)
@click.option("--workers", type=click.IntRange(1, 1024), help="Number of processes.  [default: one for each core]")
@max_megapixels_option
@click.option("--overwrite", is_flag=True, help="Align all photographs again, including those of an earlier run.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("the same command resumes from here")
def align_command(
    *,
    raw: Path,
    aligned: Path,
    model: str | None,
    workers: int | None,
    overwrite: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Cut aligned faces out of a folder of photographs.

    RAW is searched recursively. ALIGNED receives a PNG file for each face, all in one folder, as dcgan-train reads
    them. ALIGNED/align.jsonl records for each photograph where its faces are, or why it has none. After an
    interruption, the same command resumes with the remaining photographs. The exit code is 0 if at least one face is
    aligned.
    """
    if model is not None:
        options |= _like(model)
    config = AlignConfig(**{field.name: options[field.name] for field in dataclasses.fields(AlignConfig)})
    from tqdm import tqdm

    from dcgan.faces.align_folder import align_folder

    bars: list[Any] = []

    def start(total: int, done: int) -> None:
        hidden = True if quiet else None  # None: shown where stderr is a terminal
        bars.append(tqdm(total=total, initial=done, unit="photograph", disable=hidden, leave=False, **bar_size()))

    def report(line: dict[str, Any]) -> None:
        bars[0].update()
        if "reason" in line and not quiet:
            tqdm.write(printable(f"{raw / line['photograph']}: {line['reason']}"), file=sys.stderr)
        if "notes" in line and not quiet:
            tqdm.write(printable(f"note: {raw / line['photograph']}: {'; '.join(line['notes'])}"), file=sys.stderr)

    try:
        summary = align_folder(
            raw,
            aligned,
            config,
            workers=workers,
            overwrite=overwrite,
            on_record=report,
            on_total=start,
            on_left_out=None if quiet else lambda line: click.echo(printable(line), err=True),
        )
    finally:
        for bar in bars:
            bar.close()
    if not quiet:
        parts = [
            f"{summary.aligned} aligned" + (f" ({summary.faces} faces)" if summary.faces > summary.aligned else "")
        ]
        parts += [f"{summary.existing} done before"] if summary.existing else []
        parts += [f"{summary.no_face} without a face"] if summary.no_face else []
        parts += [f"{summary.failed} unreadable"] if summary.failed else []
        click.echo(f"{', '.join(parts)}: {printable(aligned)}")
    if not summary.aligned and not summary.existing:
        sys.exit(1)


def _like(model: str) -> dict[str, Any]:
    """Return the size and the margin of a model's frame."""
    for name in ("size", "margin"):
        if click.get_current_context().get_parameter_source(name) != ParameterSource.DEFAULT:
            raise click.UsageError(f"--like and --{name} exclude each other.")
    from dcgan.model_file import load_model

    config = load_model(model).config
    return {"size": config.size, "margin": config.margin}

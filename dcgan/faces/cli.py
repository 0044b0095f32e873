"""The command dcgan-align: parse options, call a function."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click

from dcgan.faces.align_config import FACES, FRAMINGS, AlignConfig
from dcgan.command import DEFAULTS, common_errors, shown_default

__all__ = ["align_command"]

ALIGN = AlignConfig()


@click.command(
    "dcgan-align",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-align photographs aligned && dcgan-train --dataset aligned",
)
@click.argument("raw", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("aligned", type=click.Path(file_okay=False, path_type=Path))
@click.option("--size", type=int, help="Side of the crops in pixels.", **shown_default(ALIGN.size))
@click.option("--framing", type=click.Choice(FRAMINGS), help="OpenFace's two.", **shown_default(ALIGN.framing))
@click.option(
    "--margin",
    type=float,
    help="A wider crop: the share of its square that is added on each side.",
    **shown_default(ALIGN.margin),
)
@click.option(
    "--faces",
    type=click.Choice(FACES),
    help="Of each photograph; only-one skips those with several.",
    **shown_default(ALIGN.faces),
)
@click.option("--min-face", type=int, help="Smallest side of a face's box in pixels.", **shown_default(ALIGN.min_face))
@click.option(
    "--min-score",
    type=float,
    help="The detector's least score; 0.5 leaves most things out that are no face.",
    **shown_default(ALIGN.min_score),
)
@click.option(
    "--upsample",
    type=int,
    help="How often photographs are doubled before faces are looked for.",
    **shown_default(ALIGN.upsample),
)
@click.option(
    "--antialias/--no-antialias",
    help="Average where a face is larger than its crop; OpenFace does not.",
    **shown_default(ALIGN.antialias),
)
@click.option(
    "--landmarks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another 68-point model of dlib.  [default: that of face_recognition_models]",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes.  [default: one for each core]")
@click.option("--overwrite", is_flag=True, help="Do photographs again that an earlier run has done.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("the same command goes on from here")
def align_command(
    *, raw: Path, aligned: Path, workers: int | None, overwrite: bool, quiet: bool, **options: Any
) -> None:
    """Cut aligned faces out of a folder of photographs.

    RAW is searched recursively; ALIGNED is a flat folder of PNG files, for dcgan-train. ALIGNED/align.jsonl says for
    each photograph which faces were found where, or why there are none. Stopped at any moment, the same command goes
    on. The exit code is 0 if there is an aligned face.
    """
    config = AlignConfig(**{field.name: options[field.name] for field in dataclasses.fields(AlignConfig)})
    from tqdm import tqdm

    from dcgan.faces.align_folder import align_folder

    bars: list[Any] = []

    def start(total: int, done: int) -> None:
        hidden = True if quiet else None  # None: shown where stderr is a terminal
        bars.append(tqdm(total=total, initial=done, unit="photograph", disable=hidden, leave=False))

    def report(line: dict[str, Any]) -> None:
        bars[0].update()
        if "reason" in line and not quiet:
            tqdm.write(f"{raw / line['photograph']}: {line['reason']}", file=sys.stderr)

    try:
        summary = align_folder(
            raw, aligned, config, workers=workers, overwrite=overwrite, on_record=report, on_total=start
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
        click.echo(f"{', '.join(parts)}: {aligned}")
    if not summary.aligned and not summary.existing:
        sys.exit(1)

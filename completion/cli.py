"""The command complete-images: parse options, call a function."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from completion.config import (
    BEYOND,
    BLEND_NAMES,
    CLASSICAL_METHODS,
    METHODS,
    PRESETS,
    QUALITIES,
    SEARCHES,
    WEIGHTINGS,
    SearchConfig,
    choose_search,
)
from completion.mask_options import MaskChoice, RectangleType, mask_options, read_mask_options
from dcgan.command import DEFAULTS, common_errors, shown_default

__all__ = ["complete_command"]

SEARCH = SearchConfig()
#: What a method without a model and a search has no use for.
DCGAN_OPTIONS = (
    *("model", "blend", "quality", "preset", "search", "iterations", "learning_rate", "weighting", "perceptual_weight"),
    *("candidates", "keep", "batch_size", "gif"),
)


class ShardType(click.ParamType):
    """A shard written i/n."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse and check."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split("/")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts) or not 1 <= int(parts[0]) <= int(parts[1]):
            self.fail(f"expected i/n with 1 <= i <= n, received {value!r}", param, ctx)
        return int(parts[0]), int(parts[1])


@click.command(
    "complete-images",
    context_settings=DEFAULTS,
    epilog="""\b
    Examples:
      complete-images --mask center input/*.png
      complete-images --mask-dir masks/ photos/
      complete-images --method biharmonic --mask random photos/
      complete-images --mask-file mask.png --variations 4 face.png
      complete-images --faces --mask-file mask.png photograph.jpg
    """,
)
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=str))
@mask_options
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="What fills the hole. telea and ns (OpenCV's), biharmonic and harmonic need no model; auto takes dcgan or "
    "biharmonic for each picture, by its mask.",
    **shown_default("dcgan"),
)
@click.option(
    "--faces",
    is_flag=True,
    help="INPUTS are photographs: find the faces in them, complete those that the hole touches.",
)
@click.option(
    "--face-box",
    type=RectangleType(),
    multiple=True,
    help="With --faces: a face's box, where it is not found by itself; may be given several times.",
)
@click.option(
    "--landmarks-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --faces: landmarks of photographs' faces, in the form of dcgan-align's align.jsonl.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(-10, 10),
    help="With --faces: the detector's least score; 0.5 leaves most things out that are no face.",
    **shown_default(0.0),
)
@click.option(
    "--beyond",
    type=click.Choice(CLASSICAL_METHODS),
    help="With --faces: what fills the part of a hole that is in no face's frame.",
    **shown_default(BEYOND),
)
@click.option(
    "--grain/--no-grain",
    default=True,
    help="With --faces: continue the fine texture of the known skin into the hole.  [default: grain]",
)
@click.option("--model", help="A bundled model's name or the path of a model file.", **shown_default("faces-64"))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results.",
    **shown_default("completed"),
)
@click.option(
    "--blend",
    type=click.Choice(BLEND_NAMES),
    help="How the seam is hidden; auto: poisson in wide holes, biharmonic in narrow ones.",
    **shown_default("auto"),
)
@click.option(
    "--quality",
    type=click.Choice(QUALITIES),
    help="The encoder's answer to one view of the picture (fast), to four (balanced), to ten (best).  "
    "[default: balanced]",
)
@click.option(
    "--preset",
    type=click.Choice([name for name in PRESETS if name not in QUALITIES]),
    help="Instead of a quality: a search of the latent space from a random start, ours or as in the papers.",
)
@click.option("--search", type=click.Choice(SEARCHES), help=f"hmc draws plausible answers.  [default: {SEARCH.search}]")
@click.option("--iterations", type=int, help="Steps of the search.  [default: the quality's or preset's]")
@click.option("--learning-rate", type=float, help="Adam's rate for z.  [default: the quality's or preset's]")
@click.option(
    "--weighting",
    type=click.Choice(WEIGHTINGS),
    help=f"Weights of the known pixels.  [default: {SEARCH.weighting}, or the preset's]",
)
@click.option(
    "--perceptual-weight",
    type=float,
    help=f"The papers' lambda.  [default: {SEARCH.perceptual_weight}, or the preset's]",
)
@click.option("--candidates", type=int, help="Starts for each picture.  [default: the quality's or preset's]")
@click.option("--keep", type=click.Choice(("best", "all")), help="Which candidates to write.", **shown_default("best"))
@click.option(
    "--variations",
    type=click.IntRange(min=2),
    help="Write so many different completions of each picture, the likeliest first.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Candidates that are searched at once.  [default: by the model and the memory]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of random masks, starts and hmc.", **shown_default(0))
@click.option("--recursive", is_flag=True, help="Look into the folders' subfolders as well.")
@click.option("--skip-existing", is_flag=True, help="Go on where an earlier run stopped.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option(
    "--grid", is_flag=True, help="Write OUTPUT/grid.png: original, masked and completed pictures, 32 at most."
)
@click.option(
    "--gif",
    is_flag=True,
    help="Write OUTPUT/search.gif: the search of the first batch as a film; with --iterations or --preset.",
)
@click.option(
    "--shard", type=ShardType(), default=(1, 1), help="Complete the i-th of n parts of the list.  [default: 1/1]"
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("with --skip-existing the same command goes on from here")
def complete_command(inputs: tuple[str, ...], **options: Any) -> None:
    """Fill the missing regions of aligned face pictures or, with --faces, of the faces in photographs.

    INPUTS are picture files, folders and glob patterns. Every picture gets a PNG of its own under OUTPUT, and a line in
    OUTPUT/manifest.jsonl. A picture that cannot be completed is reported in one line and the others are completed; the
    exit code is then 1.
    """
    if options["skip_existing"] and options["overwrite"]:
        raise click.UsageError("--skip-existing and --overwrite exclude each other.")
    masks = read_mask_options(options)
    _check_faces(options, masks)
    _check_method(options, masks)
    search = _search_config(options)
    from completion.folder.inputs import list_inputs

    output = options["output"]
    pictures = list_inputs(inputs, recursive=options["recursive"], mask_dir=masks.folder, output_dir=output)
    from completion.folder.launch import complete_files

    summary = complete_files(pictures, spec=masks.spec, search=search, options=options)
    if not options["quiet"]:
        parts = [f"{summary.completed} completed"]
        parts += [f"{summary.untouched} with nothing missing"] if summary.untouched else []
        parts += [f"{summary.skipped} existing"] if summary.skipped else []
        parts += [f"{summary.failed} failed"] if summary.failed else []
        click.echo(f"{', '.join(parts)}: {output}")
    if summary.failed:
        sys.exit(1)


def _check_faces(options: dict[str, Any], masks: MaskChoice) -> None:
    """Refuse what does not go with photographs, and what goes with them alone."""
    method = options["method"]
    if not options["faces"]:
        for option in _given(("face_box", "landmarks_file", "min_score", "beyond", "grain")):
            raise click.UsageError(f"--{option} goes with --faces.")
    elif method != "dcgan":
        raise click.UsageError(f"--faces goes with --method dcgan, received --method {method}.")
    elif masks.spec.name == "lowres":
        raise click.UsageError("--faces needs a mask of pixels, received --mask lowres.")
    elif not masks.source:
        raise click.UsageError("--faces needs a mask of what is missing: --mask-file, --mask-dir, --rectangle, ...")


def _check_method(options: dict[str, Any], masks: MaskChoice) -> None:
    """Refuse options that the method has no use for."""
    method = options["method"]
    if method == "dcgan":
        return
    if options["variations"]:
        raise click.UsageError(f"--variations goes with --method dcgan, received --method {method}.")
    if options["keep"] == "all":
        raise click.UsageError(f"--keep goes with --method dcgan, received --method {method}.")
    if masks.spec.name == "lowres":
        raise click.UsageError(f"--mask lowres goes with --method dcgan, received --method {method}.")
    if method in CLASSICAL_METHODS:
        for option in _given(DCGAN_OPTIONS):
            raise click.UsageError(f"--{option} goes with --method dcgan or auto, received --method {method}.")


def _given(options: Iterable[str]) -> list[str]:
    """Return those of the options that the user has given, as they are written on the command line."""
    source_of = click.get_current_context().get_parameter_source
    return [option.replace("_", "-") for option in options if source_of(option) != ParameterSource.DEFAULT]


def _search_config(options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the quality or preset, and the user's own settings of the search."""
    quality, preset = options["quality"], options["preset"]
    if quality and preset:
        raise click.UsageError("--quality and --preset exclude each other.")
    if quality and options["search"] == "hmc":
        raise click.UsageError(f"--search hmc goes with --preset, received --quality {quality}.")
    names = ("search", "iterations", "learning_rate", "weighting", "perceptual_weight", "candidates")
    own = {name: options[name] for name in names if options[name] is not None}
    name = quality or preset or ("latent" if options["search"] == "hmc" else "balanced")
    if options["variations"]:
        for option in _given(("quality", "preset", "search", "candidates", "keep")):
            raise click.UsageError(f"--variations and --{option} exclude each other.")
        name, own["candidates"], options["keep"] = "variations", options["variations"], "all"
    choose_search(name, **own)  # complains of wrong values before anything is read
    return name, own

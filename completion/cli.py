"""The command complete-images: parse options, call a function."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from completion.cluster.config import ENGINES, GPUS_MAX, ClusterOptions
from completion.config import (
    BATCH_SIZE_MAX,
    BEYOND,
    BLEND_NAMES,
    CANDIDATES_MAX,
    CLASSICAL_METHODS,
    DEFAULT_METHOD,
    FORMS,
    FRAMINGS,
    METHODS,
    WEIGHTINGS,
    WORKERS_MAX,
    methods_with_option,
    needs_model,
    resolve_method,
)
from completion.folder.urls import as_url, is_url
from completion.mask_options import MaskChoice, RectangleType, mask_options, read_mask_options
from dcgan.command import (
    FolderPath,
    DEFAULTS,
    common_errors,
    device_option,
    max_megapixels_option,
    shown_default,
)
from dcgan.config import DEFAULT_MODEL, MODEL_HELP, PIPE, SEED_MAX
from dcgan.terminal import printable

if TYPE_CHECKING:
    from completion.folder.inputs import InputPicture

__all__ = ["complete_command"]

METHOD_OPTIONS = (
    *("model", "blend", "iterations", "learning_rate", "weighting", "perceptual_weight"),
    *("candidates", "keep", "variations", "batch_size", "workers", "device", "gif", "framing"),
)
SETTINGS = ("iterations", "learning_rate", "weighting", "perceptual_weight", "candidates")
WITH_ONLY_MASKS = ("list_file", "output", "recursive", "overwrite", "seed", "max_megapixels", "quiet")
MASKS_FOLDER = Path("masks")
NOT_PIPED = (
    "variations",
    "keep",
    "sheet",
    "gif",
    "skip_existing",
    "overwrite",
    "shard",
    "recursive",
    "only_masks",
    "engine",
    "list_file",
)
WITH_RAY = ("ray_address", "gpus_per_worker")
WITHOUT_RAY = ("sheet", "gif")
PHOTOGRAPH_OPTIONS = ("face_box", "landmarks_file", "min_score", "beyond", "grain")


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


class OutputType(FolderPath):
    """A folder, or a URL of one; a URL becomes a path that `completion.folder.urls.as_url` turns back."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check and return the path."""
        return Path(value) if is_url(value) else super().convert(value, param, ctx)


@click.command(
    "complete-images",
    context_settings=DEFAULTS,
    epilog="""\b
    Examples:
      complete-images --mask center input/*.png
      complete-images --mask-dir masks/ photos/
      complete-images --method biharmonic --mask random photos/
      complete-images --mask-file mask.png --variations 4 face.png
      complete-images --mask-file mask.png photograph.jpg
    """,
)
@click.argument("inputs", nargs=-1, type=click.Path(path_type=str))
@click.option(
    "--list",
    "list_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A list of pictures in place of INPUTS: a text file with a path a line, or a Parquet file with a column "
    '"path".',
)
@mask_options
@click.option(
    "--method",
    type=click.Choice(tuple(METHODS)),
    help="What fills the hole. balanced, fast and best ask the model's encoder, with 4, 1 and 10 augmented copies of "
    "the picture; latent, yeh2017, amos2016 and hmc are searches of its latent space; telea, ns, biharmonic and "
    "harmonic use no model; auto takes balanced or biharmonic for each picture, by its mask.",
    **shown_default(DEFAULT_METHOD),
)
@click.option("--model", help=MODEL_HELP, **shown_default(DEFAULT_MODEL))
@click.option(
    "--blend",
    type=click.Choice(BLEND_NAMES),
    help="How the seam is hidden; auto: poisson in wide holes, biharmonic in narrow ones.",
    **shown_default("auto"),
)
@click.option(
    "--variations",
    type=click.IntRange(2, CANDIDATES_MAX),
    help="With balanced and searches: number of different completions of each picture, the likeliest first.",
)
@click.option("--iterations", type=int, help="Searches: number of steps.  [default: the method's]")
@click.option("--learning-rate", type=float, help="Searches: Adam's learning rate for z.  [default: the method's]")
@click.option(
    "--weighting",
    type=click.Choice(WEIGHTINGS),
    help="Searches: weights of the known pixels in the contextual loss.  [default: the method's]",
)
@click.option(
    "--perceptual-weight",
    type=float,
    help="Searches: weight of the perceptual loss, the papers' lambda.  [default: the method's]",
)
@click.option("--candidates", type=int, help="Searches: number of starts for each picture.  [default: 1]")
@click.option(
    "--keep",
    type=click.Choice(("best", "all")),
    help="Searches: which candidates are written.",
    **shown_default("best"),
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, BATCH_SIZE_MAX),
    help="Searches: candidates that the model works at together.  [default: by the model and the memory]",
)
@click.option(
    "--workers",
    type=click.IntRange(1, WORKERS_MAX),
    help="Pictures that are completed side by side where there is no search; with --engine ray processes of the "
    "cluster, whatever the method.  [default: the processor's cores, the cluster's]",
)
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="Where the pictures are completed: in this process, or by the workers of a Ray cluster (docs/scale.md).",
    **shown_default("local"),
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="With --engine ray: a running cluster, HOST:PORT, ray://HOST:PORT or auto.  [default: one is started on this "
    "computer]",
)
@click.option(
    "--gpus-per-worker",
    type=click.IntRange(0, GPUS_MAX),
    help="With --engine ray: GPUs that each worker has for itself.",
    **shown_default(0),
)
@device_option
@click.option(
    "--seed", type=click.IntRange(0, SEED_MAX), help="Seed of random masks, starts, hmc and grain.", **shown_default(0)
)
@click.option(
    "--faces",
    is_flag=True,
    help="INPUTS are photographs: the faces in them are detected, and those that the hole touches are completed.  "
    "[default: found out for each picture; aligned faces with named masks]",
)
@click.option("--aligned", is_flag=True, help="INPUTS are aligned faces: none is searched for.")
@click.option(
    "--framing",
    type=click.Choice(FRAMINGS),
    help="Aligned faces: tight, from the brows to the chin, or wide, with hair, ears and neck; auto finds it out where "
    "the model is a wide one.",
    **shown_default("auto"),
)
@click.option(
    "--face-box",
    type=RectangleType(),
    multiple=True,
    help="For one photograph: the box of a face that is not detected, in pixels; may be given several times.",
)
@click.option(
    "--landmarks-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Landmarks of the photographs' faces, in the form of dcgan-align's align.jsonl.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(-10, 10),
    help="Photographs: lowest detector score of a face; 0.5 leaves out most things that are no face. A face that the "
    "hole touches may have 0.5 less: it is a guess, and said.",
    **shown_default(0.0),
)
@click.option(
    "--beyond",
    type=click.Choice(CLASSICAL_METHODS),
    help="Photographs: what fills the part of a hole that lies in no face's frame.",
    **shown_default(BEYOND),
)
@click.option(
    "--grain/--no-grain",
    default=True,
    help="Photographs: continue the fine detail of the other half and of the known skin in the hole.  [default: grain]",
)
@click.option(
    "--output",
    type=OutputType(),
    help="Folder of the results; with --engine ray also a URL, s3://bucket/folder.",
    **shown_default("completed"),
)
@click.option(
    "--spread/--no-spread",
    default=None,
    help="Spread the results over 4,096 subfolders, by a hash of each picture's path.  [default: as the folder was "
    "begun; with --engine ray and more than 10,000 pictures, spread]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(tuple(FORMS)),
    help="Format of the results; same: that of each picture where it is PNG, JPEG, WebP or TIFF.",
    **shown_default("png"),
)
@click.option("--recursive", is_flag=True, help="Include the subfolders of folders.")
@click.option(
    "--skip-existing",
    is_flag=True,
    help="Resume a run that was stopped; a picture that has changed since, or its mask, is completed again.",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option(
    "--sheet",
    is_flag=True,
    help="Write OUTPUT/sheet.png: original, masked and completed, of the pictures that this run completes, at most 32.",
)
@click.option("--gif", is_flag=True, help="Searches: write OUTPUT/search.gif, a film of the first batch's search.")
@click.option(
    "--provenance/--no-provenance",
    default=True,
    help="Say in each file (XMP) that a part of it is filled, and with what.  [default: provenance]",
)
@click.option(
    "--shard", type=ShardType(), default=(1, 1), help="Complete the i-th of n parts of the list.  [default: 1/1]"
)
@max_megapixels_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("with --skip-existing the same command resumes")
def complete_command(inputs: tuple[str, ...], **options: Any) -> None:
    """Fill the missing regions of aligned face pictures, and of the faces in photographs.

    INPUTS are picture files, folders and glob patterns. Every picture gets a file of its own under OUTPUT and a line in
    OUTPUT/manifest.jsonl. A picture that cannot be completed is reported in one line and the others are completed; the
    exit code is then 1. With - one picture comes from stdin and, without --output, goes to stdout.
    """
    to_stdout = str(options["output"]) == PIPE or (PIPE in inputs and not _given(["output"]))
    if PIPE not in inputs and not to_stdout:
        _complete(inputs, options)
        return
    from completion.folder.pipes import open_pipes

    for option in _given(NOT_PIPED):
        if to_stdout or option == "skip-existing":
            raise click.UsageError(f"--{option} does not go with one picture through pipes (-).")
    with open_pipes(inputs, to_stdout=to_stdout) as pipes:
        if pipes.folder is not None:
            options["output"] = pipes.folder
        try:
            _complete(pipes.inputs, options, to_stdout=to_stdout)
        finally:
            pipes.send()


def _complete(inputs: tuple[str, ...], options: dict[str, Any], *, to_stdout: bool = False) -> None:
    """Complete the pictures; to stdout: one, and nothing is printed there."""
    if options["skip_existing"] and options["overwrite"]:
        raise click.UsageError("--skip-existing and --overwrite exclude each other.")
    _check_engine(inputs, options)
    masks = read_mask_options(options)
    if options["only_masks"]:
        _check_only_masks()
    _check_photographs(options, masks)
    _check_method(options, masks)
    settings = {name: options[name] for name in SETTINGS if options[name] is not None}
    resolve_method(options["method"], variations=options["variations"], **settings)  # refuses values out of range
    output_folder = MASKS_FOLDER if options["only_masks"] and not _given(["output"]) else options["output"]
    pictures, whole = _list_pictures(inputs, masks, output_folder, options)
    if options["only_masks"]:
        _write_masks(pictures, masks, output_folder, options)
        return
    if to_stdout and len(pictures) > 1:
        raise click.UsageError(f"--output - (stdout) takes one picture, received {len(pictures)}.")
    if options["face_box"] and len(pictures) > 1:
        raise click.UsageError(
            f"--face-box is a place in one photograph, received {len(pictures)} pictures; --landmarks-file gives the "
            "places in each."
        )
    from completion.folder.launch import ChosenMethod, OutputOptions, PhotographOptions, launch
    from completion.folder.masks import open_masks

    method = ChosenMethod(
        options["method"],
        model=options["model"],
        blend=options["blend"],
        variations=options["variations"],
        settings=settings,
        seed=options["seed"],
        device=options["device"],
    )
    photographs = PhotographOptions(
        mode="photograph" if options["faces"] else "aligned" if options["aligned"] else "auto",
        boxes=options["face_box"],
        landmarks_file=options["landmarks_file"],
        min_score=options["min_score"],
        beyond=options["beyond"],
        grain=options["grain"],
        framing=options["framing"],
    )
    output = OutputOptions(
        folder=options["output"],
        form=options["form"],
        keep=options["keep"],
        existing="skip" if options["skip_existing"] else "replace" if options["overwrite"] else "refuse",
        sheet=options["sheet"],
        film=options["gif"],
        shard=options["shard"],
        batch_size=options["batch_size"],
        workers=options["workers"],
        provenance=options["provenance"],
        quiet=options["quiet"],
        spread=options["spread"],
        whole=whole,
    )
    if options["engine"] == "ray":
        from completion.cluster.launch import launch_on_cluster

        cluster = ClusterOptions(options["ray_address"], options["workers"], options["gpus_per_worker"])
        summary = launch_on_cluster(
            pictures, open_masks(masks), method, photographs=photographs, output=output, cluster=cluster
        )
    else:
        summary = launch(pictures, open_masks(masks), method, photographs=photographs, output=output)
    if not output.quiet:
        if summary.assumed:
            click.echo(_say_assumed(summary.assumed), err=True)
        parts = [f"{summary.completed} completed"]
        parts += [f"{summary.untouched} with nothing missing"] if summary.untouched else []
        parts += [f"{summary.skipped} existing"] if summary.skipped else []
        parts += [f"{summary.failed} failed"] if summary.failed else []
        noted = f" ({summary.noted} with notes)" if summary.noted else ""
        if not to_stdout:
            click.echo(f"{', '.join(parts)}{noted}: {printable(as_url(output.folder))}")
    if summary.failed:
        sys.exit(1)


def _list_pictures(
    inputs: tuple[str, ...], masks: MaskChoice, output: Path, options: dict[str, Any]
) -> "tuple[list[InputPicture], int]":
    """Return the pictures that the user names, and how many there are in all where these are the shard's alone."""
    if options["list_file"] is not None:
        from completion.folder.list_file import read_list

        pictures, count = read_list(options["list_file"], shard=options["shard"])
        if options["engine"] != "ray":
            _refuse_urls([str(picture.path) for picture in pictures[:1]])
        return pictures, count if options["shard"][1] > 1 else 0
    if is_url(inputs[0]):
        from completion.cluster.remote import list_remote

        return list_remote(inputs, recursive=options["recursive"]), 0
    from completion.folder.inputs import list_inputs

    found = list_inputs(
        inputs,
        recursive=options["recursive"],
        mask_dir=masks.folder,
        output_dir=output,
        on_left_out=None if options["quiet"] else lambda line: click.echo(printable(line), err=True),
    )
    return found, 0


def _check_engine(inputs: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse inputs and options that the engine has no use for."""
    if not inputs and options["list_file"] is None:
        raise click.UsageError("Missing argument 'INPUTS...', or --list.")
    if inputs and options["list_file"] is not None:
        raise click.UsageError("INPUTS and --list exclude each other.")
    if len({is_url(each) for each in inputs}) > 1:
        raise click.UsageError("Expected INPUTS that are all URLs or all paths.")
    if options["engine"] == "ray":
        for option in _given((*WITHOUT_RAY, "only_masks")):
            raise click.UsageError(f"--{option} and --engine ray exclude each other.")
        if options["device"].startswith("gpu") and not options["gpus_per_worker"]:
            raise click.UsageError("--device gpu with --engine ray needs --gpus-per-worker 1.")
        return
    for option in _given(WITH_RAY):
        raise click.UsageError(f"--{option} goes with --engine ray; received --engine local.")
    _refuse_urls([*inputs, str(options["output"])])


def _refuse_urls(locations: Iterable[str]) -> None:
    """Refuse URLs, which this process does not read."""
    for location in locations:
        if is_url(location):
            raise click.UsageError(
                f"{printable(as_url(location))}: URLs go with --engine ray; received --engine local."
            )


def _write_masks(pictures: "list[InputPicture]", masks: MaskChoice, folder: Path, options: dict[str, Any]) -> None:
    """Write the masks alone, and say where; exit with 1 where one failed."""
    from completion.folder.mask_files import write_masks
    from completion.folder.masks import open_masks

    summary = write_masks(
        pictures,
        open_masks(masks),
        folder,
        seed=options["seed"],
        overwrite=options["overwrite"],
        on_failure=lambda line: click.echo(f"failed: {printable(line)}", err=True),
        on_mask=None if options["quiet"] else lambda line: click.echo(printable(line), err=True),
    )
    if not options["quiet"]:
        parts = [f"{summary.written} mask{'s' * (summary.written != 1)} written"]
        parts += [f"{summary.empty} with nothing missing"] if summary.empty else []
        parts += [f"{summary.failed} failed"] if summary.failed else []
        click.echo(f"{', '.join(parts)}: {printable(folder)}")
    if summary.failed:
        sys.exit(1)


def _check_only_masks() -> None:
    """Refuse options that have no effect where nothing is completed."""
    command = mask_options(lambda: None)
    masks = {param.name for param in getattr(command, "__click_params__", ())}
    others = [param for param in click.get_current_context().command.params if isinstance(param, click.Option)]
    for param in others:
        name = param.name or ""
        if name not in WITH_ONLY_MASKS and name not in masks and _given([name]):
            raise click.UsageError(f"{param.opts[0]} and --only-masks exclude each other.")


def _check_photographs(options: dict[str, Any], masks: MaskChoice) -> None:
    """Refuse options that do not go with photographs, and those that go with photographs alone."""
    method = options["method"]
    for option in _given(("faces", *PHOTOGRAPH_OPTIONS)) if options["aligned"] else ():
        raise click.UsageError(f"--{option} and --aligned exclude each other.")
    on_faces = method != "auto" and needs_model(method)
    for option in _given(("faces",) if method == "auto" else ("faces", *PHOTOGRAPH_OPTIONS)) if not on_faces else ():
        raise click.UsageError(f"--{option} goes with --method {_on_faces()}; received --method {method}.")
    if options["framing"] != "auto" and (options["faces"] or masks.spec.name == "lowres"):
        other = "--faces" if options["faces"] else "--mask lowres"
        raise click.UsageError(f"--framing and {other} exclude each other.")
    if not options["faces"]:
        return
    if masks.spec.name == "lowres":
        raise click.UsageError("--faces needs a mask of pixels, received --mask lowres.")
    if not masks.source:
        raise click.UsageError("--faces needs a mask of what is missing: --mask-file, --mask-dir, --rectangle, ...")


def _say_assumed(counts: dict[str, int]) -> str:
    """Return a line that says what the pictures were taken as, and the options that decide it."""
    names = {"photograph": ("a photograph", "photographs"), "aligned": ("an aligned face", "aligned faces")}
    parts = [f"{counts[mode]:,} {{}}as {names[mode][counts[mode] > 1]}" for mode in names if counts.get(mode)]
    first = next(counts[mode] for mode in names if counts.get(mode))
    taken = f"picture{'s' * (first > 1)} taken "
    return f"{', '.join(parts).format(taken, *[''] * len(parts))}; --faces or --aligned decides for all"


def _check_method(options: dict[str, Any], masks: MaskChoice) -> None:
    """Refuse options that have no effect with the method."""
    method, variations = options["method"], options["variations"] is not None
    for option in _given(METHOD_OPTIONS):
        if option == "workers" and options["engine"] == "ray":  # workers of the cluster, whatever the method
            continue
        allowed = methods_with_option(option.replace("-", "_"), variations=variations)
        if method not in allowed:
            raise click.UsageError(f"--{option} goes with --method {', '.join(allowed)}; received --method {method}.")
    if variations:
        for option in _given(("candidates", "keep")):
            raise click.UsageError(f"--variations and --{option} exclude each other.")
    if masks.spec.name == "lowres" and (method == "auto" or not needs_model(method)):
        raise click.UsageError(f"--mask lowres goes with --method {_on_faces()}; received --method {method}.")


def _on_faces() -> str:
    """Return the methods that ask a model about every picture."""
    return ", ".join(name for name in METHODS if needs_model(name) and name != "auto")


def _given(options: Iterable[str]) -> list[str]:
    """Return those of the options that the user has given, as they are written on the command line."""
    source_of = click.get_current_context().get_parameter_source
    return [option.replace("_", "-") for option in options if source_of(option) != ParameterSource.DEFAULT]

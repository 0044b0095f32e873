"""From the options of complete-images to a completed folder."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from completion.config import MethodConfig, is_search, needs_model, resolve_method
from completion.folder.forms import LOSSY_NOTE, is_lossy_form
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_outputs
from completion.folder.landmarks import GivenPlaces, read_landmarks
from completion.folder.manifest import first_settings
from completion.folder.run import FolderSummary, complete_folder
from completion.methods import Method, MethodOptions, make_method
from completion.search.batches import DEFAULT_BATCH_SIZE, default_batch_size
from dcgan.command import echo_device
from dcgan.config import DEFAULT_MODEL
from dcgan.device import Device, find_device
from dcgan.errors import FaceCompletionError, OptionError
from dcgan.faces.detector import FaceDetector
from dcgan.heap import give_back_large_arrays
from dcgan.hub.reference import shown_name
from dcgan.model_tensors import model_sha256
from dcgan.quiet import quiet_import
from dcgan.terminal import ProgressLines, bar_size, printable, ticking

if TYPE_CHECKING:
    from completion.folder.masks import MaskSource
    from completion.folder.outputs import Output

__all__ = [
    "ChosenMethod",
    "OutputOptions",
    "PhotographOptions",
    "echo_before",
    "launch",
    "make_job",
    "make_ready",
    "telling",
]

BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n:.0f}/{total_fmt} pictures [{elapsed}<{remaining}]"


@dataclasses.dataclass(frozen=True)
class ChosenMethod:
    """The method that the user chose.

    Attributes
    ----------
    name : str
        One of `completion.config.METHODS`.
    model : str
        A bundled model's name or the path of a model file.
    blend : str
        One of `completion.config.BLEND_NAMES`.
    variations : int, optional
        Number of different completions of each picture.
    settings : dict
        The user's own settings of the method.
    seed : int
    device : str
        See `dcgan.device.check_device_name`.
    """

    name: str
    model: str = DEFAULT_MODEL
    blend: str = "auto"
    variations: int | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    device: str = "auto"

    def find_device(self) -> Device | None:
        """Return the device that the method runs on; None of a classical method.

        Raises
        ------
        OptionError
            There is no such device here.
        EngineError
            What searches is not installed.
        """
        if not needs_model(self.name):
            return None
        if not is_search(self.resolve()[1]):
            return find_device(self.device)
        from dcgan.engine_device import steer_quietly

        return steer_quietly(self.device)

    def resolve(self, *, has_encoder: bool = True) -> tuple[str, MethodConfig]:
        """Return the method that runs and its settings; see `completion.config.resolve_method`."""
        return resolve_method(self.name, has_encoder=has_encoder, variations=self.variations, **self.settings)


@dataclasses.dataclass(frozen=True)
class PhotographOptions:
    """What the user says about photographs, and whether the pictures are photographs.

    Attributes
    ----------
    mode : str
        "photograph", "aligned", or "auto": what each picture is, is found out.
    boxes : tuple of (int, int, int, int)
        Boxes of faces.
    landmarks_file : Path, optional
    min_score : float
        The detector's lowest score of a face.
    beyond : str
        The classical method for the part of a hole that lies in no face's frame.
    grain : bool
        Continue the fine texture of the known skin.
    framing : str
        Of aligned faces, one of `completion.config.FRAMINGS`.
    """

    mode: str
    boxes: tuple[tuple[int, int, int, int], ...]
    landmarks_file: Path | None
    min_score: float
    beyond: str
    grain: bool
    framing: str = "auto"


@dataclasses.dataclass(frozen=True)
class OutputOptions:
    """What the user says about the results.

    Attributes
    ----------
    folder : Path
    form : str
        One of `completion.config.FORMS`.
    keep : str
        "best" or "all" candidates.
    existing : str
        "refuse", "skip" or "replace".
    sheet, film : bool
        Write a comparison sheet, a film of the search.
    shard : (int, int)
    batch_size : int, optional
    workers : int, optional
    provenance : bool
        Say in each file what filled it.
    quiet : bool
    spread : bool, optional
        Spread the results over sub-folders; by default as the folder was begun.
    whole : int
        See `FolderJob`.
    """

    folder: Path
    form: str
    keep: str
    existing: str
    sheet: bool
    film: bool
    shard: tuple[int, int]
    batch_size: int | None
    workers: int | None
    provenance: bool
    quiet: bool
    spread: bool | None = None
    whole: int = 0


def launch(
    pictures: Sequence[InputPicture],
    masks: MaskSource,
    method: ChosenMethod,
    *,
    photographs: PhotographOptions,
    output: OutputOptions,
) -> FolderSummary:
    """Check what can be checked without the model, load it, and complete the pictures.

    Parameters
    ----------
    pictures : sequence of InputPicture
    masks : MaskSource
    method : ChosenMethod
    photographs : PhotographOptions
    output : OutputOptions

    Returns
    -------
    FolderSummary
    """
    if len(pictures) > 1:  # one alone is done sooner without
        give_back_large_arrays()
    job = make_job(pictures, masks, method, photographs=photographs, output=output)
    waiting, skipped = check_outputs(pictures, job, candidates=method.resolve()[1].candidates)
    if not output.quiet:
        echo_before(pictures, masks, output, waiting=waiting)
    if not waiting:
        return FolderSummary(0, 0, skipped, 0)
    device = method.find_device()
    if device is not None:
        job = dataclasses.replace(job, settings={**job.settings, "device": device.name})
        if not output.quiet:
            echo_device(device)
    ready, batch_size = make_ready(method, job, photographs=photographs, device=device or Device(), quiet=output.quiet)
    job = dataclasses.replace(job, batch_size=output.batch_size or batch_size)
    with telling(len(waiting), quiet=output.quiet) as told:
        return complete_folder(pictures, job, ready, checked=True, **told)


def make_job(
    pictures: Sequence[InputPicture],
    masks: MaskSource,
    method: ChosenMethod,
    *,
    photographs: PhotographOptions,
    output: OutputOptions,
) -> FolderJob:
    """Return the job that the options describe; see `launch`."""
    settings = _settings(masks, method, photographs, output=output)
    recorded = [found.get("spread") for found in first_settings(output.folder)]
    spread = bool(output.spread) if output.spread is not None else any(recorded)
    if spread or any(recorded):  # a folder whose results lie side by side says nothing of it, as before
        settings["spread"] = spread
    return FolderJob(
        output=output.folder,
        masks=masks,
        photographs=_given_places(pictures, photographs, masks, whole=output.whole == 0),
        form=output.form,
        keep=output.keep if method.variations is None else "all",
        existing=output.existing,
        seed=method.seed,
        workers=output.workers,
        sheet=output.sheet,
        film=output.film,
        shard=output.shard,
        settings=settings,
        provenance=output.provenance,
        model_name=shown_name(method.model),
        spread=spread,
        whole=output.whole,
    )


def make_ready(
    method: ChosenMethod, job: FolderJob, *, photographs: PhotographOptions, device: Device, quiet: bool
) -> tuple[Method, int]:
    """Load what a job needs, and return its method and the batch size that suits it.

    Parameters
    ----------
    method : ChosenMethod
    job : FolderJob
        What `make_job` returned.
    photographs : PhotographOptions
    device : Device
    quiet : bool
        Say nothing about a model without an encoder.
    """
    # Loaded before the model, so that what is missing is reported at once.
    model = needs_model(method.name) and not job.masks.blocks
    searched = job.photographs is not None and job.photographs.mode not in ("aligned", "default")
    detector = FaceDetector(min_score=photographs.min_score) if searched and model else None
    ready = _make_method(method, photographs, detector, device=device, blocks=job.masks.blocks, quiet=quiet)
    finder = ready.finder
    return ready, default_batch_size(finder.prior.config) if finder is not None else DEFAULT_BATCH_SIZE


@contextlib.contextmanager
def telling(total: int, *, quiet: bool) -> Iterator[dict[str, Any]]:
    """Show a bar, or lines where stderr is no terminal; yield what is called with failures, notes and progress.

    Parameters
    ----------
    total : int
        Number of pictures.
    quiet : bool
        Show failures alone.

    Yields
    ------
    dict of str to callable
        "on_failure", "on_note" and "on_progress" of `completion.folder.run.complete_folder`.
    """
    from tqdm import tqdm

    disabled = True if quiet else None  # None: shown where stderr is a terminal
    lines = ProgressLines(show=not quiet and not sys.stderr.isatty())
    reached = 0.0
    with tqdm(total=total, bar_format=BAR_FORMAT, disable=disabled, **bar_size()) as bar:

        def on_progress(done: float) -> None:
            nonlocal reached
            reached = done
            bar.update(done - bar.n)
            lines.report("completing", int(done), total=total)

        def tick() -> None:  # a picture that takes long moves the clock, if nothing else
            bar.refresh()
            lines.report("completing", int(reached), total=total)

        with ticking(tick):
            yield {
                "on_failure": lambda line: bar.write(f"failed: {printable(line)}", file=sys.stderr),
                "on_note": None if quiet else lambda line: bar.write(f"note: {printable(line)}", file=sys.stderr),
                "on_progress": on_progress,
            }


def echo_before(
    pictures: Sequence[InputPicture],
    masks: MaskSource,
    output: OutputOptions,
    *,
    waiting: Mapping[InputPicture, Output],
) -> None:
    """Print to stderr what is to be said before the work: masks that belong to no picture, a format with losses.

    Parameters
    ----------
    pictures : sequence of InputPicture
    masks : MaskSource
    output : OutputOptions
    waiting : mapping of InputPicture to Output
        Where the pictures go that are to be completed.
    """
    from completion.folder.masks import describe_unmatched

    if masks.folder is not None and (line := describe_unmatched(masks.folder, pictures, output=output.folder)):
        click.echo(printable(line), err=True)
    if any(is_lossy_form(each.paths[0]) for each in waiting.values()):
        click.echo(f"--format {output.form}: {LOSSY_NOTE}", err=True)


def _settings(
    masks: MaskSource, method: ChosenMethod, photographs: PhotographOptions, *, output: OutputOptions
) -> dict[str, Any]:
    """Return all that decides about the results but the pictures, for the manifest."""
    from dcgan import __version__

    chosen: dict[str, Any] = {"version": __version__, "method": method.name, "seed": method.seed, **masks.describe()}
    chosen |= {"format": output.form, "provenance": output.provenance}
    if needs_model(method.name):
        chosen |= {"model": model_sha256(method.model), "blend": method.blend, **method.settings}
        chosen |= {"variations": method.variations, "keep": output.keep, **dataclasses.asdict(photographs)}
        if photographs.framing == "auto":  # folders of earlier versions go on
            del chosen["framing"]
        given = photographs.landmarks_file
        chosen |= {"boxes": [list(box) for box in photographs.boxes]}
        chosen |= {"landmarks_file": os.path.abspath(given) if given else None}
    return chosen


def _make_method(
    method: ChosenMethod,
    photographs: PhotographOptions,
    detector: FaceDetector | None,
    *,
    device: Device,
    blocks: int,
    quiet: bool,
) -> Method:
    """Make the method ready; where it needs a model, load it."""
    if not needs_model(method.name):
        return make_method(method.resolve(), MethodOptions(seed=method.seed, in_place=True))
    from dcgan.model_file import load_model

    prior = load_model(method.model)
    size = prior.config.size
    if blocks and size % blocks:
        raise OptionError(f"Expected --blocks to divide the model's size {size}. Received: {blocks}")
    resolved = method.resolve(has_encoder=prior.has_encoder)
    if resolved != method.resolve() and not quiet:
        line = (
            f"{method.model} has no encoder (dcgan-train-encoder trains one): the latent space is searched instead "
            "(--method latent)"
        )
        click.echo(printable(line), err=True)
    options = MethodOptions(
        prior,
        method.blend,
        method.seed,
        detector,
        photographs.beyond,
        photographs.grain,
        in_place=True,
        device=device.name,
        framing=photographs.framing,
    )
    searches = is_search(resolved[1])
    if searches:
        if not is_search(method.resolve()[1]):  # the model has no encoder, which was not known before
            from dcgan.engine_device import steer_quietly

            steer_quietly(method.device)
        options = dataclasses.replace(options, device="cpu")  # the little that ONNX Runtime has to do there
    with quiet_import() if searches else contextlib.nullcontext():  # a search brings in TensorFlow
        return make_method(resolved, options)


def _given_places(
    pictures: Sequence[InputPicture], photographs: PhotographOptions, masks: MaskSource, *, whole: bool
) -> GivenPlaces | None:
    """Return the places of faces that the user gives, and what the other pictures are; None: aligned faces.

    A named mask that is not drawn for one picture is one for aligned faces.
    """
    if photographs.mode == "aligned":
        return None
    path = photographs.landmarks_file
    landmarks = read_landmarks(path) if path else {}
    if landmarks and whole and not any(picture.relative in landmarks for picture in pictures):
        raise FaceCompletionError(
            f"{path}: expected landmarks of {pictures[0].relative} or another of the pictures, found those of "
            f"{next(iter(landmarks))}"
        )
    mode = photographs.mode
    if mode == "auto" and not masks.drawn:
        mode = "aligned" if masks.chosen else "default"
    return GivenPlaces(photographs.boxes, landmarks, mode)

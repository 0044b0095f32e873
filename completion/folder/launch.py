"""From the command line's options to a completed folder."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from completion.search.batches import default_batch_size
from completion.config import CLASSICAL_METHODS, choose_search
from completion.folder.face_hints import FaceHints, read_landmarks
from completion.folder.run import FolderSummary, complete_folder
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_outputs
from completion.photographs import PhotographCompleter
from completion.folder.masks import MaskSource, read_mask
from dcgan.errors import FaceCompletionError
from dcgan.faces.detector import FaceFinder
from dcgan.quiet import quiet_import
from masks import MaskFolder, MaskSpec

if TYPE_CHECKING:
    from completion.completer import Completer

__all__ = ["complete_files"]

BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n:.0f}/{total_fmt} pictures [{elapsed}<{remaining}]"


def complete_files(
    pictures: Sequence[InputPicture], *, spec: MaskSpec, search: tuple[str, dict[str, Any]], options: dict[str, Any]
) -> FolderSummary:
    """Check what can be checked without the model, load it, and complete the pictures.

    Parameters
    ----------
    pictures : what to complete
    spec : the named mask and the operations on masks
    search : its name and the user's own settings; see `completion.config.choose_search`
    options : the command line's other options, by their Python names
    """
    existing = "skip" if options["skip_existing"] else "replace" if options["overwrite"] else "refuse"
    job = FolderJob(
        output=options["output"],
        masks=_mask_source(spec, options),
        method=options["method"],
        keep=options["keep"],
        existing=existing,
        seed=options["seed"],
        faces=_face_hints(pictures, options),
        sheet=options["grid"],
        film=options["gif"],
        shard=options["shard"],
    )
    name, own = search
    waiting, skipped = check_outputs(pictures, job, candidates=choose_search(name, **own).candidates)
    if not waiting:
        return FolderSummary(0, 0, skipped, 0)
    from tqdm import tqdm

    finder = (
        FaceFinder(min_score=options["min_score"]) if job.faces is not None else None
    )  # complains before TensorFlow is imported
    completer = None if job.method in CLASSICAL_METHODS else _load_completer(job, search, options)
    photographs = None
    if completer is not None:
        if finder is not None:
            photographs = PhotographCompleter(completer, finder, beyond=options["beyond"], grain=options["grain"])
        job = dataclasses.replace(job, batch_size=options["batch_size"] or default_batch_size(completer.prior.config))
    disabled = True if options["quiet"] else None  # None: shown where stderr is a terminal
    with tqdm(total=len(waiting), bar_format=BAR_FORMAT, disable=disabled, dynamic_ncols=True) as bar:
        return complete_folder(
            pictures,
            job,
            completer,
            photographs=photographs,
            model_sha256=completer.prior.sha256 if completer is not None else "",
            on_failure=lambda line: bar.write(f"failed: {line}", file=sys.stderr),
            on_note=None if options["quiet"] else lambda line: bar.write(f"note: {line}", file=sys.stderr),
            on_progress=lambda done: bar.update(done - bar.n),
        )


def _load_completer(job: FolderJob, search: tuple[str, dict[str, Any]], options: dict[str, Any]) -> "Completer":
    """Load the model with its search, which brings in TensorFlow."""
    with quiet_import():
        from completion.completer import Completer
        from dcgan.model_file import load_model

    prior = load_model(options["model"])
    size, blocks = prior.config.size, job.masks.blocks
    if blocks and size % blocks:
        raise ValueError(f"Expected --blocks to divide the model's size {size}. Received: {blocks}")
    name, own = search
    config = choose_search(name, has_encoder=prior.encoder is not None, **own)
    if config != choose_search(name, **own) and not options["quiet"]:
        line = (
            f"{options['model']} has no encoder (dcgan-train-encoder trains one): the latent space is searched instead"
        )
        click.echo(line, err=True)
    if job.film and not config.iterations:
        raise ValueError(
            "Expected a search for --gif, with --iterations or --preset. Received: the encoder's answer alone"
        )
    return Completer(prior, config, blend=options["blend"], seed=options["seed"])


def _face_hints(pictures: Sequence[InputPicture], options: dict[str, Any]) -> FaceHints | None:
    """Return what the user says of the faces in photographs; None where the pictures are aligned faces."""
    if not options["faces"]:
        return None
    path = options["landmarks_file"]
    landmarks = read_landmarks(path) if path else {}
    if landmarks and not any(picture.relative in landmarks for picture in pictures):
        raise FaceCompletionError(
            f"{path}: expected landmarks of {pictures[0].relative} or another of the pictures, found those of "
            f"{next(iter(landmarks))}"
        )
    return FaceHints(options["face_box"], landmarks)


def _mask_source(spec: MaskSpec, options: dict[str, Any]) -> MaskSource:
    """Return where the masks come from."""
    try:
        folder = MaskFolder(options["mask_dir"]) if options["mask_dir"] else None
    except OSError as error:
        raise FaceCompletionError(f"{options['mask_dir']}: cannot list the masks: {error.strerror or error}") from error
    return MaskSource(
        spec=spec,
        file=read_mask(options["mask_file"]) if options["mask_file"] else None,
        folder=folder,
        alpha=options["mask_from_alpha"],
        color=options["mask_color"],
        color_tolerance=options["mask_color_tolerance"] or 0,
    )

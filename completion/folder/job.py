"""What to do with a list of pictures, and where the results go."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from completion.folder.inputs import InputPicture, output_name, take_shard
from completion.folder.landmarks import GivenPlaces
from completion.folder.manifest import check_manifest, list_own_outputs
from completion.folder.masks import MaskSource
from completion.search.batches import DEFAULT_BATCH_SIZE
from dcgan.errors import FaceCompletionError
from dcgan.pictures.own_files import refuse_others

__all__ = ["FolderJob", "check_outputs", "output_paths"]


@dataclasses.dataclass(frozen=True, eq=False)
class FolderJob:
    """What to do with a list of pictures.

    Attributes
    ----------
    output : Path
        Folder of the results, made where it does not exist.
    masks : MaskSource
        Where the masks come from.
    photographs : GivenPlaces or None
        None where the pictures are aligned faces; otherwise the places of faces given by the user, and what the other
        pictures are.
    keep : str
        The "best" candidate of each picture or "all".
    existing : str
        What to do where an output exists: "refuse" the whole job, "skip" it or "replace" it.
    batch_size : int
        Rows (faces times candidates) that the model answers at once.
    seed : int
        Of random masks; the method has its own.
    sheet, film : bool
        Write OUTPUT/sheet.png, OUTPUT/search.gif.
    shard : (int, int)
        (i, n), the part of the list that is completed; see `completion.folder.inputs.take_shard`.
    """

    output: Path
    masks: MaskSource = dataclasses.field(default_factory=MaskSource)
    photographs: GivenPlaces | None = None
    keep: str = "best"
    existing: str = "refuse"
    batch_size: int = DEFAULT_BATCH_SIZE
    seed: int = 0
    sheet: bool = False
    film: bool = False
    shard: tuple[int, int] = (1, 1)

    def own_name(self, name: str) -> str:
        """Return the name of a file that every shard writes for itself: a.png is a-1-of-2.png in shard 1/2."""
        if self.shard[1] == 1:
            return name
        stem, suffix = os.path.splitext(name)
        return f"{stem}-{self.shard[0]}-of-{self.shard[1]}{suffix}"

    @property
    def manifest_path(self) -> Path:
        """Return the path of the manifest."""
        return self.output / self.own_name("manifest.jsonl")

    @property
    def sheet_path(self) -> Path:
        """Return the path of the comparison sheet."""
        return self.output / self.own_name("sheet.png")

    @property
    def film_path(self) -> Path:
        """Return the path of the search's film."""
        return self.output / self.own_name("search.gif")


def output_paths(source: InputPicture, job: FolderJob, candidates: int) -> list[Path]:
    """Return where a picture's results go: one path, or one for each candidate."""
    path = job.output / output_name(source.relative)
    if job.keep == "best" or candidates == 1:
        return [path]
    return [path.with_name(f"{path.name[:-4]}.candidate-{number + 1}.png") for number in range(candidates)]


def check_outputs(inputs: Sequence[InputPicture], job: FolderJob, *, candidates: int) -> tuple[list[InputPicture], int]:
    """Return the shard's pictures that are to be completed and the number of those that are done already.

    Raises
    ------
    FaceCompletionError
        Two outputs would have one path, an output would replace an input, a mask or a file that no earlier run wrote,
        or outputs exist and the job does not say what to do about it.
    """
    paths_of = {source: output_paths(source, job, candidates) for source in inputs}
    _check_distinct([path for paths in paths_of.values() for path in paths], job)
    _check_masks_apart(job)
    shard = take_shard(inputs, job.shard)
    found = {source: [path for path in paths_of[source] if path.is_file()] for source in shard}
    _check_inputs_apart(inputs, [path for paths in found.values() for path in paths])
    _check_folders_apart(inputs, job)
    waiting = [source for source in shard if job.existing != "skip" or len(found[source]) < len(paths_of[source])]
    check_manifest(job.manifest_path)
    reports = [path for path, wanted in ((job.sheet_path, job.sheet), (job.film_path, job.film)) if wanted]
    written = [path for source in waiting for path in paths_of[source]] + reports
    names = [path.relative_to(job.output).as_posix() for path in written]
    refuse_others(job.output, names, own=list_own_outputs(job.output))
    if job.existing == "refuse":
        _refuse_existing(found, job)
    return waiting, len(shard) - len(waiting)


def _check_distinct(paths: Iterable[Path], job: FolderJob) -> None:
    """Raise if two results would be written under one name."""
    counts = collections.Counter(paths)
    counts.update([job.sheet_path] if job.sheet else [])
    counts.update([job.film_path] if job.film else [])
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        raise FaceCompletionError(f"{twice[0]}: two results would be written under this name")


def _check_masks_apart(job: FolderJob) -> None:
    """Raise if results would go into the folder of masks."""
    folder = job.masks.folder
    if folder is not None and os.path.realpath(folder.folder) == os.path.realpath(job.output):
        raise FaceCompletionError(f"{job.output}: the masks are in this folder; choose another output folder")


def _check_folders_apart(inputs: Sequence[InputPicture], job: FolderJob) -> None:
    """Raise if results would go into a folder of inputs, where the next run would take them for inputs."""
    output = os.path.realpath(job.output)
    if any(os.path.realpath(folder) == output for folder in {source.path.parent for source in inputs}):
        raise FaceCompletionError(f"{job.output}: the pictures are in this folder; choose another output folder")


def _check_inputs_apart(inputs: Sequence[InputPicture], existing: Sequence[Path]) -> None:
    """Raise if one of the existing outputs is an input."""
    if existing:
        sources = {os.path.realpath(source.path) for source in inputs}
        for path in existing:
            if os.path.realpath(path) in sources:
                raise FaceCompletionError(f"{path}: the output would replace an input; choose another output folder")


def _refuse_existing(found: dict[InputPicture, list[Path]], job: FolderJob) -> None:
    """Raise if there are outputs already."""
    count = sum(1 for paths in found.values() if paths)
    reports = [path for path, wanted in ((job.sheet_path, job.sheet), (job.film_path, job.film)) if wanted]
    existing = [f"{count} of {len(found)} outputs exist"] if count else []
    existing += [f"{path.name} exists" for path in reports if path.exists()]
    if existing:
        advice = "--skip-existing goes on with the others, --overwrite replaces them"
        raise FaceCompletionError(f"{job.output}: {' and '.join(existing)}; {advice}")

"""What to do with a list of pictures, and where the results go."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from completion.folder.inputs import InputPicture, take_shard
from completion.folder.landmarks import GivenPlaces
from completion.folder.manifest import FolderRecord, check_manifest, check_settings
from completion.folder.masks import MaskSource
from completion.folder.outputs import Output, folded, name_outputs
from completion.folder.stamps import ANOTHER_PICTURE, changed_since
from completion.search.batches import DEFAULT_BATCH_SIZE
from dcgan.errors import FaceCompletionError
from dcgan.pictures.marks import MARK
from dcgan.pictures.own_files import refuse_others

__all__ = ["FolderJob", "check_distinct", "check_outputs", "name_results"]


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
    form : str
        Of the results, one of `completion.config.FORMS`.
    keep : str
        The "best" candidate of each picture or "all".
    existing : str
        What to do where an output exists: "refuse" the whole job, "skip" it unless its picture or mask has changed,
        or "replace" it.
    batch_size : int
        Rows (faces times candidates) that a search answers at once.
    workers : int, optional
        Pictures that are completed side by side where there is no search; by default one for each core.
    seed : int
        Of random masks; the method has its own.
    sheet, film : bool
        Write OUTPUT/sheet.png, OUTPUT/search.gif.
    shard : (int, int)
        (i, n), the part of the list that is completed; see `completion.folder.inputs.take_shard`.
    settings : mapping of str to object
        How the pictures are completed, for the manifest, in values that JSON has. A run that skips what exists is
        refused where they differ from those of the run before; without any nothing is compared.
    provenance : bool
        Say in each completed file what filled it.
    model_name : str
        Name of the model, for this.
    spread : bool
        Whether the results are spread over sub-folders; see `completion.folder.outputs.name_outputs`.
    whole : int
        Pictures of all shards together, where the list that is passed with the job is its shard's alone; 0: it is the
        whole list.
    """

    output: Path
    masks: MaskSource = dataclasses.field(default_factory=MaskSource)
    photographs: GivenPlaces | None = None
    form: str = "png"
    keep: str = "best"
    existing: str = "refuse"
    batch_size: int = DEFAULT_BATCH_SIZE
    workers: int | None = None
    seed: int = 0
    sheet: bool = False
    film: bool = False
    shard: tuple[int, int] = (1, 1)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    provenance: bool = True
    model_name: str = "unnamed"
    spread: bool = False
    whole: int = 0

    def own_name(self, name: str) -> str:
        """Return the name of a file that every shard writes for itself: a.png is a-1-of-2.png in shard 1/2."""
        if self.shard[1] == 1:
            return name
        stem, suffix = os.path.splitext(name)
        return f"{stem}-{self.shard[0]}-of-{self.shard[1]}{suffix}"

    def own_part(self, inputs: Sequence[InputPicture]) -> list[InputPicture]:
        """Return the shard's part of the list that is passed with the job."""
        return list(inputs) if self.whole else take_shard(inputs, self.shard)

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


def name_results(
    inputs: Sequence[InputPicture], job: FolderJob, *, candidates: int, record: FolderRecord
) -> dict[InputPicture, Output]:
    """Return where the results of all pictures of a job go; `record` is what earlier runs recorded there."""
    return name_outputs(
        inputs,
        job.output,
        form=job.form,
        candidates=1 if job.keep == "best" else candidates,
        recorded=record.names,
        own=record.own,
        spread=job.spread,
    )


def check_outputs(
    inputs: Sequence[InputPicture], job: FolderJob, *, candidates: int, record: FolderRecord | None = None
) -> tuple[dict[InputPicture, Output], int]:
    """Return where the shard's pictures that are to be completed go, and the number of those that are done already.

    `record` is what `check_manifest` returned for the job's manifest, where the caller has called it.

    Raises
    ------
    FaceCompletionError
        Two outputs would have one path, an output would replace an input, a mask or a file that no earlier run wrote,
        outputs exist and the job does not say what to do about it, or it would skip those made with other settings.
    """
    record = check_manifest(job.manifest_path) if record is None else record
    outputs = name_results(inputs, job, candidates=candidates, record=record)
    results = [path for output in outputs.values() for path in output.paths]
    check_distinct(results, job)
    _check_letter_case(results, job.output)
    _check_masks_apart(job)
    shard = job.own_part(inputs)
    found = {source: [path for path in outputs[source].paths if path.is_file()] for source in shard}
    _check_inputs_apart(inputs, [path for paths in found.values() for path in paths])
    _check_folders_apart(inputs, job)
    if job.existing == "skip" and job.settings:
        check_settings(record, job.settings, folder=job.output)
    unrecorded = record.own - record.finished  # a run was killed between a result and its line: it is made again
    waiting = {}
    for source in shard:
        names = [path.relative_to(job.output).as_posix() for path in found[source]]
        done = len(names) == len(outputs[source].paths) and unrecorded.isdisjoint(names)
        if job.existing != "skip" or not done:
            waiting[source] = outputs[source]
        elif changed := changed_since(source, job.masks, job.photographs, stamps=record.stamps.get(names[0], {})):
            if ANOTHER_PICTURE in changed:
                _refuse_other_source(source, record.sources.get(names[0], ""), result=found[source][0])
            note = f"its result was made of {changed}; it was completed again"
            waiting[source] = dataclasses.replace(outputs[source], notes=(*outputs[source].notes, note))
    reports = [path for path, wanted in ((job.sheet_path, job.sheet), (job.film_path, job.film)) if wanted]
    written = [path for output in waiting.values() for path in output.paths] + reports
    names = [path.relative_to(job.output).as_posix() for path in written]
    refuse_others(job.output, names, own=record.own)
    if job.existing == "refuse":
        _refuse_existing(found, job)
    return waiting, len(shard) - len(waiting)


def _refuse_other_source(source: InputPicture, recorded: str, *, result: Path) -> None:
    """Raise if a result was made of a picture in another place, which is no older version of this one."""
    then = tuple(part for part in Path(recorded).parts if part != "..")
    now = Path(os.path.abspath(source.path)).parts
    if then and now[-len(then) :] != then and os.path.realpath(recorded) != os.path.realpath(source.path):
        raise FaceCompletionError(
            f"{result}: is the result of another picture, {recorded}, and not of {source.path}; choose another folder"
        )


def check_distinct(paths: Iterable[Path], job: FolderJob) -> None:
    """Raise if two results would be written under one name."""
    counts = collections.Counter(paths)
    counts.update([job.sheet_path] if job.sheet else [])
    counts.update([job.film_path] if job.film else [])
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        raise FaceCompletionError(f"{twice[0]}: two results would be written under this name")


def _check_letter_case(results: Sequence[Path], folder: Path) -> None:
    """Raise if two results differ in letter case alone and their folder keeps one file for both."""
    if not os.path.exists(folder / MARK.upper()):  # it exists in such a folder, where our mark does
        return
    first: dict[str, Path] = {}
    for path in results:
        other = first.setdefault(folded(path.relative_to(folder).as_posix()), path)
        if other != path:
            raise FaceCompletionError(
                f"{other} and {path}: results that differ in letter case alone, which {folder} takes for one file; "
                "choose a folder that tells them apart, or rename an input"
            )


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

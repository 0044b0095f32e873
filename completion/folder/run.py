"""Complete a folder of pictures, unattended: what complete-images does, as a function.

Memory stays flat however many pictures there are, and however large: of a batch only the model-sized views are held,
and a picture is read again when it is composed. Every output appears whole or not at all; a picture that fails is
recorded and the others are completed; a run that was stopped goes on with ``existing="skip"``.
"""

from __future__ import annotations

import dataclasses
import errno
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from completion.search.batches import plan_rows, release_memory
from completion.blending.classical import ClassicalFiller, choose_method
from completion.config import CLASSICAL_METHODS
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_outputs, output_paths
from completion.folder.loading import LoadedPicture, Task, aligned_task, load_picture, photograph_task
from completion.folder.manifest import open_manifest
from completion.evaluation.metrics import spread
from completion.folder.sheet import ComparisonSheet, SearchFilm, show_masked
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.files import save_picture
from dcgan.pictures.records import JsonLines, remove_leftovers

if TYPE_CHECKING:
    from completion.completer import Completer
    from completion.photographs import PhotographCompleter
    from completion.search.adam import SearchResult

__all__ = ["FolderSummary", "complete_folder"]

FACES_AT_ONCE = 8  # of few photographs: how many faces are in them shows as they are read
BEYOND_TOLD = 0.005  # share of the hole in no face's frame from which on the user is told
STOPPING_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # the next picture would fail just so

Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class FolderSummary:
    """What became of the pictures.

    Attributes
    ----------
    completed : pictures that were filled and written.
    untouched : pictures of which nothing was missing; they were written as they are.
    skipped : left out because their output was there.
    failed : could not be read, had no mask, or could not be written.
    """

    completed: int
    untouched: int
    skipped: int
    failed: int


def complete_folder(
    inputs: Sequence[InputPicture],
    job: FolderJob,
    completer: Completer | None = None,
    *,
    photographs: PhotographCompleter | None = None,
    model_sha256: str = "",
    on_failure: Callable[[str], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> FolderSummary:
    """Complete pictures from files to files.

    Parameters
    ----------
    inputs : see `completion.folder.inputs.list_inputs`; the whole list, also where the job is a shard of it
    job : where to, with which masks
    completer : the loaded model with its search; may be None where the job's method is a classical one
    photographs : the same completer for photographs, where the job has `faces`
    model_sha256 : recorded in the manifest of pictures that the model completed
    on_failure : called with one line for each picture that fails
    on_note : called with one line for each photograph whose hole lies, in part, in no face's frame
    on_progress : called with the number of pictures done so far; those in the search count in part

    Returns
    -------
    FolderSummary

    Raises
    ------
    ValueError
        The job's method needs a completer, and there is none.
    FaceCompletionError
        Nothing can be written (disk full, folder not writable), another process writes there, or see
        `completion.folder.job.check_outputs`.

    Examples
    --------
    >>> completer = Completer(load_model("faces-64"))  # doctest: +SKIP
    >>> complete_folder(list_inputs(["photos"]), FolderJob(Path("completed")), completer)  # doctest: +SKIP
    FolderSummary(completed=12, untouched=0, skipped=0, failed=0)
    """
    if completer is None and job.method not in CLASSICAL_METHODS:
        raise ValueError(f"Expected a `completer` for the method {job.method!r}. Received: None")
    if (photographs is None) != (job.faces is None):
        raise ValueError(f"Expected `photographs` just where the job has `faces`. Received: faces={job.faces}")
    candidates = completer.config.candidates if completer is not None else 1
    waiting, existing = check_outputs(inputs, job, candidates=candidates)
    try:
        job.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceCompletionError(f"{job.output}: cannot make the folder: {error.strerror or error}") from error
    run = _Run(
        job,
        completer,
        photographs,
        count=len(inputs),
        model_sha256=model_sha256,
        on_failure=on_failure,
        on_note=on_note,
        on_progress=on_progress,
    )
    with open_manifest(job.manifest_path) as run.manifest:
        own = [path for source in waiting for path in output_paths(source, job, candidates)]
        remove_leftovers([*own, job.sheet_path, job.film_path])
        run.complete(waiting)
        if job.sheet:
            run.sheet.save(job.sheet_path)
        if job.film:
            run.film.save(job.film_path)
    return FolderSummary(run.completed, run.untouched, existing, run.failed)


class _Run:
    """The state of one call of `complete_folder`."""

    manifest: JsonLines

    def __init__(
        self,
        job: FolderJob,
        completer: Completer | None,
        photographs: PhotographCompleter | None,
        *,
        count: int,
        model_sha256: str,
        on_failure: Callable[[str], None] | None,
        on_note: Callable[[str], None] | None,
        on_progress: Callable[[float], None] | None,
    ) -> None:
        self.job, self.model_sha256 = job, model_sha256
        self.completer = cast("Completer", completer)  # not used where the method is classical
        self.photographs = photographs
        self.on_failure, self.on_note, self.on_progress = on_failure, on_note, on_progress
        self.sheet, self.film = ComparisonSheet(), SearchFilm()
        self.film_open = job.film
        self.completed = self.untouched = self.failed = 0
        self.progress = 0.0
        self.filler = ClassicalFiller(job.method if job.method in CLASSICAL_METHODS else "biharmonic")
        self.candidates = completer.config.candidates if completer is not None else 1
        self.channels = completer.prior.config.channels if completer is not None else 3
        if photographs is not None and count > 1:
            count = max(count, FACES_AT_ONCE)
        self.share, self.rows = plan_rows(count, batch_size=job.batch_size, candidates=self.candidates)

    def complete(self, inputs: Sequence[InputPicture]) -> None:
        """Complete and write pictures, batch by batch."""
        batch: list[Task] = []
        for source in inputs:
            task = self._look(source)
            if task is None:
                continue
            batch.append(task)
            if sum(len(each.views) for each in batch) >= self.share:
                self._complete_batch(batch)
                batch = []
        if batch:
            self._complete_batch(batch)

    def _look(self, source: InputPicture) -> Task | None:
        """Return what the search is to do for a picture; None where it is done with: it failed, or is written."""
        loaded = self._load(source)
        if loaded is None:
            return None
        if not loaded.mask.any():
            self._write(loaded, lambda _: loaded.color, status="untouched", seconds=0.0)
            return None
        if self.job.method in CLASSICAL_METHODS or (
            self.job.method == "auto" and choose_method(loaded.mask) != "dcgan"
        ):
            self._fill(loaded)
            return None
        if self.photographs is None:
            return aligned_task(loaded, self.completer, blocks=self.job.masks.blocks)
        return self._look_for_faces(loaded, self.photographs)

    def _look_for_faces(self, loaded: LoadedPicture, photographs: PhotographCompleter) -> Task | None:
        """Return what the search is to do for a photograph; None where it failed, or its hole touches no face."""
        started = time.perf_counter()
        try:
            task = photograph_task(loaded, photographs, self.job, rows=self.rows)
        except ImageFileError as error:
            self._fail(loaded.source, str(error))
            return None
        except MemoryError:
            self._fail_for_memory(loaded.source)
            return None
        beyond, path, method = task.fields["beyond"], loaded.source.path, photographs.beyond
        if task.views:
            if beyond >= BEYOND_TOLD:
                self._note(f"{path}: {beyond:.0%} of the hole is in no face's frame; {method} fills it")
            return task
        others = task.fields["others"]
        self._note(
            f"{path}: the hole touches none of the faces found ({others}); {method} fills it. If it hides a face, "
            "--face-box says where"
        )
        none = np.empty(0, np.float32)
        self._write(loaded, lambda _: task.compose(loaded, none), method=method, **task.fields, seconds=_since(started))
        return None

    def _note(self, line: str) -> None:
        """Tell the user something about a photograph."""
        if self.on_note:
            self.on_note(line)

    def _load(self, source: InputPicture) -> LoadedPicture | None:
        """Read a picture and its mask; where that cannot be done, record it and return None."""
        try:
            return load_picture(source, self.job, channels=self.channels)
        except ImageFileError as error:
            self._fail(source, str(error))
        except MemoryError:
            self._fail_for_memory(source)
        return None

    def _complete_batch(self, batch: list[Task]) -> None:
        """Search for a batch, then compose and write its pictures."""
        started = time.perf_counter()
        done = self._done
        found = self.completer.find(
            [view for task in batch for view in task.views],
            blocks=self.job.masks.blocks,
            keep=self.job.keep,
            rows=self.rows,
            on_frame=self.film.add if self.film_open else None,
            on_progress=lambda share: self._progress(done + share * len(batch)),
        )
        self.film_open = False
        seconds = _since(started) / len(batch)
        each = self.candidates if self.job.keep == "all" else 1
        first = 0
        for task in batch:
            rows = slice(first, first + each * len(task.views))
            self._finish(task, found.take(rows), seconds=seconds)
            first = rows.stop
        release_memory()

    def _fill(self, loaded: LoadedPicture) -> None:
        """Fill a picture without the model and write it."""
        path, method = loaded.source.path, self.filler.method
        if loaded.mask.all():
            self._fail(loaded.source, f"{path}: nothing of it is known, which the method {method} needs")
            return
        started = time.perf_counter()
        try:
            filled = self.filler(loaded.color[None], loaded.mask[None])[0]
        except MemoryError:
            self._fail_for_memory(loaded.source)
            return
        seconds = _since(started)
        self._write(loaded, lambda _: filled, method=method, seconds=seconds)

    def _finish(self, task: Task, found: SearchResult, *, seconds: float) -> None:
        """Read a picture again and write it with what was found."""
        loaded = self._load(task.source)
        if loaded is not None:
            each = len(found.generated) // len(task.views)  # a view's candidates lie one after the other

            def compose(candidate: int) -> Picture:
                return task.compose(loaded, found.generated[candidate::each])

            self._write(loaded, compose, method="dcgan", **task.fields, **_losses(found), seconds=seconds)

    def _write(
        self,
        loaded: LoadedPicture,
        compose: Callable[[int], Picture],
        *,
        seconds: float,
        status: str = "completed",
        **fields: Any,
    ) -> None:
        """Write one picture's results, its line in the manifest and its row in the sheet.

        `compose` is called with the number of each result and makes it; `fields` are the manifest's.
        """
        paths = output_paths(loaded.source, self.job, self.candidates)
        tiles, holes = [], []
        try:
            for row, path in enumerate(paths):
                picture = compose(row)
                path.parent.mkdir(parents=True, exist_ok=True)
                save_picture(path, loaded.finish(picture))
                if len(paths) > 1 and status == "completed":
                    holes.append(picture[loaded.mask])
                if self.job.sheet:
                    tiles.append(self.sheet.tile(picture))
        except MemoryError:
            self._fail_for_memory(loaded.source)
            return
        except (ImageFileError, OSError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if isinstance(cause, OSError) and cause.errno in STOPPING_ERRORS:
                raise FaceCompletionError(f"{error}; stopped, --skip-existing goes on from here") from error
            self._fail(loaded.source, str(error))
            return
        if self.job.sheet:
            masked = show_masked(loaded.color, loaded.mask, blocks=self.job.masks.blocks)
            self.sheet.add([self.sheet.tile(loaded.color), self.sheet.tile(masked), *tiles])
        self.completed += status == "completed"
        self.untouched += status == "untouched"
        self._record(
            loaded.source,
            output=str(paths[0]) if len(paths) == 1 else [str(path) for path in paths],
            status=status,
            missing=round(float(loaded.mask.mean()), 4),
            **fields,
            **({"spread": round(spread(holes), 3)} if holes else {}),
            seconds=round(seconds, 4),
        )

    def _fail(self, source: InputPicture, reason: str) -> None:
        """Record a picture that cannot be completed."""
        self.failed += 1
        self._record(source, output=None, status="failed", error=reason)
        if self.on_failure:
            self.on_failure(reason)

    def _fail_for_memory(self, source: InputPicture) -> None:
        """Record a picture that is too large for the machine."""
        self._fail(source, f"{source.path}: not enough memory for this picture")

    def _record(self, source: InputPicture, **fields: Any) -> None:
        """Append to the manifest and count."""
        without_model = fields.get("method", self.job.method) in CLASSICAL_METHODS
        model = None if without_model else self.model_sha256
        record = {"input": str(source.path), **fields, "seed": self.job.seed, "model_sha256": model}
        self.manifest.append(record)
        self._progress(self._done)

    @property
    def _done(self) -> int:
        """Return the number of pictures that need no more work."""
        return self.completed + self.untouched + self.failed

    def _progress(self, done: float) -> None:
        """Report progress, which never goes back: a searched picture counts before it is written."""
        self.progress = max(self.progress, done)
        if self.on_progress:
            self.on_progress(self.progress)


def _since(started: float) -> float:
    """Return the seconds since a reading of the clock."""
    return time.perf_counter() - started


def _losses(found: SearchResult) -> dict[str, Any]:
    """Return the manifest's fields about the search: a number, or a list for several candidates or faces."""
    fields = {"contextual_loss": found.contextual, "perceptual_loss": found.perceptual, "acceptance": found.acceptance}
    lists = {
        name: [round(float(value), 6) if math.isfinite(value) else None for value in values]
        for name, values in fields.items()
        if values is not None
    }
    return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}

"""Complete a folder of pictures, unattended: what complete-images does, as a function.

Each picture goes one way: its file is read, the method prepares its work, the model answers, the result is composed and
written. Where no search is needed, threads take the pictures this way side by side; a search answers for a batch.
Memory stays flat however many pictures there are: it is that of the pictures that the threads hold, or of a batch,
which is bounded by its rows and by the pixels of its pictures. Every output appears whole or not at all; a picture that
fails is recorded and the others are completed; a run that was stopped resumes with ``existing="skip"``.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import errno
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from completion.config import CLASSICAL_METHODS, EncoderConfig
from completion.folder.forms import fit_to_form, xmp_for
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob, check_outputs
from completion.folder.loading import LoadedPicture, load_picture
from completion.folder.manifest import open_manifest
from completion.folder.outputs import Output
from completion.folder.stamps import stamps_of
from completion.folder.sheet import ComparisonSheet, SearchFilm, show_masked
from completion.methods import Method, Work, candidates_of
from completion.result import spread
from completion.search.batches import PHOTOGRAPH_ROWS, answer_in_batches, plan_rows
from completion.workers import side_by_side
from dcgan import __version__
from dcgan.cores import available_cores
from dcgan.errors import CompletionError, FaceCompletionError, ImageFileError, NoFaceError
from dcgan.pictures.files import NO_MEMORY
from dcgan.pictures.origin import Origin
from dcgan.pictures.records import remove_leftovers
from dcgan.pictures.saving import save_picture
from dcgan.terminal import one_line

if TYPE_CHECKING:
    from completion.search.answer import Answers
    from completion.search.observation import Observation

__all__ = ["Done", "FolderReport", "FolderSummary", "complete_folder", "complete_part"]

LARGE_PIXELS = 48_000_000
STOPPING_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # the next picture would fail in the same way

Picture = npt.NDArray[np.uint8]
OnLine = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class FolderSummary:
    """What became of the pictures.

    Attributes
    ----------
    completed : int
        Pictures that were filled and written.
    untouched : int
        Pictures of which the named mask hides nothing; they were written as they are.
    skipped : int
        Left out because their output existed.
    failed : int
        Could not be read, completed or written, or had no mask.
    noted : int
        Of those completed or untouched: pictures about which something was guessed or left out, which a note says.
    assumed : dict of str to int
        How many pictures were taken as "aligned" faces and how many as a "photograph", where the user did not say.
    """

    completed: int
    untouched: int
    skipped: int
    failed: int
    noted: int = 0
    assumed: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)


@dataclasses.dataclass(frozen=True, eq=False)
class _Prepared:
    """A picture that was read, and its work."""

    loaded: LoadedPicture
    work: Work
    seconds: float
    stamps: dict[str, str]  # of the files that it is made of
    tiles: tuple[Picture, ...] = ()  # of the sheet: the picture as it was, and what is missing


@dataclasses.dataclass(frozen=True, eq=False)
class Done:
    """What became of a picture.

    Attributes
    ----------
    source : InputPicture
    fields : dict
        Of its line in the manifest.
    notes : tuple of str
        What was guessed or left out.
    tiles : tuple of uint8 arrays (H, W, 3)
        Its row in the sheet, where there is one.
    assumed : str
        What the picture was taken as, "aligned" or "photograph", where the user did not say.
    """

    source: InputPicture
    fields: dict[str, Any]
    notes: tuple[str, ...] = ()
    tiles: tuple[Picture, ...] = ()
    assumed: str = ""

    @classmethod
    def failed(cls, source: InputPicture, reason: str, notes: tuple[str, ...] = ()) -> Done:
        """Return that a picture cannot be completed; what was guessed before may be why."""
        fields = {"output": None, "status": "failed", "error": reason, **({"notes": notes} if notes else {})}
        return cls(source, fields, notes)


def complete_folder(
    inputs: Sequence[InputPicture],
    job: FolderJob,
    method: Method,
    *,
    checked: bool = False,
    on_failure: OnLine | None = None,
    on_note: OnLine | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> FolderSummary:
    """Complete pictures from files to files.

    Parameters
    ----------
    inputs : sequence of InputPicture
        See `completion.folder.inputs.list_inputs`; the whole list, also where the job is a shard of it.
    job : FolderJob
        Where the results go, and where the masks come from.
    method : Method
        Made ready by `completion.methods.make_method`.
    checked : bool, default False
        The caller has called `check_outputs`; it is called again under the lock, for another run may have ended.
    on_failure : callable, optional
        Called with one line for each picture that fails.
    on_note : callable, optional
        Called with one line for each picture about which something was guessed or left out.
    on_progress : callable, optional
        Called with the number of pictures done so far; those that the model works at count in part.

    Returns
    -------
    FolderSummary

    Raises
    ------
    FaceCompletionError
        Nothing can be written (disk full, folder not writable), another process writes there, or see
        `completion.folder.job.check_outputs`.

    Examples
    --------
    >>> method = make_method("telea", MethodOptions())  # doctest: +SKIP
    >>> complete_folder(list_inputs(["photos"]), FolderJob(Path("completed")), method)  # doctest: +SKIP
    FolderSummary(completed=12, untouched=0, skipped=0, failed=0)
    """
    candidates = candidates_of(method)
    if not checked:
        check_outputs(inputs, job, candidates=candidates)
    try:
        job.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceCompletionError(f"{job.output}: cannot make the folder: {error.strerror or error}") from error
    with open_manifest(job.manifest_path, settings=job.settings, checked=True) as manifest:
        waiting, existing = check_outputs(inputs, job, candidates=candidates, record=manifest.record)
        prior = method.finder.prior if method.finder is not None else None
        report = FolderReport(
            manifest,
            seed=job.seed,
            method=method.name,
            model_sha256=prior.sha256 if prior is not None else None,
            on_failure=on_failure,
            on_note=on_note,
            on_progress=on_progress,
        )
        run = _FolderRun(job, method, waiting, report)
        own = [path for output in waiting.values() for path in output.paths]
        if manifest.record.resumed:
            remove_leftovers([*own, job.sheet_path, job.film_path])
        run.complete(count=job.whole or len(inputs))
        if job.sheet:
            manifest.claim(job.sheet_path)
            report.sheet.save(job.sheet_path)
        if job.film:
            manifest.claim(job.film_path)
            run.film.save(job.film_path)
    return report.summary(skipped=existing)


def complete_part(outputs: dict[InputPicture, Output], job: FolderJob, method: Method, *, count: int) -> list[Done]:
    """Complete some pictures of a job whose manifest another process keeps.

    Parameters
    ----------
    outputs : dict of InputPicture to Output
        The pictures, and where their results go: part of what `check_outputs` returned.
    job : FolderJob
        Without a sheet and a film.
    method : Method
        Made ready by `completion.methods.make_method`.
    count : int
        Number of pictures of the whole job.

    Returns
    -------
    list of Done
        What became of each picture, for `FolderReport.finish`.

    Raises
    ------
    FaceCompletionError
        Nothing can be written.
    """
    report = _PartReport()
    _FolderRun(job, method, outputs, report).complete(count=count)
    return report.finished


class FolderReport:
    """Records what becomes of the pictures of a job, tells it and counts it.

    Parameters
    ----------
    manifest : Manifest or another object with its `append` and `claim`
        Takes a line for each picture.
    seed : int
        Of random masks.
    method : str
        Name of the method that runs.
    model_sha256 : str or None
        Of the model that it asks.
    on_failure, on_note, on_progress : callable, optional
        See `complete_folder`.
    """

    def __init__(
        self,
        manifest: Any,
        *,
        seed: int,
        method: str,
        model_sha256: str | None,
        on_failure: OnLine | None = None,
        on_note: OnLine | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        self._manifest, self._seed, self._method, self._model_sha256 = manifest, seed, method, model_sha256
        self._on_failure, self._on_note, self._on_progress = on_failure, on_note, on_progress
        self.sheet = ComparisonSheet()
        self.completed = self.untouched = self.failed = self.noted = 0
        self.assumed = collections.Counter[str]()
        self._reached = 0.0

    def claim(self, path: Path) -> None:
        """List a result that is about to be written; see `Manifest.claim`."""
        self._manifest.claim(path)

    def finish(self, done: Done) -> None:
        """Record what became of a picture, tell it and count it."""
        status = done.fields["status"]
        if status == "failed":
            self.failed += 1
            if self._on_failure:
                self._on_failure(done.fields["error"] + (f" ({'; '.join(done.notes)})" if done.notes else ""))
        else:
            self.completed += status == "completed"
            self.untouched += status == "untouched"
            self.noted += bool(done.notes)
            self.assumed.update([done.assumed] if done.assumed else [])
            if done.tiles:
                self.sheet.add(list(done.tiles))
            if done.notes and self._on_note:
                self._on_note(f"{done.source.path}: {'; '.join(done.notes)}")
        without_model = done.fields.get("method", self._method) in CLASSICAL_METHODS
        model = None if without_model else self._model_sha256
        record = {"input": str(done.source.path), **done.fields, "seed": self._seed, "model_sha256": model}
        self._manifest.append(record)
        self.progress(0.0)

    def progress(self, part: float) -> None:
        """Report progress, which never goes back: `part` are pictures that the model works at, before they are done."""
        self._reached = max(self._reached, self.completed + self.untouched + self.failed + part)
        if self._on_progress:
            self._on_progress(self._reached)

    def summary(self, *, skipped: int) -> FolderSummary:
        """Return what became of the pictures; `skipped` were left out because their output existed."""
        counts = self.completed, self.untouched, skipped, self.failed, self.noted
        return FolderSummary(*counts, dict(self.assumed))


class _PartReport:
    """Keeps what became of the pictures for the process that has the manifest, where the results are claimed."""

    def __init__(self) -> None:
        self.finished: list[Done] = []
        self.sheet = ComparisonSheet()

    def claim(self, path: Path) -> None:
        """Do nothing: the results were claimed before."""

    def finish(self, done: Done) -> None:
        """Keep it."""
        self.finished.append(done)

    def progress(self, part: float) -> None:
        """Do nothing."""


class _FolderRun:
    """The state of one call of `complete_folder` or `complete_part`."""

    def __init__(
        self, job: FolderJob, method: Method, outputs: dict[InputPicture, Output], report: FolderReport | _PartReport
    ) -> None:
        self.job, self.method, self.outputs, self.report = job, method, outputs, report
        self.film = SearchFilm()
        self.large = threading.Semaphore()  # of pictures beyond LARGE_PIXELS one at a time
        finder = method.finder
        self.candidates = candidates_of(method)
        self.channels = finder.prior.config.channels if finder is not None else 3
        self.model_sha256 = finder.prior.sha256 if finder is not None else None

    def complete(self, *, count: int) -> None:
        """Complete and write the pictures; `count` is the number of the whole job, of which these may be a part."""
        finder = self.method.finder
        if finder is None or isinstance(finder.config, EncoderConfig):
            workers = min(self.job.workers or available_cores(), max(1, len(self.outputs)))
            for done in side_by_side(self._complete_one, self.outputs, workers=workers):
                self.report.finish(done)
            return
        share, rows = plan_rows(count, batch_size=self.job.batch_size, candidates=self.candidates)
        few = plan_rows(PHOTOGRAPH_ROWS, batch_size=self.job.batch_size, candidates=self.candidates)
        answered = answer_in_batches(
            self._prepare_all(),
            finder,
            share=share,
            rows=rows,
            plan_of=lambda prepared: few if count > 1 and prepared.work.mode == "photograph" else None,
            keep=self.job.keep,
            on_frame=self.film.add if self.job.film else None,
            on_progress=self.report.progress,
        )
        for prepared, answers, seconds in answered:
            self.report.finish(self._write(prepared, answers, seconds=prepared.seconds + seconds))

    def _complete_one(self, source: InputPicture) -> Done:
        """Take one picture from its file to its result's; called by several threads."""
        prepared = self._prepare(source)
        if isinstance(prepared, Done):
            return prepared
        with self.large if prepared.loaded.mask.size > LARGE_PIXELS else contextlib.nullcontext():
            started = time.perf_counter()
            observations, finder = prepared.work.observations, self.method.finder
            answers = finder.find(observations) if finder is not None and observations else None
            return self._write(prepared, answers, seconds=prepared.seconds + _since(started))

    def _prepare_all(self) -> Iterator[tuple[_Prepared, Sequence[Observation], int]]:
        """Yield every picture that can be completed, its observations and its size in pixels."""
        for source in self.outputs:
            prepared = self._prepare(source)
            if isinstance(prepared, Done):
                self.report.finish(prepared)
            else:
                yield prepared, prepared.work.observations, prepared.loaded.mask.size

    def _prepare(self, source: InputPicture) -> _Prepared | Done:
        """Read a picture and prepare its work, or return why that cannot be done."""
        given = self.job.photographs
        notes: tuple[str, ...] = ()
        photograph = given.faces_of(source.relative) if given is not None else None
        try:
            stamps = stamps_of(source, self.job.masks, given)  # before the files are read
            loaded = load_picture(source, self.job.masks, channels=self.channels, seed=self.job.seed)
            loaded = fit_to_form(loaded, self.outputs[source].paths[0])
            notes = loaded.notes
            tiles: tuple[Picture, ...] = ()
            if self.job.sheet:  # before the method may fill the picture in place
                masked = show_masked(loaded.color, loaded.mask, blocks=self.job.masks.blocks)
                tiles = self.report.sheet.tile(loaded.color), self.report.sheet.tile(masked)
            started = time.perf_counter()
            if not loaded.mask.any():
                return _Prepared(loaded, Work("", lambda _: loaded.color), 0.0, stamps, tiles)
            work = self.method.prepare(loaded.color, loaded.mask, blocks=self.job.masks.blocks, photograph=photograph)
        except ImageFileError as error:
            return Done.failed(source, str(error))
        except OSError as error:  # of a mask's folder, of what a method loads when it is first used
            return Done.failed(source, f"{source.path}: cannot read{_named(error)}: {error.strerror or error}")
        except (NoFaceError, CompletionError) as error:
            return Done.failed(source, f"{source.path}: {error}", notes)
        except MemoryError:
            return Done.failed(source, f"{source.path}: {NO_MEMORY}")
        except cv2.error as error:  # the other pictures are completed
            return Done.failed(source, f"{source.path}: OpenCV cannot work at it: {one_line(error)}", notes)
        return _Prepared(loaded, work, _since(started), stamps, tiles)

    def _write(self, prepared: _Prepared, answers: Answers | None, *, seconds: float) -> Done:
        """Compose and write one picture's results."""
        loaded, work = prepared.loaded, prepared.work
        source = loaded.source
        output = self.outputs[source]
        paths = output.paths
        tiles, holes = list(prepared.tiles), []
        started = time.perf_counter()
        xmp, xmp_note = xmp_for(paths[0], loaded.attached.xmp, self._origin(prepared))
        attached = dataclasses.replace(loaded.attached, xmp=xmp)
        try:
            for row, path in enumerate(paths):
                # An observation's candidates lie one after the other.
                generated = np.empty(0, np.float32) if answers is None else answers.generated[row :: len(paths)]
                picture = work.compose(generated)
                if answers is None:
                    seconds += _since(started)
                self.report.claim(path)
                _make_folder(path.parent)
                save_picture(path, loaded.finish(picture), attached=attached)
                if len(paths) > 1 and loaded.mask.any():
                    holes.append(picture[loaded.mask])
                if self.job.sheet:
                    tiles.append(self.report.sheet.tile(picture))
        except MemoryError:
            return Done.failed(source, f"{source.path}: {NO_MEMORY}")
        except cv2.error as error:
            return Done.failed(source, f"{source.path}: OpenCV cannot work at it: {one_line(error)}")
        except CompletionError as error:
            return Done.failed(source, f"{source.path}: {error}")
        except ImageFileError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in STOPPING_ERRORS:
                raise FaceCompletionError(f"{error}; stopped, --skip-existing goes on from here") from error
            return Done.failed(source, str(error))
        missing = bool(loaded.mask.any())
        given = self.job.photographs
        assumed = given is not None and given.mode == "auto" and given.faces_of(source.relative).undecided
        notes = tuple(dict.fromkeys(filter(None, (*output.notes, *loaded.notes, *work.notes, xmp_note))))
        fields = {
            "output": str(paths[0]) if len(paths) == 1 else [str(path) for path in paths],
            "status": "completed" if missing else "untouched",
            "missing": round(float(loaded.mask.mean()), 4),
            "files": prepared.stamps,
            **({"method": work.method} if missing else {}),
            **({"mode": work.mode} if work.mode else {}),
            **work.fields,
            **({} if answers is None else _losses(answers)),
            **({"spread": round(spread(holes), 3)} if holes else {}),
            **({"notes": notes} if notes else {}),
            "seconds": round(seconds, 4),
        }
        return Done(source, fields, notes, tuple(tiles), work.mode if assumed else "")

    def _origin(self, prepared: _Prepared) -> Origin | None:
        """Return what a picture's file says about its filling."""
        if not self.job.provenance or not prepared.loaded.mask.any():
            return None
        tool, method = f"dcgan-face-completion {__version__}", prepared.work.method
        if method in CLASSICAL_METHODS:
            return Origin(method, tool)
        return Origin(method, tool, self.job.model_name, self.model_sha256)


def _named(error: OSError) -> str:
    """Return the name of the file that an error of the system is about, with a space before it, where there is one."""
    return f" {error.filename}" if isinstance(error.filename, str) else ""


def _make_folder(folder: Path) -> None:
    """Make a folder for a result."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageFileError(f"{folder}: cannot write: {error.strerror or error}") from error


def _since(started: float) -> float:
    """Return the seconds since a reading of the clock."""
    return time.perf_counter() - started


def _losses(answers: Answers) -> dict[str, Any]:
    """Return the manifest's fields about the answers: a number, or a list for several candidates or faces."""
    fields = {
        "contextual_loss": answers.contextual,
        "perceptual_loss": answers.perceptual,
        "acceptance": answers.acceptance,
    }
    lists = {
        name: [round(float(value), 6) if math.isfinite(value) else None for value in values]
        for name, values in fields.items()
        if values is not None
    }
    return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}

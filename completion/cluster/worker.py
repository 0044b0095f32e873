"""What a worker of the cluster does: it loads the model once, and completes the pictures that it is given."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from completion.config import is_search
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob
from completion.folder.launch import ChosenMethod, PhotographOptions, make_ready
from completion.folder.outputs import Output
from completion.folder.run import Done, complete_part
from completion.cluster.staging import Staging
from completion.folder.urls import is_url
from completion.methods import Method, candidates_of
from dcgan import __version__
from dcgan.device import Device
from dcgan.errors import FaceCompletionError, OptionError
from dcgan.pictures.marks import MARK
from dcgan.pictures.pixel_limit import MILLION, limited_pixels, pixel_limit

__all__ = ["Answer", "Task", "Worker", "WorkerInfo"]


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """What all workers of a job need to know.

    Attributes
    ----------
    job : FolderJob
    method : ChosenMethod
    photographs : PhotographOptions
    folder : str
        The working directory, which relative paths are meant in.
    version : str
        Of this project, where the job was started.
    pixels : int, optional
        Of the largest picture that is read.
    """

    job: FolderJob
    method: ChosenMethod
    photographs: PhotographOptions
    folder: str
    version: str = __version__
    pixels: int | None = None


@dataclasses.dataclass(frozen=True)
class WorkerInfo:
    """What a worker says of itself when it is ready.

    Attributes
    ----------
    method : str
        Name of the method that runs.
    model_sha256 : str or None
    candidates : int
        Results of each picture, where all are kept.
    batch_size : int
        That suits the worker.
    searches : bool
        Whether pictures are answered in batches.
    device : Device or None
        None where the method has no choice of one.
    """

    method: str
    model_sha256: str | None
    candidates: int
    batch_size: int
    searches: bool
    device: Device | None


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """What came of a call of a worker: a value, or why the run has to stop.

    Attributes
    ----------
    value : object
        A `WorkerInfo`, or a list of `Done`.
    error : str
        A line for the user.
    kind : str
        "stop" for what a user can change, "option" for a wrong option, "bug" with a traceback in `error`.
    """

    value: Any = None
    error: str = ""
    kind: str = ""


class Worker:
    """One process that completes pictures: the class of the Ray actors."""

    def __init__(self) -> None:
        self._method: Method | None = None

    def ready(self, task: Task) -> Answer:
        """Load what the job needs, once."""
        return _answer(self._load, task)

    def complete(self, items: Sequence[tuple[InputPicture, Output]], *, count: int, batch_size: int) -> Answer:
        """Complete some pictures of a job of `count`; the answer has what became of each, in their order."""
        return _answer(self._complete, items, count, batch_size)

    def _load(self, task: Task) -> WorkerInfo:
        """Load the method, or say why this machine cannot work at the job."""
        if task.version != __version__:
            raise FaceCompletionError(
                f"{_host()}: expected version {task.version} of dcgan-face-completion, as where the job was started, "
                f"found {__version__}"
            )
        if task.pixels is not None and task.pixels != pixel_limit():
            self._limit = limited_pixels(task.pixels / MILLION)  # for as long as this process works
            self._limit.__enter__()
        if not os.path.isdir(task.folder):
            raise FaceCompletionError(f"{_host()}: expected the folder {task.folder}, which the machines must share")
        os.chdir(task.folder)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        device = task.method.find_device()
        self._method, batch_size = make_ready(
            task.method, task.job, photographs=task.photographs, device=device or Device(), quiet=True
        )
        self._job = dataclasses.replace(task.job, workers=1)
        finder = self._method.finder
        return WorkerInfo(
            self._method.name,
            finder.prior.sha256 if finder is not None else None,
            candidates_of(self._method),
            batch_size,
            finder is not None and is_search(finder.config),
            device,
        )

    def _complete(self, items: Sequence[tuple[InputPicture, Output]], count: int, batch_size: int) -> list[Done]:
        """Complete pictures, those behind URLs in a temporary folder."""
        if self._method is None:
            raise RuntimeError("expected `ready` to be called before `complete`")
        job = dataclasses.replace(self._job, batch_size=batch_size)
        if not is_url(job.output) and not (job.output / MARK).is_file():
            raise FaceCompletionError(f"{_host()}: expected the folder {job.output}, which the machines must share")
        if not any(is_url(source.path) or is_url(output.paths[0]) for source, output in items):
            return complete_part(dict(items), job, self._method, count=count)
        with tempfile.TemporaryDirectory(prefix="dcgan-") as folder:
            staging = Staging(Path(folder))
            failed, local = staging.fetch(items)
            return [*failed, *staging.store(complete_part(local, job, self._method, count=count))]


def _answer(function: Any, *arguments: Any) -> Answer:
    """Call a function; what it raises becomes a line, since Ray would add a traceback to it."""
    try:
        return Answer(function(*arguments))
    except FaceCompletionError as error:
        return Answer(error=str(error), kind="stop")
    except OptionError as error:
        return Answer(error=str(error), kind="option")
    except MemoryError:
        return Answer(error=f"{_host()}: not enough memory", kind="stop")
    except Exception:
        return Answer(error=traceback.format_exc(), kind="bug")


def _host() -> str:
    """Return the name of this machine."""
    import platform

    return platform.node() or "a machine of the cluster"

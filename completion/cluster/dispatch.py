"""Gives pictures to the workers of a cluster and takes what became of them.

Ray places the workers, notices their deaths, and carries what goes to and fro. What is here is which pictures go next,
and what a death means for those that its worker had.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from completion.cluster.cluster import CPUS_PER_WORKER
from completion.cluster.worker import Answer, Task, Worker, WorkerInfo
from completion.folder.inputs import InputPicture
from completion.folder.outputs import Output
from completion.folder.run import Done
from completion.folder.urls import as_url
from completion.search.batches import plan_rows
from dcgan import __version__
from dcgan.errors import FaceCompletionError, OptionError

__all__ = ["Pool"]

DEATHS_MAX = 2  # of workers that had one picture alone; then the picture is given up
STARTS_MAX = 4  # one after the other that do not succeed
START_SECONDS = 180.0  # in which a worker must have started where none is at work
TICK_SECONDS = 1.0
CALL_SECONDS = 1.0  # of work that one call asks for
CALL_PICTURES_MAX = 64

Item = tuple[InputPicture, Output]


@dataclasses.dataclass(frozen=True, eq=False)
class _Call:
    """A call of a worker that has not returned: its pictures, none where the worker is to load the model."""

    actor: Any
    items: Sequence[Item]
    since: float


class Pool:
    """The workers of a job.

    Parameters
    ----------
    ray : module
        Joined to a cluster.
    task : Task
    workers : int
        The cluster has room for so many; see `completion.cluster.cluster.check_room`.
    gpus : int
        Of each worker.
    """

    def __init__(self, ray: Any, task: Task, *, workers: int, gpus: int) -> None:
        self._ray = ray
        # Ray's own restarts and retries are off: it would try a picture that kills its worker again and again, and
        # calls of an actor that it is restarting fail like those that were begun.
        resources = {"num_cpus": CPUS_PER_WORKER, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        self._class = ray.remote(**resources)(Worker)
        self._task = ray.put(task)
        self._calls: dict[Any, _Call] = {}
        self._idle: list[Any] = []
        self._last_event = time.monotonic()
        self._seconds = CALL_SECONDS  # of one picture, measured
        self._workers, self._failed_starts = workers, 0
        for _ in range(workers):
            self._begin()

    def close(self) -> None:
        """End the workers."""
        for actor in [*self._idle, *(call.actor for call in self._calls.values())]:
            self._ray.kill(actor)

    def start(self) -> WorkerInfo:
        """Wait for the first worker that is ready, and return what it says.

        Raises
        ------
        FaceCompletionError
            No worker could be started, or one says why it cannot work.
        """
        while True:
            for call, answer in self._next():
                if (info := self._ready(call, answer)) is not None:
                    return info

    def run(
        self,
        items: Iterable[Item],
        *,
        count: int,
        info: WorkerInfo,
        batch_size: int,
        on_done: Callable[[Done], None],
    ) -> None:
        """Have pictures completed, in any order.

        Parameters
        ----------
        items : iterable of (InputPicture, Output)
        count : int
            Pictures of the whole job.
        info : WorkerInfo
            What `start` returned.
        batch_size : int
            The same for all workers, because the rounding depends on it.
        on_done : callable
            Called once for each picture.
        """
        queue, alone = collections.deque(items), collections.deque[Item]()
        deaths = collections.Counter[InputPicture]()
        share = plan_rows(count, batch_size=batch_size, candidates=info.candidates)[0] if info.searches else 0
        while queue or alone or any(call.items for call in self._calls.values()):
            while self._idle and (queue or alone):
                actor = self._idle.pop()
                size = 1 if alone else share or self._call_size(len(queue))
                chosen = [alone.popleft()] if alone else [queue.popleft() for _ in range(min(size, len(queue)))]
                reference = actor.complete.remote(chosen, count=count, batch_size=batch_size)
                self._calls[reference] = _Call(actor, chosen, time.monotonic())
            for call, answer in self._next():
                if not call.items:
                    self._ready(call, answer)
                elif answer is not None:
                    self._idle.append(call.actor)
                    self._seconds = (time.monotonic() - call.since) / len(call.items)
                    for done in answer.value:
                        on_done(done)
                else:
                    self._begin()
                    if len(call.items) > 1:  # it is not known which of them it was
                        alone.extend(call.items)
                        continue
                    [(source, _)] = call.items
                    deaths[source] += 1
                    if deaths[source] < DEATHS_MAX:
                        alone.append(call.items[0])
                    else:
                        reason = f"the process that completed it ended without a word, {DEATHS_MAX} times"
                        on_done(Done.failed(source, f"{as_url(source.path)}: {reason}"))

    def _call_size(self, waiting: int) -> int:
        """Return how many pictures a call takes: about a second's, and near the end a fair share."""
        size = min(CALL_PICTURES_MAX, int(CALL_SECONDS / max(self._seconds, 1e-6)), waiting // self._workers)
        return max(1, size)

    def _begin(self) -> None:
        """Start a worker and have it load what the job needs; it waits for its place in the cluster first."""
        actor = self._class.remote()
        self._calls[actor.ready.remote(self._task)] = _Call(actor, (), time.monotonic())

    def _ready(self, call: _Call, answer: Answer | None) -> WorkerInfo | None:
        """Take what a worker says that was to load the model; None where it has died."""
        if answer is not None:
            self._failed_starts = 0
            self._idle.append(call.actor)
            info: WorkerInfo = answer.value
            return info
        self._failed_starts += 1
        if self._failed_starts >= STARTS_MAX:
            raise FaceCompletionError(
                f"{STARTS_MAX} workers, one after the other, ended without a word while they loaded the model; "
                "is there memory enough?"
            )
        self._begin()
        return None

    def _next(self) -> list[tuple[_Call, Answer | None]]:
        """Return calls that have returned, after a second at most; the answer is None where the worker has died."""
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=TICK_SECONDS)
        if not ready:
            self._refuse_to_wait()
            return []
        self._last_event = time.monotonic()
        return [(call := self._calls.pop(reference), self._answer_of(reference, call)) for reference in ready]

    def _answer_of(self, reference: Any, call: _Call) -> Answer | None:
        """Return a call's answer, None where its worker has died; raise what stops the run."""
        exceptions = self._ray.exceptions
        try:
            answer: Answer = self._ray.get(reference)
        except (exceptions.RayActorError, exceptions.WorkerCrashedError, exceptions.ObjectLostError) as error:
            if "failed to import" in str(error):
                cause = str(error).strip().splitlines()[-1]
                raise FaceCompletionError(
                    f"a machine of the cluster cannot run version {__version__} of dcgan-face-completion: install it "
                    f"there ({cause})"
                ) from error
            self._ray.kill(call.actor)  # where it lives on, beyond a broken connection
            return None
        if answer.kind == "stop":
            raise FaceCompletionError(answer.error)
        if answer.kind == "option":
            raise OptionError(answer.error)
        if answer.kind:
            raise RuntimeError(f"in a worker:\n{answer.error}")
        return answer

    def _refuse_to_wait(self) -> None:
        """Raise where no worker is at work and none has started for long: say what there is and what they need."""
        waited = time.monotonic() - self._last_event
        if any(call.items for call in self._calls.values()) or waited < START_SECONDS:
            return
        free = self._ray.available_resources()
        raise FaceCompletionError(
            f"no worker has started in {START_SECONDS:.0f} s: the cluster has {free.get('CPU', 0):g} free CPUs and "
            f"{free.get('GPU', 0):g} free GPUs; other jobs may hold the rest, or a machine may have left"
        )

"""Batches: how many observations a model answers at once, and the memory that this takes."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from dcgan.config import ModelConfig
from dcgan.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from completion.search.answer import Answers
    from completion.search.finder import Finder
    from completion.search.observation import Observation

__all__ = [
    "DEFAULT_BATCH_SIZE",
    "PHOTOGRAPH_ROWS",
    "answer_in_batches",
    "default_batch_size",
    "plan_rows",
    "release_memory",
]

Item = TypeVar("Item")


DEFAULT_BATCH_SIZE = 64  # beyond this a CPU gains nothing
PHOTOGRAPH_ROWS = 8  # of a call for photographs: how many faces they have shows as they are read
BATCH_BYTES_MAX = 512 * 2**20
BATCH_PIXELS_MAX = 2**25  # of the pictures that wait for the model's answers
ROWS_STEP = 8  # matrix products take this many rows at a time
COPIES = 8  # of every feature map: both networks, values and gradients, and the compiled loop's buffers


def default_batch_size(config: ModelConfig) -> int:
    """Return the largest power of two, at most 64, whose search fits into 512 MiB and an eighth of the memory.

    That is the machine's memory, not what is free at the moment: a resumed run must have the batch size, and so the
    bytes, of the first one.

    Parameters
    ----------
    config : ModelConfig
    """
    floats = config.size**2 * config.channels
    for level, width in enumerate(config.widths):
        floats += (config.size // 2 ** (level + 1)) ** 2 * width
    bytes_each = 4 * COPIES * floats
    budget = min(BATCH_BYTES_MAX, _memory_bytes() // 8)
    size = DEFAULT_BATCH_SIZE
    while size > 1 and size * bytes_each > budget:
        size //= 2
    return size


def plan_rows(count: int, *, batch_size: int, candidates: int) -> tuple[int, int]:
    """Return how many observations make a batch, and the number of rows of every call of the model.

    All batches of a job are padded to the same number of rows, because the rounding of a matrix product depends on it.
    It is at most 8 or a multiple of 8; for other numbers the rounding depends on a row's place as well. So a picture's
    bytes are the same in every batch, and in whichever order, shard or resumed run the job is done.

    Parameters
    ----------
    count : int
        Observations of the whole job.
    batch_size : int
        Largest number of rows (observations times candidates) of a call.
    candidates : int
        Of each observation.

    Returns
    -------
    share, rows : int

    Examples
    --------
    >>> plan_rows(5, batch_size=64, candidates=1), plan_rows(1000, batch_size=64, candidates=4)
    ((5, 5), (16, 64))
    """
    if batch_size < 1:
        raise OptionError(f"Expected `batch_size` of at least 1. Received: batch_size={batch_size}")
    rows_max = batch_size if batch_size < ROWS_STEP else batch_size // ROWS_STEP * ROWS_STEP
    share = max(1, rows_max // candidates)
    share = -(-count // max(1, -(-count // share)))  # batches of equal size
    rows = share * candidates
    if rows > ROWS_STEP:
        rows = -(-rows // ROWS_STEP) * ROWS_STEP
    return share, min(rows, rows_max)


@dataclasses.dataclass(eq=False)
class _Batch(Generic[Item]):
    """Items that wait for the model's answers, with their observations, and the pixels of them all."""

    waiting: list[tuple[Item, Sequence[Observation]]] = dataclasses.field(default_factory=list)
    pixels: int = 0


def answer_in_batches(
    items: Iterable[tuple[Item, Sequence[Observation], int]],
    finder: Finder | None,
    *,
    share: int,
    rows: int,
    plan_of: Callable[[Item], tuple[int, int] | None] = lambda item: None,
    keep: str = "best",
    on_frame: Callable[[npt.NDArray[np.float32]], None] | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Iterator[tuple[Item, Answers | None, float]]:
    """Yield every item with the model's answers to its observations; those without observations at once.

    Parameters
    ----------
    items : iterable of (item, observations, pixels)
        Read as they are needed; the pixels of the items that wait in a batch bound its size as well.
    finder : Finder or None
        None where no item has observations.
    share, rows : int
        From `plan_rows`.
    plan_of : callable, optional
        Returns the share and rows of an item where they are others. Items with other plans are in other batches.
    keep : str, optional
        See `Finder.find`.
    on_frame : callable, optional
        See `Finder.find`; of the first batch.
    on_progress : callable, optional
        Called with the number of items of the present batch that are done, in parts.

    Yields
    ------
    item : Item
    answers : Answers or None
        An observation's candidates lie one after the other.
    seconds : float
        The batch's time divided by its items.
    """
    lanes: dict[tuple[int, int], _Batch[Item]] = {}  # by their plan

    def flush(plan: tuple[int, int]) -> Iterator[tuple[Item, Answers | None, float]]:
        nonlocal on_frame
        waiting = lanes.pop(plan).waiting
        if finder is None:
            raise ValueError("Expected a `finder` for items with observations. Received: None")
        started = time.perf_counter()
        answers = finder.find(
            [observation for _, observations in waiting for observation in observations],
            keep=keep,
            rows=plan[1],
            on_frame=on_frame,
            on_progress=on_progress and (lambda done: on_progress(done * len(waiting))),
        )
        on_frame = None
        seconds = (time.perf_counter() - started) / len(waiting)
        each = finder.config.candidates if keep == "all" else 1
        first = 0
        for item, observations in waiting:
            part = slice(first, first + each * len(observations))
            first = part.stop
            yield item, answers.take(part), seconds
        release_memory()

    for item, observations, pixels in items:
        if not observations:
            yield item, None, 0.0
            continue
        plan = plan_of(item) or (share, rows)
        lane = lanes.setdefault(plan, _Batch())
        lane.waiting.append((item, observations))
        lane.pixels += pixels
        if sum(len(each) for _, each in lane.waiting) >= plan[0]:
            yield from flush(plan)
        while sum(each.pixels for each in lanes.values()) >= BATCH_PIXELS_MAX:
            yield from flush(max(lanes, key=lambda each: lanes[each].pixels))
    for plan in list(lanes):
        yield from flush(plan)


def release_memory() -> None:
    """Return freed memory to the system, where glibc would keep it: without this a long run grows by a tenth."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: 0)(0)  # other C libraries have no such function


def _memory_bytes() -> int:
    """Return the machine's memory in bytes, or what a container may use of it."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        memory = 8 * 2**30
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            memory = min(memory, int(file.read()))
    except (OSError, ValueError):  # no container, or one without a limit
        pass
    return memory

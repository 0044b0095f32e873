"""Several threads at work on one list, with the results in its order."""

import collections
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["side_by_side"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_own = threading.local()  # of each thread, whether it is one of these


def side_by_side(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Iterator[Result]:
    """Yield what a function returns for each item, in the order of the items.

    Parameters
    ----------
    function : callable
        Called in `workers` threads; one is the caller's own.
    items : iterable
        Read as they are needed: no more than the threads work at, and as many again.
    workers : int
        At least 1. In a thread that works at such a list itself one is enough: the others have the remaining cores, and
        threads that come and go with each item leave memory behind.

    Yields
    ------
    object
        What the function returns; what it raises is raised here, and items that no thread has begun are dropped.
    """
    if workers == 1 or getattr(_own, "works", False):
        yield from map(function, items)
        return
    waiting: collections.deque[Future[Result]] = collections.deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="completion", initializer=_begin) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _begin() -> None:
    """Mark a thread as one that works at a list."""
    _own.works = True

"""How many pictures are searched at once, and the memory that this takes."""

import ctypes
import os
import sys

from dcgan.config import ModelConfig

__all__ = ["default_batch_size", "plan_rows", "release_memory"]

BATCH_SIZE_MAX = 64  # beyond this a CPU gains nothing
BATCH_BYTES_MAX = 512 * 2**20
ROWS_STEP = 8  # matrix products take this many rows at a time
COPIES = 8  # of every feature map: both networks, values and gradients, and the compiled loop's buffers


def default_batch_size(config: ModelConfig) -> int:
    """Return the largest power of two, at most 64, whose search fits into 512 MiB and an eighth of the memory.

    That is the machine's memory, not what happens to be free: a resumed run is to have the batch size, and so the
    bytes, of the first one.

    Parameters
    ----------
    config : of the model
    """
    floats = config.size**2 * config.channels
    for level, width in enumerate(config.widths):
        floats += (config.size // 2 ** (level + 1)) ** 2 * width
    bytes_each = 4 * COPIES * floats
    budget = min(BATCH_BYTES_MAX, _memory_bytes() // 8)
    size = BATCH_SIZE_MAX
    while size > 1 and size * bytes_each > budget:
        size //= 2
    return size


def plan_rows(count: int, *, batch_size: int, candidates: int) -> tuple[int, int]:
    """Return how many pictures are searched together and how many rows every call of the search has.

    All batches of a job are filled up to the same number of rows: the rounding of a matrix product depends on it. It
    is at most 8 or a multiple of 8, for within other numbers the rounding depends on a row's place as well. So a
    picture's bytes are the same in every batch, and in whichever order, shard or resumed run the job is done.

    Parameters
    ----------
    count : pictures of the whole job
    batch_size : rows (pictures times candidates) that are searched at once, at most
    candidates : of each picture

    Examples
    --------
    >>> plan_rows(5, batch_size=64, candidates=1), plan_rows(1000, batch_size=64, candidates=4)
    ((5, 5), (16, 64))
    """
    if batch_size < 1:
        raise ValueError(f"Expected `batch_size` of at least 1. Received: batch_size={batch_size}")
    rows_max = batch_size if batch_size < ROWS_STEP else batch_size // ROWS_STEP * ROWS_STEP
    share = max(1, rows_max // candidates)
    share = -(-count // max(1, -(-count // share)))  # batches of equal size
    rows = share * candidates
    if rows > ROWS_STEP:
        rows = -(-rows // ROWS_STEP) * ROWS_STEP
    return share, min(rows, rows_max)


def release_memory() -> None:
    """Give freed memory back to the system, where glibc would keep it: a long run grows by a tenth without this."""
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: 0)(0)  # other C libraries have no such function


def _memory_bytes() -> int:
    """Return the machine's memory, or what a container may use of it."""
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

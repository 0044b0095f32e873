"""How many processor cores there are to work with. Pure standard library."""

import os

__all__ = ["available_cores"]


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

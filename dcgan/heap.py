"""Has the C library give freed memory back to the system, or keep it. Pure standard library.

Commands for whole folders give large arrays back as soon as they are freed. The C library of Linux takes arrays of more
than 128 KiB from the system and gives them back one by one. But each time, it raises that limit, up to 32 MiB, and
keeps smaller ones in its heap, where threads that work on photographs leave holes of all sizes: 60 photographs of 0.3
megapixels took 1.25 GB in place of 0.39.

A training frees and takes the same arrays in each step, and keeps them: TensorFlow, when it begins to read batches, has
all freed memory given back, and each page of it has to be cleared again in the next step.
"""

import ctypes
import sys

__all__ = ["give_back_large_arrays", "keep_freed_memory"]

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3); setting the second ends its raising
LARGE_BYTES = 2**20
MMAP_MAX_BYTES, TRIM_MAX_BYTES = 2**25, 2**31 - 1  # the largest values that glibc takes


def give_back_large_arrays() -> None:
    """Have all arrays of a mebibyte and more taken from the system one by one, where the C library can do so."""
    _set({M_MMAP_THRESHOLD: LARGE_BYTES})


def keep_freed_memory() -> None:
    """Have freed memory kept for the arrays to come, where the C library can do so."""
    _set({M_MMAP_THRESHOLD: MMAP_MAX_BYTES, M_TRIM_THRESHOLD: TRIM_MAX_BYTES})


def _set(options: dict[int, int]) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        library = ctypes.CDLL(None)
        for option, value in options.items():
            library.mallopt(option, value)
    except (OSError, AttributeError):  # another C library
        return

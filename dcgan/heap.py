"""Gives the memory of large arrays back to the system as soon as they are freed. Pure standard library.

The C library of Linux takes arrays of more than 128 KiB from the system and gives them back one by one. But each time,
it raises that limit, up to 32 MiB, and keeps smaller ones in its heap, where threads that work on photographs leave
holes of all sizes: 60 photographs of 0.3 megapixels took 1.25 GB in place of 0.39.
"""

import ctypes
import sys

__all__ = ["give_back_large_arrays"]

M_MMAP_THRESHOLD = -3  # of glibc's mallopt(3); setting it ends its raising
LARGE_BYTES = 2**20


def give_back_large_arrays() -> None:
    """Have all arrays of a mebibyte and more taken from the system one by one, where the C library can do so."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    except (OSError, AttributeError):  # another C library
        return

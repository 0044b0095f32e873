"""What Pillow and libtiff say while they read a file: kept for the file's own line, and off the terminal."""

import ctypes
import functools
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["heard"]

PILLOW = r"PIL\."  # the modules whose warnings are kept

_lock = threading.Lock()
_listeners: dict[int, list[str]] = {}  # what each thread that reads a file has heard
_held: list[Any] = []  # the change of the process's filters, while any thread reads


@contextmanager
def heard() -> Iterator[list[str]]:
    """Keep Pillow's warnings about a file, each text once, and libtiff quiet.

    The filters of warnings belong to the whole process. They are changed when the first thread begins to read and
    restored when the last one ends; a thread hears only what it caused itself. The warnings of other modules, and those
    of threads that read nothing, go where they went before.

    Yields
    ------
    list of str
        The texts so far, each on one line.
    """
    _quiet_others()
    me, said = threading.get_ident(), list[str]()
    with _lock:
        if not _listeners:
            _begin()
        outer = _listeners.get(me)
        _listeners[me] = said
    try:
        yield said
    finally:
        with _lock:
            if outer is None:
                del _listeners[me]
            else:
                _listeners[me] = outer
            if not _listeners:
                _held.pop().__exit__(None, None, None)


def _begin() -> None:
    """Let Pillow's warnings come to `_listeners`."""
    from PIL import Image

    change = warnings.catch_warnings()
    change.__enter__()
    _held.append(change)
    show, folder = warnings.showwarning, os.path.dirname(Image.__file__)

    def tell(message: Any, category: type[Warning], filename: str, *place: Any, **options: Any) -> None:
        said = _listeners.get(threading.get_ident())
        if said is None or os.path.dirname(filename) != folder:
            show(message, category, filename, *place, **options)
        elif (text := " ".join(str(message).split())) not in said:
            said.append(text)

    warnings.showwarning = tell
    warnings.filterwarnings("always", module=PILLOW)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # twice as many pixels are an error


@functools.lru_cache(maxsize=1)
def _quiet_others() -> None:
    """Keep Pillow's log and its libtiff from the terminal; Pillow itself reports that a file is damaged.

    The log goes where the program sends it, nowhere by default. Pillow takes libtiff's warnings away but leaves its
    errors. Where the symbol is not to be had (a libtiff that is part of Pillow's module, on Windows), they stay.
    """
    from PIL import Image

    logging.getLogger("PIL").addHandler(logging.NullHandler())
    try:
        ctypes.CDLL(Image.core.__file__).TIFFSetErrorHandler(None)
    except (AttributeError, OSError):
        return

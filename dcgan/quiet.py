"""Import the engine without its start-up notices, for the command line."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_import"]


@contextmanager
def quiet_import() -> Iterator[None]:
    """Hold back what is written to the process's stderr; on an exception it is shown after all.

    TensorFlow writes notices from C++ while it is imported, and no setting turns those off.
    """
    try:
        if sys.stderr:
            sys.stderr.flush()
        saved = os.dup(2)
    except OSError:  # no stderr to be quiet on
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)

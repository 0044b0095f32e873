"""Import the engine without its start-up notices, for the command line."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_import"]


@contextmanager
def quiet_import() -> Iterator[None]:
    """Suppress output to the stderr of the process; if an exception is raised, write the suppressed output to stderr.

    TensorFlow's C++ code writes notices during the import that no setting turns off.
    """
    try:
        if sys.stderr:
            sys.stderr.flush()
        saved = os.dup(2)
    except OSError:  # the process has no stderr
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

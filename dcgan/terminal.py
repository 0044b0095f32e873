"""How a command talks and ends: output that may be closed, progress lines, names that are safe to print.

Pure standard library.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = [
    "EXIT_BUG",
    "EXIT_OUTPUT_LOST",
    "ProgressLines",
    "bar_size",
    "one_line",
    "printable",
    "ticking",
    "tolerant_output",
]

EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h: the command itself is wrong
EXIT_OUTPUT_LOST = 74  # EX_IOERR of sysexits.h: the work is done, but its talk could not be written


def printable(text: object) -> str:
    r"""Return text on one line without control characters: terminal escapes and newlines become backslash escapes.

    Parameters
    ----------
    text : object
        What to print; a file name may hold anything.

    Examples
    --------
    >>> print(printable("a\x1b[31m.png\n"))
    a\x1b[31m.png\n
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode("ascii")
        for each in str(text)
    )


def bar_size() -> dict[str, Any]:
    """Return the options of tqdm's progress bars that concern their size.

    Returns
    -------
    dict
        A bar follows the size of the terminal. In a terminal that does not tell its size (0 x 0), as containers and
        `script` open them, tqdm would show nothing: there it is 80 columns wide.
    """
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # no stderr, or no terminal
        return {"dynamic_ncols": True}
    return {"dynamic_ncols": True} if all(size) else {"ncols": 80, "nrows": 24}


class ProgressLines:
    """Progress as lines on stderr, for logs: one now and then, where a progress bar would not be seen.

    Parameters
    ----------
    show : bool
        Whether to print at all.
    seconds : float, optional
        Time between two lines; nothing is said of what takes less.
    """

    def __init__(self, *, show: bool, seconds: float = 30.0) -> None:
        self._show, self._seconds = show, seconds
        self._stage, self._first, self._started = "", 0, 0.0
        self._said = time.monotonic()

    def report(self, stage: str, done: int, *, total: int) -> None:
        """Tell how far a stage is, if it is time.

        Parameters
        ----------
        stage : str
            What is being done, e.g. "completing".
        done, total : int
            Pictures.
        """
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._first, self._started = stage, done, now
        if not self._show or now - self._said < self._seconds:
            return
        self._said = now
        rate = (done - self._first) / max(now - self._started, 1e-9)
        left = f", about {_duration((total - done) / rate)} left" if rate > 0 else ""
        print(f"{stage}: {done:,} of {total:,} pictures{left}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def ticking(tick: Callable[[], None], *, seconds: float = 1.0) -> Iterator[None]:
    """Call a function now and then while something goes on that does not report its progress itself.

    Parameters
    ----------
    tick : callable
        Called in a thread of its own.
    seconds : float, optional
        Time between two calls.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            tick()

    thread = threading.Thread(target=run, name="ticking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def tolerant_output() -> Iterator["OutputState"]:
    """Let the work go on where stdout or stderr is closed, full, or a pipe that nobody reads.

    Yields
    ------
    OutputState
        Tells afterwards whether something was lost.
    """
    _open_standard_descriptors()
    saved = sys.stdout, sys.stderr
    state = OutputState()
    sys.stdout, sys.stderr = _Stream(sys.stdout, state), _Stream(sys.stderr, state)
    try:
        yield state
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError):
                stream.flush()
        sys.stdout, sys.stderr = saved


class OutputState:
    """Whether output was lost.

    Attributes
    ----------
    lost : bool
        Something could not be written.
    """

    def __init__(self) -> None:
        self.lost = False


class _Stream:
    """A text stream that swallows what cannot be written; everything else is the stream's own."""

    def __init__(self, stream: Any, state: OutputState) -> None:
        self._stream, self._state = stream, state

    def write(self, text: str) -> int:
        """Write, or lose, some text."""
        if self._stream is None:
            self._state.lost = self._state.lost or bool(text)
            return len(text)
        try:
            return self._stream.write(text)
        except OSError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Write what is buffered, or lose it."""
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._give_up()

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        """Send the rest, what is buffered included, to nowhere, so that the interpreter's end does not fail on it."""
        self._state.lost = True
        with contextlib.suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()


def _open_standard_descriptors() -> None:
    """Open what was closed of descriptors 0 to 2, so that no file of the work is opened in their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def one_line(error: BaseException) -> str:
    """Return the first line of what an error of a library says, or its class where it says nothing."""
    lines = str(error).split("\n")
    return lines[0].strip() or type(error).__name__

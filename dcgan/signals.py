"""How a command ends when it is asked to: by Ctrl-C, or by another signal. Pure standard library."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

__all__ = ["Ended", "ending_signals", "exit_code"]

SIGNALS = ("SIGTERM", "SIGHUP")  # by name, since Windows has no SIGHUP
SECOND_AFTER_SECONDS = 1.0  # some programs pass Ctrl-C on to a process that has already heard it


class Ended(KeyboardInterrupt):
    """The process was asked to end by a signal other than Ctrl-C's; what answers Ctrl-C answers it too.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """Return a process's exit code after a signal: 128 and the signal's number, 130 for Ctrl-C."""
    return 128 + (interrupt.number if isinstance(interrupt, Ended) else signal.SIGINT)


@contextlib.contextmanager
def ending_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `Ended`, where they would kill the process without a word, and hear Ctrl-C twice.

    The first Ctrl-C raises KeyboardInterrupt, as everywhere in Python. A second one, a second later or more, ends the
    process at once with exit code 130, even where it waits in a library. A signal that the caller of the process has
    chosen to ignore (nohup) stays ignored. Outside of the main thread, the only one that receives signals, nothing
    changes.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    hears_ctrl_c = signal.getsignal(signal.SIGINT) is signal.default_int_handler and os.name == "posix"
    interrupts = _Interrupts() if hears_ctrl_c else None
    try:
        for number in numbers:
            signal.signal(number, end)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        if interrupts is not None:
            interrupts.close()


class _Interrupts:
    """Hears Ctrl-C: Python's own answer to the first, the end of the process at the second."""

    def __init__(self) -> None:
        self._heard = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._watch, daemon=True).start()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not self._heard:  # what cleans up after the first is not interrupted by the second
            self._heard = True
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """Read the numbers of signals as they arrive: this thread runs while the main one waits in a library."""
        first = None
        while data := os.read(self._read, 1):
            if data[0] != signal.SIGINT:
                continue
            now = time.monotonic()
            if first is None:
                first = now
            elif now - first >= SECOND_AFTER_SECONDS:
                os._exit(128 + signal.SIGINT)
        os.close(self._read)

    def close(self) -> None:
        """Hear signals as before, unless the process is about to end."""
        if self._heard:
            return
        signal.set_wakeup_fd(self._before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._write)

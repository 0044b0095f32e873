"""How commands end when they are asked to."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from dcgan.signals import Ended, ending_signals, exit_code

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_interrupt_like_ctrl_c(name, code):
    before = signal.getsignal(getattr(signal, name))
    with pytest.raises(KeyboardInterrupt) as caught, ending_signals():
        os.kill(os.getpid(), getattr(signal, name))
    assert isinstance(caught.value, Ended)
    assert (str(caught.value), exit_code(caught.value)) == (name, code)
    assert signal.getsignal(getattr(signal, name)) is before
    assert exit_code(KeyboardInterrupt()) == 130


@posix
def test_ignored_signals_stay_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_signals():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_change_no_signals():
    found = []
    thread = threading.Thread(target=lambda: found.append(_handler_inside()))
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


def _handler_inside():
    with ending_signals():
        return signal.getsignal(signal.SIGTERM)


WAITING = """
import signal, sys, time
from dcgan.signals import ending_signals
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with ending_signals():
        try:
            print("waits", flush=True)
            time.sleep(600)
        finally:
            print("cleans up", flush=True)
            {cleaning}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    {after}
    sys.exit(3)
"""


def interrupted(*, times, seconds, cleaning="pass", after="pass"):
    """Return exit code, stdout and stderr of a process that is interrupted some times."""
    code = WAITING.format(cleaning=cleaning, after=after)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout.readline() == "waits\n"
    for number in range(times):
        time.sleep(seconds if number else 0)
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


@posix
def test_first_ctrl_c_interrupts():
    assert interrupted(times=1, seconds=0) == (3, "cleans up\ninterrupted\n", "")


@posix
def test_second_ctrl_c_at_once_is_the_same_one():
    """Cleaning up is not interrupted either."""
    result = interrupted(times=3, seconds=0.1, cleaning="time.sleep(1)")
    assert result == (3, "cleans up\ninterrupted\n", "")


@posix
@pytest.mark.parametrize("where", ["cleaning", "after"])
def test_second_ctrl_c_ends_what_waits(where):
    code, stdout, stderr = interrupted(times=2, seconds=1.5, **{where: "time.sleep(600)"})
    assert (code, stderr) == (130, "")
    assert stdout.startswith("cleans up\n")


@posix
def test_signals_are_heard_as_before():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ending_signals():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGINT, before)

import os
import sys
import threading
from pathlib import Path

import pytest
from tqdm import tqdm

from dcgan.terminal import (
    ProgressLines,
    bar_size,
    printable,
    ticking,
    tolerant_output,
)

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.png", "a.png"),
        ("Zoë und 猫.png", "Zoë und 猫.png"),
        ("a\nb", r"a\nb"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        (os.fsdecode(b"a\xff.png"), r"a\udcff.png"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown
    printable(text).encode()


class Broken:
    """A stream that takes nothing."""

    encoding = "utf-8"

    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [Broken(), None])
def test_lost_output_is_counted_and_forgiven(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    with tolerant_output() as output:
        assert not output.lost
        print("something")
        assert not sys.stdout.isatty() if stream is None else True
    assert output.lost
    assert sys.stdout is stream


def test_output_that_works_is_left_alone(capsys):
    with tolerant_output() as output:
        print("to stdout")
        print("to stderr", file=sys.stderr)
    assert not output.lost
    assert capsys.readouterr() == ("to stdout\n", "to stderr\n")


def test_progress_lines(monkeypatch, capsys):
    """One line every 30 seconds, with the time left at the stage's own pace."""
    now = [0.0]
    monkeypatch.setattr("dcgan.terminal.time.monotonic", lambda: now[0])
    lines, silent = ProgressLines(show=True), ProgressLines(show=False)
    for stage, first in (("completing", 100), ("measuring", 0)):
        for step in range(5):
            lines.report(stage, first + 20 * step, total=1000)
            silent.report(stage, first + 20 * step, total=1000)
            now[0] += 20.0
    assert capsys.readouterr().err.splitlines() == [
        "completing: 140 of 1,000 pictures, about 14 min left",
        "completing: 180 of 1,000 pictures, about 14 min left",
        "measuring: 20 of 1,000 pictures, about 16 min left",
        "measuring: 60 of 1,000 pictures, about 16 min left",
    ]


@posix
@pytest.mark.parametrize(("size", "width"), [((0, 0), 80), ((24, 0), 80), ((0, 100), 80), ((24, 60), 60)])
def test_bars_are_shown_in_terminals_that_do_not_tell_their_size(monkeypatch, size, width):
    import fcntl
    import struct
    import termios

    terminal, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    with os.fdopen(terminal, "rb", buffering=0) as shown, os.fdopen(end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        bar = tqdm(total=3, file=stderr, disable=None, **bar_size())
        print("|end", file=stderr, flush=True)  # a read of nothing would not return
        line = shown.read(1000).decode().strip().removesuffix("|end")
        bar.close()
    assert line.startswith("0%|")
    assert abs(len(line) - width) < 4


def test_bars_without_a_terminal(monkeypatch):
    assert bar_size() == {"dynamic_ncols": True}
    monkeypatch.setattr(sys, "stderr", None)
    assert bar_size() == {"dynamic_ncols": True}


def test_every_bar_asks_for_its_size():
    sources = [path.read_text() for name in ("completion", "dcgan") for path in (ROOT / name).rglob("*.py")]
    counts = [(source.count("tqdm("), source.count("**bar_size()")) for source in sources]
    assert sum(bars for bars, _ in counts) == 5
    assert all(bars == sized for bars, sized in counts)


def test_short_work_is_not_talked_about(capsys):
    lines = ProgressLines(show=True)
    for done in range(100):
        lines.report("completing", done, total=100)
    assert capsys.readouterr().err == ""


def test_ticking_goes_on_until_its_block_ends():
    enough, ticks = threading.Event(), []

    def tick():
        ticks.append(len(ticks))
        if len(ticks) == 3:
            enough.set()

    with ticking(tick, seconds=0.001):
        assert enough.wait(10)
    assert "ticking" not in [thread.name for thread in threading.enumerate()]

"""complete-images - : one picture through pipes, in a process as users start it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


ROOT = Path(__file__).parents[3]
CODE = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from completion.cli import complete_command as c; c()"


def run(*words, sent=b"", folder):
    (folder / "temporary").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, words)],
        input=sent,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "temporary")},
        check=False,
    )
    assert list((folder / "temporary").iterdir()) == []
    return done


def encoded(form="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, form, **options)
    return buffer.getvalue()


FILL = ("--method", "harmonic", "--mask", "center")


def test_a_picture_goes_through(tmp_path):
    """The very bytes that the same picture as a file gives; nothing else on stdout."""
    (tmp_path / "stdin.png").write_bytes(encoded())
    assert run(*FILL, "stdin.png", folder=tmp_path).returncode == 0
    done = run(*FILL, "-", sent=encoded(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "completed" / "stdin.png").read_bytes()
    assert run(*FILL, "stdin.png", "--output", "-", folder=tmp_path).stdout == done.stdout


def test_a_result_in_a_sub_folder_is_sent(tmp_path):
    assert (
        run(*FILL, "-", "--spread", sent=encoded(), folder=tmp_path).stdout
        == run(*FILL, "-", sent=encoded(), folder=tmp_path).stdout
    )


def test_its_own_format(tmp_path):
    done = run(*FILL, "--format", "same", "-", sent=encoded("JPEG", quality=90), folder=tmp_path)
    with Image.open(io.BytesIO(done.stdout)) as picture:
        assert picture.format == "JPEG"
        assert np.asarray(picture).shape == (64, 64, 3)


def test_into_a_folder(tmp_path):
    done = run(*FILL, "-", "--output", "out", sent=encoded(), folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"1 completed: out\n")
    assert (tmp_path / "out" / "stdin.png").exists()


def test_failures_are_told_and_nothing_is_sent(tmp_path):
    done = run(*FILL, "-", sent=b"no picture", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("failed: stdin: expected a picture")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-", "a.png"), "Expected - (one picture from stdin) alone. Received: 2 inputs"),
        (("-", "--sheet"), "--sheet does not go with one picture through pipes"),
        (("-",), "Expected a picture through stdin. Received: nothing"),
    ],
)
def test_wrong_use(words, told, tmp_path):
    done = run(*words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert told in done.stderr.decode()


def test_several_pictures_do_not_go_to_stdout(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encoded())
    done = run(*FILL, "a.png", "b.png", "--output", "-", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "takes one picture, received 2" in done.stderr.decode()

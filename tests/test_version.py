"""--version of every command, and what -v says beside it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from dcgan import __version__
from dcgan.found import QUESTIONS, describe_found
from dcgan.samples.cli import inspect_command
from tests.dcgan.test_command import COMMANDS

ROOT = Path(__file__).parent.parent
LINES = [
    "Python ",
    "model format 1; bundled models: ",
    "ONNX Runtime ",
    "TensorFlow ",
    "JAX ",
    "Keras ",
    "encoder's answers and samples: ",
    "searches: ",
]


@pytest.mark.parametrize(
    ("name", "command"),
    [*((name, each[0]) for name, each in COMMANDS.items()), ("dcgan-inspect", inspect_command)],
)
def test_every_command_has_a_version(name, command):
    found = CliRunner().invoke(command, ["--version"], prog_name=name)
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == f"{name} (dcgan-face-completion) {__version__}\n"
    alone = CliRunner().invoke(command, ["-v"], prog_name=name)
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert alone.stderr.endswith("Error: Expected -v beside --version. Received: -v alone\n")


def test_the_version_alone_imports_nothing_large():
    code = """
import sys
from dcgan.cli import train_command
try:
    train_command(["--version"])
except SystemExit:
    print({"numpy", "keras", "tensorflow", "jax", "onnxruntime"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_what_is_found_here():
    lines = describe_found()
    assert len(lines) == len(LINES)
    for line, start in zip(lines, LINES, strict=True):
        assert line.startswith(start)
        assert "\n" not in line
    assert "CPUExecutionProvider" in lines[2]
    assert ": cpu" in lines[3]


@pytest.mark.parametrize("options", [["--version", "-v"], ["-v", "--version"], ["in", "-v", "--method", "--version"]])
def test_either_order(monkeypatch, options):
    monkeypatch.setattr("dcgan.found.describe_found", lambda: ["Python 3"])
    found = CliRunner().invoke(complete_command, options, prog_name="complete-images")
    if "--method" in options:  # the value of an option is no option
        assert found.exit_code == 2
    else:
        assert found.stdout == f"complete-images (dcgan-face-completion) {__version__}\nPython 3\n"


def test_engines_that_are_missing_or_broken(monkeypatch):
    broken = {
        "onnxruntime": "\nraise ImportError('libcudart.so.12: cannot open shared object file')",
        "tensorflow": "\nimport os, signal; os.kill(os.getpid(), signal.SIGILL)",
        "jax": "\nprint('a notice'); print(json.dumps([['cpu', 'gpu:0 (NVIDIA H100)'], []]))",
    }
    monkeypatch.setattr("dcgan.found.QUESTIONS", broken)
    lines = describe_found()
    assert lines[2].endswith(": does not start: ImportError: libcudart.so.12: cannot open shared object file")
    assert lines[3].endswith(": does not start: ended by signal 4")
    assert lines[4].endswith(": cpu, gpu:0 (NVIDIA H100)")

    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in broken else real(name))
    monkeypatch.setattr("dcgan.found._keras", lambda: "Keras not installed")
    lines = describe_found()
    assert lines[2:5] == ["ONNX Runtime not installed", "TensorFlow not installed", "JAX not installed"]
    assert lines[6].startswith("encoder's answers and samples: Keras in place of ONNX Runtime")


def test_an_engine_that_does_not_end(monkeypatch):
    monkeypatch.setattr("dcgan.found.QUESTIONS", dict.fromkeys(QUESTIONS, "\nprint(json.dumps([[], []]))"))
    monkeypatch.setattr("dcgan.found.SECONDS_MAX", 0.0)
    assert [line.partition(": ")[2] for line in describe_found()[2:5]] == ["does not start within 0.0 seconds"] * 3

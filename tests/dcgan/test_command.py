"""What becomes of errors: wrong usage, bad input, too little memory, and bugs."""

import click
import numpy as np
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from completion.export.cli import export_command
from completion.web.cli import web_command
from dcgan.cli import cache_command, train_command
from dcgan.samples.cli import sample_command
from dcgan.command import common_errors
from dcgan.errors import CompletionError, ImageFileError, OptionError
from dcgan.faces.cli import align_command
from dcgan.terminal import EXIT_BUG

COMMANDS = {
    "complete-images": (complete_command, ["{empty}"]),
    "complete-evaluate": (evaluate_command, ["{empty}"]),
    "dcgan-train": (train_command, ["--dataset", "{empty}"]),
    "dcgan-train-encoder": (train_encoder_command, ["--dataset", "{empty}"]),
    "dcgan-align": (align_command, ["{empty}", "{empty}/out"]),
    "dcgan-sample": (sample_command, ["--model", "{empty}/none.safetensors"]),
    "complete-web": (web_command, ["--no-browser", "--model", "{empty}/none.safetensors"]),
    "dcgan-cache": (cache_command, ["--cache-dir", "{empty}/cache"]),
    "dcgan-export": (export_command, ["{empty}/none.safetensors", "--format", "onnx"]),
}
NUMBERS = [
    (name, option.opts[-1])
    for name, (command, _) in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
    and isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
]


def run(error):
    """Return the result of a command that raises an error."""

    @click.command("some-command")
    @common_errors("nothing was done")
    def some_command():
        if isinstance(error, type):
            raise error
        error()

    return CliRunner().invoke(some_command, prog_name="some-command")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (lambda: (_ for _ in ()).throw(OptionError("Expected a.\n")), 2, "Error: Expected a.\\n"),
        (lambda: (_ for _ in ()).throw(ImageFileError("b.png: damaged")), 1, "Error: b.png: damaged"),
        (lambda: (_ for _ in ()).throw(CompletionError("nothing known")), 1, "Error: nothing known"),
        (MemoryError, 1, "Error: not enough memory"),
        (lambda: (_ for _ in ()).throw(click.UsageError("c")), 2, "Error: c"),
        (lambda: (_ for _ in ()).throw(click.ClickException("d")), 1, "Error: d"),
        (lambda: (_ for _ in ()).throw(click.exceptions.Exit(5)), 5, ""),
        (click.Abort, 1, "Aborted!"),
    ],
)
def test_errors_that_are_known(error, code, line):
    result = run(error)
    assert result.exit_code == code
    assert (result.stderr.splitlines() or [""])[-1] == line
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, OSError, ZeroDivisionError])
def test_any_other_is_a_bug(error):
    result = run(error)
    assert result.exit_code == EXIT_BUG
    lines = result.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert error.__name__ in lines[-2]
    assert lines[-1].startswith("This is a bug of some-command ")
    assert "Usage" not in result.stderr


def test_an_array_of_the_wrong_shape_is_no_usage_error():
    result = run(lambda: np.zeros(3) + np.zeros(2))
    assert result.exit_code == EXIT_BUG
    assert "operands could not be broadcast together" in result.stderr


@pytest.mark.parametrize("value", ["-1", "0", "9" * 30, "nan", "inf", "-1e300", "3.7"])
@pytest.mark.parametrize(("name", "option"), NUMBERS)
def test_no_number_of_an_option_is_a_bug(tmp_path, name, option, value):
    """It is refused, or accepted; then there is nothing to work on."""
    command, arguments = COMMANDS[name]
    arguments = [each.format(empty=tmp_path) for each in arguments]
    result = CliRunner().invoke(command, [*arguments, option, value], prog_name=name)
    allowed = (0, 1, 2) if name == "dcgan-cache" else (1, 2)
    assert result.exit_code in allowed, result.stderr
    assert "Traceback" not in result.stderr
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            "Expected `batch_size` from 1 to 9. Received: batch_size=0",
            "Expected --batch-size from 1 to 9. Received: --ba",
        ),
        ("Expected `form`. Received: form='x', size=3", "Expected --format. Received: --format 'x', size=3"),
        (
            "Expected `size` as of `batch_sizes`. Received: xform=1",
            "Expected `size` as of `batch_sizes`. Received: xform=1",
        ),
    ],
)
def test_options_stand_in_place_of_their_python_names(message, line):
    @click.command("some-command")
    @click.option("--format", "-f", "form")
    @click.option("--batch-size", type=int)
    @common_errors("nothing was done")
    def some_command(**_):
        raise OptionError(message)

    result = CliRunner().invoke(some_command)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: {line}")


@pytest.mark.parametrize(
    ("command", "arguments", "name"),
    [
        (complete_command, ["{file}", "--output", "{file}"], "--output"),
        (complete_command, ["{file}", "--mask-dir", "{file}"], "--mask-dir"),
        (evaluate_command, ["{file}", "--output", "{file}"], "--output"),
        (train_command, ["--dataset", "{file}", "--run-dir", "{file}"], "--run-dir"),
        (cache_command, ["--cache-dir", "{file}"], "--cache-dir"),
        (align_command, ["{folder}", "{file}"], "ALIGNED"),
        (align_command, ["{file}", "{folder}"], "RAW"),
    ],
)
def test_a_file_where_a_folder_is_expected(tmp_path, command, arguments, name):
    file = tmp_path / "a.png"
    file.touch()
    result = CliRunner().invoke(command, [each.format(file=file, folder=tmp_path) for each in arguments])
    assert result.exit_code == 2
    line = f"Error: Invalid value for '{name}': {file} is a file, expected a folder"
    assert result.stderr.splitlines()[-1] == line
    assert file.stat().st_size == 0

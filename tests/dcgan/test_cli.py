import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from completion.export.cli import export_command
from dcgan.cli import cache_command, train_command
from dcgan.samples.cli import inspect_command, sample_command
from dcgan.command import common_errors
from dcgan.config import TrainConfig
from dcgan.errors import ModelFileError, OptionError
from dcgan.faces.cli import align_command
from dcgan.hub.cli import models_command
from dcgan.model_tensors import read_forms
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from tests.dcgan.helpers import make_pictures
from tests.foreign import snapshot

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "dcgan-train": train_command,
    "dcgan-sample": sample_command,
    "dcgan-inspect": inspect_command,
    "dcgan-align": align_command,
    "dcgan-cache": cache_command,
    "dcgan-export": export_command,
    "dcgan-models": models_command,
    **{f"dcgan-models {name}": each for name, each in models_command.commands.items()},
}
TOY_OPTIONS = ["--filters", "4", "--latent-dim", "8", "--batch-size", "8"]
HANGING_SECONDS = 900  # no limit on speed: a process that takes so long will not end by itself


def run(command, *args):
    return CliRunner().invoke(command, [str(arg) for arg in args])


def python(code):
    # Where the tests run as a shell's background job, their processes would inherit that SIGINT is ignored.
    hear = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {hear}; {code}"]


def error_line(result, *, code=1):
    """Return the line on stderr of a command that failed, after checking that it is the only one."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def usage_error(result):
    """Return the last line of a command that was used wrongly."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.fixture
def dataset(tmp_path):
    np.save(tmp_path / "toys.npy", make_pictures(24))
    return tmp_path / "toys.npy"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(name):
    result = run(COMMANDS[name], "--help")
    assert result.exit_code == 0
    assert f"Example:  {name} " in result.stdout
    assert run(COMMANDS[name], "-h").stdout == result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name):
    options = [parameter for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)]
    texts = {option.name: re.sub(r"\[default: .*\]", "", option.help or "").strip() for option in options}
    assert [option for option, text in texts.items() if not text.endswith(".")] == []


def test_help_shows_the_defaults():
    text = " ".join(run(train_command, "--help").stdout.split())
    for value in (TrainConfig().epochs, TrainConfig().learning_rate, TrainConfig().ema_momentum):
        assert f"[default: {value}]" in text


@pytest.mark.parametrize(
    "name",
    [
        "dcgan.cli.train_command",
        "dcgan.samples.cli.sample_command",
        "dcgan.faces.cli.align_command",
        "dcgan.hub.cli.models_command",
        "completion.export.cli.export_command",
    ],
)
def test_help_comes_at_once(name):
    """It takes a quarter of a second because it imports click and the standard library alone."""
    code = f"before = set(sys.modules); import {name.rpartition('.')[0]}; {name}(['--help'], standalone_mode=False); "
    code += "print(*{module.partition('.')[0] for module in set(sys.modules) - before})"
    result = subprocess.run(python(code), capture_output=True, text=True, check=True)
    assert set(result.stdout.splitlines()[-1].split()) - sys.stdlib_module_names <= {"click", "dcgan", "completion"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--unknown"], "No such option"),
        (["--epochs", "many"], "is not a valid integer"),
        (["--epochs", "0"], "Expected --epochs from 1 to 1000000. Received: --epochs 0"),
        (["--precision", "float16"], "is not one of"),
        (["--channels", "2"], "is not one of"),
        (["--size", "27"], "Expected --size to be an even number of at least 8. Received: --size 27"),
        (["--filters", "0"], "Expected --filters from 1 to 1024. Received: --filters 0"),
        (["--sample-steps", "0"], "Expected --sample-steps of at least 1. Received: --sample-steps 0"),
    ],
)
def test_wrong_options_of_train(dataset, options, message):
    assert message in usage_error(run(train_command, "--dataset", dataset, *options))


def test_dataset_that_is_not_there(tmp_path):
    assert "does not exist" in usage_error(run(train_command, "--dataset", tmp_path / "nothing"))
    assert "Missing option '--dataset'" in usage_error(run(train_command))


def test_datasets_without_pictures(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    result = run(train_command, "--dataset", folder, "--run-dir", tmp_path / "run")
    assert error_line(result) == "expected pictures in the dataset, found none"
    (tmp_path / "labels-idx1").touch()
    result = run(train_command, "--dataset", tmp_path / "labels-idx1")
    assert "expected a folder, a .zip, an .npy or an idx3 file" in error_line(result)


def test_train_and_sample(tmp_path, monkeypatch):
    """A folder with a broken picture in, a model's path and a grid out."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "faces.v2"
    folder.mkdir()
    for index, picture in enumerate(make_pictures(24, size=20)):
        save_picture(folder / f"{index}.png", picture)
    for index in range(22):
        (folder / f"broken-{index:02}.png").write_text("no picture")
    options = ["--size", "16", *TOY_OPTIONS, "--epochs", "1", "--cache-dir", tmp_path / "cache"]
    result = run(train_command, "--dataset", folder, *options)
    assert result.exit_code == 0, result.output
    model = Path("runs") / "faces" / "model.safetensors"
    assert result.stdout == f"{model}\n"
    lines = result.stderr.splitlines()
    assert lines[0] == "22 pictures cannot be read and are left out:"
    assert lines[1] == f"  {folder / 'broken-00.png'}: expected a picture, found no known picture format"
    assert lines[21] == "  and 2 more that cannot be read"
    assert lines[22] == f"24 pictures of 16x16x3; run folder {Path('runs') / 'faces'}"
    watched = Path("runs") / "faces" / "tensorboard"
    assert lines[23] == f"to watch it: tensorboard --logdir {watched} (pip install tensorboard)"
    assert lines[24].startswith("step 3, epoch 1.0/1: discriminator_loss ")
    assert len(lines) == 25

    result = run(train_command, "--dataset", folder, *options, "--seed", "1")
    assert "train.seed was 0, now 1" in result.stderr.splitlines()[-1]
    assert result.exit_code == 1

    result = run(sample_command, "--model", model, "--count", "5", "--output", "grid.png")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "grid.png\n", "")
    assert read_picture("grid.png").shape == (2 * 18 + 2, 3 * 18 + 2, 3)


def test_training_leaves_files_of_others_alone(dataset, tmp_path):
    folder = tmp_path / "run"
    options = [*TOY_OPTIONS, "--epochs", "1", "--cache-dir", tmp_path / "cache", "--run-dir", folder]
    (folder / "samples").mkdir(parents=True)
    (folder / "samples" / "mine.png").write_bytes(b"mine")
    (folder / "config.json").write_text("{}")
    before = snapshot(folder)
    for option in ([], ["--overwrite"]):
        result = run(train_command, "--dataset", dataset, *options, *option)
        expected = "expected the settings of a training run; choose another folder, or move this file"
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1] == f"Error: {folder / 'config.json'}: {expected}"
        assert snapshot(folder) == before
    (folder / "config.json").unlink()
    (folder / "samples").rename(tmp_path / "samples")
    assert run(train_command, "--dataset", dataset, *options).exit_code == 0
    (tmp_path / "samples" / "mine.png").rename(folder / "samples" / "mine.png")
    assert run(train_command, "--dataset", dataset, *options, "--seed", "1", "--overwrite").exit_code == 0
    assert (folder / "samples" / "mine.png").read_bytes() == b"mine"
    assert json.loads((folder / "config.json").read_text())["train"]["seed"] == 1


def test_quiet_training_prints_the_path_alone(dataset, tmp_path):
    options = [
        *TOY_OPTIONS,
        "--epochs",
        "1",
        "--cache-dir",
        tmp_path / "cache",
        "--run-dir",
        tmp_path / "run",
        "--quiet",
    ]
    result = run(train_command, "--dataset", dataset, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{tmp_path / 'run' / 'model.safetensors'}\n"
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["model"]["size"], config["model"]["channels"]) == (16, 3)


def test_starting_from_a_model(dataset, model_path, tmp_path):
    options = ["--dataset", dataset, "--cache-dir", tmp_path / "cache", "--run-dir", tmp_path / "run", "--quiet"]
    result = run(train_command, *options, *TOY_OPTIONS, "--start-from", "no-such-model")
    assert error_line(result).startswith("Expected a bundled model (")
    result = run(train_command, *options, "--filters", "5", "--start-from", model_path)
    assert ". Received: ModelConfig(size=16" in usage_error(result)
    result = run(train_command, *options, *TOY_OPTIONS, "--start-from", model_path, "--epochs", "1")
    assert result.exit_code == 0, result.output


def test_sample_is_decided_by_its_seed(model_path, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        result = run(sample_command, "--model", model_path, "--output", path, "--count", "4", "--seed", seed, "--quiet")
        assert (result.exit_code, result.output) == (0, "")
    first, second, third = (path.read_bytes() for path in paths)
    assert first == second != third


def test_sample_keeps_what_exists(model_path, tmp_path):
    path = tmp_path / "a.png"
    save_picture(path, np.zeros((4, 4, 3), np.uint8))
    before = path.read_bytes()
    result = run(sample_command, "--model", model_path, "--output", path)
    assert usage_error(result) == f"Error: {path} exists; --overwrite replaces it."
    assert path.read_bytes() == before
    assert run(sample_command, "--model", model_path, "--output", path, "--overwrite").exit_code == 0
    assert read_picture(path).shape == (8 * 18 + 2, 8 * 18 + 2, 3)


def test_sample_that_fails(model_path, tmp_path):
    result = run(sample_command, "--model", model_path, "--output", tmp_path / "missing" / "a.png")
    assert error_line(result).endswith("cannot write: No such file or directory")
    result = run(sample_command, "--model", model_path, "--output", tmp_path / "a.xyz")
    assert "expected a picture's suffix" in error_line(result)
    result = run(sample_command, "--model", "no-such-model", "--output", tmp_path / "a.png")
    assert error_line(result).startswith("Expected a bundled model (")
    assert usage_error(run(sample_command, "--count", "0"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ModelFileError("a: damaged"), 1, "Error: a: damaged"),
        (OptionError("Expected `a`. Received: b"), 2, "Error: Expected `a`. Received: b"),
        (KeyboardInterrupt(), 130, "Interrupted; go on later."),
    ],
)
def test_errors_become_one_line(error, code, line):
    @click.command()
    @common_errors("go on later")
    def command():
        raise error

    result = run(command)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (code, line)


def step_in(folder):
    """Return the step of a run's checkpoint; 0 where there is none."""
    path = folder / "checkpoint.safetensors"
    return int(read_forms(path)[0]["step"]) if path.exists() else 0


def start_and_stop(words, folder, number, *, seconds=HANGING_SECONDS):
    """Start a training, stop it after the next checkpoint; return its exit code and what it wrote to stderr."""
    before = step_in(folder)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + HANGING_SECONDS
    try:
        while step_in(folder) <= before:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=seconds)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_killed_interrupted_and_completed(dataset, tmp_path):
    """The command itself, stopped as machines and users stop it: the same command goes on."""
    folder, interval = tmp_path / "run", 3
    options = [*TOY_OPTIONS, "--cache-dir", tmp_path / "cache", "--run-dir", folder, "--dataset", dataset]
    options += ["--checkpoint-seconds", "0", "--sample-steps", "100000"]
    words = python("from dcgan.cli import train_command; train_command()") + [str(option) for option in options]
    endless = [*words, "--epochs", "100000"]

    code, _ = start_and_stop(endless, folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    # TensorFlow waits for ever if a signal comes at a bad moment, about once in ten times: then it is tried again.
    for last in (False, False, True):
        try:
            code, stderr = start_and_stop(endless, folder, signal.SIGINT, seconds=90)
            break
        except subprocess.TimeoutExpired:
            if last:
                raise
    assert code == 130
    lines = stderr.splitlines()
    assert lines[2].startswith("going on from step ")
    assert lines[3:] == ["Interrupted; the same command resumes from the last checkpoint."]

    done = int((folder / "losses.csv").read_text().splitlines()[-1].split(",")[0])
    epochs = done // interval + 2
    result = run(train_command, *options, "--epochs", epochs)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{folder / 'model.safetensors'}\n"
    steps = [int(line.split(",")[0]) for line in (folder / "losses.csv").read_text().splitlines()[1:]]
    assert steps == list(range(interval, interval * epochs + 1, interval))
    assert not list(folder.rglob("*.tmp"))

    from dcgan.model_file import load_model

    assert load_model(folder / "model.safetensors").info["last"]["step"] == steps[-1]


def test_interval_of_no_penalty(dataset):
    result = run(train_command, "--dataset", dataset, "--r1-interval", 4)
    assert usage_error(result) == "Error: Expected --r1 above 0 with --r1-interval. Received: --r1 0.0"


def test_too_few_pictures_for_a_batch_leave_no_folder(tmp_path):
    np.save(tmp_path / "toys.npy", make_pictures(5))
    options = ["--cache-dir", tmp_path / "cache", "--run-dir", tmp_path / "run", "--batch-size", 8]
    result = run(train_command, "--dataset", tmp_path / "toys.npy", *options)
    assert result.exit_code == 1
    message = "expected at least one batch of 8 pictures, found 5; --batch-size 5 takes them all at once"
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_the_cache_is_shown_and_emptied(tmp_path):
    np.save(tmp_path / "toys.npy", make_pictures(5))
    folder = tmp_path / "cache"
    assert run(cache_command, "--cache-dir", folder).stdout == f"    0.00 GB in 0 datasets, limit 8 GB: {folder}\n"
    run(train_command, "--dataset", tmp_path / "toys.npy", "--cache-dir", folder, "--run-dir", tmp_path / "run")
    (folder / "of others.txt").write_text("stays")
    first, last = run(cache_command, "--cache-dir", folder).stdout.splitlines()
    assert re.fullmatch(r" +0\.00 GB  last used \d{4}-\d\d-\d\d \d\d:\d\d  5 pictures", first)
    assert last.endswith(f"in 1 datasets, limit 8 GB: {folder}")
    assert run(cache_command, "--cache-dir", folder, "--clear").stdout.startswith("removed 1 datasets, 0.00 GB: ")
    assert sorted(path.name for path in folder.iterdir()) == [".dcgan.json", "of others.txt"]

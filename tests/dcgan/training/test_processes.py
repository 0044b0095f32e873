"""Trainings in two processes of this machine, against one in one: the same pictures, losses and weights.

The run of two processes is ended three times, by what ends processes, before it comes to its end.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from dcgan.model_file import load_model
from dcgan.model_tensors import read_forms
from tests.dcgan.helpers import free_port, make_pictures, needs_jax

pytestmark = needs_jax

SCRIPT = Path(__file__).with_name("team_script.py")
OPTIONS = ("--filters", "4", "--latent-dim", "8", "--batch-size", "8", "--epochs", "4", "--ema-momentum", "0.9")
OPTIONS += ("--augment", "color,translation", "--dropout", "0.2", "--sample-steps", "10", "--checkpoint-seconds", "0")
STEPS = 20  # four passes of five steps, an interval each
BOUND_SECONDS = 60.0  # in which all processes end after one has
HANGING_SECONDS = 900.0


class Ended:
    """What a process left behind."""

    def __init__(self, process, out, err):
        self.code, self.out, self.err = process.returncode, out, err

    @property
    def error(self):
        """The line that says what went wrong."""
        (line,) = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        return line.removeprefix("Error: ")


def run(folder, *signals, options=()):
    """Train in as many processes as there are signals, each (name, step) that it sends itself."""
    port = free_port()
    env = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # nearly all of the time is compilation
        "JAX_COMPILATION_CACHE_DIR": str(folder.parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    command = [*OPTIONS, "--dataset", folder.parent / "toys.npy", "--cache-dir", folder.parent / "cache"]
    processes = []
    for number, (name, step) in enumerate(signals):
        team = ("--coordinator", f"localhost:{port}", "--processes", len(signals), "--process-id", number)
        words = [sys.executable, SCRIPT, name, step, *command, "--run-dir", folder, *options]
        words += team if len(signals) > 1 else ()
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen([str(word) for word in words], env=env, **pipes))
    try:
        hangs = time.monotonic() + HANGING_SECONDS
        while all(process.poll() is None for process in processes):
            assert time.monotonic() < hangs
            time.sleep(0.05)
        deadline = time.monotonic() + BOUND_SECONDS
        for process in processes:
            process.wait(max(0.1, deadline - time.monotonic()))
        return [Ended(process, *process.communicate()) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def losses(folder):
    with (folder / "losses.csv").open(newline="") as file:
        return [[float(value) for name, value in row.items() if "pictures" not in name] for row in csv.DictReader(file)]


def difference(one, other):
    """Return the largest difference between two runs' checkpoints."""
    a, b = (load_file(folder / "checkpoint.safetensors") for folder in (one, other))
    assert a.keys() == b.keys()
    return max(float(np.abs(a[name].astype(np.float64) - b[name]).max()) for name in a)


def step_of(folder):
    metadata, _ = read_forms(folder / "checkpoint.safetensors")
    return int(metadata["step"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Train in one process, and in two of which one is killed; return the folders and what the processes said."""
    place = tmp_path_factory.mktemp("processes")
    np.save(place / "toys.npy", make_pictures(40))
    one, two = place / "one", place / "two"
    (alone,) = run(one, ("-", 0))
    assert alone.code == 0, alone.err
    found = {"one": one, "two": two, "resumed alone": place / "alone", "more": place / "more"}
    found["killed"] = run(two, ("-", 0), ("SIGKILL", 14))
    found["step after killed"] = step_of(two)
    shutil.copytree(two, place / "alone")
    shutil.copytree(two, place / "more")
    found["alone"] = run(place / "alone", ("-", 0))[0]
    found["finished"] = run(two, ("-", 0), ("-", 0))
    return found


@pytest.fixture(scope="module")
def ended(runs):
    """End two processes in two more ways; return what they said, and the step that was left."""
    found = {}
    for what, signals in {
        "first killed": (("SIGKILL", 10), ("-", 0)),
        "interrupted": (("-", 0), ("SIGINT", 10)),
    }.items():
        found[what] = run(runs["more"], *signals)
        found[f"step after {what}"] = step_of(runs["more"])
    return found


def test_losses_and_weights_are_those_of_one_process(runs):
    """BatchNorm, dropout, augmentation and latents are of the whole batch, whoever computes which part of it."""
    assert [end.code for end in runs["finished"]] == [0, 0], [end.err for end in runs["finished"]]
    one, two = losses(runs["one"]), losses(runs["two"])
    assert [row[0] for row in two] == [5.0, 10.0, 15.0, 20.0]
    np.testing.assert_allclose(two, one, atol=3e-5)
    assert step_of(runs["two"]) == STEPS
    assert difference(runs["one"], runs["two"]) < 1e-5


def test_a_run_goes_on_in_another_number_of_processes(runs):
    assert runs["alone"].code == 0, runs["alone"].err
    assert "going on from step 10" in runs["alone"].err
    assert difference(runs["one"], runs["resumed alone"]) < 1e-5


def test_process_0_alone_writes_and_talks(runs):
    first, second = runs["finished"]
    assert first.out == f"{runs['two'] / 'model.safetensors'}\n"
    assert "going on from step 10 (epoch 2.0)" in first.err
    assert (second.out, second.err) == ("", "")
    prior = load_model(runs["two"] / "model.safetensors")
    assert json.loads(json.dumps(prior.info))["last"]["step"] == STEPS
    assert sorted(path.name for path in (runs["two"] / "samples").iterdir()) == [
        "step-0000010.png",
        "step-0000020.png",
    ]


def test_a_killed_process_ends_all(runs):
    first, second = runs["killed"]
    assert second.code == -9
    assert first.code == 1
    assert first.error == (
        "process 1 of 2, on 127.0.0.1, ended without a word: it was killed, or its machine or network failed"
    )
    assert runs["step after killed"] == 10  # the last one before step 14, whole


@pytest.mark.exhaustive
def test_a_killed_process_0_ends_all(ended):
    first, second = ended["first killed"]
    assert first.code == -9
    assert second.code == 1
    assert second.error == (
        "process 0 of 2, on localhost, ended without a word: it was killed, or its machine or network failed"
    )
    assert ended["step after first killed"] == 10


@pytest.mark.exhaustive
def test_ctrl_c_in_one_ends_all(ended):
    first, second = ended["interrupted"]
    assert second.code == 130
    assert second.err.splitlines()[-1] == "Interrupted; the same command resumes from the last checkpoint."
    assert first.code == 1
    assert first.error == "process 1 of 2, on 127.0.0.1, ended: Ctrl-C"
    assert ended["step after interrupted"] == 10

"""Folders completed by the workers of a real Ray cluster on this computer, started once for all of these tests."""

import collections
import importlib
import importlib.util
import json
import os
import signal
import threading
import time

import pytest
from PIL import Image

from completion.cluster import dispatch, launch
from completion.cluster.cluster import joined
from completion.cluster.config import ClusterOptions
from completion.cluster.worker import Worker
from completion.folder.parts import PARTS, iterate_parts
from tests.completion.cluster import workers
from tests.completion.helpers import CommandLine, contents, make_picture, records, write_pictures

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra: ray)")

NAMES = [f"{number:02}.png" for number in range(40)]
DONE_KEYS = ("input", "status", "method", "files", "notes", "missing", "seed", "model_sha256")


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def ray(notes):
    """Start a cluster of two cores in this process; the command takes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTES", str(notes))
        patch.setattr("completion.cluster.cluster.available_cores", lambda: 2)
        with joined(ClusterOptions()) as ray:
            ray.cloudpickle.register_pickle_by_value(workers)
            yield ray


@pytest.fixture
def command(ray, tmp_path, monkeypatch):
    """Run complete-images with the cluster; one worker unless a test says otherwise, for each takes time to start."""
    monkeypatch.chdir(tmp_path)
    run = CommandLine(tmp_path / "no-model")

    def call(*arguments, code=0):
        words = ["--engine", "ray", "--workers", "1", "--aligned", "--mask", "random", *arguments]
        return run.invoke([str(word) for word in words], code=code)

    return call


@pytest.fixture
def noting(notes, monkeypatch):
    """Have the workers note what they do; return the notes, a list of names by process and call."""
    for note in notes.iterdir():
        note.unlink()
    monkeypatch.setattr(dispatch, "Worker", workers.NotingWorker)
    return lambda: {note.name: note.read_text().splitlines() for note in sorted(notes.iterdir())}


def local(*arguments):
    words = ["--aligned", "--mask", "random", *arguments]
    return CommandLine("no-model").invoke([str(word) for word in words])


def kept(lines):
    return sorted(({key: line.get(key) for key in DONE_KEYS} for line in lines), key=lambda line: line["input"])


def test_the_model_gives_the_bytes_and_the_records_of_a_local_run(command, tmp_path):
    write_pictures(tmp_path / "in", NAMES[:6], size=(64, 64))
    result = command("--output", "ray", "in")
    assert result.stdout.startswith("6 completed")
    local("--output", "local", "in")
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
    assert kept(records(tmp_path / "ray")) == kept(records(tmp_path / "local"))


def test_a_worker_that_is_killed_loses_nothing(command, tmp_path, noting, monkeypatch):
    write_pictures(tmp_path / "in", NAMES)
    monkeypatch.setattr(dispatch, "Worker", workers.WaitingWorker)

    def kill():
        while not workers.waiting_file().exists():
            time.sleep(0.01)
        os.kill(int(workers.waiting_file().read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    result = command("--workers", "2", "--method", "telea", "--output", "ray", "in")
    killer.join()
    assert "raylet" not in result.output
    assert result.stdout == "40 completed: ray\n"
    assert len({name.partition("-")[0] for name in noting()}) >= 2
    begun = collections.Counter(name for names in noting().values() for name in names)
    assert set(begun) == set(NAMES)
    assert 1 < max(begun.values()) <= 3  # what the killed one had is done again
    local("--method", "telea", "--output", "local", "in")
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
    assert collections.Counter(line["input"] for line in records(tmp_path / "ray")) == {f"in/{n}": 1 for n in NAMES}


def test_a_picture_that_kills_its_worker_is_given_up_and_tried_again_by_the_next_run(command, tmp_path, noting):
    write_pictures(tmp_path / "in", [*NAMES[:6], workers.POISON])
    result = command("--method", "telea", "--output", "ray", "in", code=1)
    reason = "in/poison.png: the process that completed it ended without a word, 2 times"
    assert f"failed: {reason}\n" in result.stderr
    assert result.stdout == "6 completed, 1 failed: ray\n"
    [failed] = [line for line in records(tmp_path / "ray") if line["status"] == "failed"]
    assert (failed["input"], failed["error"]) == ("in/poison.png", reason)
    assert len(records(tmp_path / "ray")) == 7
    assert [names for names in noting().values() if names == [workers.POISON]] == [[workers.POISON]] * 2
    assert local("--method", "telea", "--output", "ray", "in", "--skip-existing").stdout.startswith("1 completed, 6")


def test_a_run_goes_on_where_another_engine_stopped(command, tmp_path, noting):
    write_pictures(tmp_path / "in", NAMES[:3])
    local("--method", "telea", "--output", "out", "in")
    write_pictures(tmp_path / "in", NAMES[3:5])
    assert "3 of 5 outputs exist" in command("--method", "telea", "--output", "out", "in", code=1).stderr
    result = command("--method", "telea", "--output", "out", "in", "--skip-existing")
    assert result.stdout == "2 completed, 3 existing: out\n"
    assert sorted(name for names in noting().values() for name in names) == NAMES[3:5]
    assert len(records(tmp_path / "out")) == 5
    refused = command("--method", "telea", "--seed", "2", "--output", "out", "in", "--skip-existing", code=1)
    assert "other settings (seed was 0, now 2)" in refused.stderr


def test_many_pictures_are_spread_and_recorded_in_parts(command, tmp_path, monkeypatch, noting):
    monkeypatch.setattr(launch, "SPREAD_BEYOND", 3)
    monkeypatch.setattr(launch, "PARTS_BEYOND", 3)
    monkeypatch.setattr("completion.folder.parts.PART_ROWS", 2)
    write_pictures(tmp_path / "in", NAMES[:5])
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    result = command("--method", "telea", "--output", "out", "in", code=1)
    assert result.stdout == "5 completed, 1 failed: out\n"
    assert {len(name.split("/")) for name in contents(tmp_path / "out")} == {2}
    assert records(tmp_path / "out") == []  # but for the settings
    lines = list(iterate_parts(tmp_path / "out"))
    assert sorted(line["input"] for line in lines) == [*(f"in/{name}" for name in NAMES[:5]), "in/broken.png"]
    assert len(list((tmp_path / "out" / PARTS).iterdir())) == 3
    # Either engine goes on, by the same names.
    write_pictures(tmp_path / "in", ["broken.png"])
    assert local("--method", "telea", "--output", "out", "in", "--skip-existing").stdout == (
        "1 completed, 5 existing: out\n"
    )
    assert command("--method", "telea", "--output", "out", "in", "--skip-existing").stdout == (
        "0 completed, 6 existing: out\n"
    )
    local("--method", "telea", "--output", "local", "--spread", "in")
    assert contents(tmp_path / "local").keys() == contents(tmp_path / "out").keys()


def test_inputs_and_results_behind_urls(command, tmp_path, noting):
    """fsspec's file:// stands for storages that two processes can reach; another would need a server."""
    write_pictures(tmp_path / "in", [*NAMES[:3], "deep/a.png"])
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    source, target = f"file://{tmp_path}/in", f"file://{tmp_path}/out"
    options = ["--method", "telea", "--recursive", "--output", target]
    result = command(*options, source, code=1)
    assert result.stdout == f"4 completed, 1 failed: {target}\n"
    assert f"failed: {source}/broken.png: " in result.stderr
    local("--method", "telea", "--recursive", "--output", "local", "in/00.png", "in/01.png", "in/02.png", "in/deep")
    made, expected = contents(tmp_path / "out"), contents(tmp_path / "local")
    assert made == expected
    lines = [line for line in iterate_parts(tmp_path / "out") if "input" in line]
    assert {line["input"]: line["output"] for line in lines if line["output"]} == {
        f"{source}/{name}": f"{target}/{name}" for name in expected
    }
    listed = tmp_path / "list.txt"
    listed.write_text(f"{source}/00.png\n{source}/gone.png\n{source}/broken.png\n")
    again = command(*options, "--list", listed, "--skip-existing", code=1)
    assert again.stdout == f"0 completed, 1 existing, 2 failed: {target}\n"
    assert f"failed: {source}/gone.png: cannot read: " in again.stderr
    assert "1 of 3 outputs exist" in command(*options, "--list", listed, code=1).stderr


def test_what_the_cluster_lacks_is_said_before_anything_is_written(command, tmp_path):
    write_pictures(tmp_path / "in", NAMES[:1])
    result = command("--workers", "3", "--method", "telea", "in", code=2)
    expected = "Expected --workers of at most 2: each takes 1 CPU on one machine; the cluster's 1 machine has 2 CPUs"
    assert expected in " ".join(result.stderr.split())
    result = command("--gpus-per-worker", "1", "--method", "telea", "in", code=2)
    assert "takes 1 CPU and 1 GPU" in " ".join(result.stderr.split())
    assert not (tmp_path / "completed").exists()


@pytest.mark.exhaustive
def test_a_worker_that_cannot_start_ends_the_run(command, tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "TICK_SECONDS", 0.1)
    write_pictures(tmp_path / "in", NAMES[:1])
    monkeypatch.setattr(dispatch, "Worker", workers.ForeignWorker)
    assert "expected version 0.0.1 of" in command("--method", "telea", "in", code=1).stderr
    monkeypatch.setattr(dispatch, "Worker", workers.DyingWorker)
    assert "while they loaded the model" in command("--method", "telea", "in", code=1).stderr
    (tmp_path / "not_there.py").write_text(
        "from completion.cluster.worker import Worker\nclass Foreign(Worker): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(dispatch, "Worker", importlib.import_module("not_there").Foreign)
    error = command("--method", "telea", "in", code=1).stderr
    assert "install it there (ModuleNotFoundError: No module named 'not_there')" in error
    monkeypatch.setattr(dispatch, "Worker", Worker)
    missing = command("--model", "gone.safetensors", "in", code=1).stderr
    assert "gone.safetensors" in missing
    assert len(missing.splitlines()) == 1


def test_a_cluster_without_room_is_not_waited_for(ray, command, tmp_path, monkeypatch):
    monkeypatch.setattr(dispatch, "START_SECONDS", 1.0)
    write_pictures(tmp_path / "in", NAMES[:1])
    holders = [ray.remote(num_cpus=1)(workers.Worker).remote() for _ in range(2)]
    for holder in holders:
        ray.get(holder.__ray_ready__.remote())
    try:
        error = command("--method", "telea", "in", code=1).stderr
    finally:
        for holder in holders:
            ray.kill(holder)
    assert "no worker has started in 1 s: the cluster has 0 free CPUs" in error
    assert not (tmp_path / "completed").exists()


def test_a_mask_file_and_large_numbers_reach_the_workers(command, tmp_path):
    write_pictures(tmp_path / "in", NAMES[:2])
    Image.fromarray(make_picture(16, 16, channels=1)[..., 0] // 200 * 255).save(tmp_path / "mask.png")
    words = ["--engine", "ray", "--mask-file", "mask.png", "--max-megapixels", "1", "--method", "telea", "in"]
    Image.new("RGB", (1200, 1000)).save(tmp_path / "in" / "large.png")
    result = CommandLine("no-model").invoke(words, code=1)
    assert "expected at most 1,000,000 pixels" in result.stderr
    assert json.loads((tmp_path / "completed" / "manifest.jsonl").read_text().splitlines()[0])["settings"]["mask"]

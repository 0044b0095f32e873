"""The command with a cluster of its own, as a process; and what can be tried without a cluster."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from completion.cluster import cluster
from completion.cluster.worker import Task, Worker
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob, check_outputs
from completion.folder.launch import ChosenMethod, PhotographOptions
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from tests.completion.helpers import contents, records, write_pictures

ROOT = Path(__file__).parents[3]
CODE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from completion.cli import complete_command; complete_command()"
)
ALIGNED = PhotographOptions("aligned", (), None, 0.0, "ns", True)


def processes_with(text):
    """Return the processes that have a text in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [path.parent.name] if text.encode() in path.read_bytes() else []
        except OSError:
            continue
    return found


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra: ray)")
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the processes are found in /proc")
def test_ctrl_c_ends_the_cluster_and_leaves_nothing_but_results(tmp_path):
    write_pictures(tmp_path / "in", ["0000.png"])
    for number in range(1, 1500):
        os.link(tmp_path / "in" / "0000.png", tmp_path / "in" / f"{number:04}.png")
    own = {"HOME": tmp_path / "home", "XDG_CACHE_HOME": tmp_path / "home" / "cache", "TMPDIR": tmp_path / "t"}
    for folder in own.values():
        folder.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "RAY"))}
    environment |= {"PYTHONPATH": str(ROOT), **{name: str(path) for name, path in own.items()}}
    words = ["--engine", "ray", "--workers", "1", "--method", "telea", "--mask", "center", "in"]
    before = set(Path("/tmp").glob("dcgan-ray-*"))
    command = subprocess.Popen(
        [sys.executable, "-c", CODE, *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while len(contents(tmp_path / "completed")) < 10:
        assert command.poll() is None, command.communicate()
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    stdout, stderr = command.communicate(timeout=120)
    assert (command.returncode, stdout) == (130, "")
    lines = [line for line in stderr.splitlines() if not line.startswith("completing: ")]
    assert lines == ["Interrupted; with --skip-existing the same command resumes."]
    for _ in range(100):
        if not processes_with(str(tmp_path / "home")):
            break
        time.sleep(0.1)
    assert processes_with(str(tmp_path / "home")) == []
    assert [path for path in own["HOME"].rglob("*") if path.is_file()] == []
    assert list(own["TMPDIR"].iterdir()) == []
    assert set(Path("/tmp").glob("dcgan-ray-*")) <= before
    recorded = [line["input"] for line in records(tmp_path / "completed")]
    assert len(recorded) == len(set(recorded))


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_cluster_that_does_not_answer(run, tmp_path, monkeypatch, address):
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "in", ["a.png"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = address.format(server.getsockname()[1])
    result = run("--engine", "ray", "--ray-address", place, "--method", "telea", "in", code=1)
    assert result.stderr == f"Error: expected a Ray cluster at {place}: [Errno 111] Connection refused\n"


def test_the_folder_of_a_killed_process_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(cluster, "SOCKET_FOLDER_CHARACTERS", 1000)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, other, own = (tmp_path / f"dcgan-ray-{name}" for name in (f"{ended.pid}-a", "b", f"{os.getpid()}-c"))
    for folder in (left, other, own):
        folder.mkdir()
    made = Path(cluster._make_folder())
    assert set(tmp_path.iterdir()) == {other, own, made}


@pytest.mark.parametrize("installed", [True, False])
def test_what_is_missing_is_said_in_a_line(run, tmp_path, monkeypatch, installed):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "in", ["a.png"])
    if installed:
        pytest.importorskip("fsspec")
        monkeypatch.setitem(sys.modules, "s3fs", None)
        words, expected = ["s3://bucket/a.png"], "s3://bucket/a.png: Install s3fs to access S3"
    else:
        monkeypatch.setitem(sys.modules, "ray", None)
        words = ["in"]
        expected = "--engine ray needs Ray, which is not installed: pip install 'dcgan-face-completion[ray]'"
    assert run("--engine", "ray", "--method", "telea", *words, code=1).stderr == f"Error: {expected}\n"
    assert not (tmp_path / "completed").exists()


def test_a_worker_searches_as_a_local_run_does(tmp_path, prior, model_path):
    """Whatever part of the job it is given, the calls of the model have as many rows as in the whole job."""
    pictures = list_inputs([write_pictures(tmp_path / "in", [f"{number}.png" for number in range(5)])])
    settings = {"iterations": 2}
    local = FolderJob(tmp_path / "local", batch_size=4)
    method = ChosenMethod("latent", model=str(model_path), settings=settings)
    complete_folder(pictures, local, make_method(method.resolve(), MethodOptions(prior)))
    job = FolderJob(tmp_path / "ray", batch_size=4)
    waiting, _ = check_outputs(pictures, job, candidates=1)
    job.output.mkdir()
    (job.output / ".dcgan.json").touch()
    worker = Worker()
    info = worker.ready(Task(job, method, ALIGNED, os.getcwd())).value
    assert (info.method, info.searches, info.candidates) == ("latent", True, 1)
    for items in (list(waiting.items())[:2], list(waiting.items())[2:]):
        answer = worker.complete(items, count=5, batch_size=4)
        assert [done.fields["status"] for done in answer.value] == ["completed"] * len(items), answer.error
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "0.0.1"}, "expected version 0.0.1 of dcgan-face-completion, as where the job was started, found "),
        ({"folder": "/nowhere/at/all"}, "expected the folder /nowhere/at/all, which the machines must share"),
    ],
)
def test_a_machine_that_cannot_work_at_the_job_says_why(tmp_path, changes, message):
    task = {"folder": os.getcwd(), **changes}
    answer = Worker().ready(Task(FolderJob(tmp_path / "out"), ChosenMethod("telea"), ALIGNED, **task))
    assert (answer.value, answer.kind) == (None, "stop")
    assert message in answer.error


def test_results_are_not_written_where_the_folder_is_not_shared(tmp_path):
    worker = Worker()
    worker.ready(Task(FolderJob(tmp_path / "out"), ChosenMethod("telea"), ALIGNED, os.getcwd()))
    [picture] = list_inputs([write_pictures(tmp_path / "in", ["a.png"])])
    waiting, _ = check_outputs([picture], FolderJob(tmp_path / "out"), candidates=1)
    answer = worker.complete(list(waiting.items()), count=1, batch_size=1)
    assert "which the machines must share" in answer.error
    assert not (tmp_path / "out").exists()

"""Models of the hub, from a stub of it on this computer."""

import contextlib
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dcgan.config import ModelConfig
from dcgan.errors import ModelFileError
from dcgan.hub import download
from dcgan.hub.cache import cached_models, models_folder
from dcgan.hub.cli import models_command
from dcgan.hub.reference import HubReference, parse_reference
from dcgan.model_file import load_model
from dcgan.model_tensors import find_model, serialize
from tests.dcgan.helpers import TOY, model_bytes, one_line

pytest.importorskip("huggingface_hub")
ROOT = Path(__file__).parents[3]
COMMIT, OTHER = "1" * 40, "2" * 40
NAME = "hf://someone/faces"


MODEL = model_bytes()


class Stub:
    """What the hub would answer, and what it was asked."""

    def __init__(self):
        self.commits, self.branches, self.asked, self.agents = {}, {}, [], []
        self.status, self.code, self.is_lfs, self.sent = 200, "", True, None
        self.tags = ["license:mit", "gan"]

    def answer(self, path):
        """Return status, headers and body."""
        if self.status != 200:
            return self.status, {"X-Error-Code": self.code} if self.code else {}, b"{}"
        if match := re.fullmatch(r"/api/models/someone/faces(?:/revision/([^?]+))?(?:\?.*)?", path):
            revision = match[1] or "main"
            commit = self.branches.get(revision.replace("%2F", "/"), revision)
            if commit not in self.commits:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
            files = [self._sibling(name, data) for name, data in self.commits[commit].items()]
            body = {"id": "someone/faces", "sha": commit, "siblings": files, "tags": self.tags}
            return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()
        if match := re.fullmatch(r"/someone/faces/resolve/(\w+)/(.+)", path):
            data = self.commits[match[1]][match[2]]
            etag = hashlib.sha256(data).hexdigest() if self.is_lfs else git_name(data)
            return 200, {"X-Repo-Commit": match[1], "ETag": f'"{etag}"'}, self.sent or data
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"

    def _sibling(self, name, data):
        lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 100}
        own = {"lfs": lfs} if self.is_lfs else {}
        return {"rfilename": name, "size": len(data), "blobId": git_name(data), **own}


def git_name(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """A hub with one model; HF_ENDPOINT leads to it, and the cache is empty."""
    hub = Stub()
    hub.commits = {COMMIT: {"model.safetensors": MODEL, "pytorch_model.bin": b"a pickle", "README.md": b"# Faces"}}
    hub.branches = {"main": COMMIT, "refs/pr/1": COMMIT}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = hub.answer(self.path)
            hub.asked.append(f"{self.command} {self.path.partition('?')[0]}")
            hub.agents.append(self.headers["User-Agent"])
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    download._found.clear()

    def stop():
        server.shutdown()
        thread.join()
        server.server_close()
        download._found.clear()  # as another process

    hub.stop = contextlib.ExitStack()
    hub.stop.callback(stop)
    yield hub
    hub.stop.close()


def run(*arguments, code=0):
    result = CliRunner().invoke(models_command, list(arguments), prog_name="dcgan-models")
    assert result.exit_code == code, result.output
    return result


def test_a_commit_is_downloaded_once_and_works_without_the_hub(stub):
    prior = load_model(f"{NAME}@{COMMIT}")
    assert prior.config == TOY
    assert prior.sha256 == hashlib.sha256(MODEL).hexdigest()
    fetched = f"/someone/faces/resolve/{COMMIT}/model.safetensors"
    assert stub.asked == [f"GET /api/models/someone/faces/revision/{COMMIT}", f"HEAD {fetched}", f"GET {fetched}"]
    assert not any("agent/" in each or "torch" in each for each in stub.agents)
    stub.stop.close()
    for name in (f"{NAME}@{COMMIT}", f"{NAME}@{COMMIT}/model.safetensors"):
        assert load_model(name).sha256 == prior.sha256
    assert len(stub.asked) == 3


def test_a_branch_is_looked_up_and_said(stub):
    result = run("download", NAME)
    pinned = f"{NAME}@{COMMIT}/model.safetensors"
    assert result.stdout == f"{pinned}\n"
    assert result.stderr == f"model: {NAME} is {pinned}, which always names the same file\n"
    stub.commits[OTHER] = {"model.safetensors": model_bytes(ModelConfig(size=8, filters=2, latent_dim=3))}
    stub.branches["main"] = OTHER
    assert load_model(NAME).config == TOY  # for the time of a process, and in its threads
    download._found.clear()
    assert load_model(NAME).config.size == 8
    assert run("download", f"{NAME}@refs%2Fpr%2F1", "--quiet").output == ""
    assert {each.reference.revision for each in cached_models()} == {COMMIT, OTHER}


def test_a_branch_without_a_connection_is_what_it_was(stub):
    run("download", NAME)
    stub.stop.close()
    lines = run("download", NAME).stderr.splitlines()
    assert len(lines) == 1
    assert f"does not answer (ConnectError); {NAME} as it was last: {NAME}@{COMMIT}/model.safetensors" in lines[0]
    with pytest.raises(ModelFileError) as error:
        find_model(f"{NAME}@v2")
    assert re.fullmatch(
        r"hf://someone/faces@v2 is not in the cache, and http://\S+ does not answer .*", one_line(error)
    )


@pytest.mark.parametrize("is_lfs", [True, False])
def test_other_bytes_than_the_checksums_are_refused(stub, is_lfs):
    stub.is_lfs = is_lfs
    stub.sent = MODEL[:-1] + b"?"
    with pytest.raises(ModelFileError, match="expected the checksum"):
        find_model(NAME)
    assert cached_models() == []
    assert not [path for path in models_folder().rglob("blobs/*") if path.is_file()]
    stub.sent = None
    path = find_model(NAME)
    assert path.read_bytes() == MODEL
    download._found.clear()
    with path.resolve().open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    os.utime(path.resolve(), ns=(1, 1))
    with pytest.raises(ModelFileError, match="expected the checksum"):
        find_model(f"{NAME}@{COMMIT}")


@pytest.mark.parametrize(
    ("change", "name", "line"),
    [
        ({}, "hf://someone/others", "hf://someone/others: {hub} has no such repository, or it is private"),
        ({}, f"{NAME}@v9", f"{NAME}@v9: the repository has no such revision"),
        ({"status": 403, "code": "GatedRepo"}, NAME, f"{NAME}: its owner gives it only to those who ask on {{hub}}"),
        ({"status": 500}, NAME, f"{NAME} is not in the cache, and {{hub}} answered 500"),
        ({}, f"{NAME}/b.safetensors", f"Expected one of model.safetensors. Received: {NAME}/b.safetensors"),
        (
            {"commits": {COMMIT: {"model.bin": b"pickle"}}},
            NAME,
            f"{NAME}: expected a .safetensors file, which alone is",
        ),
        (
            {"commits": {COMMIT: {"a.safetensors": MODEL, "b.safetensors": MODEL}}},
            NAME,
            f"Expected {NAME}/FILE, one of a.safetensors, b.safetensors. Received: {NAME}",
        ),
    ],
)
def test_what_the_hub_does_not_give(stub, change, name, line):
    for field, value in change.items():
        setattr(stub, field, value)
    result = run("download", name, code=1)
    assert result.stderr.startswith(f"Error: {line.format(hub=os.environ['HF_ENDPOINT'])}")
    assert len(result.stderr.splitlines()) == 1
    assert cached_models() == []
    assert not any("resolve" in each for each in stub.asked)


def test_a_file_that_is_no_model_of_ours(stub):
    stub.commits[COMMIT] = {"model.safetensors": serialize({"a": np.zeros(3, np.float32)}, {"format": "pt"})}
    assert "expected a model written by dcgan-train" in run("download", NAME, code=1).stderr


@pytest.mark.parametrize(
    "name",
    [
        "hf://faces",
        "hf://someone/faces/model.bin",
        "hf://someone/faces/../../x.safetensors",
        "hf://some..one/faces",
        "hf://someone/faces@",
        "hf://someone/faces@..%2Fx",
        "hf:// someone/faces",
        "hf://someone/faces//a.safetensors",
    ],
)
def test_names_that_are_refused_before_anything_is_asked(stub, name):
    with pytest.raises(ModelFileError, match=r"Expected .*\. Received: "):
        find_model(name)
    assert stub.asked == []
    assert not models_folder().exists()


def test_references_are_read_as_they_are_written():
    texts = [NAME, f"{NAME}@{COMMIT}", f"{NAME}@refs%2Fpr%2F1/folder/a.safetensors"]
    assert [str(parse_reference(text)) for text in texts] == texts
    assert parse_reference(texts[2]) == HubReference("someone", "faces", "refs/pr/1", "folder/a.safetensors")


def test_without_the_package_a_cached_commit_goes_on(stub, monkeypatch):
    find_model(NAME)
    download._found.clear()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert load_model(f"{NAME}@{COMMIT}").config == TOY
    result = run("download", "hf://someone/others", code=1)
    line = "hf://someone/others is not in the cache, and models of the hub need huggingface_hub: pip install"
    assert result.stderr.startswith(f"Error: {line}")


def test_list_show_path_remove(stub):
    pinned = f"{NAME}@{COMMIT}/model.safetensors"
    for command in ("show", "path"):
        assert f"was not downloaded yet: dcgan-models download {NAME}" in run(command, NAME, code=1).stderr
    assert stub.asked == []
    path = find_model(NAME)
    asked = list(stub.asked)
    own = next(line for line in run("list").stdout.splitlines() if line.startswith("hf://"))
    assert own.split()[:5] == [pinned, f"{len(MODEL) / 1e6:.1f}", "MB", "16", "px"]
    assert own.endswith("mit, says its page on the hub")
    listed = json.loads(run("list", "--json").stdout)
    assert [each["name"] for each in listed][-1] == pinned
    assert {"faces-64", "faces-128"} < {each["name"] for each in listed}
    assert json.loads(run("show", NAME, "--json").stdout)["sha256"] == hashlib.sha256(MODEL).hexdigest()
    assert run("path", NAME).stdout == f"{path}\n"
    assert run("path", "faces-64").stdout == f"{find_model('faces-64')}\n"
    assert "Expected hf://OWNER/NAME" in run("download", "faces-64", code=2).stderr
    assert stub.asked == asked
    assert run("remove", NAME).stdout == f"removed 1 model, {len(MODEL) / 1e6:.1f} MB\n"
    assert cached_models() == []
    assert run("remove", NAME).stdout == "removed 0 models, 0.0 MB\n"


def test_a_command_completes_with_it_and_leaves_nothing_elsewhere(stub, tmp_path):
    """In a process of its own, which has only HF_ENDPOINT; the manifest's model is the file's checksum."""
    from PIL import Image

    model = model_bytes(encoder=True)
    stub.commits[COMMIT]["model.safetensors"] = model
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / "a.png")
    code = "from completion.cli import complete_command; complete_command()"
    words = ["--aligned", "--method", "fast", "--mask", "center", "--model", NAME, "a.png"]
    own = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    for name in ("HOME", "TMPDIR"):
        Path(own[name]).mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_HUB", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=tmp_path,
        env={**environment, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "1 completed: completed\n"), done.stderr
    assert done.stderr.splitlines()[0] == (
        f"model: {NAME} is {NAME}@{COMMIT}/model.safetensors, which always names the same file"
    )
    records = [json.loads(line) for line in (tmp_path / "completed" / "manifest.jsonl").read_text().splitlines()]
    assert records[-1]["model_sha256"] == hashlib.sha256(model).hexdigest()
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not list((tmp_path / "temporary").iterdir())
    assert len([each for each in stub.asked if each.startswith("GET /api")]) == 1
    assert {each.split()[1].split("/")[1] for each in stub.asked} == {"api", "someone"}

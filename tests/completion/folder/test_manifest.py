import json
import os

import pytest

from completion.folder.manifest import list_own_outputs, open_manifest
from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import read_json_lines


LINE = {"input": "a.png", "output": None, "status": "failed", "seed": 0, "model_sha256": None}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manifest.jsonl"


def write_to(path):
    with open_manifest(path) as manifest:
        manifest.append(LINE)


def test_a_manifest_is_continued(path):
    write_to(path)
    write_to(path)
    assert read_json_lines(path) == [LINE, LINE]


def test_one_writer_at_a_time(path):
    with (
        open_manifest(path),
        pytest.raises(FaceCompletionError, match="another process is completing pictures into it"),
    ):
        write_to(path)
    write_to(path)


def test_shards_do_not_keep_each_other_out(path):
    with open_manifest(path):
        write_to(path.with_name("manifest-1-of-2.jsonl"))


def test_a_failure_to_open_gives_the_lock_back(path):
    path.mkdir()
    with pytest.raises(FaceCompletionError, match=r"manifest\.jsonl: expected a manifest"):
        write_to(path)
    path.rmdir()
    write_to(path)


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("content", [b'{"input": "a"}\n', b'{"a": 1}', b"text", json.dumps(LINE).encode() + b"\n\nend"])
def test_a_manifest_of_others_stays_as_it_is(path, content, marked):
    if marked:
        write_to(path)
    path.write_bytes(content)
    before = sorted(os.listdir(path.parent))
    with pytest.raises(FaceCompletionError, match="choose another folder, or move this file"):
        write_to(path)
    assert path.read_bytes() == content
    assert sorted(os.listdir(path.parent)) == before


def test_an_empty_file_is_a_manifest_where_a_run_was_stopped(path):
    path.touch()
    with pytest.raises(FaceCompletionError, match="expected a manifest"):
        write_to(path)
    path.with_name(".manifest.jsonl.lock").touch()
    write_to(path)


def test_an_unfinished_line_of_ours_is_cut_off(path):
    write_to(path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    with open_manifest(path):
        assert path.read_bytes() == whole


def test_outputs_that_lines_of_version_0_1_0_list(tmp_path, monkeypatch):
    """Their paths are those of the working directory of that time."""
    folder = tmp_path / "out"
    (folder / "x").mkdir(parents=True)
    for name in ("a.png", "b.png", "x/a.png", "c.png", "mine.png"):
        (folder / name).touch()
    outputs = [
        str(folder / "a.png"),
        ["out/x/a.png", "../out/b.png"],
        "elsewhere/mine.png",
        "/elsewhere/mine.png",
        None,
    ]
    lines = [LINE | {"output": output} for output in outputs]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "manifest-1-of-2.jsonl").write_text(json.dumps(LINE | {"output": "c.png"}) + "\n")
    (folder / "manifest-mine.jsonl").write_text(json.dumps(LINE | {"output": "mine.png"}) + "\n")
    expected = {"a.png", "b.png", "x/a.png", "c.png"}
    assert list_own_outputs(folder) == expected
    write_to(folder / "manifest.jsonl")
    folder.rename(tmp_path / "moved")  # the list beside the manifest has relative paths
    assert list_own_outputs(tmp_path / "moved") >= expected
    assert list_own_outputs(tmp_path / "nowhere") == set()

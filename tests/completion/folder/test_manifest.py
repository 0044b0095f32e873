import json
import os

import pytest

from completion.folder.manifest import Manifest
from dcgan.errors import FaceCompletionError


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_records_are_appended_and_visible_at_once(tmp_path):
    path = tmp_path / "manifest.jsonl"
    with Manifest(path) as manifest:
        manifest.append({"input": "a", "loss": 0.5})
        assert lines(path) == [{"input": "a", "loss": 0.5}]
    with Manifest(path) as manifest:
        manifest.append({"input": "b"})
    assert [record["input"] for record in lines(path)] == ["a", "b"]


@pytest.mark.parametrize("rest", [b'{"inp', b"x" * 100_000])
def test_a_line_that_was_left_unfinished_is_dropped(tmp_path, rest):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(b'{"input": "a"}\n' + rest)
    with Manifest(path) as manifest:
        manifest.append({"input": "b"})
    assert [record["input"] for record in lines(path)] == ["a", "b"]
    path.write_bytes(rest)
    with Manifest(path) as manifest:
        manifest.append({"input": "b"})
    assert [record["input"] for record in lines(path)] == ["b"]


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "manifest.jsonl"
    with Manifest(path), pytest.raises(FaceCompletionError, match="another process is completing pictures into it"):
        Manifest(path)
    with Manifest(path) as manifest:
        manifest.append({})


def test_every_file_name_can_be_recorded(tmp_path):
    path = tmp_path / "manifest.jsonl"
    names = ["Jürgen\n.png", os.fsdecode(b"a\xff.png")]
    with Manifest(path) as manifest:
        for name in names:
            manifest.append({"input": name})
    assert [record["input"] for record in lines(path)] == names


def test_a_failure_to_open_gives_the_lock_back(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.mkdir()
    with pytest.raises(FaceCompletionError, match=r"manifest\.jsonl: cannot write: Is a directory"):
        Manifest(path)
    path.rmdir()
    with Manifest(path):
        pass

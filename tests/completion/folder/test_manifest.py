import pytest

from completion.folder.manifest import open_manifest
from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import read_json_lines


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manifest.jsonl"


def write_to(path):
    with open_manifest(path) as manifest:
        manifest.append({"input": "a"})


def test_a_manifest_is_continued(path):
    write_to(path)
    write_to(path)
    assert read_json_lines(path) == [{"input": "a"}, {"input": "a"}]


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
    with pytest.raises(FaceCompletionError, match=r"manifest\.jsonl: cannot write: Is a directory"):
        write_to(path)
    path.rmdir()
    write_to(path)

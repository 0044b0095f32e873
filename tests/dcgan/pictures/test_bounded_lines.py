"""Records and lists of any length are read, and nothing swells."""

import json
import os
import tracemalloc

import pytest

from completion.folder.landmarks import read_landmarks
from dcgan.errors import FaceCompletionError
from dcgan.pictures import bounded_lines
from dcgan.pictures.records import JsonLines, read_json_lines, read_own_lines

FACE = {"landmarks": [[1, 2], [9, 2], [5, 9]]}
READERS = {
    "read_json_lines": read_json_lines,
    "read_own_lines": lambda path: read_own_lines(path, fields=("photograph",)),
    "JsonLines": lambda path: JsonLines(path, fields=("photograph",)),
    "read_landmarks": read_landmarks,
}


@pytest.fixture(params=READERS.values(), ids=READERS)
def reader(request):
    return request.param


def write_lines(path, count):
    with open(path, "w") as file:
        file.writelines(json.dumps({"photograph": f"{number}.jpg", "faces": [FACE]}) + "\n" for number in range(count))
    return path


def test_a_line_without_end(tmp_path, reader):
    path = write_lines(tmp_path / "a.jsonl", 1)
    os.truncate(path, 2**29)  # zeros, which take no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(FaceCompletionError, match=r"a\.jsonl: line 2: expected at most 8,388,608 bytes"):
            reader(path)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


def test_lines_without_end(tmp_path, reader, monkeypatch):
    monkeypatch.setattr(bounded_lines, "FILE_BYTES_MAX", 10_000)
    with pytest.raises(FaceCompletionError, match=r"a\.jsonl: expected lines of at most 10,000 bytes in all"):
        reader(write_lines(tmp_path / "a.jsonl", 1000))


@pytest.mark.parametrize("read", [read_json_lines, READERS["read_own_lines"], read_landmarks])
def test_a_hundred_thousand_lines(tmp_path, read):
    assert len(read(write_lines(tmp_path / "a.jsonl", 100_000))) == 100_000


def test_deep_lines(tmp_path, reader):
    """JSON that nests too deep for the parser is damaged, or refused."""
    path = tmp_path / "a.jsonl"
    path.write_text("[" * 100_000 + "\n")
    if reader is read_json_lines:
        assert reader(path) == []
    else:
        with pytest.raises(FaceCompletionError, match="line 1: expected"):
            reader(path)

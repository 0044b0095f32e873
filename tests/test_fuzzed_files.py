"""A hundred of the damaged files of scripts/fuzz_files.py through the commands that read pictures."""

import pytest

from tests.scripts import imported

pytest.importorskip("resource")  # Windows bounds no process's memory

COUNT, SECONDS = 100, 120.0


@pytest.fixture(scope="module")
def fuzz():
    with imported("fuzz_files") as module:
        yield module


@pytest.fixture(scope="module")
def damaged(fuzz, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "damaged"
    fuzz.write_damaged(folder, COUNT, seed=3)
    return folder


def test_whole_files_are_read_without_a_fault(fuzz, tmp_path):
    folder = tmp_path / "whole"
    folder.mkdir()
    for index, (suffix, content) in enumerate(fuzz.whole_files()):
        (folder / f"{index:02}{suffix}").write_bytes(content)
    outcome = fuzz.complete(folder, tmp_path / "out", seconds=SECONDS)
    assert (outcome.refused, outcome.faults) == (0, ())


def test_complete_images(fuzz, damaged, tmp_path):
    outcome = fuzz.complete(damaged, tmp_path, seconds=SECONDS)
    assert outcome.faults == ()
    assert outcome.read > 10
    assert outcome.refused > 10


def test_a_dataset(fuzz, damaged):
    assert fuzz.read_dataset(damaged, seconds=SECONDS).faults == ()


def test_dcgan_align(fuzz, damaged, tmp_path):
    pytest.importorskip("dlib")
    assert fuzz.align(damaged, tmp_path, seconds=SECONDS).faults == ()


def test_faults_are_found(fuzz, tmp_path):
    (tmp_path / "a.png").write_bytes(b"half")
    (tmp_path / ".b.png.0123.tmp").touch()
    assert len(list(fuzz._leftovers(tmp_path))) == 2
    assert list(fuzz._foreign_lines("note: a\nTraceback\n", lambda line: line.startswith("note: "))) == [
        "a line of others: 'Traceback'"
    ]

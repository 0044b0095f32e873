"""How often a run reads what earlier runs recorded: once before it writes, once under the lock."""

import collections

import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob, check_outputs
from completion.folder.masks import MaskSource
from completion.folder.run import FolderSummary, complete_folder
from completion.methods import MethodOptions, make_method
from dcgan.pictures import records
from tests.completion.helpers import write_pictures


@pytest.fixture
def readings(monkeypatch):
    """Count the readings of each file with lines."""
    counts, read = collections.Counter(), records.bounded_lines

    def counted(path):
        counts[path.name] += 1
        return read(path)

    monkeypatch.setattr(records, "bounded_lines", counted)
    return counts


@pytest.mark.parametrize("options", [[], ["--shard", "1/2"]])
def test_a_run_reads_its_records_twice(tmp_path, readings, options):
    write_pictures(tmp_path / "in", ["a.png", "b.png", "c.png"])
    arguments = [tmp_path / "in", "--output", tmp_path / "out", "--method", "telea", "--quiet", *options]
    call = list(map(str, arguments))
    assert CliRunner().invoke(complete_command, call).exit_code == 0
    readings.clear()
    write_pictures(tmp_path / "in", ["d.png", "e.png"])
    assert CliRunner().invoke(complete_command, [*call, "--skip-existing"]).exit_code == 0
    assert len(readings) == 2
    assert set(readings.values()) == {2}


def test_what_another_run_has_done_meanwhile_is_not_done_again(tmp_path):
    write_pictures(tmp_path / "in", ["a.png", "b.png"])
    inputs, method = list_inputs([tmp_path / "in"]), make_method("telea", MethodOptions())
    job = FolderJob(tmp_path / "out", MaskSource(), existing="skip")
    assert len(check_outputs(inputs, job, candidates=1)[0]) == 2
    assert complete_folder(inputs[:1], job, method) == FolderSummary(1, 0, 0, 0)  # the other run
    assert complete_folder(inputs, job, method, checked=True) == FolderSummary(1, 0, 1, 0)

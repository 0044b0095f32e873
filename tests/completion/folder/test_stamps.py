import json
import os
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from completion.cli import complete_command
from completion.folder.inputs import list_inputs
from completion.folder.landmarks import GivenPlaces
from completion.folder.masks import MaskSource
from completion.folder.stamps import changed_since, stamps_of
from tests.completion.helpers import contents, make_picture, records, write_pictures


@pytest.fixture
def resume(tmp_path):
    """Complete two pictures with a mask each; return what completes them again, and what it said and rewrote."""
    write_pictures(tmp_path / "in", ["a.png", "b.png"])
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("a", "b"):
        draw(masks / f"{name}.png", 4)
    arguments = [tmp_path / "in", "--mask-dir", masks, "--output", tmp_path / "out", "--method", "telea"]
    call = list(map(str, arguments))
    assert CliRunner().invoke(complete_command, call).exit_code == 0

    def run_again(*options):
        before = contents(tmp_path / "out")
        result = CliRunner().invoke(complete_command, [*call, "--skip-existing", *options])
        after = contents(tmp_path / "out")
        assert result.exit_code == 0
        return result, [name for name in after if after[name] != before[name]]

    return run_again


def draw(path, left):
    """Write a mask with a hole that begins at a column."""
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9, left : left + 5] = 255
    Image.fromarray(mask).save(path)


def test_what_has_not_changed_is_skipped(resume, tmp_path):
    os.utime(tmp_path / "in" / "a.png", ns=(1, 1))  # copied, for instance
    os.utime(tmp_path / "masks" / "b.png", ns=(1, 1))
    result, changed = resume()
    assert result.stdout == f"0 completed, 2 existing: {tmp_path / 'out'}\n"
    assert changed == []


def test_another_mask_of_this_name(resume, tmp_path):
    draw(tmp_path / "masks" / "a.png", 8)
    result, changed = resume()
    note = "its result was made of another mask; it was completed again"
    assert f"note: {tmp_path / 'in' / 'a.png'}: {note}" in result.stderr
    assert "1 completed, 1 existing (1 with notes)" in result.stdout
    assert changed == ["a.png"]
    assert records(tmp_path / "out")[-1]["notes"] == [note]
    assert resume()[1] == []


def test_a_mask_that_comes_first_by_its_name_is_another(resume, tmp_path):
    draw(tmp_path / "masks" / "a_mask.png", 8)
    assert resume()[1] == ["a.png"]


def test_another_picture_of_this_name(resume, tmp_path):
    Image.fromarray(make_picture(seed=9)).save(tmp_path / "in" / "b.png")
    result, changed = resume()
    assert "made of another picture of this name; it was completed again" in result.stderr
    assert changed == ["b.png"]


def test_a_picture_that_is_damaged_by_now_fails(resume, tmp_path):
    (tmp_path / "in" / "b.png").write_bytes(b"half a copy")
    with pytest.raises(AssertionError):  # the exit code
        resume()
    assert records(tmp_path / "out")[-1]["status"] == "failed"


def test_a_mask_that_is_gone_says_nothing(resume, tmp_path):
    (tmp_path / "masks" / "a.png").unlink()
    assert resume()[1] == []


@pytest.mark.parametrize("files", [None, [], {}, {"picture": 1}, {"picture": "1 2"}])
def test_a_manifest_without_them_says_nothing(resume, tmp_path, files):
    path = tmp_path / "out" / "manifest.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**line, "files": files}) + "\n" for line in lines))
    Image.fromarray(make_picture(seed=9)).save(tmp_path / "in" / "b.png")
    assert resume()[1] == []


def test_other_landmarks(tmp_path):
    (source,) = list_inputs([write_pictures(tmp_path, ["a.png"])])
    eyes = np.arange(6.0).reshape(3, 2)
    places = GivenPlaces(landmarks={"a.png": (eyes,)})
    stamps = stamps_of(source, MaskSource(), places)
    assert set(stamps) == {"picture", "landmarks"}
    assert changed_since(source, MaskSource(), places, stamps=stamps) == ""
    moved = GivenPlaces(landmarks={"a.png": (eyes + 1,)})
    assert changed_since(source, MaskSource(), moved, stamps=stamps) == "other landmarks"
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    (tmp_path / "a.png").unlink()
    assert stamps_of(source, MaskSource(), places) == {}


def test_the_result_of_a_picture_elsewhere_is_not_replaced(resume, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "in", other)
    before = contents(tmp_path / "out")
    arguments = [other, "--mask-dir", tmp_path / "masks", "--output", tmp_path / "out", "--method", "telea"]
    call = [*map(str, arguments), "--skip-existing"]
    assert "0 completed, 2 existing" in CliRunner().invoke(complete_command, call).stdout  # copies
    Image.fromarray(make_picture(seed=9)).save(other / "b.png")
    result = CliRunner().invoke(complete_command, call)
    assert result.exit_code == 1
    result_path, first = tmp_path / "out" / "b.png", tmp_path / "in" / "b.png"
    said = (
        f"{result_path}: is the result of another picture, {first}, and not of {other / 'b.png'}; choose another folder"
    )
    assert said in result.stderr
    assert contents(tmp_path / "out") == before


def test_a_changed_picture_from_another_working_directory(resume, tmp_path, monkeypatch):
    path = tmp_path / "out" / "manifest.jsonl"
    path.write_text(path.read_text().replace(f'"input": "{tmp_path}/', '"input": "../'))
    monkeypatch.chdir("/")
    Image.fromarray(make_picture(seed=9)).save(tmp_path / "in" / "b.png")
    assert resume()[1] == ["b.png"]


def test_a_folder_that_was_moved_and_a_mask_that_has_changed(resume, tmp_path):
    (tmp_path / "in").rename(tmp_path / "moved")
    draw(tmp_path / "masks" / "a.png", 8)
    arguments = [
        tmp_path / "moved",
        "--mask-dir",
        tmp_path / "masks",
        "--output",
        tmp_path / "out",
        "--method",
        "telea",
    ]
    result = CliRunner().invoke(complete_command, [*map(str, arguments), "--skip-existing"])
    assert "1 completed, 1 existing (1 with notes)" in result.stdout

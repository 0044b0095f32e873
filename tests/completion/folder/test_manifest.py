import json
import os

import pytest

from completion.folder.manifest import check_settings, open_manifest, read_record
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


def test_shards_of_one_division_do_not_keep_each_other_out(path):
    with open_manifest(path.with_name("manifest-2-of-2.jsonl")):
        write_to(path.with_name("manifest-1-of-2.jsonl"))


@pytest.mark.parametrize(("one", "other"), [("", "-1-of-2"), ("-2-of-2", ""), ("-1-of-2", "-1-of-3")])
def test_a_job_divided_otherwise_is_kept_out_while_one_runs(path, one, other):
    one, other = path.with_name(f"manifest{one}.jsonl"), path.with_name(f"manifest{other}.jsonl")
    with open_manifest(one):
        with pytest.raises(FaceCompletionError, match=rf"another part of the pictures into it \({one.name}\)"):
            write_to(other)
        assert not other.exists()
    write_to(other)


def test_settings_are_written_where_they_change(path):
    for seed in (1, 1, 2):
        with open_manifest(path, settings={"seed": seed, "box": (1, 2)}) as manifest:
            manifest.append(LINE)
    first, second = {"settings": {"seed": 1, "box": [1, 2]}}, {"settings": {"seed": 2, "box": [1, 2]}}
    assert read_json_lines(path) == [first, LINE, LINE, second, LINE]
    record = read_record(path.parent)
    assert record.settings == {"manifest.jsonl": second["settings"]}
    check_settings(record, {"seed": 2, "box": (1, 2), "version": "later"}, folder=path.parent)
    with pytest.raises(FaceCompletionError, match=r"other settings \(seed was 2, now 3\); .* --overwrite"):
        check_settings(record, {"seed": 3}, folder=path.parent)


def test_what_is_finished_is_what_the_latest_line_says(path):
    done = {**LINE, "output": "a.png", "status": "completed"}
    (path.parent / "a.png").touch()
    with open_manifest(path) as manifest:
        manifest.append(done)
    assert read_record(path.parent).finished == {"a.png"}
    write_to(path)  # the same picture fails
    assert read_record(path.parent).finished == set()
    assert read_record(path.parent).own == {"a.png"}


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
    assert read_record(folder).own == expected
    write_to(folder / "manifest.jsonl")
    folder.rename(tmp_path / "moved")  # the list beside the manifest has relative paths
    assert read_record(tmp_path / "moved").own >= expected
    assert read_record(tmp_path / "nowhere").own == set()

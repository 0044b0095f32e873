import dataclasses

import pytest

from completion.folder.inputs import InputPicture, list_inputs
from completion.folder.job import FolderJob, check_outputs
from completion.folder.manifest import open_manifest
from completion.folder.masks import MaskSource
from dcgan.errors import FaceCompletionError
from masks import MaskFolder
from tests.completion.helpers import write_pictures


@pytest.fixture
def job(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return FolderJob(tmp_path / "out")


def inputs(job, *names):
    root = job.output.parent / "in"
    return [InputPicture(root / name, name, root) for name in names]


def check(job, *names, candidates=1):
    waiting, existing = check_outputs(inputs(job, *names), job, candidates=candidates)
    return [source.relative for source in waiting], existing


def write_own(job, *names, killed=False):
    """Do as an earlier run that wrote these files; where it was killed, without a line for each."""
    with open_manifest(job.output / "manifest.jsonl", settings=job.settings) as manifest:
        for name in names:
            manifest.claim(job.output / name)
            (job.output / name).touch()
            line = {"input": f"in/{name}", "output": str(job.output / name), "status": "completed"}
            if not killed:
                manifest.append({**line, "seed": 0, "model_sha256": None})


def test_files_that_every_shard_writes_for_itself(job):
    assert [path.name for path in (job.manifest_path, job.sheet_path, job.film_path)] == [
        "manifest.jsonl",
        "sheet.png",
        "search.gif",
    ]
    shard = dataclasses.replace(job, shard=(2, 3))
    assert [path.name for path in (shard.manifest_path, shard.sheet_path, shard.film_path)] == [
        "manifest-2-of-3.jsonl",
        "sheet-2-of-3.png",
        "search-2-of-3.gif",
    ]


def test_existing_outputs(job):
    write_own(job, "a.png")
    with pytest.raises(FaceCompletionError, match=r"1 of 2 outputs exist; --skip-existing goes on .*--overwrite"):
        check(job, "a.png", "b.png")
    assert check(dataclasses.replace(job, existing="skip"), "a.png", "b.png") == (["b.png"], 1)
    assert check(dataclasses.replace(job, existing="replace"), "a.png", "b.png") == (["a.png", "b.png"], 0)
    assert check(job, "b.png", "c.png") == (["b.png", "c.png"], 0)


def test_a_result_whose_line_was_lost_is_made_again(job):
    write_own(job, "a.png")
    write_own(job, "b.png", killed=True)
    skipping = dataclasses.replace(job, existing="skip")
    assert check(skipping, "a.png", "b.png") == (["b.png"], 1)


def test_what_exists_is_not_skipped_under_other_settings(job):
    job = dataclasses.replace(job, settings={"mask": "left", "seed": 1})
    write_own(job, "a.png")
    skipping = dataclasses.replace(job, existing="skip")
    assert check(skipping, "a.png") == ([], 1)
    other = dataclasses.replace(skipping, settings={"mask": "top", "seed": 1})
    with pytest.raises(FaceCompletionError, match=r"manifest\.jsonl: .* other settings \(mask was 'left', now 'top'\)"):
        check(other, "a.png")
    assert check(dataclasses.replace(other, existing="replace"), "a.png") == (["a.png"], 0)
    shard = dataclasses.replace(other, shard=(1, 2))  # whose own manifest does not exist yet
    with pytest.raises(FaceCompletionError, match="other settings"):
        check(shard, "a.png")


def test_one_existing_candidate_is_refused_and_not_skipped(job):
    write_own(job, "a.candidate-2.png")
    everything = dataclasses.replace(job, keep="all")
    with pytest.raises(FaceCompletionError, match="1 of 1 outputs exist"):
        check(everything, "a.png", candidates=3)
    assert check(dataclasses.replace(everything, existing="skip"), "a.png", candidates=3) == (["a.png"], 0)


def test_existing_reports_are_refused_where_they_would_be_replaced(job):
    write_own(job, "sheet.png")
    assert check(job, "a.png") == (["a.png"], 0)
    with pytest.raises(FaceCompletionError, match=r"sheet\.png exists; --skip-existing"):
        check(dataclasses.replace(job, sheet=True), "a.png")
    assert check(dataclasses.replace(job, sheet=True, existing="skip"), "a.png") == (["a.png"], 0)


def test_two_results_under_one_name(job):
    changed = dataclasses.replace(job, existing="replace", sheet=True)
    with pytest.raises(FaceCompletionError, match="two results would be written under this name"):
        check(changed, "sheet.png")


def test_a_result_of_version_0_1_exists_under_its_old_name(job):
    write_own(job, "a.jpg.png")
    skipping = dataclasses.replace(job, existing="skip")
    assert check(skipping, "a.jpg", "b.jpg") == (["b.jpg"], 1)
    with pytest.raises(FaceCompletionError, match="1 of 2 outputs exist"):
        check(job, "a.jpg", "b.jpg")


def test_a_result_exists_for_its_own_picture_alone(job):
    """The result of a.jpg is a.png; when a picture a.png comes into the folder, it is not taken for done."""
    with open_manifest(job.output / "manifest.jsonl") as manifest:
        manifest.claim(job.output / "a.png")
        (job.output / "a.png").touch()
        fields = {"status": "completed", "seed": 0, "model_sha256": None}
        manifest.append({"input": "in/a.jpg", "output": str(job.output / "a.png"), **fields})
    skipping = dataclasses.replace(job, existing="skip")
    assert check(skipping, "a.jpg", "a.png") == (["a.png"], 1)
    assert check(skipping, "a.png") == (["a.png"], 0)
    waiting, _ = check_outputs(inputs(job, "a.jpg", "a.png"), skipping, candidates=1)
    assert [output.paths for output in waiting.values()] == [(job.output / "a.png.png",)]


def test_an_output_never_replaces_an_input(job):
    here = dataclasses.replace(job, output=job.output.parent / "in", existing="replace")
    (here.output / "a.png").touch()
    with pytest.raises(FaceCompletionError, match=r"a\.png: the output would replace an input; choose another"):
        check(here, "a.png")


def test_an_output_never_replaces_an_input_through_a_link(job):
    (job.output.parent / "in" / "a.png").touch()
    (job.output.parent / "link").symlink_to("in")
    linked = dataclasses.replace(job, output=job.output.parent / "link", existing="replace")
    with pytest.raises(FaceCompletionError, match="the output would replace an input"):
        check(linked, "a.png")


def test_results_do_not_go_among_the_masks(job):
    masks = MaskSource(folder=MaskFolder(job.output))
    with pytest.raises(FaceCompletionError, match="the masks are in this folder"):
        check(dataclasses.replace(job, masks=masks, existing="replace"), "a.png")


def test_a_shard_minds_its_own_outputs_alone(job):
    write_own(job, "b.png")
    assert check(dataclasses.replace(job, shard=(1, 2)), "a.png", "b.png", "c.png") == (["a.png", "c.png"], 0)
    with pytest.raises(FaceCompletionError, match="1 of 1 outputs exist"):
        check(dataclasses.replace(job, shard=(2, 2)), "a.png", "b.png", "c.png")


@pytest.mark.parametrize("existing", ["refuse", "skip", "replace"])
@pytest.mark.parametrize("name", ["a.candidate-2.png", "sheet.png", "x", "manifest.jsonl"])
def test_files_and_links_of_others_are_refused(job, name, existing):
    ours = dataclasses.replace(job, keep="all", sheet=True, existing=existing)
    write_own(job, "b.png")
    path, target = job.output / name, job.output.parent / "target"
    target.mkdir()
    (target / "file").write_bytes(b"theirs")
    path.unlink(missing_ok=True)
    if name != "x":
        path.write_bytes(b"theirs")
        with pytest.raises(FaceCompletionError) as error:
            check(ours, "a.png", candidates=2)
        assert str(error.value).startswith(f"{path}: ")
        assert "overwrite" not in str(error.value)
        path.unlink()
    for place in ("file", "") if name == "x" else ("file", "nowhere"):
        path.symlink_to(target / place)
        with pytest.raises(FaceCompletionError, match="expected no link here"):
            check(ours, "a.png", "x/a.png", candidates=2)
        path.unlink()


def test_a_folder_of_another_command_is_refused(job):
    (job.output / ".dcgan.json").write_text('{"kind": "evaluation", "format": 1, "version": "0.2.0"}')
    with pytest.raises(FaceCompletionError, match="holds 'evaluation', expected 'completed pictures'"):
        check(job, "a.png")


def test_the_folder_of_the_inputs_is_refused_the_first_time(tmp_path):
    """Results beside a.jpg would be inputs of the next run."""
    folder = write_pictures(tmp_path / "in", ["a.jpg"])
    with pytest.raises(FaceCompletionError, match="the pictures are in this folder; choose another output folder"):
        check_outputs(list_inputs([folder]), FolderJob(folder), candidates=1)
    assert [path.name for path in folder.iterdir()] == ["a.jpg"]


def test_a_folder_named_like_an_output_does_not_count_as_done(tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png"])
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    job = FolderJob(tmp_path / "out", existing="skip")
    waiting, done = check_outputs(list_inputs([folder]), job, candidates=1)
    assert (len(waiting), done) == (1, 0)


def test_results_that_a_folder_takes_for_one_file_are_refused(job):
    assert check(job, "a.png", "A.png") == (["a.png", "A.png"], 0)
    (job.output / ".DCGAN.JSON").touch()  # is there where the mark is, in a folder that ignores letter case
    with pytest.raises(FaceCompletionError, match=r"a\.png and .*A\.png: results that differ in letter case alone"):
        check(job, "a.png", "A.png")
    assert check(job, "a.png", "B.png") == (["a.png", "B.png"], 0)

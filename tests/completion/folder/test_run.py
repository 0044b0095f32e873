import dataclasses
import errno
import json
import weakref

import cv2
import numpy as np
import pytest
from PIL import Image

from completion.blending.classical import fill_classical
from completion.completer import Completer
from completion.config import AutoConfig, SearchConfig
from completion.folder import loading
from completion.folder import run as folder_module
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.manifest import open_manifest
from completion.folder.masks import MaskSource
from completion.folder.run import FolderSummary, complete_folder
from completion.methods import MethodOptions, make_method
from completion.search.finder import Finder
from dcgan.errors import FaceCompletionError
from masks import MaskSpec
from tests.completion.helpers import SIZE, center_hole, contents, make_picture, read, records, write_pictures

NAMES = [f"{number:02}.png" for number in range(11)]
TWO_STEPS = SearchConfig(iterations=2)


@pytest.fixture(scope="module")
def method(prior):
    return make_method(TWO_STEPS, MethodOptions(prior))


@pytest.fixture
def pictures(tmp_path):
    return list_inputs([write_pictures(tmp_path / "in", NAMES)])


def complete(pictures, method, output, **options):
    job = {name: options.pop(name) for name in list(options) if name in FolderJob.__dataclass_fields__}
    return complete_folder(pictures, FolderJob(output, **{"batch_size": 4, **job}), method, **options)


def test_a_folder_is_completed_as_its_pictures_are(pictures, method, prior, tmp_path):
    assert complete(pictures, method, tmp_path / "out") == FolderSummary(11, 0, 0, 0)
    completer = Completer(prior, TWO_STEPS)
    for index, name in enumerate(NAMES):
        # 11 pictures in batches of at most 4 are searched as three calls of 4 rows.
        expected = completer.complete([make_picture(seed=index)], [center_hole()], rows=4).pictures[0]
        np.testing.assert_array_equal(read(tmp_path / "out" / name), expected)


def test_what_the_manifest_says(pictures, method, prior, tmp_path):
    complete(pictures[:2], method, tmp_path / "out", seed=7)
    first, second = records(tmp_path / "out")
    assert first["input"] == str(pictures[0].path)
    assert first["output"] == str(tmp_path / "out" / "00.png")
    assert first["status"] == "completed"
    assert first["missing"] == 0.25
    assert first["contextual_loss"] > 0
    assert first["perceptual_loss"] > 0
    assert first["seconds"] >= 0
    assert (first["seed"], first["model_sha256"]) == (7, prior.sha256)
    assert second["input"] == str(pictures[1].path)
    assert "acceptance" not in first


def test_what_the_manifest_says_of_candidates(pictures, prior, tmp_path):
    config = SearchConfig(sampler="hmc", iterations=2, candidates=2, hmc_samples=2, hmc_leapfrog_steps=2)
    complete(pictures[:2], make_method(config, MethodOptions(prior)), tmp_path / "out", keep="all")
    record = records(tmp_path / "out")[1]
    assert record["output"] == [str(tmp_path / "out" / f"01.candidate-{number}.png") for number in (1, 2)]
    assert len(record["contextual_loss"]) == len(record["perceptual_loss"]) == len(record["acceptance"]) == 2
    assert all((tmp_path / "out" / f"01.candidate-{number}.png").exists() for number in (1, 2))


def test_the_manifest_has_the_methods_name(pictures, prior, tmp_path):
    complete(pictures[:1], make_method(("mine", TWO_STEPS), MethodOptions(prior)), tmp_path / "out")
    assert records(tmp_path / "out")[0]["method"] == "mine"


def test_a_method_without_a_model_needs_no_prior(pictures, tmp_path):
    method = make_method("harmonic", MethodOptions())
    assert complete_folder(pictures[:3], FolderJob(tmp_path / "out"), method) == FolderSummary(3, 0, 0, 0)
    expected = fill_classical("harmonic", make_picture(seed=1)[None], center_hole()[None])[0]
    np.testing.assert_array_equal(read(tmp_path / "out" / "01.png"), expected)


@pytest.mark.parametrize("name", ["ns", "auto"])
def test_block_means_need_the_model_for_every_picture(pictures, prior, tmp_path, name):
    method = make_method(("auto", AutoConfig("latent", TWO_STEPS)) if name == "auto" else name, MethodOptions(prior))
    with pytest.raises(ValueError, match=r"Expected .* for (block means|the method 'auto')"):
        complete(pictures[:1], method, tmp_path / "out", masks=MaskSource(MaskSpec("lowres")))


def test_a_loss_that_is_no_number_is_still_json(pictures, method, tmp_path, monkeypatch):
    find = Finder.find

    def find_infinity(self, *arguments, **options):
        answers = find(self, *arguments, **options)
        answers.contextual[:] = np.inf
        return answers

    monkeypatch.setattr(Finder, "find", find_infinity)
    complete(pictures[:1], method, tmp_path / "out")
    assert records(tmp_path / "out")[0]["contextual_loss"] is None


def test_nothing_missing_is_written_untouched_and_not_searched(pictures, method, tmp_path, monkeypatch):
    monkeypatch.setattr(Finder, "find", lambda *arguments, **options: pytest.fail("searched"))
    masks = MaskSource(MaskSpec("random", fraction=0.0))
    assert complete(pictures[:2], method, tmp_path / "out", masks=masks) == FolderSummary(0, 2, 0, 0)
    np.testing.assert_array_equal(read(tmp_path / "out" / "01.png"), make_picture(seed=1))
    assert records(tmp_path / "out")[0]["status"] == "untouched"


def test_subfolders_and_equal_names(method, tmp_path):
    write_pictures(tmp_path / "in", ["a.png", "x/a.png"])
    Image.fromarray(make_picture(seed=5)).save(tmp_path / "in" / "a.jpg")
    complete(list_inputs([tmp_path / "in"], recursive=True), method, tmp_path / "out")
    assert list(contents(tmp_path / "out")) == ["a.jpg.png", "a.png", "x/a.png"]


@pytest.mark.parametrize("mask", ["center", "random"])
def test_shards_together_are_the_whole(pictures, method, tmp_path, mask):
    masks = MaskSource(MaskSpec(mask))
    complete(pictures, method, tmp_path / "whole", masks=masks)
    for index in (1, 2, 3):
        summary = complete(pictures, method, tmp_path / "shards", masks=masks, shard=(index, 3))
        assert summary.completed in (3, 4)
        assert len(records(tmp_path / "shards", f"manifest-{index}-of-3.jsonl")) == summary.completed
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_an_interrupted_run_goes_on_to_the_same_bytes(pictures, method, tmp_path, monkeypatch):
    complete(pictures, method, tmp_path / "whole")

    def stop(self, done):
        if self.completed == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folder_module.FolderReport, "progress", stop)
        with pytest.raises(KeyboardInterrupt):
            complete(pictures, method, tmp_path / "out")
    assert len(contents(tmp_path / "out")) == 6
    assert complete(pictures, method, tmp_path / "out", existing="skip") == FolderSummary(5, 0, 6, 0)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert len(records(tmp_path / "out")) == 11


def test_existing_outputs_are_refused_skipped_or_replaced(pictures, method, tmp_path):
    out = tmp_path / "out"
    complete(pictures[:2], method, out)
    before = contents(out)
    (out / "00.png").write_bytes(b"mine")
    with pytest.raises(FaceCompletionError, match="2 of 3 outputs exist"):
        complete(pictures[:3], method, out)
    assert len(contents(out)) == 2
    assert complete(pictures[:3], method, out, existing="skip") == FolderSummary(1, 0, 2, 0)
    assert (out / "00.png").read_bytes() == b"mine"
    assert complete(pictures[:2], method, out, existing="replace") == FolderSummary(2, 0, 0, 0)
    assert contents(out)["00.png"] == before["00.png"]


def test_a_full_disk_stops_the_run_and_leaves_no_half_file(pictures, method, tmp_path, monkeypatch):
    out = tmp_path / "out"
    complete(pictures, method, tmp_path / "whole")
    save, saved = Image.Image.save, []

    def save_until_full(self, file, *arguments, **options):
        if len(saved) == 5:
            file.write(b"half a picture")
            raise OSError(errno.ENOSPC, "No space left on device")
        saved.append(file)
        return save(self, file, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", save_until_full)
        with pytest.raises(FaceCompletionError, match=r"05\.png: cannot write: No space left on device; stopped"):
            complete(pictures, method, out)
    assert list(contents(out)) == NAMES[:5]
    assert sorted(path.name for path in out.iterdir() if path.suffix == ".tmp") == []
    assert complete(pictures, method, out, existing="skip").completed == 6
    assert contents(out) == contents(tmp_path / "whole")


def test_a_full_disk_under_the_manifest(pictures, method, tmp_path, monkeypatch):
    def full(self, record):
        raise self._cannot_write(OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr("dcgan.pictures.records.JsonLines.append", full)
    with pytest.raises(FaceCompletionError, match=r"manifest\.jsonl.*: cannot write: No space left on device"):
        complete(pictures[:1], method, tmp_path / "out")


def test_one_picture_that_cannot_be_written_is_one_failure(pictures, method, tmp_path):
    (tmp_path / "out" / "01.png").mkdir(parents=True)
    reasons = []
    summary = complete(pictures[:3], method, tmp_path / "out", existing="replace", on_failure=reasons.append)
    assert summary == FolderSummary(2, 0, 0, 1)
    assert len(reasons) == 1
    assert reasons[0].startswith(f"{tmp_path / 'out' / '01.png'}: cannot write: ")
    assert not list((tmp_path / "out").glob(".*.tmp"))


def test_what_cannot_be_read_is_one_failure_and_no_error_of_writing(pictures, method, tmp_path, monkeypatch):
    mask_for, reasons = MaskSource.mask_for, []

    def unreadable(self, picture, source, **options):
        if source.relative == "01.png":
            raise OSError(errno.EIO, "Input/output error", "masks/01.png")
        return mask_for(self, picture, source, **options)

    monkeypatch.setattr(MaskSource, "mask_for", unreadable)
    summary = complete(pictures[:3], method, tmp_path / "out", on_failure=reasons.append)
    assert summary == FolderSummary(2, 0, 0, 1)
    assert reasons == [f"{pictures[1].path}: cannot read masks/01.png: Input/output error"]


@pytest.mark.parametrize("part", ["prepare", "compose"])
def test_what_opencv_refuses_is_one_failure(pictures, tmp_path, monkeypatch, part):
    method = make_method("telea", MethodOptions())
    prepare, asked, reasons = type(method).prepare, [], []

    def refuse(*arguments):
        raise cv2.error("Unsupported operator type\nin function 'populateNet'")

    def refusing(self, *arguments, **options):
        asked.append(None)
        work = prepare(self, *arguments, **options)
        if len(asked) != 2:
            return work
        return refuse() if part == "prepare" else dataclasses.replace(work, compose=refuse)

    monkeypatch.setattr(type(method), "prepare", refusing)
    summary = complete(pictures[:3], method, tmp_path / "out", on_failure=reasons.append, workers=1)
    assert summary == FolderSummary(2, 0, 0, 1)
    assert reasons == [f"{pictures[1].path}: OpenCV cannot work at it: Unsupported operator type"]


def test_an_output_folder_that_cannot_be_made(pictures, method, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FaceCompletionError, match=r"file/out: cannot make the folder: Not a directory"):
        complete(pictures, method, tmp_path / "file" / "out")


def test_a_read_only_output_folder(pictures, method, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(FaceCompletionError, match="out: cannot write: Permission denied"):
        complete(pictures, method, tmp_path / "out")


def test_two_runs_at_once(pictures, method, tmp_path):
    (tmp_path / "out").mkdir()
    with (
        open_manifest(tmp_path / "out" / "manifest.jsonl"),
        pytest.raises(FaceCompletionError, match="out: another process is completing pictures into it"),
    ):
        complete(pictures, method, tmp_path / "out")
    assert not contents(tmp_path / "out")


def test_leftovers_of_a_killed_run_are_removed(pictures, method, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    names = [f".{name}.png.0123456789abcdef.tmp" for name in ("00", "other", "sheet")]
    for name in names:
        (out / name).touch()
    complete(pictures[1:], method, out)
    assert sorted(path.name for path in out.glob(".*.tmp")) == names  # no run of ours had been here
    complete(pictures[:1], method, out)
    assert [path.name for path in out.glob(".*.tmp")] == [".other.png.0123456789abcdef.tmp"]


def test_what_a_stopped_run_wrote_without_recording_it_is_replaced(pictures, method, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("completion.folder.manifest.Manifest.append", lambda self, record: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            complete(pictures[:1], method, out)
    assert list(contents(out)) == ["00.png"]
    assert records(out) == []
    assert complete(pictures[:1], method, out, existing="replace").completed == 1


def test_a_picture_of_others_is_not_replaced(pictures, method, tmp_path):
    out = tmp_path / "out"
    complete(pictures[1:2], method, out)
    (out / "00.png").write_bytes(b"mine")
    with pytest.raises(FaceCompletionError, match=r"00\.png: exists, and this program has not written it"):
        complete(pictures[:2], method, out, existing="replace")
    assert (out / "00.png").read_bytes() == b"mine"


def test_reports(pictures, prior, tmp_path):
    method = make_method(SearchConfig(iterations=25, candidates=2), MethodOptions(prior))
    complete(pictures[:3], method, tmp_path / "out", keep="all", sheet=True, film=True)
    sheet = read(tmp_path / "out" / "sheet.png")
    assert sheet.shape == (3 * 132 + 4, 4 * 132 + 4, 3)  # original, masked, two candidates
    with Image.open(tmp_path / "out" / "search.gif") as film:
        assert film.n_frames > 3


def test_progress_never_goes_back_and_ends_at_the_count(pictures, method, tmp_path):
    (tmp_path / "in" / "00.png").write_bytes(b"")
    seen = []
    complete(pictures, method, tmp_path / "out", on_progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 11


@pytest.mark.parametrize("name", ["telea", "latent", "auto", "untouched"])
def test_every_picture_is_read_once(pictures, prior, tmp_path, monkeypatch, name):
    (tmp_path / "in" / "00.png").write_bytes(b"")
    load, read_file, loaded, files = folder_module.load_picture, loading.read_file, [], []
    monkeypatch.setattr(
        folder_module, "load_picture", lambda source, *a, **o: loaded.append(source.relative) or load(source, *a, **o)
    )
    monkeypatch.setattr(loading, "read_file", lambda path: files.append(path.name) or read_file(path))
    config = {"telea": "telea", "auto": ("auto", AutoConfig("latent", TWO_STEPS))}.get(name, TWO_STEPS)
    masks = MaskSource(MaskSpec("random", fraction=0.0) if name == "untouched" else MaskSpec())
    method = make_method(config, MethodOptions(prior))
    summary = complete(pictures, method, tmp_path / "out", masks=masks, sheet=True)
    assert (summary.completed + summary.untouched, summary.failed) == (10, 1)
    assert sorted(loaded) == sorted(files) == NAMES  # side by side, in no order


@pytest.fixture
def held(monkeypatch):
    """The number of pictures in memory, this one included, each time a picture is read."""
    load, alive, counts = folder_module.load_picture, weakref.WeakSet(), []

    def load_and_count(*arguments, **options):
        loaded = load(*arguments, **options)
        alive.add(loaded)
        counts.append(len(alive))
        return loaded

    monkeypatch.setattr(folder_module, "load_picture", load_and_count)
    return counts


def test_memory_does_not_grow_with_the_folder(pictures, method, tmp_path, held):
    complete(pictures, method, tmp_path / "out")
    assert len(held) == 11
    assert 4 <= max(held) <= 5  # a batch, and the picture before it


def test_pictures_that_wait_are_bounded_by_their_pixels(pictures, method, tmp_path, held, monkeypatch):
    complete(pictures, method, tmp_path / "whole")
    held.clear()
    monkeypatch.setattr("completion.search.batches.BATCH_PIXELS_MAX", 2 * SIZE * SIZE)
    complete(pictures, method, tmp_path / "out")
    assert 2 <= max(held) <= 3
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_without_a_model_one_picture_is_held_at_a_time(pictures, tmp_path, held):
    complete(pictures, make_method("telea", MethodOptions()), tmp_path / "out")
    assert max(held) <= 2  # and the picture before it


def test_the_manifest_can_be_read_line_by_line(pictures, method, tmp_path):
    complete(pictures, method, tmp_path / "out")
    for line in (tmp_path / "out" / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["status"] == "completed"


def test_answers_that_are_not_finite_fail_their_picture(pictures, method, tmp_path, monkeypatch):
    find = Finder.find

    def find_with_gap(self, *arguments, **options):
        answers = find(self, *arguments, **options)
        answers.generated[1, 2, 3] = np.nan
        return answers

    monkeypatch.setattr(Finder, "find", find_with_gap)
    lines = []
    assert complete(pictures[:3], method, tmp_path / "out", on_failure=lines.append) == FolderSummary(2, 0, 0, 1)
    assert lines == [f"{pictures[1].path}: the model's answer is not finite, its weights are unusable"]
    assert records(tmp_path / "out")[1]["error"] == lines[0]
    assert not (tmp_path / "out" / "01.png").exists()


def test_a_guess_is_told_once_recorded_and_counted(pictures, tmp_path, monkeypatch):
    guess, turned = "its mask was resized from 1x1 to 2x2", "its mask was taken to be A.png, in other letter case"
    found = MaskSource.mask_for

    def guessed(self, picture, source, **options):
        notes = (guess, guess, turned) if source.relative == NAMES[1] else ()
        return dataclasses.replace(found(self, picture, source, **options), notes=notes)

    monkeypatch.setattr(MaskSource, "mask_for", guessed)
    lines = []
    method = make_method("telea", MethodOptions())
    summary = complete(pictures[:3], method, tmp_path / "out", on_note=lines.append)
    assert (summary.completed, summary.noted) == (3, 1)
    assert lines == [f"{pictures[1].path}: {guess}; {turned}"]
    notes = {record["input"]: record.get("notes") for record in records(tmp_path / "out")}
    assert notes == {str(picture.path): [guess, turned] if picture is pictures[1] else None for picture in pictures[:3]}


@pytest.mark.parametrize("name", ["fast", "best", "biharmonic"])
def test_the_same_bytes_by_one_thread_and_by_many(pictures, encoded, tmp_path, name):
    for workers in (1, 5):
        method = make_method(name, MethodOptions(encoded))
        assert complete(pictures, method, tmp_path / f"out{workers}", workers=workers).completed == 11
    assert contents(tmp_path / "out1") == contents(tmp_path / "out5")
    inputs = [[record["input"] for record in records(tmp_path / f"out{workers}")] for workers in (1, 5)]
    assert inputs == [[str(picture.path) for picture in pictures]] * 2

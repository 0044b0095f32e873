"""dcgan-align, and the detector behind it. The one face is scikit-image's astronaut, the cat is its chelsea."""

import json
import os
from pathlib import Path

import filelock
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("dlib")

from skimage import data

from dcgan.errors import FaceCompletionError
from dcgan.faces.align_config import AlignConfig
from dcgan.faces.align_folder import align_folder
from dcgan.faces.crop_names import crop_names
from dcgan.faces.cli import align_command
from dcgan.faces.detector import FaceDetector, find_model_file
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import resize_picture
from tests.dcgan.helpers import leave_behind, one_line

EXAMPLE = Path(__file__).parents[3] / "examples" / "astronaut.png"


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(min_score=0.5)


@pytest.fixture(scope="module")
def astronaut():
    return data.astronaut()


@pytest.fixture(scope="module")
def two_faces(astronaut):
    """A photograph with two faces, the smaller one left."""
    small = np.zeros((512, 400, 3), np.uint8)
    small[:400] = resize_picture(astronaut, (400, 400))
    return np.concatenate([small, astronaut], axis=1)


@pytest.fixture
def photographs(tmp_path, astronaut, two_faces):
    folder = tmp_path / "raw"
    (folder / "below").mkdir(parents=True)
    save_picture(folder / "astronaut.png", astronaut)
    save_picture(folder / "below" / "two.png", two_faces)
    save_picture(folder / "cat.png", data.chelsea())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a picture")
    (folder / "notes.txt").write_text("no picture")
    return folder


def read_record(folder):
    settings, *lines = [json.loads(line) for line in (folder / "align.jsonl").read_text().splitlines()]
    assert "settings" in settings
    return {line["photograph"]: line for line in lines}


def crops(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def align(*arguments):
    return CliRunner().invoke(align_command, [str(argument) for argument in arguments])


def test_one_face(detector, astronaut):
    (face,) = detector.detect(astronaut)
    left, top, width, height = face.box
    assert abs(left + width / 2 - 222) < 15
    assert abs(top + height / 2 - 120) < 25
    assert face.landmarks.shape == (68, 2)
    for index, place in {39: (212, 104), 42: (237, 106), 57: (222, 156)}.items():
        assert np.abs(face.landmarks[index] - place).max() <= 1
    assert np.array_equal(detector.predict_landmarks(astronaut, face.box).landmarks, face.landmarks)


def test_several_faces_the_largest_first(detector, two_faces):
    first, second = detector.detect(two_faces)
    assert first.area > second.area
    assert first.box[0] > 400 > second.box[0]


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3), (200, 200, 3)])
def test_no_face(detector, shape):
    assert detector.detect(np.full(shape, 90, np.uint8)) == []
    assert detector.detect(data.chelsea()) == []


def test_a_large_photograph_is_looked_at_smaller(detector, astronaut, monkeypatch):
    (face,) = detector.detect(astronaut)
    monkeypatch.setattr("dcgan.faces.detector.DETECTED_PIXELS", 5e5)
    (again,) = detector.detect(astronaut)
    assert np.abs(np.array(again.box) - face.box).max() < 20
    assert np.abs(again.landmarks - face.landmarks).max() < 8


def test_wrong_pictures_and_models(detector, tmp_path):
    with pytest.raises(ValueError, match=r"Expected `picture` of shape \(H, W, 3\)\. Received: \(5, 5\)"):
        detector.detect(np.zeros((5, 5), np.uint8))
    (tmp_path / "model.dat").write_bytes(b"nothing")
    with pytest.raises(FaceCompletionError, match=r"model\.dat: expected a landmark model of dlib"):
        FaceDetector(tmp_path / "model.dat")
    with pytest.raises(FaceCompletionError, match=r"^nothing\.dat of face_recognition_models is needed.*: do this$"):
        find_model_file("nothing.dat", install="do this")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_landmark_model_that_is_a_pipe(tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan.faces.detector._import_dlib", lambda: None)  # would wait without end
    os.mkfifo(tmp_path / "model.dat")
    with pytest.raises(FaceCompletionError, match=r"model\.dat: expected a regular file, found a pipe"):
        FaceDetector(tmp_path / "model.dat")


def test_the_framing_is_that_of_the_examples(tmp_path, astronaut):
    """The bundled example was cut out by landmarks found once, and averaged from a larger crop."""
    (tmp_path / "raw").mkdir()
    save_picture(tmp_path / "raw" / "a.png", astronaut)
    align_folder(tmp_path / "raw", tmp_path / "out", AlignConfig(size=128), workers=1)
    ours, theirs = (
        resize_picture(read_picture(path), (32, 32)).astype(float) for path in (tmp_path / "out" / "a.png", EXAMPLE)
    )
    inside = (slice(1, -1), slice(1, -1))
    assert np.abs(ours - theirs)[inside].mean() < 3.5  # cubic there, and by three eighths of a pixel elsewhere
    for step in (-1, 1):
        assert np.abs(ours - np.roll(theirs, step, axis=1))[inside].mean() > 6.0


def test_a_folder(photographs, tmp_path):
    out, lines, totals = tmp_path / "out", [], []
    summary = align_folder(photographs, out, on_record=lines.append, on_total=lambda *each: totals.append(each))
    assert (summary.aligned, summary.faces, summary.no_face, summary.failed, summary.existing) == (2, 2, 1, 1, 0)
    assert totals == [(4, 0)]
    assert sorted(crops(out)) == ["astronaut.png", "below--two.png"]
    assert read_picture(out / "astronaut.png").shape == (64, 64, 3)
    record = read_record(out)
    assert record == {line["photograph"]: line for line in lines}
    assert record["cat.png"]["reason"] == "no face found"
    assert "damaged" in record["broken.jpg"]["reason"] or "no known picture" in record["broken.jpg"]["reason"]
    (face,) = record["astronaut.png"]["faces"]
    assert face["file"] == "astronaut.png"
    mapped = np.array(face["transform"]) @ [*face["landmarks"][39], 1.0]
    assert np.allclose(mapped, [23.3, 11.4], atol=0.2)
    assert read_record(out)["below/two.png"]["faces"][0]["box"][0] > 400


def test_processes_change_nothing(photographs, tmp_path):
    for workers in (1, 2):
        align_folder(photographs, tmp_path / str(workers), AlignConfig(select="all", min_score=0.5), workers=workers)
    assert crops(tmp_path / "1") == crops(tmp_path / "2")
    assert sorted(crops(tmp_path / "1")) == ["astronaut.png", "below--two.face2.png", "below--two.png"]
    assert (tmp_path / "1" / "align.jsonl").read_text() == (tmp_path / "2" / "align.jsonl").read_text()


def test_which_faces(photographs, tmp_path):
    only = align_folder(photographs, tmp_path / "only", AlignConfig(select="only-one", min_score=0.5), workers=1)
    assert (only.aligned, only.no_face) == (1, 2)
    assert read_record(tmp_path / "only")["below/two.png"]["reason"] == "expected one face, found 2"
    large = align_folder(
        photographs, tmp_path / "large", AlignConfig(select="all", min_face=500, min_score=0.5), workers=1
    )
    assert large.aligned == 0
    reason = read_record(tmp_path / "large")["astronaut.png"]["reason"]
    assert reason.startswith("the largest of 1 faces is ")
    assert reason.endswith(" pixels wide, less than 500")


def test_going_on(photographs, tmp_path, astronaut):
    """What has a line is not done again; half a line, as a crash leaves it, counts as none."""
    out = tmp_path / "out"
    align_folder(photographs, out, workers=1)
    whole, crop = (out / "align.jsonl").read_bytes(), crops(out)
    (out / "align.jsonl").write_bytes(whole[:-20])
    (out / "below--two.png").unlink()
    (out / "astronaut.png").write_bytes(b"kept")
    again = align_folder(photographs, out, workers=1)
    assert (again.aligned, again.existing) == (1, 3)
    assert (out / "align.jsonl").read_bytes() == whole
    assert (out / "astronaut.png").read_bytes() == b"kept"
    assert (out / "below--two.png").read_bytes() == crop["below--two.png"]
    save_picture(photographs / "new.png", astronaut)
    more = align_folder(photographs, out, workers=1)
    assert (more.aligned, more.existing) == (1, 4)
    anew = align_folder(photographs, out, workers=1, overwrite=True)
    assert (anew.aligned, anew.existing) == (3, 0)
    assert (out / "astronaut.png").read_bytes() != b"kept"


def test_a_damaged_record(photographs, tmp_path):
    """It is refused as one of others is: it would have to be cut."""
    out = tmp_path / "out"
    align_folder(photographs, out, workers=1)
    lines = (out / "align.jsonl").read_bytes().splitlines(keepends=True)
    leftover = leave_behind(out / "astronaut.png")
    os.utime(leftover, (0, 0))
    align_folder(photographs, out, workers=1)
    assert not leftover.exists()
    damaged = b"".join([*lines[:3], b"damaged\n", *lines[4:]])
    for foreign in (damaged, b'{"input": "a.png"}\n', b'{"settings": [1]}\n', b"", b"text"):
        (out / "align.jsonl").write_bytes(foreign)
        for overwrite in (False, True):
            with pytest.raises(FaceCompletionError, match="choose another folder, or move this file"):
                align_folder(photographs, out, workers=1, overwrite=overwrite)
            assert (out / "align.jsonl").read_bytes() == foreign


def test_other_settings_are_refused(photographs, tmp_path):
    out = tmp_path / "out"
    align_folder(photographs, out, workers=1)
    before = (out / "align.jsonl").read_bytes()
    with pytest.raises(FaceCompletionError, match=r"other settings \(size was 64, now 96\)") as error:
        align_folder(photographs, out, AlignConfig(size=96), workers=1)
    one_line(error)
    assert (out / "align.jsonl").read_bytes() == before


def test_one_run_at_a_time(photographs, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (
        filelock.FileLock(out / ".lock"),
        pytest.raises(FaceCompletionError, match="another process is writing in this folder"),
    ):
        align_folder(photographs, out, workers=1)


def test_folders_that_do_not_serve(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FaceCompletionError, match="expected photographs, found none"):
        align_folder(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(FaceCompletionError, match="expected another folder than that of the photographs"):
        align_folder(tmp_path / "empty", tmp_path / "empty")


def test_output_inside_the_photographs(photographs):
    first = align_folder(photographs, photographs / "aligned", workers=1)
    again = align_folder(photographs, photographs / "aligned", workers=1)
    assert (first.aligned, again.aligned, again.existing) == (2, 0, 4)


def test_names_do_not_collide():
    relatives = ["a/b.jpg", "a--b.jpg", "B.png", "b.PNG", "c.jpg.face2.png", f"{'d/' * 150}e.jpg"]
    names = crop_names(relatives)
    assert len({name.casefold() for name in names.values()}) == len(relatives)
    assert all(len(os.fsencode(name)) <= 200 for name in names.values())
    assert crop_names(["x/y.jpg"]) == {"x/y.jpg": "x--y"}


def test_names_have_no_second_suffix_where_they_are_alone():
    assert crop_names(["a.jpg", "b.png", "c.d.WEBP"]) == {"a.jpg": "a", "b.png": "b", "c.d.WEBP": "c.d"}
    assert crop_names(["a.jpg", "a.png", "A.tif"]) == {"a.jpg": "a.jpg", "a.png": "a", "A.tif": "A.tif"}
    names = crop_names(["a.jpg", "a.jpg.png", "b.face2.jpg"])
    assert names["b.face2.jpg"] == "b.face2.jpg"
    assert len({name.casefold() for name in names.values()}) == 3


def test_crops_of_an_earlier_run_keep_their_names():
    """Those of version 0.1 with two suffixes, and those of a photograph that was alone then."""
    assert crop_names(["a.jpg"], recorded={"a.jpg": "a.jpg"}) == {"a.jpg": "a.jpg"}
    names = crop_names(["a.jpg", "a.png", "A.gif"], recorded={"a.jpg": "a"})
    assert (names["a.jpg"], names["A.gif"]) == ("a", "A.gif")
    assert names["a.png"].startswith("a-")  # in place of "a", which is taken
    assert crop_names(["b.png"], recorded={"gone.jpg": "b"})["b.png"].startswith("b-")
    assert len(set(crop_names(["a.jpg", "b.jpg"], recorded={"a.jpg": "x", "b.jpg": "x"}).values())) == 2


def test_a_photograph_that_comes_later_replaces_no_crop(tmp_path, astronaut):
    out, before = tmp_path / "out", b""
    for name, picture in (("a.tif", astronaut), ("a.png", astronaut[:, ::-1])):
        (tmp_path / "in").mkdir(exist_ok=True)
        save_picture(tmp_path / "in" / name, np.ascontiguousarray(picture))
        assert align_folder(tmp_path / "in", out, workers=1).aligned == 1
        before = before or (out / "a.png").read_bytes()
    first, second = (read_record(out)[name]["faces"][0]["file"] for name in ("a.tif", "a.png"))
    assert first == "a.png"
    assert (out / first).read_bytes() == before
    assert (out / second).read_bytes() != before


def test_command(photographs, tmp_path):
    result = align(photographs, tmp_path / "out", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert f"2 aligned, 1 without a face, 1 unreadable: {tmp_path / 'out'}" in result.output
    assert f"{photographs / 'cat.png'}: no face found" in result.output
    again = align(photographs, tmp_path / "out", "--workers", 1, "--quiet")
    assert (again.exit_code, again.output) == (0, "")


def test_command_without_any_face(tmp_path):
    (tmp_path / "raw").mkdir()
    save_picture(tmp_path / "raw" / "cat.png", data.chelsea())
    result = align(tmp_path / "raw", tmp_path / "out")
    assert result.exit_code == 1
    assert f"0 aligned, 1 without a face: {tmp_path / 'out'}" in result.output
    wrong = align(tmp_path / "raw", tmp_path / "out", "--size", 4)
    assert wrong.exit_code == 2
    assert "Expected --size from 8 to 4096. Received: --size 4" in wrong.output
    missing = align(tmp_path / "nowhere", tmp_path / "out")
    assert missing.exit_code == 2


def test_like_a_model(photographs, tmp_path):
    """The crops have the size and the margin of the model's frame."""
    from dcgan.config import ModelConfig
    from dcgan.model_file import save_model
    from dcgan.networks import build_discriminator, build_generator

    config = ModelConfig(size=48, filters=2, latent_dim=4, margin=0.25)
    model = tmp_path / "wide.safetensors"
    save_model(model, build_generator(config), build_discriminator(config), config=config)
    for options in (["--like", model], ["--size", 48, "--margin", 0.25]):
        assert align(photographs, tmp_path / str(len(options)), "--quiet", *options).exit_code == 0
    like, given = crops(tmp_path / "2"), crops(tmp_path / "4")
    assert like
    assert like == given
    for option in (["--size", 48], ["--margin", 0.1]):
        result = align(photographs, tmp_path / "none", "--like", model, *option)
        assert result.exit_code == 2
        assert f"--like and {option[0]} exclude each other" in result.output
        assert not (tmp_path / "none").exists()

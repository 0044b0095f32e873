"""What complete-images says about its inputs: lines about folders, notes about pictures."""

import threading
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from completion.folder.run import FolderSummary
from tests.completion.helpers import center_hole, records, write_pictures


def test_masks_of_no_picture_are_told_in_one_line(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, ["in/a.png", "in/b.png"])
    for name in ("a_mask", "b_mask", *(f"c{index}_mask" for index in range(7))):
        Path("masks").mkdir(exist_ok=True)
        Image.fromarray(center_hole()).save(f"masks/{name}.png")
    line = "masks: 7 files are the masks of none of the pictures: c0_mask.png, c1_mask.png, c2_mask.png, c3_mask.png, "
    result = run("in", "--aligned", "--mask-dir", "masks", "--output", "one", "--shard", "1/2")
    assert result.stderr.splitlines() == [f"{line}c4_mask.png, 2 more"]  # b_mask.png is of the other shard
    assert "masks" not in run("in", "--aligned", "--mask-dir", "masks", "--output", "two", "--quiet").stderr
    assert "masks" not in run("in", "--aligned", "--mask-file", "masks/a_mask.png", "--output", "three").stderr


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 40)])
def test_a_picture_that_is_too_small_for_a_face(run, tmp_path, size):
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"], size=size)
    write_pictures(folder, ["b.png"])
    result = run(folder, "--aligned", "--mask", "full", "--output", tmp_path / "out")
    note = f"a picture of {size[1]}x{size[0]} pixels is too small for a face: what the model fills in is hardly one"
    assert result.stderr == f"note: {folder / 'a.png'}: {note}\n"
    assert result.stdout == f"2 completed (1 with notes): {tmp_path / 'out'}\n"
    assert [record.get("notes") for record in records(tmp_path / "out")] == [[note], None]


def test_a_picture_that_takes_long_is_talked_about(run, tmp_path, monkeypatch):
    """No picture is done before a line has been printed."""
    said = threading.Event()

    def report(lines, stage, done, *, total):
        if threading.current_thread().name == "ticking":
            assert (stage, done, total) == ("completing", 0, 2)
            said.set()

    def complete(*_, **__):
        assert said.wait(10)
        return FolderSummary(2, 0, 0, 0)

    monkeypatch.setattr("completion.folder.launch.ProgressLines.report", report)
    monkeypatch.setattr("completion.folder.launch.complete_folder", complete)
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    run(folder, "--method", "telea", "--output", tmp_path / "out")


def test_a_large_aligned_face_of_which_most_is_hidden(run, tmp_path):
    """It is seen at another size, which is said; a cat with the same hole stays refused."""
    face = Image.open(Path(__file__).parents[2] / "examples" / "hopper.png").convert("RGB")
    for name, picture in (("face", face), ("cat", Image.fromarray(data.chelsea()[:300, 100:400]))):
        picture.resize((512, 512), Image.Resampling.BICUBIC).save(tmp_path / f"{name}.png")
    arguments = ["--rectangle", "0,0,315,512", "--output", tmp_path / "out"]
    result = run(*arguments, tmp_path / "face.png", tmp_path / "cat.png", code=1)
    assert f"note: {tmp_path / 'face.png'}: a face is faintly seen in it, as aligned faces have it" in result.stderr
    assert f"failed: {tmp_path / 'cat.png'}: expected a face, found none" in result.stderr
    by_name = {Path(line["input"]).stem: line for line in records(tmp_path / "out")}
    assert by_name["face"]["mode"] == "aligned"


def test_a_failure_has_the_notes_about_its_mask(run, tmp_path):
    write_pictures(tmp_path / "in", ["a.png"])
    Image.new("L", (16, 16), 255).save(tmp_path / "mask.png")
    options = ["--mask-file", tmp_path / "mask.png", "--method", "telea", "--output", tmp_path / "out"]
    result = run(tmp_path / "in", *options, code=1)
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert "nothing of it is known" in line
    assert line.endswith("(its mask hides 100% of it)")
    assert "0 completed, 1 failed:" in result.stdout
    assert "notes" in records(tmp_path / "out")[0]

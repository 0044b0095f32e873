"""What complete-images says about its inputs: lines about folders, notes about pictures."""

from pathlib import Path

from PIL import Image

from tests.completion.helpers import center_hole, write_pictures


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

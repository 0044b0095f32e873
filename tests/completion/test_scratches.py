"""`--mask scratches`, and `--only-masks`, which shows any mask before it is used."""

import cv2
import numpy as np
import pytest
from PIL import Image

from completion.completer import complete
from masks import make_mask, suggest_scratches
from tests.completion.helpers import read, records

ROW = 50


@pytest.fixture
def photographs(tmp_path, monkeypatch):
    """A folder with a scratched photograph and a clean one; return the scratched one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    rows, columns = np.mgrid[:120, :120]
    clean = np.stack([60 + columns // 3, 70 + rows // 3, 90 + columns // 4], axis=2).astype(np.uint8)
    scratched = clean.copy()
    cv2.line(scratched, (10, ROW), (110, ROW), (245, 245, 245), 2)
    Image.fromarray(clean).save("in/clean.png")
    Image.fromarray(scratched).save("in/scratched.png")
    return scratched


def test_scratches_are_suggested_and_filled(run, photographs):
    result = run("in", "--mask", "scratches", "--method", "telea")
    mask = suggest_scratches(photographs)
    assert mask[ROW, 15:105].all()
    assert result.stdout == "1 completed, 1 with nothing missing (2 with notes): completed\n"
    assert result.stderr.splitlines() == [
        "note: in/clean.png: no scratches were found: nothing is filled (a lower --sureness finds more)",
        f"note: in/scratched.png: scratches were suggested on {mask.mean():.2%} of it; not all need be right, see "
        "--only-masks",
    ]
    completed = read("completed/scratched.png")
    np.testing.assert_array_equal(completed[~mask], photographs[~mask])
    assert completed[ROW, 15:105].max() < 140
    np.testing.assert_array_equal(read("completed/clean.png"), read("in/clean.png"))
    assert [record["status"] for record in records("completed")] == ["untouched", "completed"]


def test_sureness_decides_how_much_is_marked(run, photographs):
    run("in/scratched.png", "--mask", "scratches", "--sureness", "1", "--method", "telea")
    assert records("completed")[-1]["status"] == "untouched"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mask", "scratches", "--sureness", "1.5"], "Expected --sureness between 0 and 1. Received: --sureness 1.5"),
        (["--mask", "left", "--sureness", "0.5"], "--sureness goes with --mask scratches."),
        (["--sureness", "0.5"], "--sureness goes with --mask scratches."),
        (["--only-masks", "--mask", "left", "--method", "telea"], "--method and --only-masks exclude each other."),
        (["--only-masks", "--mask", "left", "--format", "jpeg"], "--format and --only-masks exclude each other."),
        (["--only-masks", "--mask", "left", "--faces"], "--faces and --only-masks exclude each other."),
    ],
)
def test_options_that_do_not_go_together(run, photographs, tmp_path, options, message):
    assert message in run.invoke(["in", *options], code=2).stderr
    assert not (tmp_path / "completed").exists()
    assert not (tmp_path / "masks").exists()


def test_the_suggestion_is_written_to_be_looked_at_and_used(run, photographs, tmp_path):
    result = run.invoke(["in", "--mask", "scratches", "--only-masks"])
    assert result.stdout == "2 masks written, 1 with nothing missing: masks\n"
    mask = suggest_scratches(photographs)
    assert result.stderr.splitlines()[1].startswith(f"in/scratched.png: scratches were suggested on {mask.mean():.2%}")
    written = np.asarray(Image.open("masks/scratched_mask.png"))
    np.testing.assert_array_equal(written, np.where(mask, 255, 0))
    assert not np.asarray(Image.open("masks/clean_mask.png")).any()
    assert not (tmp_path / "completed").exists()
    run("in/scratched.png", "--mask-dir", "masks", "--method", "telea")
    run("in/scratched.png", "--mask", "scratches", "--method", "telea", "--output", "at-once")
    np.testing.assert_array_equal(read("completed/scratched.png"), read("at-once/scratched.png"))


def test_any_mask_can_be_written(run, photographs):
    result = run.invoke(["in/clean.png", "--mask", "random", "--fraction", "0.25", "--only-masks", "--output", "out"])
    assert result.stdout == "1 mask written: out\n"
    share = np.asarray(Image.open("out/clean_mask.png")).mean() / 255
    assert result.stderr == f"in/clean.png: {share:.2%} missing\n"


def test_masks_that_exist_are_replaced_only_if_wished(run, photographs):
    arguments = ["in", "--mask", "left", "--only-masks", "--quiet"]
    assert run.invoke(arguments).output == ""
    before = np.asarray(Image.open("masks/clean_mask.png"))
    assert "--overwrite replaces it" in run.invoke([*arguments, "--invert-mask"], code=2).stderr
    np.testing.assert_array_equal(np.asarray(Image.open("masks/clean_mask.png")), before)
    run.invoke([*arguments, "--invert-mask", "--overwrite"])
    np.testing.assert_array_equal(np.asarray(Image.open("masks/clean_mask.png")), 255 - before)


def test_masks_are_not_written_among_the_pictures_nor_over_each_other(run, photographs):
    arguments = ["in", "--mask", "left", "--only-masks"]
    assert "the pictures are in this folder" in run.invoke([*arguments, "--output", "in"], code=1).stderr
    Image.fromarray(photographs).save("in/clean.jpg")
    assert "would have this name" in run.invoke(arguments, code=1).stderr


def test_a_picture_that_cannot_be_read_is_reported_and_the_others_have_masks(run, photographs, tmp_path):
    (tmp_path / "in" / "broken.png").write_bytes(b"nothing")
    result = run.invoke(["in", "--mask", "left", "--only-masks"], code=1)
    assert result.stdout == "2 masks written, 1 failed: masks\n"
    assert result.stderr.startswith("failed: in/broken.png: ")


def test_in_python_the_mask_is_made_from_the_picture(photographs):
    result = complete(photographs, "scratches", method="telea")
    mask = make_mask("scratches", photographs.shape[:2], picture=photographs)
    np.testing.assert_array_equal(result.pictures[0][~mask], photographs[~mask])
    assert (result.pictures[0] != photographs)[ROW, 15:105].all()

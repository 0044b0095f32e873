import errno
import re

import numpy as np
import pytest
from PIL import Image

from completion.cli import _say_assumed
from completion.config import CLASSICAL_METHODS, METHODS, SearchConfig
from completion.folder.manifest import open_manifest
from masks.spec import MASK_NAMES
from tests.completion.helpers import center_hole, contents, make_picture, read, records, settings_lines, write_pictures


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of three pictures; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    return write_pictures("in", ["a.png", "b.png", "c.png"])


def test_a_folder(run, pictures, tmp_path):
    result = run("in")
    assert result.stdout == "3 completed: completed\n"
    assert result.stderr == ""
    assert list(contents(tmp_path / "completed")) == ["a.png", "b.png", "c.png"]
    assert [record["output"] for record in records("completed")] == [f"completed/{name}.png" for name in "abc"]
    for index, name in enumerate("abc"):
        completed = read(f"completed/{name}.png")
        np.testing.assert_array_equal(completed[~center_hole()], make_picture(seed=index)[~center_hole()])
        assert (completed[center_hole()] != make_picture(seed=index)[center_hole()]).mean() > 0.5


def test_files_folders_and_patterns(run, pictures, tmp_path):
    write_pictures("more", ["d.png", "sub/e.png"])
    run("in/a.png", "in/*.png", "more", "--output", "one")
    assert list(contents(tmp_path / "one")) == ["in/a.png", "in/b.png", "in/c.png", "more/d.png"]
    run("more", "--recursive", "--output", "two")
    assert list(contents(tmp_path / "two")) == ["d.png", "sub/e.png"]


@pytest.mark.parametrize("mask", [name for name in MASK_NAMES if name not in ("rectangle", "scratches")])
def test_every_mask_by_name(run, pictures, mask):
    options = ["--blocks", "4"] if mask == "lowres" else []
    assert run("in/a.png", "--mask", mask, *options).stdout == "1 completed: completed\n"
    assert 0 < records("completed")[0]["missing"] <= 1


def test_mask_options(run, pictures):
    original = make_picture(seed=0)

    def missing(*options):
        run("in/a.png", "--overwrite", "--blend", "none", *options)
        share = records("completed")[-1]["missing"]
        changed = (read("completed/a.png") != original).any(axis=2)
        assert changed.mean() <= share + 1e-4  # the manifest rounds
        return share

    assert missing("--scale", "0.25") == 1 / 16
    assert missing("--rectangle", "1,2,3,4") == missing("--mask", "rectangle", "--rectangle", "1,2,3,4")
    assert missing("--rectangle", "1,2,3,4") == round(12 / 256, 4)
    assert missing("--rectangle", "1,2,3,4", "--invert-mask") == round(1 - 12 / 256, 4)
    assert missing("--rectangle", "4,4,4,4", "--dilate", "1") > 16 / 256
    assert missing("--mask", "random", "--fraction", "0.3") < missing("--mask", "random", "--fraction", "0.7")
    assert missing("--mask", "grid", "--step", "2") == 0.75


def test_masks_from_files(run, pictures):
    mask = np.zeros((16, 16), np.uint8)
    mask[:4] = 255
    for name in ("masks/a.png", "masks/b_mask.png", "masks/c.png", "mask.png"):
        write_pictures(".", [name])
        Image.fromarray(mask).save(name)
    run("in", "--mask-dir", "masks", "--output", "one")
    run("in", "--mask-file", "mask.png", "--output", "two")
    assert [record["missing"] for record in records("one") + records("two")] == [0.25] * 6
    np.testing.assert_array_equal(read("one/a.png")[4:], make_picture(seed=0)[4:])


def test_a_mask_of_many_values_needs_a_threshold(run, pictures):
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save("mask.png")
    failed = run("in", "--mask-file", "mask.png", code=1)
    assert "mask.png: Expected a mask of two values. Received: a picture" in failed.stderr
    run("in", "--aligned", "--mask-file", "mask.png", "--mask-threshold", "192")
    assert [record["missing"] for record in records("completed")] == [0.25] * 3
    assert "notes" not in records("completed")[0]


def test_what_was_guessed_about_a_mask_is_said_and_recorded(run, pictures):
    pixels = np.full((16, 16, 4), 255, np.uint8)
    pixels[..., :3] = make_picture()
    pixels[:12, :, 3] = 0
    Image.fromarray(pixels).save("mask.png")
    result = run("in/a.png", "--mask-file", "mask.png", "--output", "one")
    notes = ["its mask is a picture with transparent holes", "its mask hides 75% of it"]
    (record,) = records("one")
    assert record["missing"] == 0.75
    for note, recorded in zip(notes, record["notes"], strict=True):
        assert recorded.startswith(note)
        assert note in result.stderr
        assert "--invert-mask" in recorded
    run("in/a.png", "--mask-file", "mask.png", "--invert-mask", "--output", "two")
    assert records("two")[0]["missing"] == 0.25


def test_masks_beside_their_pictures(run, pictures, tmp_path):
    for name in "abc":
        Image.fromarray(np.where(center_hole(), 255, 0).astype(np.uint8)).save(f"in/{name}_mask.png")
    assert run("in", "--mask-dir", "in", "--aligned").stdout == "3 completed: completed\n"
    assert list(contents(tmp_path / "completed")) == ["a.png", "b.png", "c.png"]


def test_a_mask_by_colour(run, pictures):
    painted = make_picture()
    painted[:3] = (255, 0, 254)
    Image.fromarray(painted).save("painted.png")
    failed = run("painted.png", "--mask-color", "#ff00ff", code=1)
    assert "painted.png: its mask hides nothing: no pixel is #ff00ff" in failed.stderr
    run("painted.png", "--mask-color", "255,0,255", "--mask-color-tolerance", "1", "--overwrite")
    assert records("completed")[-1]["missing"] == round(3 / 16, 4)


def test_the_same_seed_gives_the_same_bytes(run, pictures, tmp_path):
    for output, seed in (("one", 1), ("two", 1), ("three", 2)):
        run("in", "--mask", "random", "--seed", seed, "--output", output)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one")["a.png"] != contents(tmp_path / "three")["a.png"]


def test_shards_together_are_the_whole(run, pictures, tmp_path):
    run("in", "--output", "whole")
    for index in (1, 2, 3):
        assert run("in", "--output", "shards", "--shard", f"{index}/3").stdout == "1 completed: shards\n"
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")
    assert run("in/a.png", "--output", "rest", "--shard", "2/2").stdout == "0 completed: rest\n"


def test_existing_outputs(run, pictures, tmp_path):
    run("in/a.png", "--output", "out")
    before = contents(tmp_path / "out")
    result = run("in", "--output", "out", code=1)
    assert result.stderr == (
        "Error: out: 1 of 3 outputs exist; --skip-existing goes on with the others, --overwrite replaces them\n"
    )
    assert contents(tmp_path / "out") == before
    assert run("in", "--output", "out", "--skip-existing").stdout == "2 completed, 1 existing: out\n"
    assert run("in", "--output", "out", "--skip-existing").stdout == "0 completed, 3 existing: out\n"
    (tmp_path / "out" / "a.png").write_bytes(b"")
    assert run("in", "--output", "out", "--overwrite").stdout == "3 completed: out\n"
    assert len(contents(tmp_path / "out")["a.png"]) > 0


def test_an_input_is_never_replaced(run, pictures):
    result = run("in", "--output", "in", "--overwrite", code=1)
    assert result.stderr == "Error: in/a.png: the output would replace an input; choose another output folder\n"
    np.testing.assert_array_equal(read("in/a.png"), make_picture(seed=0))


def test_a_full_disk_is_one_line_and_the_run_can_go_on(run, pictures, tmp_path, monkeypatch):
    def fail(self, file, *arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", fail)
        result = run("in", code=1)
    assert result.stdout == ""
    assert result.stderr == (
        "Error: completed/a.png: cannot write: No space left on device; stopped, --skip-existing goes on from here\n"
    )
    assert not contents(tmp_path / "completed")
    assert run("in", "--skip-existing").stdout == "3 completed: completed\n"


def test_two_runs_at_once(run, pictures, tmp_path):
    (tmp_path / "completed").mkdir()
    with open_manifest(tmp_path / "completed" / "manifest.jsonl"):
        result = run("in", code=1)
    assert result.stderr == "Error: completed: another process is completing pictures into it\n"


def test_candidates_sheet_and_film(run, pictures):
    run("in", "--candidates", "2", "--keep", "all", "--sheet", "--gif", "--iterations", "20")
    assert read("completed/b.candidate-2.png").shape == (16, 16, 3)
    assert read("completed/sheet.png").shape[1] == 4 * 132 + 4
    with Image.open("completed/search.gif") as film:
        assert film.n_frames == 3


def test_several_answers_by_hmc(run, pictures):
    run("in/a.png", "--method", "hmc", "--candidates", "2", "--keep", "all")
    assert len(records("completed")[0]["acceptance"]) == 2
    first, second = read("completed/a.candidate-1.png"), read("completed/a.candidate-2.png")
    assert (first != second)[center_hole()].any()
    assert (first == second)[~center_hole()].all()


def test_options_of_the_search(run, pictures, tmp_path):
    outputs = []
    for options in (
        ["--iterations", "3"],
        ["--method", "yeh2017", "--iterations", "3"],
        ["--method", "amos2016", "--iterations", "3"],
        ["--learning-rate", "0.5"],
        ["--weighting", "uniform"],
        ["--perceptual-weight", "5"],
        ["--blend", "none"],
        ["--blend", "feather"],
        ["--blend", "biharmonic"],
    ):
        run("in/b.png", "--overwrite", *options)
        outputs.append(contents(tmp_path / "completed")["b.png"])
    assert len(set(outputs)) == len(outputs)


@pytest.mark.parametrize("method", ["balanced", "fast", "best"])
def test_methods_that_ask_the_encoder(run, pictures, encoded_path, tmp_path, method):
    result = run("in", "--method", method, "--model", encoded_path)
    assert (result.stdout, result.stderr) == ("3 completed: completed\n", "")
    assert {record["method"] for record in records("completed")} == {method}
    for index, name in enumerate("abc"):
        completed = read(f"completed/{name}.png")
        np.testing.assert_array_equal(completed[~center_hole()], make_picture(seed=index)[~center_hole()])
        assert (completed[center_hole()] != make_picture(seed=index)[center_hole()]).mean() > 0.5


def test_the_default_method_is_balanced(run, pictures, encoded_path, tmp_path):
    run.invoke(["in", "--model", str(encoded_path)])
    run("in", "--method", "balanced", "--model", encoded_path, "--output", "named")
    assert contents(tmp_path / "completed") == contents(tmp_path / "named")
    assert {record["method"] for record in records("completed")} == {"balanced"}


@pytest.mark.parametrize("options", [["--method", "balanced"], [], ["--method", "best"], ["--variations", "2"]])
def test_without_an_encoder_the_latent_space_is_searched(run, pictures, model_path, monkeypatch, options):
    monkeypatch.setitem(METHODS, "latent", SearchConfig(iterations=2))
    result = run.invoke(["in", "--model", str(model_path), *options])
    assert result.stdout == "3 completed: completed\n"
    assert result.stderr == (
        f"{model_path} has no encoder (dcgan-train-encoder trains one): the latent space is searched instead "
        "(--method latent)\n"
    )
    assert [record["method"] for record in records("completed")] == ["latent"] * 3
    assert run.invoke(["in", "--model", str(model_path), *options, "--overwrite", "--quiet"]).output == ""


def test_auto_searches_where_there_is_no_encoder(run, pictures, model_path):
    result = run("in", "--method", "auto")
    assert len(result.stderr.splitlines()) == 1
    assert "the latent space is searched instead (--method latent)" in result.stderr
    assert [record["method"] for record in records("completed")] == ["latent"] * 3


def test_fast_needs_an_encoder(run, pictures):
    result = run("in", "--method", "fast", code=1)
    assert result.stderr == (
        "Error: expected a model with an encoder, this one has none; dcgan-train-encoder trains it\n"
    )
    assert not contents("completed")


@pytest.mark.parametrize("method", ["balanced", "latent", "hmc"])
def test_variations(run, pictures, encoded_path, method):
    options = ["--method", method, "--model", encoded_path, "--variations", "3", "--iterations", "2"]
    assert run("in", *options).stdout == "3 completed: completed\n"
    for record in records("completed"):
        assert record["method"] == method
        assert len(record["output"]) == len(record["contextual_loss"]) == 3
        assert record["spread"] > 0
        answers = [read(path) for path in record["output"]]
        assert all((answer[~center_hole()] == answers[0][~center_hole()]).all() for answer in answers)
        assert len({answer.tobytes() for answer in answers}) == 3


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
def test_methods_without_a_model(run, pictures, tmp_path, method):
    write_pictures("large", ["d.png"], size=(50, 40))
    arguments = ["in", "large", "--method", method, "--mask", "random", "--sheet"]
    assert run(*arguments).stdout == "4 completed: completed\n"
    for record, seed in zip(records("completed"), (0, 1, 2, 0), strict=True):
        assert (record["status"], record["method"], record["model_sha256"]) == ("completed", method, None)
        assert not {"contextual_loss", "perceptual_loss", "acceptance"} & set(record)
        original, result = make_picture(*read(record["output"]).shape[:2], seed=seed), read(record["output"])
        assert 0 < (result != original).any(axis=2).mean() <= record["missing"] + 1e-4
        mask = (result != original).any(axis=2)
        assert (result[~mask] == original[~mask]).all()
    assert read("completed/sheet.png").shape[1] == 3 * 132 + 4
    run(*arguments, "--output", "shards", "--shard", "2/2")
    run(*arguments, "--output", "shards", "--shard", "1/2")
    whole, shards = contents(tmp_path / "completed"), contents(tmp_path / "shards")
    assert {name: whole[name] for name in whole if "sheet" not in name} == {
        name: shards[name] for name in shards if "sheet" not in name
    }


def test_a_method_without_a_model_needs_known_pixels(run, pictures):
    result = run("in/a.png", "--method", "telea", "--mask", "full", code=1)
    assert result.stderr == "failed: in/a.png: nothing of it is known, which the method telea needs\n"
    assert records("completed")[0]["status"] == "failed"
    assert run("in/b.png", "--method", "ns", "--mask", "random", "--fraction", "0").stdout == (
        "0 completed, 1 with nothing missing: completed\n"
    )


def test_transparency_is_kept_by_methods_without_a_model(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.dstack([make_picture(), np.full((16, 16), 200, np.uint8)])
    pixels[4:8, 4:8, 3] = 0
    Image.fromarray(pixels).save("a.png")
    run("a.png", "--method", "harmonic")
    np.testing.assert_array_equal(read("completed/a.png", "RGBA")[..., 3], pixels[..., 3])
    run("a.png", "--method", "harmonic", "--mask-from-alpha", "--overwrite")
    assert records("completed")[-1]["missing"] == 1 / 16
    np.testing.assert_array_equal(read("completed/a.png")[:4], pixels[:4, :, :3])


def test_auto_says_what_it_took(run, pictures, encoded_path):
    dots = np.zeros((16, 16), np.uint8)
    dots[2::3, 2::3] = 255
    for name, mask in (("a", dots), ("b", np.uint8(255) * center_hole()), ("c", 0 * dots)):
        write_pictures("masks", [f"{name}.png"])
        Image.fromarray(mask).save(f"masks/{name}.png")
    run("in", "--method", "auto", "--model", encoded_path, "--mask-dir", "masks", code=1)
    by_name = {record["input"][-5]: record for record in records("completed")}
    assert [by_name[name].get("method") for name in "abc"] == ["biharmonic", "balanced", None]
    assert [by_name[name]["status"] for name in "abc"] == ["completed", "completed", "failed"]
    assert by_name["a"]["model_sha256"] is None
    assert "contextual_loss" not in by_name["a"]
    assert len(by_name["b"]["model_sha256"]) == 64
    assert by_name["b"]["contextual_loss"] > 0
    run("in/b.png", "--method", "balanced", "--model", encoded_path, "--mask-dir", "masks", "--output", "answered")
    np.testing.assert_array_equal(read("completed/b.png"), read("answered/b.png"))
    run("in/a.png", "--mask-dir", "masks", "--output", "filled", "--method", "biharmonic")
    np.testing.assert_array_equal(read("completed/a.png"), read("filled/a.png"))


def test_quiet_prints_nothing(run, pictures):
    result = run("in", "--quiet")
    assert result.stdout == result.stderr == ""
    (pictures / "a.png").write_bytes(b"")
    result = run("in", "--quiet", "--overwrite", code=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "nowhere: expected a file, a folder or a pattern, found nothing there"),
        (["in/*.jpg"], "in/*.jpg: expected a file, a folder or a pattern, found nothing there"),
        (["empty"], "expected pictures, found none in empty"),
        (
            ["in", "--model", "nobody"],
            "Expected a bundled model .*/NAME or the path of a file. Received: nobody",
        ),
        (["in", "--model", "in/a.png"], "in/a.png: not a safetensors file, or a damaged one.*"),
        (["in", "--output", "file/out"], "file/out: cannot make the folder: Not a directory"),
    ],
)
def test_what_cannot_work_is_one_line(run, pictures, tmp_path, arguments, line):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    result = run(*arguments, code=1)
    escaped = re.escape(line).replace(r"\.\*", ".*")
    assert re.fullmatch(f"Error: {escaped}\n", result.stderr)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (("--mask", "top"), "mask was 'left', now 'top'"),
        (("--mask", "left", "--method", "ns"), "method was 'telea', now 'ns'"),
        (("--mask", "left", "--seed", "1"), "seed was 0, now 1"),
        (("--mask", "left", "--dilate", "2"), "dilate_px was 0, now 2"),
    ],
)
def test_old_results_do_not_pass_for_those_of_new_settings(run, pictures, options, change):
    run("--method", "telea", "--mask", "left", "in/a.png", "--output", "out")
    before = contents("out")
    result = run("--method", "telea", *options, "--skip-existing", "in", "--output", "out", code=1)
    assert contents("out") == before
    assert change in result.stderr
    assert "--overwrite" in result.stderr
    run("--method", "telea", *options, "--overwrite", "in", "--output", "out")
    assert [change.split()[0] in line for line in settings_lines("out")] == [True, True]
    run("--method", "telea", *options, "--skip-existing", "in", "--output", "out")


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({"aligned": 1}, "1 picture taken as an aligned face"),
        ({"photograph": 1, "aligned": 2}, "1 picture taken as a photograph, 2 as aligned faces"),
        ({"photograph": 1000, "aligned": 1}, "1,000 pictures taken as photographs, 1 as an aligned face"),
    ],
)
def test_what_the_pictures_were_taken_as(counts, line):
    assert _say_assumed(counts) == f"{line}; --faces or --aligned decides for all"

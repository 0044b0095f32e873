import errno
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from completion.cli import complete_command
from completion.config import CLASSICAL_METHODS, PRESETS, SearchConfig
from completion.folder.manifest import open_manifest
from masks.spec import MASK_NAMES
from tests.completion.helpers import center_hole, contents, make_picture, read, records, write_pictures


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


@pytest.mark.parametrize("mask", [name for name in MASK_NAMES if name != "rectangle"])
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


def test_masks_beside_their_pictures(run, pictures, tmp_path):
    for name in "abc":
        Image.fromarray(np.where(center_hole(), 255, 0).astype(np.uint8)).save(f"in/{name}_mask.png")
    assert run("in", "--mask-dir", "in").stdout == "3 completed: completed\n"
    assert list(contents(tmp_path / "completed")) == ["a.png", "b.png", "c.png"]


def test_a_mask_by_colour(run, pictures):
    painted = make_picture()
    painted[:3] = (255, 0, 254)
    Image.fromarray(painted).save("painted.png")
    assert run("painted.png", "--mask-color", "#ff00ff").stdout == "0 completed, 1 with nothing missing: completed\n"
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
    run("in", "--candidates", "2", "--keep", "all", "--grid", "--gif", "--iterations", "20")
    assert read("completed/b.candidate-2.png").shape == (16, 16, 3)
    assert read("completed/grid.png").shape[1] == 4 * 132 + 4
    with Image.open("completed/search.gif") as film:
        assert film.n_frames == 3


def test_several_answers_by_hmc(run, pictures):
    run("in/a.png", "--search", "hmc", "--candidates", "2", "--keep", "all")
    assert len(records("completed")[0]["acceptance"]) == 2
    first, second = read("completed/a.candidate-1.png"), read("completed/a.candidate-2.png")
    assert (first != second)[center_hole()].any()
    assert (first == second)[~center_hole()].all()


def test_options_of_the_search(run, pictures, tmp_path):
    outputs = []
    for options in (
        ["--preset", "latent", "--iterations", "3"],
        ["--preset", "amos2016", "--iterations", "3"],
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


@pytest.mark.parametrize("method", CLASSICAL_METHODS)
def test_methods_without_a_model(run, pictures, tmp_path, method):
    write_pictures("large", ["d.png"], size=(50, 40))
    arguments = ["in", "large", "--method", method, "--mask", "random", "--grid"]
    assert run(*arguments).stdout == "4 completed: completed\n"
    for record, seed in zip(records("completed"), (0, 1, 2, 0), strict=True):
        assert (record["status"], record["method"], record["model_sha256"]) == ("completed", method, None)
        assert not {"contextual_loss", "perceptual_loss", "acceptance"} & set(record)
        original, result = make_picture(*read(record["output"]).shape[:2], seed=seed), read(record["output"])
        assert 0 < (result != original).any(axis=2).mean() <= record["missing"] + 1e-4
        mask = (result != original).any(axis=2)
        assert (result[~mask] == original[~mask]).all()
    assert read("completed/grid.png").shape[1] == 3 * 132 + 4
    run(*arguments, "--output", "shards", "--shard", "2/2")
    run(*arguments, "--output", "shards", "--shard", "1/2")
    whole, shards = contents(tmp_path / "completed"), contents(tmp_path / "shards")
    assert {name: whole[name] for name in whole if "grid" not in name} == {
        name: shards[name] for name in shards if "grid" not in name
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


def test_auto_says_what_it_took(run, pictures):
    dots = np.zeros((16, 16), np.uint8)
    dots[2::3, 2::3] = 255
    for name, mask in (("a", dots), ("b", np.uint8(255) * center_hole()), ("c", 0 * dots)):
        write_pictures("masks", [f"{name}.png"])
        Image.fromarray(mask).save(f"masks/{name}.png")
    run("in", "--method", "auto", "--mask-dir", "masks", "--gif", "--candidates", "2")
    by_name = {record["input"][-5]: record for record in records("completed")}
    assert [by_name[name].get("method") for name in "abc"] == ["biharmonic", "dcgan", None]
    assert [by_name[name]["status"] for name in "abc"] == ["completed", "completed", "untouched"]
    assert by_name["a"]["model_sha256"] is None
    assert "contextual_loss" not in by_name["a"]
    assert len(by_name["b"]["model_sha256"]) == 64
    assert by_name["b"]["contextual_loss"] > 0
    run("in/b.png", "--mask-dir", "masks", "--output", "searched", "--candidates", "2")
    np.testing.assert_array_equal(read("completed/b.png"), read("searched/b.png"))
    run("in/a.png", "--mask-dir", "masks", "--output", "filled", "--method", "biharmonic")
    np.testing.assert_array_equal(read("completed/a.png"), read("filled/a.png"))


@pytest.mark.parametrize(
    "options",
    [
        ["--model", "faces-64"],
        ["--blend", "none"],
        ["--preset", "latent"],
        ["--search", "adam"],
        ["--iterations", "3"],
        ["--learning-rate", "0.1"],
        ["--weighting", "yeh"],
        ["--perceptual-weight", "1"],
        ["--candidates", "1"],
        ["--keep", "best"],
        ["--batch-size", "4"],
        ["--gif"],
    ],
)
def test_options_that_a_method_has_no_use_for(run, pictures, tmp_path, options):
    result = run("in", "--method", "telea", *options, code=2)
    assert f"{options[0]} goes with --method dcgan or auto, received --method telea." in result.stderr
    assert not (tmp_path / "completed").exists()


@pytest.mark.parametrize("method", ["auto", "ns"])
@pytest.mark.parametrize("options", [["--keep", "all"], ["--mask", "lowres"]])
def test_what_goes_with_dcgan_alone(run, pictures, method, options):
    result = run("in", "--method", method, *options, code=2)
    assert " goes with --method dcgan, received --method" in result.stderr


def test_quiet_prints_nothing(run, pictures):
    result = run("in", "--quiet")
    assert result.stdout == result.stderr == ""
    (pictures / "a.png").write_bytes(b"")
    result = run("in", "--quiet", "--overwrite", code=1)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--mask", "center", "--mask-from-alpha"],
            "Expected one source of masks, received --mask and --mask-from-alpha",
        ),
        (["--mask-color", "#f0f", "--mask-file", "in/a.png"], "Expected one source of masks"),
        (["--mask", "left", "--rectangle", "1,2,3,4"], "--rectangle goes with --mask rectangle"),
        (["--mask", "rectangle"], "--mask rectangle needs --rectangle x,y,width,height"),
        (["--rectangle", "1,2,3"], "expected four whole numbers x,y,width,height"),
        (["--rectangle", "1,2,3,-4"], "Expected `height` to be a whole number of at least 1"),
        (["--mask", "nose"], "is not one of 'center'"),
        (["--mask-color", "pink"], "Expected a colour like"),
        (["--mask-color-tolerance", "300"], "is not in the range"),
        (["--mask-color-tolerance", "3"], "--mask-color-tolerance goes with --mask-color"),
        (["--fraction", "0.3"], "--fraction goes with --mask random"),
        (["--scale", "0.3", "--mask", "left"], "--scale goes with --mask center"),
        (["--scale", "0.3", "--mask-from-alpha"], "--scale goes with --mask center"),
        (["--mask-dir", "nowhere"], "does not exist"),
        (["--shard", "0/3"], "expected i/n with 1 <= i <= n"),
        (["--shard", "4/3"], "expected i/n with 1 <= i <= n"),
        (["--shard", "1"], "expected i/n with 1 <= i <= n"),
        (["--skip-existing", "--overwrite"], "--skip-existing and --overwrite exclude each other"),
        (["--scale", "2"], "Expected `scale` greater than 0 and at most 1"),
        (["--iterations", "0"], "Expected `iterations` of at least 1"),
        (["--candidates", "0"], "Expected `candidates` of at least 1"),
        (["--learning-rate", "nan"], "Expected a positive `learning_rate`"),
        (["--batch-size", "0"], "is not in the range"),
        (["--seed", "-1"], "is not in the range"),
        (["--mask", "lowres", "--blocks", "5"], "Expected --blocks to divide the model's size 16. Received: 5"),
        (["--keep", "some"], "is not one of 'best', 'all'"),
        (["--method", "magic"], "is not one of 'dcgan', 'telea'"),
        (["--unknown"], "No such option"),
    ],
)
def test_wrong_options(run, pictures, tmp_path, options, message):
    result = run("in", *options, code=2)
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "completed").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "nowhere: expected a file, a folder or a pattern, found nothing there"),
        (["in/*.jpg"], "in/*.jpg: expected a file, a folder or a pattern, found nothing there"),
        (["empty"], "expected pictures, found none in empty"),
        (["in", "--model", "nobody"], "Expected a bundled model .* or the path of a file. Received: nobody"),
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


def test_no_inputs():
    result = CliRunner().invoke(complete_command, [])
    assert result.exit_code == 2
    assert "Missing argument 'INPUTS...'" in result.stderr


def test_help_has_examples_and_the_defaults():
    text = CliRunner().invoke(complete_command, ["--help"]).output
    assert "complete-images --mask center input/*.png" in text
    assert "complete-images --mask-dir masks/ photos/" in text
    words = " ".join(text.split())
    assert f"[default: {SearchConfig().weighting}, or the preset's]" in words
    for name in PRESETS:
        assert name in text
    for option in complete_command.params:
        if option.param_type_name == "option":
            assert option.help, f"{option.opts[0]} has no help"

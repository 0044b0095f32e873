import csv
import dataclasses
import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from completion.evaluation import run as evaluation
from completion.evaluation import figures as evaluation_figures
from completion.config import PRESETS
from completion.evaluation.cli import evaluate_command
from completion.evaluation.config import EVALUATION_MASKS, METHOD_NAMES, EvaluationConfig
from completion.evaluation.faces import Faces, make_masks, read_faces
from completion.evaluation.methods import make_method
from completion.evaluation.report import COLUMNS, differences_table, results_table
from completion.evaluation.metrics import PICTURE_METRICS, picture_metrics
from dcgan.errors import DatasetError, FaceCompletionError
from tests.completion.helpers import SIZE, center_hole, make_picture, read, write_pictures

NAMES = [f"{letter}.png" for letter in "abcde"]


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """A folder of five faces; the current folder is the one above, and the searches are short."""
    monkeypatch.chdir(tmp_path)
    for preset in ("balanced", "latent", "yeh2017"):
        monkeypatch.setitem(PRESETS, preset, dataclasses.replace(PRESETS[preset], iterations=2))
    return write_pictures("faces", NAMES)


@pytest.fixture
def evaluate(model_path, faces):
    """Runs complete-evaluate inside this process, by default on two masks with two methods."""

    def run(*arguments, code=0):
        given = [str(argument) for argument in arguments]
        own = ["--model", str(model_path)] if "--model" not in given else []
        own += ["--mask", "center,random"] if "--mask" not in given else []
        own += ["--method", "balanced,telea"] if "--method" not in given else []
        result = CliRunner().invoke(evaluate_command, [*own, *given])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def fake_embedder(monkeypatch):
    """Stands for the network that sees faces: the means of eight rows and columns."""

    class Embedder:
        def __call__(self, pictures):
            blocks = pictures.reshape(len(pictures), 8, 2, 8, 2, 3).mean(axis=(2, 4, 5)) / 255
            return np.concatenate([blocks.mean(axis=1), blocks.mean(axis=2)], axis=1)

    monkeypatch.setattr(evaluation, "FaceEmbedder", Embedder)


@pytest.fixture
def no_embedder(monkeypatch):
    def absent():
        raise FaceCompletionError("Face distances need dlib, which is not installed: pip install it")

    monkeypatch.setattr(evaluation, "FaceEmbedder", absent)


def rows(folder="evaluation", *, without=("seconds",)):
    """The rows of a run's CSV without what differs between two runs."""
    with open(Path(folder, "results.csv"), newline="") as file:
        return [{name: cell for name, cell in row.items() if name not in without} for row in csv.DictReader(file)]


def arrays(folder, name):
    with np.load(Path(folder, f"{name}.npz")) as file:
        return dict(file)


def test_the_whole_command(evaluate, faces, fake_embedder):
    result = evaluate("faces")
    assert result.stdout.splitlines()[-1] == "evaluation/report.md"
    assert "| center " in result.stdout
    assert "| random " in result.stdout
    found = rows()
    assert len(found) == 5 * 2 * 2
    assert [row["picture"] for row in found[:5]] == NAMES
    assert {(row["mask"], row["method"]) for row in found} == {
        (mask, method) for mask in ("center", "random") for method in ("balanced", "telea")
    }
    summary = json.loads(Path("evaluation/results.json").read_text())
    assert summary["options"]["seed"] == 0
    assert summary["options"]["reference"] == "balanced"
    assert summary["faces"]["count"] == 5
    assert len(summary["model"]["sha256"]) == 64
    assert summary["versions"]["numpy"] == np.__version__
    figures = summary["results"]["center"]["telea"]
    assert set(figures) == {*PICTURE_METRICS, "identity", "frechet", "seconds"}
    assert figures["hole_psnr"]["low"] <= figures["hole_psnr"]["mean"] <= figures["hole_psnr"]["high"]
    telea = [float(row["hole_psnr"]) for row in found if (row["mask"], row["method"]) == ("center", "telea")]
    assert figures["hole_psnr"]["mean"] == pytest.approx(np.mean(telea), rel=1e-5)
    assert list(summary["differences"]["center"]) == ["telea"]
    report = Path("evaluation/report.md").read_text()
    assert "complete-evaluate faces --count 500 --mask center,random --method balanced,telea" in report
    assert "## Differences to balanced" in report


def test_what_is_kept_is_what_was_measured(evaluate, faces, no_embedder):
    evaluate("faces")
    masks = np.unpackbits(arrays("evaluation", "masks/random")["bits"]).reshape(5, SIZE, SIZE).astype(bool)
    for row in rows():
        if row["mask"] == "random":
            index = NAMES.index(row["picture"])
            original = make_picture(seed=index)
            completed = arrays("evaluation", f"completed/random-{row['method']}")["pictures"][index]
            np.testing.assert_array_equal(completed[~masks[index]], original[~masks[index]])  # known pixels are sacred
            for name, value in picture_metrics(original, completed, masks[index]).items():
                assert float(row[name]) == pytest.approx(value, rel=1e-5)


def test_sheets_show_every_method(evaluate, faces, no_embedder):
    evaluate("faces", "--method", "telea,ns,biharmonic")
    sheet = read("evaluation/sheets/center.png")
    step, left = 128 + evaluation_figures.MARGIN_PX, evaluation_figures.LABEL_PX
    assert sheet.shape == (5 * step + evaluation_figures.MARGIN_PX, left + 5 * step, 3)
    top = evaluation_figures.MARGIN_PX
    enlarged = make_picture(seed=1).repeat(8, axis=0).repeat(8, axis=1)
    np.testing.assert_array_equal(sheet[top : top + 128, left + step : left + step + 128], enlarged)
    masked = sheet[top + step : top + step + 128, left + step : left + step + 128]
    assert (masked[48:80, 48:80] == evaluation_figures.HIDDEN).all()
    for row in range(5):
        assert (sheet[top + row * step : top + row * step + 20, :left] < 128).any()  # a label


def test_without_the_network_and_without_matplotlib(evaluate, faces, no_embedder, monkeypatch):
    def absent(*arguments, **options):
        raise FaceCompletionError("Plots need matplotlib, which is not installed: pip install it")

    monkeypatch.setattr("completion.evaluation.report.draw_plots", absent)
    result = evaluate("faces")
    assert result.stderr == (
        "note: Face distances need dlib, which is not installed: pip install it; left out: identity, Fréchet distance\n"
        "note: Plots need matplotlib, which is not installed: pip install it; left out: plots\n"
    )
    assert {row["identity"] for row in rows()} == {""}
    assert "identity" not in json.loads(Path("evaluation/results.json").read_text())["results"]["center"]["telea"]
    assert "left out: plots" in Path("evaluation/report.md").read_text()
    assert evaluate("faces", "--quiet", "--overwrite").output == ""


def test_a_network_that_comes_later_is_used(evaluate, faces, no_embedder, fake_embedder, monkeypatch):
    embedder = evaluation.FaceEmbedder
    monkeypatch.setattr(evaluation, "FaceEmbedder", lambda: None)
    evaluate("faces")
    monkeypatch.setattr(evaluation, "FaceEmbedder", embedder)
    evaluate("faces")
    assert all(float(row["identity"]) > 0 for row in rows())


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is not installed")
def test_plots(evaluate, faces, fake_embedder):
    evaluate("faces")
    names = {path.stem for path in Path("evaluation/plots").iterdir()}
    assert names == set(COLUMNS)
    assert read("evaluation/plots/hole_psnr.png", mode="RGBA").std() > 0
    assert "![hole_psnr.png](plots/hole_psnr.png)" in Path("evaluation/report.md").read_text()


def test_the_same_seed_gives_the_same_bytes(evaluate, faces, fake_embedder):
    for output, seed in (("one", 1), ("two", 1), ("three", 2)):
        evaluate("faces", "--output", output, "--seed", seed)
    assert rows("one") == rows("two") != rows("three")
    for name in ("masks/random.npz", "faces.npz", "measured/random-telea.npz", "measured/center-balanced.npz"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
    one, two = (json.loads(Path(each, "results.json").read_text())["differences"] for each in ("one", "two"))
    assert one == two
    assert Path("one/masks/random.npz").read_bytes() != Path("three/masks/random.npz").read_bytes()


@pytest.mark.parametrize("stopped_at", [1, 2, 4, 5])
def test_a_stopped_evaluation_goes_on(evaluate, faces, no_embedder, monkeypatch, stopped_at):
    evaluate("faces", "--batch-size", 2, "--output", "whole")
    calls = []

    def stopping(*arguments, **options):
        method = make_method(*arguments, **options)

        def fill(pictures, masks):
            if len(calls) == stopped_at:
                raise KeyboardInterrupt
            calls.append(len(pictures))
            return method.fill(pictures, masks)

        return dataclasses.replace(method, fill=fill)

    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(evaluation, "make_method", stopping)
    result = evaluate("faces", "--batch-size", 2, code=130)
    assert "the same command goes on from here" in result.stderr
    for name in ("completed/.center-balanced.npz", ".results.json"):
        Path(f"evaluation/{name}.0123456789abcdef.tmp").write_bytes(b"what a killed run may leave")
    before = sum(calls)
    stopped_at = 1000
    monkeypatch.setattr(evaluation, "make_method", stopping)
    evaluate("faces", "--batch-size", 2)
    assert sum(calls) == 5 * 2 * 2  # nothing was completed twice
    assert before < sum(calls)
    assert rows() == rows("whole")
    assert not list(Path("evaluation").rglob(".*.tmp"))


def test_another_method_is_added_and_other_settings_are_refused(evaluate, faces, no_embedder, monkeypatch):
    evaluate("faces")
    made = []
    monkeypatch.setattr(
        evaluation, "make_method", lambda name, *a, **o: made.append(name) or make_method(name, *a, **o)
    )
    evaluate("faces", "--method", "balanced,telea,ns", "--mask", "center", "--reference", "telea")
    assert made == ["ns"]
    assert len(rows()) == 5 * 3
    result = evaluate("faces", "--seed", 3, code=1)
    assert "holds a run with other settings (evaluation.seed was 0, now 3" in result.stderr
    Path("evaluation/mine.txt").write_text("mine")
    evaluate("faces", "--seed", 3, "--overwrite")
    assert Path("evaluation/mine.txt").exists()
    assert not Path("evaluation/completed/center-ns.npz").exists()


def test_a_zip_of_faces_is_as_good_as_a_folder(evaluate, faces, no_embedder):
    with zipfile.ZipFile("faces.zip", "w") as archive:
        for name in NAMES:
            archive.write(faces / name, name)
    evaluate("faces", "--output", "one")
    evaluate("faces.zip", "--output", "two")
    assert rows("one") == rows("two")


def test_the_choice_of_faces(faces):
    some = read_faces(faces, 3, size=SIZE, seed=1)
    assert some.names == sorted(some.names)
    assert set(some.names) < set(NAMES)
    np.testing.assert_array_equal(some.pictures[0], make_picture(seed=NAMES.index(some.names[0])))
    assert read_faces(faces, 3, size=SIZE, seed=1).sha256 == some.sha256
    assert read_faces(faces, 9, size=SIZE).names == NAMES
    assert read_faces(faces, 2, size=8).pictures.shape == (2, 8, 8, 3)


def test_a_bad_picture_is_reported_and_another_takes_its_place(evaluate, faces, no_embedder):
    (faces / "0.png").write_text("this is no picture")
    lines = []
    assert read_faces(faces, 6, size=SIZE, on_failure=lines.append).names == NAMES
    assert len(lines) == 1
    assert lines[0].startswith("faces/0.png: ")
    assert "note: faces/0.png: " in evaluate("faces").stderr


def test_a_face_has_its_mask_whoever_is_beside_it(faces):
    every = read_faces(faces, 5, size=SIZE)
    few = Faces(every.names[2:4], every.pictures[2:4])
    for mask in EVALUATION_MASKS:
        np.testing.assert_array_equal(make_masks(mask, every)[2:4], make_masks(mask, few))
    assert (make_masks("random", every)[0] != make_masks("random", every)[1]).any()
    assert (make_masks("random", every) != make_masks("random", every, seed=1)).any()


@pytest.mark.parametrize("name", METHOD_NAMES)
def test_every_method_leaves_known_pixels_and_ignores_hidden_ones(encoded, name, monkeypatch):
    if name in PRESETS and PRESETS[name].iterations:
        monkeypatch.setitem(PRESETS, name, dataclasses.replace(PRESETS[name], iterations=2))
    method = make_method(name, encoded, rows=3)
    pictures = np.stack([make_picture(seed=seed) for seed in range(2)])
    hole = np.stack([center_hole()] * 2)
    completed = method.fill(pictures, hole)
    assert (completed.shape, completed.dtype) == (pictures.shape, np.uint8)
    np.testing.assert_array_equal(completed[~hole], pictures[~hole])
    assert (completed[hole] != pictures[hole]).mean() > 0.5
    other = np.where(hole[..., None], np.uint8(255) - pictures, pictures)
    np.testing.assert_array_equal(method.fill(other, hole), completed)


def summary_of(results, differences=None):
    return {"results": {"center": results}, "differences": {"center": differences or {}}}


def test_the_table_of_results():
    def part(mean):
        return {"mean": mean, "low": mean - 1, "high": mean + 1}

    results = {
        "a": {"hole_psnr": part(20.0), "hole_l1": part(5.0), "identity": part(0.5), "seconds": 0.5},
        "b": {"hole_psnr": part(21.0), "hole_l1": part(6.0), "seconds": 2.0},
    }
    assert results_table(summary_of(results), "center").splitlines() == [
        "| center | hole PSNR            | hole L1 | identity              | seconds a picture |",
        "|--------|----------------------|---------|-----------------------|-------------------|",
        "| a      | 20.00 [19.00, 21.00] | 5.00    | 0.500 [-0.500, 1.500] | 0.5000            |",
        "| b      | 21.00 [20.00, 22.00] | 6.00    |                       | 2.0000            |",
    ]
    bold = results_table(summary_of(results), "center", bold=True)
    assert "**21.00 [20.00, 22.00]**" in bold
    assert "**5.00**" in bold
    assert "**0.5000**" in bold


def test_the_table_of_differences():
    differences = {
        "a": {"hole_psnr": {"mean": 1.0, "low": 0.5, "high": 1.5}},
        "b": {"hole_psnr": {"mean": -1.0, "low": -2.0, "high": 0.5}},
    }
    lines = differences_table(summary_of({}, differences), "center").splitlines()
    assert lines[2] == "| a      | +1.00 [+0.50, +1.50] * |"
    assert lines[3] == "| b      | -1.00 [-2.00, +0.50]   |"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--mask", "hexagon"], "expected names among center, left"),
        (["--mask", "lowres"], "received 'lowres'"),
        (["--method", "balanced,magic"], "received 'magic'"),
        (["--method", "telea", "--reference", "ns"], "Expected `reference` among the methods telea."),
        (["--mask", "left,left"], "each once"),
        (["--count", "1"], "--count"),
    ],
)
def test_wrong_options(evaluate, faces, options, line):
    result = evaluate("faces", *options, code=2)
    assert line in " ".join(result.stderr.split())
    assert not Path("evaluation").exists()


def test_bad_input(evaluate, faces, grey_model, no_embedder):
    Path("empty").mkdir()
    assert evaluate("nowhere", code=2).stderr.splitlines()[-1].endswith("'nowhere' does not exist.")
    line = "Error: empty: expected complete faces, found no picture that can be read\n"
    assert evaluate("empty", code=1).stderr == line
    write_pictures("one", ["a.png"])
    assert evaluate("one", code=1).stderr == "Error: one: expected at least 2 faces, found 1\n"
    Path("text.txt").write_text("")
    assert "expected a folder, a .zip" in evaluate("text.txt", code=1).stderr
    Path("file").write_text("")
    assert "file" in evaluate("faces", "--output", "file", code=2).stderr
    assert evaluate("faces", "--output", "file/out", code=1).stderr.startswith("Error: file/out: cannot write: ")
    assert "expected a model of rgb pictures" in evaluate("faces", "--model", grey_model[0], code=1).stderr.lower()
    assert evaluate("faces", "--model", "nobody", code=1).stderr.startswith("Error: Expected a bundled model")


def test_a_damaged_folder_is_named(evaluate, faces, no_embedder):
    evaluate("faces")
    damaged = Path("evaluation/completed/center-telea.npz")
    with open("array.npy", "wb") as file:
        np.save(file, np.zeros(3))
    for content in (b"PK\x03\x04 no more of it", b"", b"text", Path("array.npy").read_bytes()):
        damaged.write_bytes(content)
        line = evaluate("faces", code=1).stderr
        assert line.startswith(f"Error: {damaged}: damaged (")
        assert line.endswith("start over with --overwrite\n")


def test_the_configuration_checks_itself():
    assert EvaluationConfig(methods=("ns", "telea")).reference == "ns"
    for options in ({"count": 1}, {"masks": ()}, {"methods": ("ns", "ns")}, {"batch_size": 0}, {"resamples": 0}):
        with pytest.raises(ValueError, match=r"Expected .* Received: "):
            EvaluationConfig(**options)
    with pytest.raises(ValueError, match="Expected a method among"):
        make_method("magic", None, rows=1)
    with pytest.raises(DatasetError, match="found nothing there"):
        read_faces(Path("nowhere"), 2, size=SIZE)

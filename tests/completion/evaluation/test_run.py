import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from completion.evaluation import run as evaluation
from completion.evaluation.methods import make_compared_method
from completion.evaluation.metrics import PICTURE_METRICS, picture_metrics
from dcgan.errors import FaceCompletionError
from tests.completion.evaluation.helpers import NAMES, arrays, rows
from tests.completion.helpers import SIZE, make_picture


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


def test_a_picture_without_sharpness_spoils_nothing(evaluate, faces, fake_embedder):
    Image.new("RGB", (SIZE, SIZE), "grey").save(faces / NAMES[0])
    evaluate("faces")
    for mask in ("center", "random"):
        telea = [row for row in rows() if (row["mask"], row["method"]) == (mask, "telea")]
        assert [row["hole_sharpness"] == "" for row in telea] == [True, False, False, False, False]
        summary = json.loads(Path("evaluation/results.json").read_text())
        figures, differences = summary["results"][mask]["telea"], summary["differences"][mask]["telea"]
        expected = np.mean([float(row["hole_sharpness"]) for row in telea[1:]])
        assert figures["hole_sharpness"]["mean"] == pytest.approx(expected, rel=1e-5)
        assert figures["hole_psnr"]["mean"] == pytest.approx(np.mean([float(row["hole_psnr"]) for row in telea]))
        assert differences["hole_sharpness"]["low"] <= differences["hole_sharpness"]["high"]


def test_faces_without_sharpness_leave_it_out(evaluate, faces, fake_embedder):
    for name in NAMES:
        Image.new("RGB", (SIZE, SIZE), "grey").save(faces / name)
    evaluate("faces")
    summary = json.loads(Path("evaluation/results.json").read_text())
    for mask in ("center", "random"):
        assert "hole_sharpness" not in summary["results"][mask]["telea"]
        assert "hole_sharpness" not in summary["differences"][mask]["telea"]
    assert "hole sharpness" not in Path("evaluation/report.md").read_text()


@pytest.mark.parametrize("embedder_left", [True, False])
def test_an_evaluation_of_an_earlier_version_is_measured_again(
    evaluate, faces, fake_embedder, monkeypatch, embedder_left
):
    evaluate("faces")
    expected, kept = rows(), arrays("evaluation", "measured/center-telea")
    without = [column for column, name in enumerate(PICTURE_METRICS) if name != "hole_sharpness"]
    for path in Path("evaluation/measured").iterdir():
        measured = arrays("evaluation/measured", path.stem)
        np.savez(path, **{**measured, "metrics": measured["metrics"][:, without]})
    monkeypatch.setattr(evaluation, "make_compared_method", None)  # nothing is completed again
    if not embedder_left:
        monkeypatch.setattr(evaluation, "FaceEmbedder", lambda: None)
    evaluate("faces")
    assert rows() == expected
    again = arrays("evaluation", "measured/center-telea")
    assert again.keys() == kept.keys()
    for name in kept:
        np.testing.assert_array_equal(again[name], kept[name])


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
        method = make_compared_method(*arguments, **options)

        def fill(pictures, masks):
            if len(calls) == stopped_at:
                raise KeyboardInterrupt
            calls.append(len(pictures))
            return method.fill(pictures, masks)

        return dataclasses.replace(method, fill=fill)

    monkeypatch.setattr(evaluation, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(evaluation, "make_compared_method", stopping)
    result = evaluate("faces", "--batch-size", 2, code=130)
    assert "the same command goes on from here" in result.stderr
    for name in ("completed/.center-balanced.npz", ".results.json"):
        Path(f"evaluation/{name}.0123456789abcdef.tmp").write_bytes(b"what a killed run may leave")
    before = sum(calls)
    stopped_at = 1000
    monkeypatch.setattr(evaluation, "make_compared_method", stopping)
    evaluate("faces", "--batch-size", 2)
    assert sum(calls) == 5 * 2 * 2  # nothing was completed twice
    assert before < sum(calls)
    assert rows() == rows("whole")
    assert not list(Path("evaluation").rglob(".*.tmp"))


def test_another_method_is_added_and_other_settings_are_refused(evaluate, faces, no_embedder, monkeypatch):
    evaluate("faces")
    made = []
    monkeypatch.setattr(
        evaluation,
        "make_compared_method",
        lambda name, *a, **o: made.append(name) or make_compared_method(name, *a, **o),
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

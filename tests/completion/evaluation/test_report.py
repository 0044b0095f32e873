import importlib.util
from pathlib import Path

import numpy as np
import pytest

from completion.evaluation import figures as evaluation_figures
from completion.evaluation.report import COLUMNS, differences_table, results_table
from tests.completion.helpers import make_picture, read


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


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="matplotlib is not installed")
def test_plots(evaluate, faces, fake_embedder):
    evaluate("faces")
    names = {path.stem for path in Path("evaluation/plots").iterdir()}
    assert names == set(COLUMNS)
    assert read("evaluation/plots/hole_psnr.png", mode="RGBA").std() > 0
    assert "![hole_psnr.png](plots/hole_psnr.png)" in Path("evaluation/report.md").read_text()


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


def test_the_best_sharpness_is_that_of_the_original():
    results = {
        name: {"hole_sharpness": {"mean": mean, "low": mean, "high": mean}}
        for name, mean in (("smooth", 0.7), ("best", 0.95), ("noisy", 1.2))
    }
    lines = results_table(summary_of(results), "center", bold=True).splitlines()[2:]
    assert ["**" in line for line in lines] == [False, True, False]


def test_the_table_of_differences():
    differences = {
        "a": {"hole_psnr": {"mean": 1.0, "low": 0.5, "high": 1.5}},
        "b": {"hole_psnr": {"mean": -1.0, "low": -2.0, "high": 0.5}},
    }
    lines = differences_table(summary_of({}, differences), "center").splitlines()
    assert lines[2] == "| a      | +1.00 [+0.50, +1.50] * |"
    assert lines[3] == "| b      | -1.00 [-2.00, +0.50]   |"

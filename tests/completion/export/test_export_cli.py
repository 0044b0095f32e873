import hashlib

import click
import onnx
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from completion.export.cli import export_command
from completion.web.cli import web_command
from dcgan.config import MODEL_HELP
from dcgan.samples.cli import sample_command
from tests.dcgan.helpers import model_bytes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.safetensors").write_bytes(model_bytes())
    (tmp_path / "whole.safetensors").write_bytes(model_bytes(encoder=True))
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(export_command, list(arguments), prog_name="dcgan-export")
    assert result.exit_code == code, result.output
    return result


def test_the_completion_is_the_default(folder):
    result = run("whole.safetensors", "--format", "onnx")
    assert result.stdout == "whole-completion.onnx\n"
    assert (
        result.stderr == "completion: pictures (B, 16, 16, 3), masks (B, 16, 16) -> completed (B, 16, 16, 3), uint8\n"
    )
    assert [each.name for each in onnx.load("whole-completion.onnx").graph.output] == ["completed"]
    assert run("whole.safetensors", "--format", "onnx", code=2).stderr.splitlines()[-1] == (
        "Error: whole-completion.onnx exists; --overwrite replaces it."
    )
    options = ["--part", "generator", "--output", "whole-completion.onnx", "--overwrite", "--quiet"]
    assert run("whole.safetensors", "--format", "onnx", *options).output == ""
    assert [each.name for each in onnx.load("whole-completion.onnx").graph.output] == ["pictures"]


def test_a_model_without_an_encoder_says_so_in_one_line(folder):
    (line,) = run("toy.safetensors", "--format", "onnx", code=1).stderr.splitlines()
    assert line.startswith("Error: the model has no encoder, so there is no completion graph")
    assert not list(folder.glob("*.onnx"))
    assert run("toy.safetensors", "--format", "onnx", "--part", "discriminator").stdout == "toy-discriminator.onnx\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["toy.safetensors"], 2, "Missing option '--format'"),
        (["toy.safetensors", "--format", "tflite"], 2, "is not one of"),
        (["none", "--format", "onnx"], 1, "Expected a bundled model"),
        (["toy.safetensors", "--format", "onnx", "--output", "toy.safetensors", "--overwrite"], 2, "is no export"),
        (["whole.safetensors", "--format", "onnx", "--output", "toy.safetensors/a"], 1, "cannot write: File exists"),
    ],
)
def test_what_is_refused(folder, arguments, code, line):
    assert line in run(*arguments, code=code).stderr
    assert {path.name for path in folder.iterdir()} == {"toy.safetensors", "whole.safetensors"}
    assert (folder / "toy.safetensors").read_bytes() == model_bytes()


def test_a_savedmodel_needs_tensorflow(folder, monkeypatch):
    monkeypatch.setattr("dcgan.engine.choose_engine", lambda: "jax")
    arguments = ["toy.safetensors", "--format", "savedmodel", "--part", "generator"]
    assert "Received: KERAS_BACKEND=jax" in run(*arguments, code=2).stderr
    assert not (folder / "toy-generator").exists()


def test_every_model_option_takes_what_find_model_takes():
    for command in (complete_command, evaluate_command, web_command, train_encoder_command, sample_command):
        option = next(each for each in command.params if isinstance(each, click.Option) and "--model" in each.opts)
        assert option.help == MODEL_HELP
        assert option.type is click.STRING  # no path, which would take one slash of hf:// away


def test_an_export_names_the_file_that_it_was_made_of(folder):
    run("whole.safetensors", "--format", "onnx", "--part", "encoder")
    said = {each.key: each.value for each in onnx.load("whole-encoder.onnx").metadata_props}
    assert said["model_sha256"] == hashlib.sha256((folder / "whole.safetensors").read_bytes()).hexdigest()

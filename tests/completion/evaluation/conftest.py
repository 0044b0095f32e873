import numpy as np
import pytest
from click.testing import CliRunner

from completion.evaluation import run as evaluation
from completion.evaluation.cli import evaluate_command
from dcgan.errors import FaceCompletionError
from tests.completion.evaluation.helpers import NAMES
from tests.completion.helpers import write_pictures


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """A folder of five faces; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    return write_pictures("faces", NAMES)


@pytest.fixture
def evaluate(encoded_path, faces):
    """Runs complete-evaluate inside this process, by default on two masks with two methods."""

    def run(*arguments, code=0):
        given = [str(argument) for argument in arguments]
        own = ["--model", str(encoded_path)] if "--model" not in given else []
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

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from completion.config import METHODS
from completion.evaluation.cli import evaluate_command
from completion.evaluation.config import EvaluationConfig
from tests.completion.helpers import write_pictures


def test_help_states_the_methods_that_are_compared_by_default(faces, monkeypatch):
    words = " ".join(CliRunner().invoke(evaluate_command, ["--help"], terminal_width=400).output.split())
    about = re.search(r"--method NAMES (.*?) \[default: ([^]]*)\]", words)
    assert about[1].startswith(f"{', '.join(METHODS)}; ")
    assert tuple(about[2].split(", ")) == EvaluationConfig().methods
    used = []

    def stop(path, config, **options):
        used.append(config)
        raise KeyboardInterrupt

    monkeypatch.setattr("completion.evaluation.run.evaluate", stop)
    assert CliRunner().invoke(evaluate_command, ["faces"]).exit_code == 130
    assert used == [EvaluationConfig()]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--mask", "hexagon"], "expected names among center, left"),
        (["--mask", "lowres"], "received 'lowres'"),
        (["--method", "balanced,magic"], "received 'magic'"),
        (["--method", "telea", "--reference", "ns"], "Expected --reference among the methods telea."),
        (["--mask", "left,left"], "each once"),
        (["--count", "1"], "--count"),
    ],
)
def test_wrong_options(evaluate, faces, options, line):
    result = evaluate("faces", *options, code=2)
    assert line in " ".join(result.stderr.split())
    assert not Path("evaluation").exists()


def test_bad_input(evaluate, faces, grey_model, model_path, no_embedder):
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
    line = evaluate("faces", "--method", "fast", "--model", model_path, code=1).stderr
    assert line.startswith("Error: Expected a model with an encoder for fast. Received: ")

"""A method that is added to the tables is there for both commands and for Python, as CONTRIBUTING.md says."""

import dataclasses
import importlib.util
from typing import ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from completion.blending.classical import FILLERS
from completion.completer import complete
from completion.config import METHODS, ClassicalConfig, EncoderConfig, SearchConfig
from completion.evaluation.config import EvaluationConfig
from completion.methods import MAKERS, Work
from tests.completion.helpers import center_hole, make_picture, read, records, write_pictures


@dataclasses.dataclass(frozen=True)
class PaintConfig:
    """Settings of a new kind: the hole is painted in one colour."""

    value: int = 7
    candidates: ClassVar[int] = 1


class PaintMethod:
    """Fills holes with the settings' value."""

    finder = None

    def __init__(self, name, config, options):
        self.name, self.value = name, config.value

    def prepare(self, picture, mask, *, blocks=0, photograph=None):
        painted = np.where(mask[..., None], np.uint8(self.value), picture)
        return Work(self.name, lambda generated: painted)


def paint(pictures, masks):
    """Fill holes in place with another value."""
    pictures[masks] = 5


def rebuilt(module_name, command):
    """Return a command as it is built from the tables as they are now."""
    home = importlib.util.find_spec(module_name)
    module = importlib.util.module_from_spec(home)
    home.loader.exec_module(module)
    return getattr(module, command)


def run(command, *arguments, code=0):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(params=["search", "encoder", "classical", "new kind"])
def dummy(request, monkeypatch, tmp_path):
    """Add a method; the current folder has three faces in the folder "in"."""
    configs = {
        "search": SearchConfig(iterations=2),
        "encoder": EncoderConfig(augmentations=3),
        "classical": ClassicalConfig(),
        "new kind": PaintConfig(9),
    }
    monkeypatch.setitem(METHODS, "dummy", configs[request.param])
    monkeypatch.setitem(FILLERS, "dummy", lambda: paint)
    monkeypatch.setitem(MAKERS, PaintConfig, PaintMethod)
    monkeypatch.chdir(tmp_path)
    write_pictures("in", ["a.png", "b.png", "c.png"])
    return request.param


@pytest.fixture
def expected(dummy, encoded):
    """What the method makes of the three faces, their middle missing."""
    pictures = [make_picture(seed=seed) for seed in range(3)]
    if dummy in ("classical", "new kind"):
        value = np.uint8(5 if dummy == "classical" else 9)
        return [np.where(center_hole()[..., None], value, picture) for picture in pictures]
    return complete(pictures, center_hole(), model=encoded, method=METHODS["dummy"]).pictures


def test_python_has_it(dummy, expected, encoded):
    result = complete([make_picture(seed=seed) for seed in range(3)], center_hole(), model=encoded, method="dummy")
    assert result.methods == ["dummy"] * 3
    np.testing.assert_array_equal(result.pictures, expected)


def test_python_takes_its_settings(dummy, expected, encoded):
    pictures = [make_picture(seed=seed) for seed in range(3)]
    result = complete(pictures, center_hole(), model=encoded, method=METHODS["dummy"])
    assert result.methods == ["dummy"] * 3
    np.testing.assert_array_equal(result.pictures, expected)


def test_another_name_is_no_method(dummy, encoded):
    with pytest.raises(ValueError, match=r"Expected `method` to be one of .*, dummy\. Received: 'dumb'"):
        complete([make_picture()], center_hole(), model=encoded, method="dumb")


def test_complete_images_has_it(dummy, expected, encoded_path):
    command = rebuilt("completion.cli", "complete_command")
    assert "|dummy]" in " ".join(run(command, "--help").output.split())
    model = [] if dummy == "classical" else ["--model", encoded_path]
    run(command, "in", "--method", "dummy", *model)
    assert [record["method"] for record in records("completed")] == ["dummy"] * 3
    np.testing.assert_array_equal([read(f"completed/{name}.png") for name in "abc"], expected)


def test_complete_images_knows_its_options(dummy):
    command = rebuilt("completion.cli", "complete_command")
    takes = {"search": {"--iterations", "--blend"}, "classical": set()}.get(dummy, {"--blend"})
    for option, value in (("--iterations", "2"), ("--blend", "none")):
        if option in takes:
            assert (
                "nowhere: expected a file" in run(command, "nowhere", "--method", "dummy", option, value, code=1).stderr
            )
        else:
            line = run(command, "in", "--method", "dummy", option, value, code=2).stderr.splitlines()[-1]
            assert line.startswith(f"Error: {option} goes with --method ")
            assert line.endswith("; received --method dummy.")
        assert run(command, "in", "--method", "telea", option, value, code=2).stderr.count("dummy") == (option in takes)


def test_complete_evaluate_has_it(dummy, expected, encoded_path):
    command = rebuilt("completion.evaluation.cli", "evaluate_command")
    assert EvaluationConfig(methods=("dummy",)).reference == "dummy"
    run(command, "in", "--method", "dummy", "--mask", "center", "--model", encoded_path)
    with np.load("evaluation/completed/center-dummy.npz") as file:
        np.testing.assert_array_equal(file["pictures"], expected)

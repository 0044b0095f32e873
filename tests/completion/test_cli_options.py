"""Which options of complete-images are refused, and its help."""

import re

import click
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.config import DEFAULT_METHOD, METHODS
from completion.mask_options import mask_options
from tests.completion.helpers import write_pictures

SEARCHES = ("latent", "yeh2017", "amos2016", "hmc")
ON_FACES = ("balanced", "fast", "best", *SEARCHES)
WITH_MODEL = (*ON_FACES, "auto")

#: The options that some methods have no use for, each with a value and the methods that it belongs to.
BELONGS = {
    "--model": ("faces-64", WITH_MODEL),
    "--blend": ("none", WITH_MODEL),
    "--framing": ("tight", WITH_MODEL),
    "--batch-size": ("4", SEARCHES),
    "--workers": ("2", tuple(name for name in METHODS if name not in SEARCHES)),
    "--device": ("cpu", WITH_MODEL),
    "--iterations": ("3", SEARCHES),
    "--learning-rate": ("0.1", SEARCHES),
    "--weighting": ("uniform", SEARCHES),
    "--perceptual-weight": ("1", SEARCHES),
    "--candidates": ("2", SEARCHES),
    "--keep": ("all", SEARCHES),
    "--gif": (None, SEARCHES),
    "--variations": ("2", ("balanced", *SEARCHES)),
}
#: Beside --variations the default method is a search.
WITH_VARIATIONS = ("--batch-size", "--iterations", "--learning-rate", "--weighting", "--perceptual-weight", "--gif")
PHOTOGRAPHS = {
    "--face-box": "1,2,30,40",
    "--landmarks-file": __file__,
    "--min-score": "0.5",
    "--beyond": "ns",
    "--no-grain": None,
}
GENERAL = {
    *("--method", "--seed", "--faces", "--aligned", "--output", "--recursive", "--skip-existing", "--overwrite"),
    *("--sheet", "--shard", "--quiet", "--format", "--provenance", "--no-provenance", "--max-megapixels"),
    *("--version", "-v", "--config", "--write-config"),
    *("--list", "--spread", "--no-spread", "--engine", "--ray-address", "--gpus-per-worker"),
}


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of one picture; the current folder is the one above."""
    monkeypatch.chdir(tmp_path)
    return write_pictures("in", ["a.png"])


@pytest.fixture
def refused(run, pictures, tmp_path):
    """Run the command with options that do not go together; return the one line that says so."""

    def refuse(*options):
        result = run.invoke(["in", *options], code=2)
        assert result.stdout == ""
        assert not (tmp_path / "completed").exists()
        usage, advice, empty, line = result.stderr.splitlines()
        assert usage.startswith("Usage: complete-images ")
        assert advice.startswith("Try 'complete-images ")
        assert empty == ""
        return line

    return refuse


@pytest.fixture
def accepted(run, pictures):
    """Run the command with options that go together; that its input is not there is what it complains of then."""

    def accept(*options):
        result = run.invoke(["nowhere", *options], code=1)
        assert result.stderr == "Error: nowhere: expected a file, a folder or a pattern, found nothing there\n"

    return accept


def given(option, value):
    return [option] if value is None else [option, value]


def spelled(params):
    return {spelling for param in params for spelling in (*param.opts, *param.secondary_opts)}


#: Options that do not go with an engine, and what is said.
ENGINES = {
    ("--ray-address", "auto"): "--ray-address goes with --engine ray; received --engine local.",
    ("--gpus-per-worker", "1"): "--gpus-per-worker goes with --engine ray; received --engine local.",
    ("--output", "s3://a/b"): "s3://a/b: URLs go with --engine ray; received --engine local.",
    ("--list", __file__): "INPUTS and --list exclude each other.",
    ("s3://a/b.png",): "Expected INPUTS that are all URLs or all paths.",
    ("--engine", "ray", "--sheet"): "--sheet and --engine ray exclude each other.",
    ("--engine", "ray", "--only-masks"): "--only-masks and --engine ray exclude each other.",
    ("--engine", "ray", "--device", "gpu"): "--device gpu with --engine ray needs --gpus-per-worker 1.",
}


@pytest.mark.parametrize("options", ENGINES)
def test_options_that_the_engine_has_no_use_for_are_refused(refused, options):
    assert refused(*options) == f"Error: {ENGINES[options]}"


def test_workers_of_a_cluster_go_with_every_method(accepted):
    for method in SEARCHES:
        accepted("--engine", "ray", "--workers", "2", "--method", method)


def test_every_option_is_in_one_of_the_tables():
    masks = spelled(mask_options(click.command()(lambda **options: None)).params)
    options = spelled(param for param in complete_command.params if isinstance(param, click.Option))
    assert options == {*BELONGS, *PHOTOGRAPHS, *GENERAL, *masks, "--grain"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("option", BELONGS)
def test_an_option_is_refused_where_the_method_has_no_use_for_it(refused, accepted, option, method):
    value, methods = BELONGS[option]
    options = ["--method", method, *given(option, value)]
    if method in methods:
        accepted(*options)
    else:
        expected = f"Error: {option} goes with --method {', '.join(methods)}; received --method {method}."
        assert refused(*options) == expected


@pytest.mark.parametrize("option", BELONGS)
def test_without_a_method_the_options_of_the_default_are_taken(refused, accepted, option):
    value, methods = BELONGS[option]
    if "balanced" in methods:
        accepted(*given(option, value))
    else:
        assert refused(*given(option, value)).endswith("; received --method balanced.")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("option", WITH_VARIATIONS)
def test_variations_of_the_default_method_are_a_search(refused, accepted, option, method):
    options = ["--method", method, "--variations", "2", *given(option, BELONGS[option][0])]
    if method in ("balanced", *SEARCHES):
        accepted(*options)
    else:
        line = refused(*options)
        assert line.endswith(f" goes with --method balanced, {', '.join(SEARCHES)}; received --method {method}.")


@pytest.mark.parametrize("option", ["--candidates", "--keep"])
def test_variations_say_how_many_candidates_there_are(refused, option):
    options = ["--variations", "2", *given(option, BELONGS[option][0])]
    assert refused("--method", "latent", *options) == f"Error: --variations and {option} exclude each other."
    assert refused(*options).endswith("; received --method balanced.")


@pytest.mark.parametrize("method", METHODS)
def test_photographs_need_a_method_for_faces(refused, accepted, method):
    options = ["--faces", "--method", method, "--rectangle", "1,2,3,4"]
    if method in ON_FACES:
        accepted(*options)
        for option, value in PHOTOGRAPHS.items():
            accepted(*options, *given(option, value))
    else:
        expected = f"Error: --faces goes with --method {', '.join(ON_FACES)}; received --method {method}."
        assert refused(*options) == expected


@pytest.mark.parametrize("option", [*PHOTOGRAPHS, "--faces"])
def test_options_of_photographs_go_with_them_alone(refused, option):
    options = given(option, PHOTOGRAPHS[option]) if option in PHOTOGRAPHS else [option]
    name = option.replace("--no-", "--")
    assert refused("--aligned", *options) == f"Error: {name} and --aligned exclude each other."
    line = refused("--method", "telea", *options)
    assert line == f"Error: {name} goes with --method {', '.join(ON_FACES)}; received --method telea."


@pytest.mark.parametrize("method", METHODS)
def test_block_means_need_a_model_for_every_picture(refused, accepted, method):
    options = ["--method", method, "--mask", "lowres"]
    if method in ON_FACES:
        accepted(*options)
    else:
        line = refused(*options)
        assert line.startswith("Error: --mask lowres goes with --method balanced, fast, best, latent, ")
        assert line.endswith(f"received --method {method}.")


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
        (["--mask-threshold", "0", "--mask-from-alpha"], "is not in the range"),
        (["--mask-threshold", "9"], "--mask-threshold goes with --mask-file, --mask-dir or --mask-from-alpha"),
        (["--mask-threshold", "9", "--mask", "left"], "--mask-threshold goes with --mask-file"),
        (["--fraction", "0.3"], "--fraction goes with --mask random"),
        (["--scale", "0.3", "--mask", "left"], "--scale goes with --mask center"),
        (["--scale", "0.3", "--mask-from-alpha"], "--scale goes with --mask center"),
        (["--mask-dir", "nowhere"], "does not exist"),
        (["--rectangle", "1,1,0,5"], "--rectangle: Expected `width` to be a whole number of at least 1"),
        (["--mask", "random", "--fraction", "2"], "Expected --fraction between 0 and 1. Received: --fraction 2.0"),
        (["--shard", "0/3"], "expected i/n with 1 <= i <= n"),
        (["--shard", "4/3"], "expected i/n with 1 <= i <= n"),
        (["--shard", "1"], "expected i/n with 1 <= i <= n"),
        (["--skip-existing", "--overwrite"], "--skip-existing and --overwrite exclude each other"),
        (["--scale", "2"], "Expected --scale greater than 0 and at most 1"),
        (["--iterations", "0"], "Expected --iterations from 1 to 1,000,000"),
        (["--candidates", "0"], "Expected --candidates from 1 to 1,000"),
        (["--learning-rate", "nan"], "Expected a positive --learning-rate. Received: --learning-rate nan"),
        (["--batch-size", "0"], "is not in the range"),
        (["--seed", "-1"], "is not in the range"),
        (["--mask", "lowres", "--blocks", "5"], "Expected --blocks to divide the model's size 16. Received: 5"),
        (["--keep", "some"], "is not one of 'best', 'all'"),
        (["--method", "magic"], "is not one of 'balanced', 'fast', 'best', 'latent'"),
        (["--unknown"], "No such option"),
    ],
)
def test_wrong_options(run, pictures, tmp_path, options, message):
    result = run("in", *options, code=2)
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "completed").exists()


def test_no_inputs():
    result = CliRunner().invoke(complete_command, [])
    assert result.exit_code == 2
    assert "Missing argument 'INPUTS...'" in result.stderr


def test_help_has_examples_and_the_defaults():
    text = CliRunner().invoke(complete_command, ["--help"]).output
    assert "complete-images --mask center input/*.png" in text
    assert "complete-images --mask-dir masks/ photos/" in text
    words = " ".join(text.split())
    about_method = re.search(r"--method \[([^]]*)\] (.*?) \[default: (\w+)\]", words)
    assert about_method[1].split("|") == list(METHODS)
    assert all(re.search(rf"\b{name}\b", about_method[2]) for name in METHODS)
    assert about_method[3] == DEFAULT_METHOD
    for option in complete_command.params:
        if option.param_type_name == "option":
            assert option.help, f"{option.opts[0]} has no help"

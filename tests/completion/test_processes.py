"""What needs a process of its own: imports, the other engine, signals."""

import importlib.util
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.completion.helpers import AVX512, CommandLine, contents, read, records, write_pictures

# Where the tests run as a shell's background job, their processes would inherit that SIGINT is ignored.
HEAR_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
COMMAND = f"{HEAR_SIGINT}; from completion.cli import complete_command; complete_command()"
HANGING_SECONDS = 900  # no limit on speed: a process that takes so long will not end by itself
NAMES = [f"{number:02}.png" for number in range(24)]


def python(code, *arguments, **environment):
    """Run some code and return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=HANGING_SECONDS,
    )


def imported_by(code):
    process = python(f"import sys\n{code}\nprint(*sorted(sys.modules))")
    assert process.returncode == 0, process.stderr
    return {name.partition(".")[0] for name in process.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "import completion; dir(completion)",
        "from completion import METHODS, EncoderConfig, EvaluationConfig, SearchConfig",
        "import completion.cli",
        "import completion.evaluation.cli",
        "import completion.encoder.cli",
        "from completion.folder.inputs import list_inputs; list_inputs([__import__('os').__file__])",
    ],
)
def test_imports_are_light(code):
    assert not imported_by(code) & {"numpy", "cv2", "scipy", "PIL", "keras", "tensorflow", "jax"}


@pytest.mark.parametrize(
    ("command", "home"),
    [
        ("complete-images", "completion.cli:complete"),
        ("complete-evaluate", "completion.evaluation.cli:evaluate"),
        ("dcgan-train-encoder", "completion.encoder.cli:train_encoder"),
    ],
)
def test_help_is_quick(command, home):
    """It takes a quarter of a second because it imports click and the standard library alone."""
    module, name = home.split(":")
    code = f"""
import sys
from pathlib import Path
before = set(sys.modules)
sys.argv = ["{command}", "--help"]
from {module} import {name}_command
try:
    {name}_command()
finally:
    print(*{{module.partition(".")[0] for module in set(sys.modules) - before}})
"""
    lines = python(code).stdout.splitlines()
    assert lines[0].startswith(f"Usage: {command}")
    assert set(lines[-1].split()) - sys.stdlib_module_names <= {"click", "completion", "dcgan", "masks"}


def test_a_method_without_a_model_imports_no_engine(tmp_path):
    write_pictures(tmp_path / "in", NAMES[:2])
    code = f"""
sys.argv = ["complete-images", "--method", "biharmonic", "--mask", "random", {str(tmp_path / "in")!r}]
sys.argv += ["--output", {str(tmp_path / "out")!r}, "--sheet"]
from completion.cli import complete_command
try:
    complete_command()
except SystemExit as stop:
    assert not stop.code
"""
    assert not imported_by(code) & {"keras", "tensorflow", "jax"}
    assert not imported_by("from completion import fill_classical, poisson_blend") & {"keras", "tensorflow", "jax"}
    assert [record["method"] for record in records(tmp_path / "out")] == ["biharmonic"] * 2


JAX = """
import sys
from pathlib import Path
import numpy as np
from completion import SearchConfig, complete
from completion.search.adam import LatentSearch
from completion.search.observation import Observations
from dcgan import load_model
from dcgan.autodiff import value_and_grad
import keras

assert keras.backend.backend() == "jax"
prior = load_model(sys.argv[1])
search = LatentSearch(prior, SearchConfig(perceptual_weight=0.1))
rng = np.random.default_rng(0)
known = np.ones((2, 16, 16), np.float32)
known[:, 4:12, 4:12] = 0
targets = search.generate(rng.uniform(-1, 1, (2, 8)).astype(np.float32))
data = search.objective.prepare(Observations(targets, known))
z = rng.uniform(-1, 1, (2, 8)).astype(np.float32)
gradient = np.asarray(value_and_grad(lambda z, *data: (search.losses(z, data), ()))(z, *data)[1])
step = 2e-3
for entry in range(8):
    shift = np.zeros_like(z)
    shift[:, entry] = step
    high, low = (np.asarray(search.losses(each, data)) for each in (z + shift, z - shift))
    np.testing.assert_allclose(gradient[:, entry], (high - low) / (2 * step), rtol=0.05, atol=1e-3)
np.save(sys.argv[2], gradient)

pictures = [rng.integers(0, 256, (20, 24, 3), np.uint8) for _ in range(3)]
mask = np.zeros((20, 24), bool)
mask[5:15, 6:18] = True
config = SearchConfig(sampler="hmc", iterations=12, candidates=2, hmc_samples=3, hmc_leapfrog_steps=3)
one, two = (complete(pictures, mask, model=prior, method=config, batch_size=4) for _ in range(2))
assert np.array_equal(one.latents, two.latents)
assert np.abs(one.latents).max() <= 1
assert all((result[~mask] == picture[~mask]).all() for result, picture in zip(one.pictures, pictures))
print("completed", len(one.pictures))
"""


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
def test_jax_has_the_same_gradient_and_completes(model_path, prior, tmp_path):
    engine = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    process = python(JAX, model_path, tmp_path / "gradient.npy", **engine)
    assert process.stdout == "completed 3\n", process.stderr
    from completion.config import SearchConfig
    from completion.search.adam import LatentSearch
    from completion.search.observation import Observations
    from dcgan.autodiff import value_and_grad

    search = LatentSearch(prior, SearchConfig(perceptual_weight=0.1))
    rng = np.random.default_rng(0)
    known = np.ones((2, 16, 16), np.float32)
    known[:, 4:12, 4:12] = 0
    targets = search.generate(rng.uniform(-1, 1, (2, 8)).astype(np.float32))
    data = search.objective.prepare(Observations(targets, known))
    latents = rng.uniform(-1, 1, (2, 8)).astype(np.float32)
    gradient = value_and_grad(lambda z, *data: (search.losses(z, data), ()))(latents, *data)[1]
    np.testing.assert_allclose(np.load(tmp_path / "gradient.npy"), np.asarray(gradient), rtol=1e-3, atol=1e-5)


STOPPED_MIDWAY = f"""
import os, signal, sys
from pathlib import Path
sent, out = getattr(signal, sys.argv.pop(1)), Path(sys.argv.pop(1))


def stop(event, arguments):
    if event == "os.rename" and Path(arguments[1]).parent == out and len(list(out.glob("*.png"))) == 5:
        os.kill(os.getpid(), sent)


sys.addaudithook(stop)
{COMMAND}
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize(
    "sent", ["SIGKILL", "SIGTERM", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("SIGINT", "SIGHUP"))]
)
def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(model_path, tmp_path, sent):
    """Five outputs stand, the sixth is about to get its name, and so is a batch under way."""
    write_pictures(tmp_path / "in", NAMES)
    options = [tmp_path / "in", "--batch-size", "4", "--method", "latent", "--iterations", "150", "--model", model_path]
    run, out = CommandLine(model_path), tmp_path / "out"
    process = python(STOPPED_MIDWAY, sent, out, *options, "--output", out)
    assert process.stdout == ""
    endings = {"SIGINT": (130, "Interrupted"), "SIGTERM": (143, "Ended by SIGTERM"), "SIGHUP": (129, "Ended by SIGHUP")}
    if sent in endings:
        code, what = endings[sent]
        message = f"{what}; with --skip-existing the same command resumes.\n"
        assert (process.returncode, process.stderr) == (code, message)
        assert not list(out.glob(".*.tmp"))
    else:
        assert process.returncode == -signal.SIGKILL
        assert len(list(out.glob(".*.tmp"))) == 1
    done = contents(out)
    assert sorted(done) == NAMES[:5]
    for name in done:
        assert read(out / name).shape == (16, 16, 3)
    (out / ".23.png.0123456789abcdef.tmp").write_bytes(b"what a killed run may leave")
    result = run(*options, "--output", out, "--skip-existing")
    assert result.stdout == f"{len(NAMES) - len(done)} completed, {len(done)} existing: {out}\n"
    run(*options, "--output", tmp_path / "whole")
    whole = contents(tmp_path / "whole")
    assert sorted(contents(out)) == sorted(whole)
    # Without AVX-512 a search depends on its place in the batch by rounding: see docs/benchmarks.md and test_adam.py.
    differing = [name for name, content in contents(out).items() if content != whole[name]]
    assert not (AVX512 and differing)
    for name in differing:
        assert abs(read(out / name).astype(int) - read(tmp_path / "whole" / name)).max() <= 1
    assert not list(out.glob(".*.tmp"))
    assert {record["input"] for record in records(out)} >= {str(tmp_path / "in" / name) for name in NAMES[len(done) :]}


def shell(redirection, folder):
    """Complete FOLDER/in to FOLDER/out by interpolation, with a redirection of bash; return the exit code."""
    command = [
        sys.executable,
        "-c",
        COMMAND,
        str(folder / "in"),
        "--method",
        "harmonic",
        "--output",
        str(folder / "out"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["bash", "-c", f"{shlex.join(command)} {redirection}"], env=environment, check=False, capture_output=True
    ).returncode


posix_shell = pytest.mark.skipif(not shutil.which("bash") or not os.path.exists("/dev/full"), reason="needs bash")


@posix_shell
@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 74), (">&- 2>&- <&-", 74), (">/dev/full", 74), ("2>&-", 0), ("2>/dev/full", 0), (">/dev/null 2>&1", 0)],
)
def test_what_cannot_be_said_does_not_stop_the_work(tmp_path, redirection, code):
    """Nothing is said on stderr here; the summary on stdout is lost, and the exit code tells it."""
    write_pictures(tmp_path / "in", NAMES[:3])
    assert shell(redirection, tmp_path) == code
    assert len(contents(tmp_path / "out")) == len(records(tmp_path / "out")) == 3


@posix_shell
@pytest.mark.parametrize("redirection", ["2>&1 | head -1; exit ${PIPESTATUS[0]}", "2>&-", "2>/dev/full"])
def test_a_reader_that_goes_away_does_not_stop_the_work(tmp_path, redirection):
    """There are more failures to tell than a pipe holds; that pictures have failed is the exit code."""
    write_pictures(tmp_path / "in", NAMES[:3])
    for number in range(400):
        (tmp_path / "in" / f"bad{number:03}{200 * 'x'}.png").write_bytes(b"no picture")
    assert shell(redirection, tmp_path) == 1
    assert len(contents(tmp_path / "out")) == 3
    assert len(records(tmp_path / "out")) == 403


def test_names_are_printed_on_one_line_without_escapes(tmp_path, run):
    name = "a\x1b[31m\nb.png"
    (tmp_path / name).write_bytes(b"no picture")
    result = run(tmp_path / name, "--method", "telea", "--output", tmp_path / "out", code=1)
    assert r"a\x1b[31m\nb.png: expected a picture" in result.stderr
    assert len(result.stderr.splitlines()) == 1

"""What becomes of a device that runs out of memory; the engines' own exceptions are raised by stand-ins."""

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from completion.cli import complete_command
from completion.config import SearchConfig
from completion.search.answer import Answers
from completion.search.finder import Finder
from completion.search.observation import Observation
from completion.search.search_solver import SearchSolver
from dcgan.errors import EngineError, FallbackWarning, RunError
from dcgan.out_of_memory import RowLimit, is_out_of_memory, training_memory
from dcgan.training.train import train
from tests.completion.helpers import make_prior, write_pictures
from tests.dcgan.helpers import RUN, SETTINGS, TOY, cached, make_pictures

TENSORFLOW = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[64,128,32,32]")
ARENA = "BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of size 8388608000"
TOLD = "suffice for {} pictures at a time: goes on with {}"


def error_of_jax(text):
    jax = pytest.importorskip("jax", reason="the exception is JAX's")
    return jax.errors.JaxRuntimeError(text)


@pytest.mark.parametrize(
    "error",
    [
        TENSORFLOW,
        tf.errors.InternalError(None, None, "CUDNN_STATUS_ALLOC_FAILED in cudnnCreate"),
        tf.errors.InternalError(None, None, "failed to allocate 2.00G: CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        RuntimeException(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Status Message: {ARENA}"),
        Fail("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0"),
        Fail("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"),
        Fail("CUDNN failure 5003: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ; GPU=0"),
        RuntimeError("RESOURCE_EXHAUSTED: what Keras makes of an error whose type it cannot make again"),
    ],
)
def test_errors_that_say_so(error):
    assert is_out_of_memory(error)


def test_errors_of_jax_that_say_so():
    for text in ("Out of memory while trying to allocate 4770354232 bytes.", "Failed to allocate request for 2.99GiB"):
        assert is_out_of_memory(error_of_jax(f"RESOURCE_EXHAUSTED: {text}"))
    assert not is_out_of_memory(error_of_jax("INVALID_ARGUMENT: Executable expected shape 3"))


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.InvalidArgumentError(None, None, "Incompatible shapes"),
        Fail("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 35: driver version is insufficient"),
        OSError("out of memory"),
        EngineError("the model does not start on the GPU (out of memory)"),
        ValueError("out of memory"),
    ],
)
def test_errors_that_say_something_else(error):
    assert not is_out_of_memory(error)


def test_a_limit_is_halved_to_rows_that_a_search_may_have():
    limit = RowLimit()

    def fail():
        raise TENSORFLOW

    for rows, half in ((88, 40), (40, 16), (16, 8), (8, 4), (4, 2), (2, 1)):
        assert limit.of(88) == rows
        with pytest.warns(FallbackWarning, match=TOLD.format(rows, half)):
            assert limit.attempt(fail, rows) is None
    with pytest.raises(EngineError, match=r"even for one picture at a time.*--device cpu") as ended:
        limit.attempt(fail, 1)
    assert ended.value.__cause__ is TENSORFLOW
    with pytest.raises(ZeroDivisionError):
        limit.attempt(lambda: 1 // 0, 8)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return make_prior(tmp_path_factory.mktemp("models"))


@pytest.fixture
def small_memory(monkeypatch):
    """Searches that raise an engine's error where a call has more rows than the memory takes; the rows of each call."""
    real, calls = SearchSolver.solve, []

    def set_memory(most, error):
        def solve(self, observations, **options):
            calls.append(len(observations.targets))
            if calls[-1] > most:
                raise error
            return real(self, observations, **options)

        monkeypatch.setattr(SearchSolver, "solve", solve)
        return calls

    return set_memory


def test_a_search_goes_on_with_half_of_the_rows(toy, small_memory):
    rng = np.random.default_rng(0)
    targets = rng.uniform(-1, 1, (7, 16, 16, 3)).astype(np.float32)
    observations = [Observation(target, np.ones((16, 16), np.float32)) for target in targets]
    finder = Finder(toy[1], SearchConfig(iterations=2))
    whole = finder.find(observations, rows=8)
    calls = small_memory(2, TENSORFLOW)
    with pytest.warns(FallbackWarning) as told:
        parts = finder.find(observations, rows=8)
    assert calls == [8, 4, 2, 2, 2, 2]
    assert [str(each.message).partition("suffice")[2] for each in told] == [
        f" {line}" for line in (TOLD.format(8, 4)[8:], TOLD.format(4, 2)[8:])
    ]
    np.testing.assert_allclose(parts.generated, whole.generated, atol=1e-3)
    assert isinstance(parts, Answers)
    assert len(parts.latents) == 7
    calls.clear()
    finder.find(observations, rows=8)
    assert calls == [2, 2, 2, 2]  # the smaller batch stays


def test_a_folder_is_completed_in_smaller_batches(toy, small_memory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures("faces", [f"{number}.png" for number in range(4)])
    calls = small_memory(1, error_of_jax("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes."))
    arguments = ["--model", str(toy[0]), "--method", "latent", "--iterations", "2", "--mask", "center", "faces"]
    done = CliRunner().invoke(complete_command, [*arguments, "--gif"])
    assert done.exit_code == 0, done.output
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: the memory of the device")]
    assert [note.split("suffice ")[1] for note in notes] == [
        "for 4 pictures at a time: goes on with 2",
        "for 2 pictures at a time: goes on with 1",
    ]
    assert calls == [4, 2, 1, 1, 1, 1]
    assert len(list((tmp_path / "completed").glob("*.png"))) == 4
    assert (tmp_path / "completed" / "search.gif").is_file() or list((tmp_path / "completed").glob("*.gif"))

    small_memory(0, TENSORFLOW)
    done = CliRunner().invoke(complete_command, [*arguments, "--output", "none", "--quiet"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "Error: the memory of the device does not suffice even for one picture" in done.stderr
    assert not list((tmp_path / "none").glob("*.png"))


def test_a_training_says_what_to_do_and_keeps_its_checkpoint(tmp_path, monkeypatch):
    data = cached(make_pictures(40))
    folder = tmp_path / "run"
    options = {"model": TOY, "settings": SETTINGS, "run": RUN, "progress": False}
    monkeypatch.setattr("dcgan.training.callbacks.Checkpoints.on_epoch_end", _ends_after_a_checkpoint)
    with pytest.raises(RunError, match=r"batches of 8 pictures\. The run folder is whole\. .*smaller --batch-size"):
        train(data, folder, **options)
    monkeypatch.undo()
    lines: list[str] = []
    train(data, folder, **options, report=lines.append)
    assert lines[0].startswith("going on from step ")


def _ends_after_a_checkpoint(self, epoch, logs=None):
    """Write a checkpoint, and then run out of memory."""
    from dcgan.training.checkpoint import save_checkpoint

    save_checkpoint(self.path, self.model, step=self.counter.step_after(epoch))
    raise TENSORFLOW


def test_other_errors_of_a_training_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), training_memory(8):
        raise ZeroDivisionError

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

import dcgan.device
import dcgan.inference
from completion.cli import complete_command
from completion.completer import complete
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from completion.evaluation.run import evaluate
from completion.evaluation.config import EvaluationConfig
from completion.folder.run import FolderSummary
from completion.web.cli import web_command
from completion.web.service import Service
from dcgan.cli import train_command
from dcgan.samples.cli import sample_command
from dcgan.device import CUDA, Device, find_device
from dcgan.engine_device import engine_device, steer_engine
from dcgan.errors import EngineError, FallbackWarning, OptionError
from dcgan.inference import GeneratorNetwork
from dcgan.model_file import load_model
from dcgan.onnx_runtime import load_libraries
from dcgan.pictures.saving import save_picture
from dcgan.sampling import draw_latents, sample

ROOT = Path(__file__).parent.parent
FACE = ROOT / "examples" / "hopper.png"
OUT_OF_MEMORY = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. Status "
    "Message: void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate "
    "memory for requested buffer of size 2830172160"
)
MISSING = "CUDA, cuDNN or a driver is missing"


class Session:
    """ONNX Runtime's session for the processor, which says that it has the providers that it was asked for."""

    asked: ClassVar[list[list[str]]] = []
    silently_on_cpu = False
    refuses = ""  # what a session with CUDA raises
    gpus = 1
    rows_max = 0  # of a call on a GPU that its memory takes; 0: any
    calls: ClassVar[list[int]] = []

    def __init__(self, graph, options, *, providers, enable_fallback):
        names = [each if isinstance(each, str) else each[0] for each in providers]
        type(self).asked.append(names)
        assert not enable_fallback  # ONNX Runtime would print on stdout that it goes to the processor
        if self.refuses and CUDA in names:
            raise RuntimeError(self.refuses + "\nmore lines")
        if CUDA in names and int(providers[0][1]["device_id"]) >= self.gpus:
            raise RuntimeError("CUDA failure 101: invalid device ordinal ; GPU=1")
        self._names = names[-1:] if self.silently_on_cpu else names
        self._session = REAL(graph, options, providers=names[-1:])

    def get_providers(self):
        return self._names

    def run(self, outputs, inputs):
        (rows,) = {len(values) for values in inputs.values()}
        type(self).calls.append(rows)
        if CUDA in self._names and self.rows_max and rows > self.rows_max:
            raise RuntimeException(OUT_OF_MEMORY)
        return self._session.run(outputs, inputs)


REAL = onnxruntime.InferenceSession


@pytest.fixture
def gpu(monkeypatch):
    """An ONNX Runtime that offers CUDA; the class of its sessions."""
    session = type("FakeSession", (Session,), {"asked": [], "calls": []})
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    dcgan.device._failure_of_gpu.cache_clear()
    yield session
    dcgan.device._failure_of_gpu.cache_clear()


@pytest.fixture
def no_gpu(monkeypatch):
    providers = ["AzureExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)


@pytest.fixture
def face(tmp_path):
    path = tmp_path / "face.png"
    save_picture(path, np.full((64, 64, 3), 128, np.uint8))
    return path


def run(command, *arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def settings_in(folder):
    return json.loads((folder / "manifest.jsonl").read_text().splitlines()[0])["settings"]


def test_without_a_gpu(no_gpu):
    assert find_device() == find_device("auto") == find_device("cpu") == Device("cpu", "")
    for name in ("gpu", "gpu:1"):
        with pytest.raises(OptionError, match=rf"available: cpu\. Received: '{name}'.*onnxruntime-gpu"):
            find_device(name)


@pytest.mark.parametrize("name", ["tpu", "gpu:", "gpu:-1", "gpu:1.5", "gpu:100", "gpu:01", "cpu:1", "", "GPU"])
def test_an_unknown_device(name):
    with pytest.raises(OptionError, match=rf"one of auto, cpu, gpu, gpu:N\. Received: '{name}'"):
        find_device(name)


def test_one_of_two_gpus(gpu):
    with pytest.raises(OptionError, match=r"available: cpu, gpu\. Received: 'gpu:1'; the GPU 1 does not .*ordinal"):
        find_device("gpu:1")
    gpu.gpus = 2
    dcgan.device._failure_of_gpu.cache_clear()
    assert find_device("gpu:1") == Device("gpu:1")
    assert find_device("gpu:0") == find_device() == Device("gpu")
    assert dcgan.device.providers_of("gpu:1")[0][1]["device_id"] == "1"


def test_a_gpu_that_computes(gpu):
    assert find_device() == find_device("gpu") == Device("gpu")
    assert find_device("cpu") == Device("cpu")
    assert len(gpu.asked) == 1  # tried once


@pytest.mark.parametrize(
    ("attributes", "said"), [({"silently_on_cpu": True}, MISSING), ({"refuses": "CUDA failure 35"}, "CUDA failure 35;")]
)
def test_a_gpu_that_does_not_start(gpu, attributes, said):
    for name, value in attributes.items():
        setattr(gpu, name, value)
    found = find_device()
    assert found.name == "cpu"
    assert said in found.note
    assert "\n" not in found.note
    assert found.note.endswith("the processor is used")
    with pytest.raises(OptionError, match="available: cpu") as refused:
        find_device("gpu")
    assert said.rstrip(";") in str(refused.value)


def test_sampling_asks_the_gpu(gpu):
    prior = load_model("faces-64")
    on_gpu = sample(prior, 2)
    assert gpu.asked[-1] == [CUDA, "CPUExecutionProvider"]
    assert np.array_equal(sample(prior, 2, device="cpu"), on_gpu)  # the stand-in computes on the processor
    assert gpu.asked[-1] == ["CPUExecutionProvider"]


def test_a_gpu_gets_few_numbers_of_rows():
    rounded = [dcgan.inference._rounded_up(count) for count in range(1, 513)]
    assert all(count <= rows for count, rows in enumerate(rounded, start=1))
    assert (len(set(rounded)), max(rounded)) == (21, 512)


def test_libraries_are_loaded_and_nothing_is_said(capfd):
    def preload_dlls():
        print("Failed to load libcudnn.so.9")
        raise RuntimeError("no folder")

    load_libraries(types.SimpleNamespace(preload_dlls=preload_dlls))
    load_libraries(types.SimpleNamespace())  # ONNX Runtime before 1.21
    load_libraries(onnxruntime)
    assert capfd.readouterr() == ("", "")


def test_a_model_that_the_gpu_does_not_take(gpu):
    gpu.refuses = "out of memory"
    network = GeneratorNetwork(load_model("faces-64"), device="gpu")
    with pytest.raises(EngineError, match=r"on the GPU \(out of memory\); --device cpu"):
        network(draw_latents(1, 100))


def test_samples_in_batches_that_the_memory_takes(gpu, tmp_path):
    gpu.rows_max = 3
    prior = load_model("faces-64")
    with pytest.warns(FallbackWarning) as told:
        pictures = sample(prior, 10)
    assert [str(each.message).split("suffice ")[1] for each in told] == [
        "for 10 pictures at a time: goes on with 5",
        "for 5 pictures at a time: goes on with 2",
    ]
    assert gpu.calls[-7:] == [16, 8, 2, 2, 2, 2, 2]  # powers of two
    assert np.abs(pictures.astype(int) - sample(prior, 10, device="cpu")).max() <= 1

    gpu.rows_max, arguments = 2, ("--count", 4, "--output", tmp_path / "four.png")
    told = run(sample_command, *arguments)
    assert told.exit_code == 0, told.output
    assert "note: the memory of the device does not suffice for 4 pictures at a time: goes on with 2\n" in told.stderr
    assert run(sample_command, *arguments, "--overwrite", "--quiet").stderr == ""
    gpu.rows_max = 0.5
    told = run(sample_command, *arguments, "--overwrite", "--quiet")
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "even for one picture at a time" in told.stderr


@pytest.mark.parametrize(("method", "calls"), [("fast", [8]), ("best", 10 * [8])])
def test_a_gpus_answers_come_in_batches_and_are_the_processors(gpu, method, calls):
    pictures = [np.full((64, 64, 3), 20 * index, np.uint8) for index in range(6)]
    mask = np.zeros((64, 64), bool)
    mask[30:36, 30:36] = True
    prior = load_model("faces-64")
    on_cpu = complete(pictures, mask, method=method, device="cpu", framing="tight", model=prior).pictures
    gpu.calls.clear()
    on_gpu = complete(pictures, mask, method=method, device="gpu", framing="tight", model=prior).pictures
    assert [each for each in gpu.calls if each > 1] == calls
    for one, other in zip(on_cpu, on_gpu, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize(("device", "used"), [("auto", "gpu"), ("gpu", "gpu"), ("cpu", "cpu")])
def test_complete_images_says_the_device(gpu, face, tmp_path, device, used):
    output = tmp_path / "out"
    result = run(complete_command, "--device", device, "--mask", "center", "--output", output, face)
    assert result.exit_code == 0, result.output
    assert ("device: gpu\n" in result.stderr) == (used == "gpu")
    assert settings_in(output)["device"] == used
    assert any(asked[0].startswith("CUDA") for asked in gpu.asked) == (used == "gpu")


def test_complete_images_falls_back_and_says_so(gpu, face, tmp_path):
    gpu.silently_on_cpu = True
    result = run(complete_command, "--mask", "center", "--output", tmp_path / "out", face)
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if MISSING in line and line.startswith("device: ")]
    assert settings_in(tmp_path / "out")["device"] == "cpu"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (complete_command, ("--mask", "center", "face.png", "--output", "out")),
        (complete_command, ("--mask", "center", "--method", "latent", "face.png", "--output", "out")),
        (complete_command, ("--mask", "center", "--variations", "2", "face.png", "--output", "out")),
        (sample_command, ("--output", "out.png")),
        (evaluate_command, (".", "--output", "out")),
        (evaluate_command, (".", "--method", "latent", "--output", "out")),
        (web_command, ("--no-browser",)),
        (train_command, ("--dataset", ".", "--run-dir", "out")),
        (train_encoder_command, ("--dataset", ".", "--run-dir", "out")),
    ],
)
def test_a_command_refuses_a_gpu_that_is_not_there(no_gpu, face, tmp_path, monkeypatch, command, arguments):
    monkeypatch.chdir(tmp_path)
    result = run(command, "--device", "gpu:1", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[-1].startswith("Error: Expected --device to be one that is available: cpu. Recei")
    assert "'gpu:1'; " in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.png"]


def test_a_folder_goes_on_with_another_device(gpu, face, tmp_path):
    arguments = ("--mask", "center", "--output", tmp_path / "out")
    assert run(complete_command, *arguments, face).exit_code == 0
    save_picture(tmp_path / "other.png", np.full((64, 64, 3), 99, np.uint8))
    result = run(complete_command, *arguments, "--device", "cpu", "--skip-existing", face, tmp_path / "other.png")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert [line["settings"]["device"] for line in lines if "settings" in line] == ["gpu", "cpu"]


def test_complete_from_python(gpu):
    picture = np.full((64, 64, 3), 128, np.uint8)
    complete(picture, "center", device="gpu")
    assert CUDA in [asked[0] for asked in gpu.asked]
    gpu.silently_on_cpu = True
    dcgan.device._failure_of_gpu.cache_clear()
    with pytest.warns(FallbackWarning, match=MISSING):
        complete(picture, "center", method="fast")


def test_sample_command_says_the_device(gpu, tmp_path):
    result = run(sample_command, "--count", 1, "--output", tmp_path / "one.png")
    assert result.exit_code == 0
    assert result.stderr == "device: gpu\n"


def test_an_evaluation_reports_its_device(gpu, tmp_path):
    for index in range(2):
        (tmp_path / "faces").mkdir(exist_ok=True)
        save_picture(tmp_path / "faces" / f"{index}.png", np.full((64, 64, 3), 90 * index, np.uint8))
    notes: list[str] = []
    config = EvaluationConfig(count=2, masks=("center",), methods=("fast",), resamples=2)
    summary = evaluate(tmp_path / "faces", config, output=tmp_path / "out", on_note=notes.append)
    assert summary["options"]["device"] == "gpu"
    assert "device: gpu" in notes
    assert "device: gpu" in (tmp_path / "out" / "report.md").read_text()


class Tensorflow:
    """What of TensorFlow says and chooses devices."""

    def __init__(self, gpus, *, started=False):
        self.gpus, self.visible, self.started, self.growing = gpus, list(gpus), started, []
        self.config = self.experimental = self

    def list_physical_devices(self, kind):
        return self.gpus

    def get_visible_devices(self, kind):
        return self.visible

    def set_visible_devices(self, devices, kind):
        if self.started and devices != self.visible:
            raise RuntimeError("Visible devices cannot be modified after being initialized")
        self.visible = devices

    def get_memory_growth(self, device):
        return device in self.growing

    def set_memory_growth(self, device, on):
        self.growing.append(device)


def keras_runs_on(monkeypatch, name, module):
    monkeypatch.setattr("dcgan.engine_device._engine", lambda: name)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_tensorflow_is_steered(monkeypatch):
    tensorflow = keras_runs_on(monkeypatch, "tensorflow", Tensorflow(["a", "b"]))
    assert engine_device() == Device("gpu")
    steer_engine("auto")
    assert (tensorflow.visible, tensorflow.growing) == (["a", "b"], [])
    with pytest.raises(OptionError, match=r"available: cpu, gpu, gpu:1\. Received: 'gpu:2'; TensorFlow finds 2 GPUs"):
        steer_engine("gpu:2")
    steer_engine("gpu:1")
    assert (tensorflow.visible, tensorflow.growing, engine_device().name) == (["b"], ["b"], "gpu:1")
    steer_engine("cpu")
    assert (tensorflow.visible, engine_device().name) == ([], "cpu")
    tensorflow.started = True
    steer_engine("cpu")
    with pytest.raises(OptionError, match=r"first time\. Received: 'gpu'; it computes on cpu already"):
        steer_engine("gpu")


class Jax:
    """What of JAX says and chooses devices."""

    class Gpu(NamedTuple):
        local_hardware_id: int
        platform: str = "gpu"

    def __init__(self, count):
        self.count, self.config, self.settings, self.jax_default_device = count, self, {}, None

    def update(self, name, value):
        self.settings[name] = value
        if name == "jax_default_device":
            self.jax_default_device = value

    def devices(self, kind=None):
        gpus = [self.Gpu(number) for number in range(self.count)]
        seen = self.settings.get("jax_cuda_visible_devices", "all")
        gpus = [each for each in gpus if seen in ("all", str(each.local_hardware_id))]
        if kind == "gpu" and not gpus:
            raise RuntimeError("Unknown backend: 'gpu' requested\nmore")
        return [self.Gpu(0, "cpu")] if kind == "cpu" else gpus


def test_jax_is_steered(monkeypatch):
    jax = keras_runs_on(monkeypatch, "jax", Jax(2))
    steer_engine("auto")
    assert (jax.settings, engine_device()) == ({}, Device("gpu"))
    steer_engine("gpu:1")
    assert (len(jax.devices("gpu")), engine_device()) == (1, Device("gpu:1"))
    with pytest.raises(OptionError, match=r"available\. Received: 'gpu:2'; JAX finds no such GPU here \(Unknown "):
        steer_engine("gpu:2")
    steer_engine("cpu")
    assert (jax.settings["jax_platforms"], engine_device()) == ("cpu", Device("cpu"))


def test_a_search_says_the_device_of_keras(monkeypatch, face, tmp_path):
    steered = []
    monkeypatch.setattr("dcgan.engine_device.steer_engine", steered.append)
    monkeypatch.setattr("dcgan.engine_device.engine_device", lambda: Device("gpu:1"))
    monkeypatch.setattr("completion.folder.launch.complete_folder", lambda *args, **kwargs: FolderSummary(1, 0, 0, 0))
    arguments = ("--method", "latent", "--device", "gpu:1", "--mask", "center", "--output", tmp_path / "out", face)
    result = run(complete_command, *arguments)
    assert (result.exit_code, result.stderr, steered) == (0, "device: gpu:1\n", ["gpu:1"])


def test_the_page_computes_on_the_device(gpu, tmp_path):
    service = Service(tmp_path, model="faces-64", device="gpu")
    assert service.device == Device("gpu")
    service.draw(3, seed=0, truncation=1.0, way=0.0)
    assert gpu.asked[-1][0] == CUDA


def test_a_refusal_of_tensorflow_is_told_in_one_line(tmp_path):
    """TensorFlow's own notices about missing drivers are not printed with it."""
    code = "from completion.cli import complete_command as command; command()"
    arguments = ["--method", "latent", "--device", "gpu:7", "--mask", "center", "--output", "out", str(FACE)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert (len(lines), lines[0][:6]) == (4, "Usage:"), done.stderr
    assert "Received: 'gpu:7'; TensorFlow finds " in lines[-1]
    assert not list(tmp_path.iterdir())

import json
from typing import ClassVar

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

import dcgan.device
from completion.cli import complete_command
from completion.completer import complete
from completion.evaluation.run import evaluate
from completion.evaluation.config import EvaluationConfig
from dcgan.samples.cli import sample_command
from dcgan.device import CUDA, Device, find_device
from dcgan.errors import EngineError, FallbackWarning, OptionError
from dcgan.inference import GeneratorNetwork
from dcgan.model_file import load_model
from dcgan.pictures.saving import save_picture
from dcgan.sampling import draw_latents, sample

MISSING = "CUDA, cuDNN or a driver is missing"


class Session:
    """ONNX Runtime's session for the processor, which says that it has the providers that it was asked for."""

    asked: ClassVar[list[list[str]]] = []
    silently_on_cpu = False
    refuses = ""  # what a session with CUDA raises

    def __init__(self, graph, options, *, providers):
        names = [each if isinstance(each, str) else each[0] for each in providers]
        type(self).asked.append(names)
        if self.refuses and CUDA in names:
            raise RuntimeError(self.refuses + "\nmore lines")
        self._names = names[-1:] if self.silently_on_cpu else names
        self._session = REAL(graph, options, providers=names[-1:])

    def get_providers(self):
        return self._names

    def run(self, outputs, inputs):
        return self._session.run(outputs, inputs)


REAL = onnxruntime.InferenceSession


@pytest.fixture
def gpu(monkeypatch):
    """An ONNX Runtime that offers CUDA; the class of its sessions."""
    session = type("FakeSession", (Session,), {"asked": []})
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
    with pytest.raises(OptionError, match=r"available: cpu\. Received: 'gpu'.*onnxruntime-gpu"):
        find_device("gpu")


def test_an_unknown_device():
    with pytest.raises(OptionError, match=r"one of auto, cpu, gpu\. Received: 'tpu'"):
        find_device("tpu")


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


def test_a_model_that_the_gpu_does_not_take(gpu):
    gpu.refuses = "out of memory"
    network = GeneratorNetwork(load_model("faces-64"), device="gpu")
    with pytest.raises(EngineError, match=r"on the GPU \(out of memory\); --device cpu"):
        network(draw_latents(1, 100))


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
    ("command", "arguments"), [(complete_command, ("--mask", "center", "face.png")), (sample_command, ())]
)
def test_a_command_refuses_a_gpu_that_is_not_there(no_gpu, face, tmp_path, monkeypatch, command, arguments):
    monkeypatch.chdir(tmp_path)
    result = run(command, "--device", "gpu", "--output", "out.png", *arguments)
    assert result.exit_code == 2
    assert "available: cpu" in result.stderr
    assert not (tmp_path / "out.png").exists()


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

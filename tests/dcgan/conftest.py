import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import pytest

from dcgan.config import ModelConfig
from tests.dcgan.helpers import RUN, SETTINGS, TOY, cached, make_pictures


@pytest.fixture(scope="session")
def toy() -> ModelConfig:
    return TOY


@pytest.fixture(scope="session")
def data():
    return cached(make_pictures(40))


@pytest.fixture(scope="session")
def finished(tmp_path_factory, data):
    """Train the toy once, unbroken; return its folder and what was reported."""
    from dcgan.training.train import train

    folder, lines = tmp_path_factory.mktemp("runs") / "unbroken", []
    train(
        data,
        folder,
        model=TOY,
        settings=SETTINGS,
        run=RUN,
        dataset_names=["toy"],
        report=lines.append,
        progress=False,
    )
    return folder, lines


@pytest.fixture(scope="session")
def model_path(finished):
    return finished[0] / "model.safetensors"


@pytest.fixture(scope="session")
def prior(model_path):
    from dcgan.model_file import load_model

    return load_model(model_path)


@pytest.fixture(scope="session")
def jax_results(tmp_path_factory):
    """Run jax_script.py once; return its figures."""
    script = Path(__file__).with_name("jax_script.py")
    env = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # nearly all of the time is compilation
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    command = [sys.executable, str(script), str(tmp_path_factory.mktemp("jax"))]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])

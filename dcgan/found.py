"""What `--version -v` says: the engines that are installed, the devices that each sees, and the rest of this place.

Each engine is imported in a process of its own, all at the same time, so that one that is broken, or that takes a GPU's
memory, harms nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

from dcgan.cores import available_cores

__all__ = ["describe_found"]

SECONDS_MAX = 120  # for an engine to start
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "ORT_DISABLE_TELEMETRY": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

#: What each engine is asked; it prints a list of the devices that it sees, and one of its providers.
QUESTIONS = {
    "onnxruntime": """
import onnxruntime
from dcgan.device import find_device
found = find_device()
print(json.dumps([[found.name + (f" ({found.note})" if found.note else "")], onnxruntime.get_available_providers()]))
""",
    "tensorflow": """
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
names = [tf.config.experimental.get_device_details(gpu).get("device_name", "?") for gpu in gpus]
print(json.dumps([["cpu", *[f"gpu:{n} ({name})" for n, name in enumerate(names)]], []]))
""",
    "jax": """
import jax
devices = jax.devices()
kinds = [f"{device.platform}:{device.id} ({device.device_kind})" for device in devices if device.platform != "cpu"]
print(json.dumps([["cpu", *kinds], []]))
""",
}
TITLES = {"onnxruntime": "ONNX Runtime", "tensorflow": "TensorFlow", "jax": "JAX"}


def describe_found() -> list[str]:
    """Return lines about Python, the engines with their devices, the precision, and the models that are bundled.

    Imports no engine in this process. Takes as long as the slowest of them starts.
    """
    from dcgan.model_tensors import FORMAT_VERSION, bundled_models

    asked = {name: _ask(name) for name in QUESTIONS}
    lines = [
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {available_cores()} cores",
        f"model format {FORMAT_VERSION}; bundled models: {', '.join(sorted(bundled_models())) or 'none'}",
    ]
    answers = {name: _answer(name, process) for name, process in asked.items()}
    lines += [f"{TITLES[name]} {answer}" for name, answer in answers.items()]
    lines.append(_keras())
    lines.append(
        "encoder's answers and samples: ONNX Runtime, float32"
        if answers["onnxruntime"] != "not installed"
        else "encoder's answers and samples: Keras in place of ONNX Runtime, float32"
    )
    lines.append("searches: Keras, float32; training: Keras, float32 or --precision mixed_bfloat16")
    return lines


def _ask(name: str) -> subprocess.Popen[str] | None:
    """Start a process that imports an engine; None where it is not installed."""
    if importlib.util.find_spec(name) is None:
        return None
    return subprocess.Popen(
        [sys.executable, "-c", f"import json, sys; sys.path[:] = {sys.path!r}{QUESTIONS[name]}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **QUIET},
    )


def _answer(name: str, process: subprocess.Popen[str] | None) -> str:
    """Return what is said of an engine."""
    if process is None:
        return "not installed"
    try:
        told, errors = process.communicate(timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"{_version(name)}: does not start within {SECONDS_MAX} seconds"
    if process.returncode:
        lines = errors.strip().splitlines()
        reason = lines[-1] if lines and process.returncode > 0 else f"ended by signal {-process.returncode}"
        return f"{_version(name)}: does not start: {reason}"
    devices, providers = json.loads(told.strip().splitlines()[-1])
    more = f"; providers {', '.join(providers)}" if providers else ""
    return f"{_version(name)}: {', '.join(devices)}{more}"


def _keras() -> str:
    """Return what is said of Keras and its engine."""
    from dcgan.errors import EngineError

    try:
        from dcgan.engine import choose_engine

        return f"Keras {_version('keras')} on {TITLES[choose_engine()]}"
    except EngineError as error:
        return f"Keras {_version('keras')}: {error}"


def _version(name: str) -> str:
    """Return an installed package's version, as the installation records it."""
    packages = {"onnxruntime": ("onnxruntime", "onnxruntime-gpu"), "tensorflow": ("tensorflow", "tensorflow-cpu")}
    for package in packages.get(name, (name,)):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "of unknown version" if importlib.util.find_spec(name) else "not installed"

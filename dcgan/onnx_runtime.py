"""ONNX Runtime without its telemetry. Imports it when it is first asked for."""

import contextlib
import importlib.util
import io
import os
import sys
from typing import Any

from dcgan.errors import EngineError

__all__ = ["has_runtime", "import_runtime", "load_libraries"]

ERRORS = 3  # of ONNX Runtime's severities


def has_runtime() -> bool:
    """Tell whether ONNX Runtime is installed; `dcgan.inference` asks Keras where it is not."""
    return importlib.util.find_spec("onnxruntime") is not None


def import_runtime() -> Any:
    """Return the module onnxruntime.

    From release 1.29 on it sends what it runs to its makers, and keeps a file that identifies the device, unless the
    environment variable ORT_DISABLE_TELEMETRY is 1 before it is imported (microsoft/onnxruntime, pull request 27379).
    It is set here where the user has not set it. Its warnings, of which it prints several where it looks for a GPU, are
    turned off. A program that imports onnxruntime before decides for itself, in both.

    Raises
    ------
    EngineError
        It is not installed, or cannot be imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    is_new = "onnxruntime" not in sys.modules
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"ONNX Runtime cannot be imported ({error}); pip install 'onnxruntime>=1.20,<2'") from error
    if is_new:
        onnxruntime.set_default_logger_severity(ERRORS)
    return onnxruntime


def load_libraries(onnxruntime: Any) -> None:
    """Load CUDA and cuDNN from the packages that `onnxruntime-gpu[cuda,cudnn]` installs, where they are installed.

    Without it, ONNX Runtime finds those libraries alone that the system's loader finds. What it says on stdout of a
    library that is missing is dropped: whether the GPU computes is found out by computing.
    """
    load = getattr(onnxruntime, "preload_dlls", None)  # since release 1.21
    if load is not None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            load()

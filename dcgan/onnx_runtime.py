"""ONNX Runtime without its telemetry. Imports it when it is first asked for."""

import importlib.util
import os
from typing import Any

from dcgan.errors import EngineError

__all__ = ["has_runtime", "import_runtime"]


def has_runtime() -> bool:
    """Tell whether ONNX Runtime is installed; `dcgan.inference` asks Keras where it is not."""
    return importlib.util.find_spec("onnxruntime") is not None


def import_runtime() -> Any:
    """Return the module onnxruntime.

    From release 1.29 on it sends what it runs to its makers, and keeps a file that identifies the device, unless the
    environment variable ORT_DISABLE_TELEMETRY is 1 before it is imported (microsoft/onnxruntime, pull request 27379).
    It is set here where the user has not set it; a program that imports onnxruntime before decides for itself.

    Raises
    ------
    EngineError
        It is not installed, or cannot be imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"ONNX Runtime cannot be imported ({error}); pip install 'onnxruntime>=1.20,<2'") from error
    return onnxruntime

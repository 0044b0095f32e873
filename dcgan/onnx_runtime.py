"""ONNX Runtime without its telemetry. Imports it when it is first asked for."""

import os
from typing import Any

__all__ = ["import_runtime"]


def import_runtime() -> Any:
    """Return the module onnxruntime.

    From release 1.29 on it sends what it runs to its makers, and keeps a file that identifies the device, unless the
    environment variable ORT_DISABLE_TELEMETRY is 1 before it is imported (microsoft/onnxruntime, pull request 27379).
    It is set here where the user has not set it; a program that imports onnxruntime before decides for itself.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime

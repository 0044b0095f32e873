"""Which device computes the encoder's answers and samples: the processor, or a GPU where ONNX Runtime offers one.

A GPU is NVIDIA's CUDA, which the package onnxruntime-gpu offers in place of onnxruntime. Training and searches run on
Keras, which finds its device itself.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from dcgan.onnx_runtime import import_runtime
from dcgan.errors import OptionError

__all__ = ["DEVICES", "Device", "find_device", "one_line", "providers_of"]

DEVICES = ("auto", "cpu", "gpu")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
CUDA_OPTIONS = {"use_tf32": "0"}  # its 10 bits of mantissa would change grey levels
INSTALL = "pip install onnxruntime-gpu in place of onnxruntime"


@dataclasses.dataclass(frozen=True)
class Device:
    """The device that computes.

    Attributes
    ----------
    name : str
        "cpu" or "gpu".
    note : str
        Why it is not the GPU that ONNX Runtime offers; empty where there is nothing to say.
    """

    name: str = "cpu"
    note: str = ""


def find_device(wanted: str = "auto") -> Device:
    """Return the device that computes, after it has computed something.

    Parameters
    ----------
    wanted : str, optional
        "cpu", "gpu", or "auto": a GPU where there is one that starts.

    Raises
    ------
    OptionError
        There is no such device here.
    """
    if wanted not in DEVICES:
        raise OptionError(f"Expected `device` to be one of {', '.join(DEVICES)}. Received: {wanted!r}")
    if wanted == "cpu":
        return Device()
    onnxruntime = import_runtime()

    if CUDA not in onnxruntime.get_available_providers():
        if wanted == "gpu":
            raise OptionError(
                f"Expected `device` to be one that is available: cpu. Received: 'gpu', for which ONNX Runtime needs "
                f"{CUDA} ({INSTALL})"
            )
        return Device()
    failure = _failure_of_gpu()
    if not failure:
        return Device("gpu")
    if wanted == "gpu":
        raise OptionError(f"Expected `device` to be one that is available: cpu. Received: 'gpu'; {failure}")
    return Device("cpu", f"{failure}; the processor is used")


def providers_of(device: str) -> list[Any]:
    """Return ONNX Runtime's providers for a device that `find_device` has named."""
    return [(CUDA, CUDA_OPTIONS), CPU] if device == "gpu" else [CPU]


@functools.cache
def _failure_of_gpu() -> str:
    """Return why the GPU does not compute, in one line; empty where it does.

    Where a library of CUDA is missing, ONNX Runtime makes a session for the processor and raises nothing.
    """
    import numpy as np

    onnxruntime = import_runtime()

    from dcgan.onnx_graph import IR_VERSION, OPSET
    from dcgan.onnx_writer import model, node

    graph = model(
        [node("Relu", ["x"], "y")], [], inputs={"x": (1,)}, outputs={"y": (1,)}, opset=OPSET, ir_version=IR_VERSION
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the failure is told in one line
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=providers_of("gpu"))
        if CUDA not in session.get_providers():
            return "the GPU does not start: ONNX Runtime offers it, but CUDA, cuDNN or a driver is missing"
        session.run(["y"], {"x": np.ones(1, np.float32)})
    except Exception as error:  # ONNX Runtime's errors have no common class of their own
        return f"the GPU does not start: {one_line(error)}"
    return ""


def one_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    lines = str(error).split("\n")
    return lines[0].strip() or type(error).__name__

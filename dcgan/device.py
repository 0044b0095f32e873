"""Which device computes: the processor, or one of the GPUs.

Three engines compute, and each is told in its own way. ONNX Runtime computes the encoder's answers and samples; it has
a GPU where the package onnxruntime-gpu stands in place of onnxruntime. Keras, on TensorFlow or JAX, searches and
trains; `dcgan.engine_device` steers it. "auto" is, for ONNX Runtime, the first GPU where one starts, and else the
processor; for Keras it is what TensorFlow or JAX takes by itself.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

from dcgan.errors import OptionError
from dcgan.onnx_runtime import has_runtime, import_runtime, load_libraries
from dcgan.terminal import one_line

__all__ = [
    "DEVICES",
    "Device",
    "absent_gpu",
    "check_device_name",
    "find_device",
    "gpu_name",
    "gpu_number",
    "providers_of",
]

DEVICES = ("auto", "cpu", "gpu", "gpu:N")
GPU = re.compile(r"gpu(?::(0|[1-9][0-9]?))?")
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
#: TF32's 10 bits of mantissa would change grey levels. By default cuDNN tries every way of each convolution for each
#: new number of rows: half a second or more (microsoft/onnxruntime, issue 19838; PaddlePaddle/PaddleX, 5057).
CUDA_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
INSTALL = "pip install 'onnxruntime-gpu[cuda,cudnn]' in place of onnxruntime"


@dataclasses.dataclass(frozen=True)
class Device:
    """The device that computes.

    Attributes
    ----------
    name : str
        "cpu", "gpu" (the first one) or "gpu:1", "gpu:2" and so on.
    note : str
        Why it is not the GPU that ONNX Runtime offers; empty where there is nothing to say.
    """

    name: str = "cpu"
    note: str = ""


def check_device_name(name: str) -> str:
    """Return the name of a device, the first GPU's without its number.

    Parameters
    ----------
    name : str
        "auto", "cpu", "gpu", or "gpu:N", where N counts the GPUs from 0, up to 99.

    Raises
    ------
    OptionError
        It is no such name.

    Examples
    --------
    >>> check_device_name("gpu:0"), check_device_name("gpu:1")
    ('gpu', 'gpu:1')
    """
    if name not in ("auto", "cpu") and not GPU.fullmatch(name):
        raise OptionError(f"Expected `device` to be one of {', '.join(DEVICES)}. Received: {name!r}")
    return "gpu" if name == "gpu:0" else name


def gpu_number(name: str) -> int:
    """Return which of the GPUs a name in the form of `check_device_name` is, from 0 on."""
    return int(name.partition(":")[2] or 0)


def gpu_name(number: int) -> str:
    """Return the name of a GPU, by its number from 0 on."""
    return f"gpu:{number}" if number else "gpu"


def absent_gpu(name: str, engine: str, count: int | None, why: str = "") -> OptionError:
    """Return the error for a GPU that an engine has not.

    Parameters
    ----------
    name : str
        Of the GPU that was asked for.
    engine : str
        For instance "TensorFlow".
    count : int or None
        How many GPUs the engine has; None where that is not known.
    why : str, optional
        What else is known.
    """
    available = "" if count is None else ": " + ", ".join(["cpu", *map(gpu_name, range(count))])
    has = {None: "no such GPU", 0: "no GPU", 1: "one GPU"}.get(count, f"{count} GPUs")
    return OptionError(
        f"Expected `device` to be one that is available{available}. Received: {name!r}; "
        f"{why or f'{engine} finds {has} here'}"
    )


def find_device(wanted: str = "auto") -> Device:
    """Return the device on which ONNX Runtime computes, after it has computed something.

    Where ONNX Runtime is not installed, Keras computes in its place, and the device is Keras's.

    Parameters
    ----------
    wanted : str, optional
        See `check_device_name`.

    Raises
    ------
    OptionError
        There is no such device here.
    EngineError
        Neither ONNX Runtime nor Keras is installed.
    """
    wanted = check_device_name(wanted)
    if not has_runtime():
        from dcgan.engine_device import engine_device, steer_engine

        steer_engine(wanted)
        return engine_device()
    if wanted == "cpu":
        return Device()
    onnxruntime = import_runtime()

    if CUDA not in onnxruntime.get_available_providers():
        if wanted != "auto":
            raise absent_gpu(wanted, "ONNX Runtime", 0, f"for a GPU, ONNX Runtime needs {CUDA} ({INSTALL})")
        return Device()
    number = 0 if wanted == "auto" else gpu_number(wanted)
    failure = _failure_of_gpu(number)
    if not failure:
        return Device(gpu_name(number))
    if wanted != "auto":
        others = 1 if number and not _failure_of_gpu(0) else 0
        raise absent_gpu(wanted, "ONNX Runtime", others, failure)
    return Device("cpu", f"{failure}; the processor is used")


def providers_of(device: str) -> list[Any]:
    """Return ONNX Runtime's providers for a device that `find_device` has named."""
    if device == "cpu":
        return [CPU]
    return [(CUDA, {**CUDA_OPTIONS, "device_id": str(gpu_number(device))}), CPU]


@functools.cache
def _failure_of_gpu(number: int) -> str:
    """Return why a GPU does not compute, in one line; empty where it does.

    Where a library of CUDA is missing, ONNX Runtime makes a session for the processor and raises nothing.
    """
    import numpy as np

    onnxruntime = import_runtime()
    load_libraries(onnxruntime)

    from dcgan.onnx_graph import IR_VERSION, OPSET
    from dcgan.onnx_writer import model, node

    graph = model(
        [node("Relu", ["x"], "y")], [], inputs={"x": (1,)}, outputs={"y": (1,)}, opset=OPSET, ir_version=IR_VERSION
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # the failure is told in one line
    name = f"GPU {number}" if number else "GPU"
    try:
        session = onnxruntime.InferenceSession(
            graph, options, providers=providers_of(gpu_name(number)), enable_fallback=0
        )
        if CUDA not in session.get_providers():
            return f"the {name} does not start: ONNX Runtime offers it, but CUDA, cuDNN or a driver is missing"
        session.run(["y"], {"x": np.ones(1, np.float32)})
    except Exception as error:  # ONNX Runtime's errors have no common class of their own
        return f"the {name} does not start: {one_line(error)}"
    return ""

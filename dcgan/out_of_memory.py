"""A GPU that runs out of memory: what the engines raise then, and batches that are halved.

The one place that knows these errors. They say so by their text, for their types are those of other failures as well:

- TensorFlow: ResourceExhaustedError, "OOM when allocating tensor with shape[...]"; where a library allocates for
  itself, InternalError with CUDA's, cuDNN's or cuBLAS's name of the failure.
- JAX: JaxRuntimeError (XlaRuntimeError before), "RESOURCE_EXHAUSTED: Out of memory while trying to allocate N bytes" or
  "RESOURCE_EXHAUSTED: Failed to allocate request for N on device ordinal 0".
- ONNX Runtime: RuntimeException, "BFCArena::AllocateRawInternal(...) Failed to allocate memory for requested buffer of
  size N" (microsoft/onnxruntime, issue 22702); Fail, "CUDA failure 2: out of memory", and cuDNN's and cuBLAS's names.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from dcgan.errors import EngineError, FaceCompletionError, FallbackWarning, RunError

__all__ = ["RowLimit", "is_out_of_memory", "training_memory"]

Result = TypeVar("Result")

ENGINES = ("tensorflow", "jax", "jaxlib", "keras", "onnxruntime")
TEXT = re.compile(
    r"RESOURCE_EXHAUSTED|ResourceExhausted|out of memory|OOM when allocating|Failed to allocate memory|"
    r"Failed to allocate request for|CU(DNN|BLAS|SOLVER|FFT)_[A-Z_]*ALLOC[A-Z_]*FAILED|CUDA_ERROR_OUT_OF_MEMORY|"
    r"cudaErrorMemoryAllocation",
    re.IGNORECASE,
)
STEP = 8  # beyond this, a batch has a multiple of so many rows; see `completion.search.batches.plan_rows`


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an engine's error says that the memory of its device does not suffice.

    Parameters
    ----------
    error : BaseException
        What a call of TensorFlow, JAX, Keras or ONNX Runtime has raised.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes."))
    True
    >>> is_out_of_memory(ValueError("out of memory")), is_out_of_memory(RuntimeError("no kernel image"))
    (False, False)
    """
    if isinstance(error, FaceCompletionError | OSError):
        return False
    kinds = type(error).__mro__
    if any(kind.__name__ == "ResourceExhaustedError" for kind in kinds):
        return True
    from_engine = any(kind.__module__.partition(".")[0] in ENGINES for kind in kinds)
    return (from_engine or isinstance(error, RuntimeError)) and TEXT.search(str(error)) is not None


class RowLimit:
    """The most rows of one call of a device. It is halved, and a warning says so, where the memory does not suffice.

    Parameters
    ----------
    rows : int, optional
        The most rows at the beginning; None: any number.

    Attributes
    ----------
    rows : int or None
    """

    def __init__(self, rows: int | None = None) -> None:
        self.rows = rows

    def of(self, left: int) -> int:
        """Return how many of the rows that are left the next call has."""
        return left if self.rows is None else min(left, self.rows)

    def attempt(self, call: Callable[[], Result], rows: int) -> Result | None:
        """Return what a call with so many rows returns; None where the memory was too little, and the limit is halved.

        Raises
        ------
        EngineError
            The memory does not suffice for one row.

        Warns
        -----
        FallbackWarning
            The limit is halved.
        """
        try:
            return call()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if rows == 1:
                raise EngineError(
                    "the memory of the device does not suffice even for one picture at a time: end what else uses it, "
                    "or leave the GPU with --device cpu"
                ) from error
        half = rows // 2
        self.rows = half if half <= STEP else half // STEP * STEP
        warnings.warn(
            f"the memory of the device does not suffice for {rows} pictures at a time: goes on with {self.rows}",
            FallbackWarning,
            stacklevel=2,
        )
        return None


@contextmanager
def training_memory(batch_size: int) -> Iterator[None]:
    """Turn too little memory in a training into one error: its batch is a setting that changes what it learns.

    Parameters
    ----------
    batch_size : int
        Pictures in a batch.

    Raises
    ------
    RunError
        The memory of the device does not suffice.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise RunError(
            f"the memory of the device does not suffice for batches of {batch_size} pictures. The run folder "
            "is whole. A new run (--run-dir, or --overwrite) takes less with a smaller --batch-size or --precision "
            "mixed_bfloat16; --start-from keeps the weights of a model"
        ) from error

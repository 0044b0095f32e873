"""Ask a model's encoder and generator with ONNX Runtime: no training framework is imported.

A graph is built from the model's tensors when it is first asked (`dcgan.onnx_graph`). On the processor a call has one
row and uses one thread, so that its answer does not depend on how many run side by side. On a GPU a call has many rows,
as many as its memory takes, and one call runs at a time. Threads may call at once.

Where ONNX Runtime is not installed, Keras's networks are asked in its place (`dcgan.keras_inference`).
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dcgan.device import providers_of
from dcgan.errors import EngineError, ModelFileError
from dcgan.onnx_graph import completion_graph, generator_graph
from dcgan.onnx_runtime import has_runtime, import_runtime
from dcgan.out_of_memory import RowLimit
from dcgan.terminal import one_line

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["CompletionNetwork", "GeneratorNetwork", "start_session"]

Array = npt.NDArray[np.float32]

BATCH_ROWS = 512  # the most rows of a call, where a call has several
ROW_STEP = 32

_networks: weakref.WeakKeyDictionary[Any, dict[tuple[str, str], Any]] = weakref.WeakKeyDictionary()
_building = threading.Lock()


class CompletionNetwork:
    """A model's encoder, and its generator, which draws the encoder's answer.

    Parameters
    ----------
    prior : Prior
        A model with an encoder.
    device : str, optional
        The name that `dcgan.device.find_device` has found.

    Attributes
    ----------
    takes_batches : bool
        Whether many rows are answered sooner in one call than by calls side by side.

    Raises
    ------
    ModelFileError
        The model has no encoder.
    """

    def __init__(self, prior: Prior, *, device: str = "cpu") -> None:
        if not prior.has_encoder:
            raise ModelFileError("expected a model with an encoder, this one has none; dcgan-train-encoder trains it")
        self._prior, self._device = prior, device
        self.takes_batches = _takes_batches(device)

    def __call__(self, masked: Array) -> tuple[Array, Array]:
        """Return what the encoder makes of damaged pictures.

        Parameters
        ----------
        masked : float32 array (B, size, size, C + 1)
            The encoder's input; see `dcgan.encoder.build_encoder`.

        Returns
        -------
        latents : float32 array (B, latent_dim)
            In [-1, 1].
        pictures : float32 array (B, size, size, C)
            In [-1, 1].

        Raises
        ------
        EngineError
            The memory of the GPU takes the model not at all, or not one row.

        Warns
        -----
        FallbackWarning
            The memory of the GPU takes fewer rows at a time.
        """
        latents, pictures = _network(self._prior, "completion", device=self._device)(masked)
        return latents, pictures


class GeneratorNetwork:
    """A model's generator.

    Parameters
    ----------
    prior : Prior
    device : str, optional
        See `CompletionNetwork`.
    """

    def __init__(self, prior: Prior, *, device: str = "cpu") -> None:
        self._prior, self._device = prior, device

    def __call__(self, latents: Array) -> Array:
        """Return the pictures of latents, (B, latent_dim) in [-1, 1], as (B, size, size, C) float32 in [-1, 1].

        See `CompletionNetwork.__call__` for what becomes of too little memory.
        """
        (pictures,) = _network(self._prior, "generator", device=self._device)(latents)
        return pictures


class _Calls:
    """Calls of one network: the rows of each, and what becomes of too little memory."""

    def __init__(self, call: Callable[[Array], Sequence[Array]], *, batched: bool) -> None:
        self._call = call
        self._limit = RowLimit(BATCH_ROWS if batched else 1)
        self._turn: AbstractContextManager[Any] = threading.Lock() if batched else nullcontext()

    def __call__(self, inputs: Array) -> list[Array]:
        """Return the outputs for all rows."""
        parts: list[Sequence[Array]] = []
        first = 0
        with self._turn:
            while first < len(inputs):
                rows = self._limit.of(len(inputs) - first)
                part = self._limit.attempt(functools.partial(self._call, inputs[first : first + rows]), rows)
                if part is not None:
                    parts.append(part)
                    first += rows
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def start_session(graph: bytes, *, device: str = "cpu") -> Any:
    """Return an ONNX Runtime session of a graph, which uses one thread on the processor."""
    onnxruntime = import_runtime()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # as fast, and 8 MB less
    # Without its own way back to the processor, of which it would tell on stdout.
    return onnxruntime.InferenceSession(graph, options, providers=providers_of(device), enable_fallback=0)


def _takes_batches(device: str) -> bool:
    """Tell whether a call has several rows: on a GPU, and where Keras computes."""
    return device != "cpu" or not has_runtime()


GRAPHS = {
    "completion": (completion_graph, "masked", ["latents", "pictures"]),
    "generator": (generator_graph, "latents", ["pictures"]),
}


def _network(prior: Prior, name: str, *, device: str) -> _Calls:
    """Return the calls of one of a model's networks on a device, made ready when it is first asked for."""
    with _building:
        kept = _networks.setdefault(prior, {})
        key = name, device
        if key not in kept:
            kept[key] = _Calls(_started(prior, name, device=device), batched=_takes_batches(device))
        return kept[key]


def _started(prior: Prior, name: str, *, device: str) -> Callable[[Array], Sequence[Array]]:
    """Return what computes a network's outputs for a batch."""
    if not has_runtime():
        from dcgan.keras_inference import keras_network

        return keras_network(weakref.proxy(prior), name)
    build, given, returned = GRAPHS[name]
    graph = build(prior.config, prior.tensors)
    try:
        session = start_session(graph, device=device)
    except Exception as error:  # such as too little memory of the GPU
        if device == "cpu":
            raise
        raise EngineError(f"the model does not start on the GPU ({one_line(error)}); --device cpu") from error
    if device == "cpu":
        return lambda rows: session.run(returned, {given: rows})

    def call(rows: Array) -> list[Array]:
        count = len(rows)
        padded = np.zeros((_rounded_up(count), *rows.shape[1:]), np.float32)
        padded[:count] = rows
        return [part[:count] for part in session.run(returned, {given: padded})]

    return call


def _rounded_up(count: int) -> int:
    """Return the number of rows of a GPU's call: a power of two, beyond 32 a multiple of 32.

    A GPU's library prepares anew for every number of rows that it has not had.
    """
    return -(-count // ROW_STEP) * ROW_STEP if count > ROW_STEP else 1 << (count - 1).bit_length()

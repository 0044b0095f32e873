"""Ask a model's encoder and generator with ONNX Runtime: no training framework is imported.

A graph is built from the model's tensors when it is first asked (`dcgan.onnx_graph`). On the processor a call
uses one thread, so that its answer does not depend on how many run side by side. Threads may call at once.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dcgan.onnx_runtime import import_runtime
from dcgan.device import one_line, providers_of
from dcgan.errors import EngineError, ModelFileError
from dcgan.onnx_graph import completion_graph, generator_graph

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["CompletionNetwork", "GeneratorNetwork", "start_session"]

Array = npt.NDArray[np.float32]

_sessions: weakref.WeakKeyDictionary[Any, dict[tuple[str, str], Any]] = weakref.WeakKeyDictionary()
_building = threading.Lock()


class CompletionNetwork:
    """A model's encoder, and its generator, which draws the encoder's answer.

    Parameters
    ----------
    prior : Prior
        A model with an encoder.
    device : str, optional
        "cpu" or "gpu", as `dcgan.device.find_device` has found it.

    Raises
    ------
    ModelFileError
        The model has no encoder.
    """

    def __init__(self, prior: Prior, *, device: str = "cpu") -> None:
        if not prior.has_encoder:
            raise ModelFileError("expected a model with an encoder, this one has none; dcgan-train-encoder trains it")
        self._prior, self._device = prior, device

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
        """
        session = _session(self._prior, "completion", completion_graph, device=self._device)
        rows = [session.run(["latents", "pictures"], {"masked": row[None]}) for row in masked]
        latents, pictures = zip(*rows, strict=True)
        return np.concatenate(latents), np.concatenate(pictures)


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
        """Return the pictures of latents, (B, latent_dim) in [-1, 1], as (B, size, size, C) float32 in [-1, 1]."""
        session = _session(self._prior, "generator", generator_graph, device=self._device)
        return np.concatenate([session.run(["pictures"], {"latents": row[None]})[0] for row in latents])


def start_session(graph: bytes, *, device: str = "cpu") -> Any:
    """Return an ONNX Runtime session of a graph, which uses one thread on the processor."""
    onnxruntime = import_runtime()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # as fast, and 8 MB less
    return onnxruntime.InferenceSession(graph, options, providers=providers_of(device))


def _session(prior: Prior, name: str, build: Any, *, device: str) -> Any:
    """Return the session of a model's graph on a device, made when it is first asked for."""
    with _building:
        kept = _sessions.setdefault(prior, {})
        key = name, device
        if key not in kept:
            graph = build(prior.config, prior.tensors)
            try:
                kept[key] = start_session(graph, device=device)
            except Exception as error:  # such as too little memory of the GPU
                if device == "cpu":
                    raise
                raise EngineError(f"the model does not start on the GPU ({one_line(error)}); --device cpu") from error
        return kept[key]

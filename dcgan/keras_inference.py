"""A model's encoder and generator, asked by Keras: in place of ONNX Runtime where that is not installed."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from dcgan.autodiff import compile_function
from dcgan.encoder import decode

__all__ = ["keras_network", "network_function"]

Array = npt.NDArray[np.float32]
Tensor = Any


def keras_network(prior: Any, name: str) -> Callable[[Array], Sequence[Array]]:
    """Return a function that computes what one of the graphs of `dcgan.onnx_graph` does.

    Parameters
    ----------
    prior : Prior
        The model.
    name : str
        "completion" or "generator"; see `dcgan.onnx_graph.completion_graph` and `generator_graph`.

    Returns
    -------
    callable
        From the graph's input, (B, ...) float32, to a list of its outputs. It is compiled for numbers of rows that are
        powers of two; rows are added up to the next one.
    """
    compiled = compile_function(network_function(prior, name))

    def call(rows: Array) -> list[Array]:
        count = len(rows)
        padded = np.zeros((1 << (count - 1).bit_length(), *rows.shape[1:]), np.float32)
        padded[:count] = rows
        return [ops.convert_to_numpy(part)[:count] for part in compiled(padded)]

    return call


def network_function(prior: Any, name: str) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return the function of tensors that `keras_network` compiles; the same parameters."""
    config = prior.config

    def complete(masked: Tensor) -> tuple[Tensor, ...]:
        latents, *offsets = prior.encoder(masked, training=False)
        return latents, decode(prior.generator, config, latents, offsets=offsets)

    def generate(latents: Tensor) -> tuple[Tensor, ...]:
        return (decode(prior.generator, config, latents),)

    return {"completion": complete, "generator": generate}[name]

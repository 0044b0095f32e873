"""A model's networks as ONNX graphs, built from its configuration and its tensors, without Keras.

The graphs have pictures as (B, H, W, C), like the Keras networks; inside they are (B, C, H, W). BatchNorm is folded
into the layer before it. Paddings are those of TensorFlow's "same".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper

from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig, start_size

__all__ = ["completion_graph", "generator_graph"]

OPSET = 17
IR_VERSION = 8

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


def generator_graph(config: ModelConfig, tensors: Tensors) -> bytes:
    """Return the generator as an ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`.

    Returns
    -------
    bytes
        Maps "latents", (B, latent_dim) float32, to "pictures", (B, size, size, C) float32 in [-1, 1].
    """
    graph = _Graph(tensors)
    shape = ("B", config.size, config.size, config.channels)
    _generate(graph, config, "latents", offset="")
    return graph.finish({"latents": ("B", config.latent_dim)}, {"pictures": shape})


def completion_graph(config: ModelConfig, tensors: Tensors) -> bytes:
    """Return the encoder and the generator, which draws the encoder's answer, as one ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`; with the encoder's.

    Returns
    -------
    bytes
        Maps "masked", (B, size, size, C + 1) float32, the input of `dcgan.encoder.build_encoder`, to "latents",
        (B, latent_dim) float32, and "pictures", (B, size, size, C) float32 in [-1, 1].
    """
    graph = _Graph(tensors)
    offset = _encode(graph, config)
    _generate(graph, config, "latents", offset=offset)
    inputs = {"masked": ("B", config.size, config.size, config.channels + 1)}
    outputs = {
        "latents": ("B", config.latent_dim),
        "pictures": ("B", config.size, config.size, config.channels),
    }
    return graph.finish(inputs, outputs)


class _Graph:
    """An ONNX graph that grows node by node."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def tensor(self, name: str) -> Array:
        """Return one of the model's tensors in float32."""
        return np.asarray(self._tensors[name], np.float32)

    def batch_norm(self, name: str) -> tuple[Array, Array]:
        """Return the factor and the shift of a BatchNorm layer's channels."""
        gamma, beta, mean, variance = (
            self.tensor(f"{name}/{part}").astype(np.float64)
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        return scale.astype(np.float32), (beta - mean * scale).astype(np.float32)

    def constant(self, values: Array) -> str:
        """Add a constant and return its name."""
        name = f"constant{len(self._constants)}"
        kind = TensorProto.INT64 if values.dtype == np.int64 else TensorProto.FLOAT
        values = np.ascontiguousarray(values)
        self._constants.append(helper.make_tensor(name, kind, values.shape, values.tobytes(), raw=True))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = name or f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def dense(self, x: str, kernel: Array, bias: Array) -> str:
        """Add a dense layer; `kernel` is (received, returned)."""
        return self.add("Gemm", x, self.constant(kernel), self.constant(bias))

    def convolution(self, x: str, kernel: Array, bias: Array, *, strides: int) -> str:
        """Add a convolution; `kernel` is Keras's (height, width, received, returned)."""
        pads = _same_pads(kernel.shape[0], strides)
        weights = self.constant(kernel.transpose(3, 2, 0, 1))
        return self.add("Conv", x, weights, self.constant(bias), strides=[strides] * 2, pads=pads)

    def transposed(self, x: str, kernel: Array, bias: Array) -> str:
        """Add a transposed convolution of stride 2; `kernel` is Keras's (height, width, returned, received)."""
        weights = self.constant(kernel.transpose(3, 2, 0, 1))
        pads = _same_pads(kernel.shape[0], 2)
        return self.add("ConvTranspose", x, weights, self.constant(bias), strides=[2, 2], pads=pads)

    def leaky(self, x: str) -> str:
        """Add a leaky ReLU."""
        return self.add("LeakyRelu", x, alpha=LEAKY_SLOPE)

    def finish(self, inputs: Mapping[str, Sequence[Any]], outputs: Mapping[str, Sequence[Any]]) -> bytes:
        """Return the graph as a serialized model, with the shapes of its inputs and outputs."""
        received, returned = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in each.items()]
            for each in (inputs, outputs)
        )
        graph = helper.make_graph(self._nodes, "dcgan", received, returned, initializer=self._constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, producer_name="dcgan", opset_imports=[opset], ir_version=IR_VERSION)
        return bytes(model.SerializeToString())


def _same_pads(side: int, strides: int) -> list[int]:
    """Return the paddings (top, left, bottom, right) of a kernel, for sides that the stride divides."""
    before, total = (side - strides) // 2, side - strides
    return [before, before, total - before, total - before]


def _encode(graph: _Graph, config: ModelConfig) -> str:
    """Add the encoder, from "masked" to "latents", and return the name of the offset before BatchNorm's shift."""
    prefix, levels = "encoder", len(config.widths)

    def normed(name: str, *, axis: int) -> tuple[Array, Array]:
        """Return a layer's kernel with the scale of its BatchNorm, and the shift as its bias."""
        scale, shift = graph.batch_norm(f"{prefix}/{name}_norm")
        kernel = graph.tensor(f"{prefix}/{name}/kernel")
        return kernel * (scale if axis == 3 else scale[:, None]), shift

    x = graph.add("Transpose", "masked", perm=[0, 3, 1, 2])
    maps = []
    for level in range(levels):
        x = graph.leaky(graph.convolution(x, *normed(f"down{level}", axis=3), strides=2))
        maps.append(x)
    side = start_size(config.size)
    kernel = graph.tensor(f"{prefix}/latents/kernel").reshape(side, side, config.widths[-1], config.latent_dim)
    flat = graph.add("Flatten", x, axis=1)
    dense = graph.dense(
        flat, kernel.transpose(2, 0, 1, 3).reshape(-1, config.latent_dim), graph.tensor(f"{prefix}/latents/bias")
    )
    graph.add("Tanh", dense, name="latents")
    for level in reversed(range(levels - 1)):
        x = graph.leaky(graph.transposed(x, *normed(f"up{level}", axis=2)))
        x = graph.add("Add", x, maps[level])
        x = graph.leaky(graph.convolution(x, *normed(f"mix{level}", axis=3), strides=1))
    scale, _ = graph.batch_norm(f"generator/norm{levels - 1}")  # that of the map to which the offset is added
    kernel, bias = graph.tensor(f"{prefix}/offset/kernel"), graph.tensor(f"{prefix}/offset/bias")
    return graph.convolution(x, kernel * scale, bias * scale, strides=1)


def _generate(graph: _Graph, config: ModelConfig, latents: str, *, offset: str) -> None:
    """Add the generator, from latents to "pictures"; `offset` is that of the encoder, or empty."""
    prefix, side, widths = "generator", start_size(config.size), config.widths[::-1]
    scale, shift = graph.batch_norm(f"{prefix}/norm0")
    kernel = graph.tensor(f"{prefix}/project/kernel").reshape(config.latent_dim, side, side, widths[0]) * scale
    columns = kernel.transpose(0, 3, 1, 2).reshape(config.latent_dim, -1)
    x = graph.dense(latents, columns, np.repeat(shift, side**2))
    shape = graph.constant(np.array([-1, widths[0], side, side], np.int64))
    x = graph.add("Reshape", x, shape)
    last = len(widths) - 1
    for level in range(len(widths)):
        if level == last and offset:
            x = graph.add("Add", x, offset)
        x = graph.add("Relu", x)
        kernel = graph.tensor(f"{prefix}/up{level}/kernel")
        if level == last:
            x = graph.transposed(x, kernel, graph.tensor(f"{prefix}/up{level}/bias"))
        else:
            scale, shift = graph.batch_norm(f"{prefix}/norm{level + 1}")
            x = graph.transposed(x, kernel * scale[:, None], shift)
    x = graph.add("Tanh", x)
    graph.add("Transpose", x, name="pictures", perm=[0, 2, 3, 1])

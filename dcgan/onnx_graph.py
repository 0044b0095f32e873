"""A model's networks as ONNX graphs, built from its configuration and its tensors, without Keras.

The graphs have pictures as (B, H, W, C), like the Keras networks; inside they are (B, C, H, W). BatchNorm is folded
into the layer before it. Paddings are those of TensorFlow's "same".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan import onnx_writer
from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig, start_size

__all__ = ["aligner_graph", "completion_graph", "generator_graph"]

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
    _generate(graph, config, "latents", offsets={})
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
    offsets = _encode(graph, config)
    _generate(graph, config, "latents", offsets=offsets)
    inputs = {"masked": ("B", config.size, config.size, config.channels + 1)}
    outputs = {
        "latents": ("B", config.latent_dim),
        "pictures": ("B", config.size, config.size, config.channels),
    }
    return graph.finish(inputs, outputs)


def aligner_graph(tensors: Tensors) -> bytes:
    """Return the network of `dcgan.faces.aligner` as an ONNX model.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        "downN/kernel", "downN_norm/.." from N = 0 on, "hidden/..", and "places/..", as scripts/train_aligner.py trains.

    Returns
    -------
    bytes
        Maps "seen", (B, S, S, 4) float32, to "places", (B, 8) float32.
    """
    graph = _Graph(tensors)
    levels = sum(name.endswith("_norm/gamma") for name in tensors)
    side = round((tensors["hidden/kernel"].shape[0] / tensors[f"down{levels - 1}/kernel"].shape[3]) ** 0.5) << levels
    x = graph.add("Transpose", "seen", perm=[0, 3, 1, 2])
    for level in range(levels):
        name = f"down{level}"
        x = graph.leaky(graph.convolution(x, name, *graph.batch_norm(f"{name}_norm"), strides=2))
    x = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)
    x = graph.leaky(graph.dense(x, graph.tensor("hidden/kernel"), graph.tensor("hidden/bias")))
    places = graph.dense(x, graph.tensor("places/kernel"), graph.tensor("places/bias"))
    graph.add("Identity", places, name="places")
    return graph.finish({"seen": ("B", side, side, 4)}, {"places": ("B", 8)})


class _Graph:
    """An ONNX graph that grows node by node."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._nodes: list[bytes] = []
        self._constants: list[list[bytes | memoryview]] = []

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
        self._constants.append(onnx_writer.constant(name, values))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = name or f"value{len(self._nodes)}"
        self._nodes.append(onnx_writer.node(kind, inputs, output, attributes=attributes))
        return output

    def dense(self, x: str, kernel: Array, bias: Array) -> str:
        """Add a dense layer; `kernel` is (received, returned)."""
        return self.add("Gemm", x, self.constant(kernel), self.constant(bias))

    def convolution(self, x: str, name: str, scale: Array | None, bias: Array, *, strides: int) -> str:
        """Add a convolution whose answer is scaled channel by channel."""
        kernel = self._tensors[f"{name}/kernel"]  # (height, width, received, returned)
        pads = _same_pads(kernel.shape[0], strides)
        weights = self.constant(_channels_first(kernel, None if scale is None else scale[:, None, None, None]))
        return self.add("Conv", x, weights, self.constant(bias), strides=[strides] * 2, pads=pads)

    def transposed(self, x: str, name: str, scale: Array | None, bias: Array) -> str:
        """Add a transposed convolution of stride 2 whose answer is scaled channel by channel."""
        kernel = self._tensors[f"{name}/kernel"]  # (height, width, returned, received)
        pads = _same_pads(kernel.shape[0], 2)
        weights = self.constant(_channels_first(kernel, None if scale is None else scale[:, None, None]))
        return self.add("ConvTranspose", x, weights, self.constant(bias), strides=[2, 2], pads=pads)

    def repeat(self, x: str) -> str:
        """Double the side of a feature map by repeating each pixel."""
        scales = self.constant(np.array([1.0, 1.0, 2.0, 2.0], np.float32))
        return self.add(
            "Resize",
            x,
            "",
            scales,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def leaky(self, x: str) -> str:
        """Add a leaky ReLU."""
        return self.add("LeakyRelu", x, alpha=LEAKY_SLOPE)

    def finish(self, inputs: Mapping[str, Sequence[Any]], outputs: Mapping[str, Sequence[Any]]) -> bytes:
        """Return the graph as a serialized model, with the shapes of its inputs and outputs."""
        return onnx_writer.model(
            self._nodes, self._constants, inputs=inputs, outputs=outputs, opset=OPSET, ir_version=IR_VERSION
        )


def _channels_first(kernel: Array, scale: Array | None) -> Array:
    """Return a kernel (height, width, A, B) as (B, A, height, width), in float32 and scaled.

    In two steps, which takes a fifth of the time of one.
    """
    height, width, a, b = kernel.shape
    pixels_last = np.ascontiguousarray(kernel.reshape(height * width, a * b).T).reshape(a, b, height, width)
    weights = np.empty((b, a, height, width), np.float32)
    np.multiply(pixels_last.swapaxes(0, 1), np.float32(1.0) if scale is None else scale, out=weights)
    return weights


def _same_pads(side: int, strides: int) -> list[int]:
    """Return the paddings (top, left, bottom, right) of a kernel, for sides that the stride divides."""
    before, total = (side - strides) // 2, side - strides
    return [before, before, total - before, total - before]


def _encode(graph: _Graph, config: ModelConfig) -> dict[int, str]:
    """Add the encoder, from "masked" to "latents".

    Returns
    -------
    dict of int to str
        The names of the offsets before BatchNorm's shift, by the generator's level to whose map each is added.
    """
    prefix, levels = "encoder", len(config.widths)

    x = graph.add("Transpose", "masked", perm=[0, 3, 1, 2])
    maps = []
    for level in range(levels):
        name = f"{prefix}/down{level}"
        x = graph.leaky(graph.convolution(x, name, *graph.batch_norm(f"{name}_norm"), strides=2))
        maps.append(x)
    flat = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)  # as Keras flattens it
    dense = graph.dense(flat, graph.tensor(f"{prefix}/latents/kernel"), graph.tensor(f"{prefix}/latents/bias"))
    if config.latent_bound == 1.0:
        graph.add("Tanh", dense, name="latents")
    else:
        bound = graph.constant(np.array(config.latent_bound, np.float32))
        graph.add("Mul", graph.add("Tanh", dense), bound, name="latents")
    offsets = {}

    def predict_offset(x: str, level: int) -> None:
        """Add an offset, with the scale of the BatchNorm after the map to which it is added."""
        scale, _ = graph.batch_norm(f"generator/norm{levels - 1 - level}")
        name = f"{prefix}/offset{level or ''}"
        bias = graph.tensor(f"{name}/bias") * scale
        offsets[levels - 1 - level] = graph.convolution(x, name, scale, bias, strides=1)

    for level in reversed(range(levels - 1)):
        up, mix = f"{prefix}/up{level}", f"{prefix}/mix{level}"
        x = graph.leaky(graph.transposed(x, up, *graph.batch_norm(f"{up}_norm")))
        x = graph.add("Add", x, maps[level])
        x = graph.leaky(graph.convolution(x, mix, *graph.batch_norm(f"{mix}_norm"), strides=1))
        if level < config.offset_maps:
            predict_offset(x, level)
    if levels == 1:
        predict_offset(x, 0)
    return offsets


def _generate(graph: _Graph, config: ModelConfig, latents: str, *, offsets: Mapping[int, str]) -> None:
    """Add the generator, from latents to "pictures"; `offsets` are those of the encoder, see `_encode`."""
    prefix, side, widths = "generator", start_size(config.size), config.widths[::-1]
    scale, shift = graph.batch_norm(f"{prefix}/norm0")
    kernel = graph.tensor(f"{prefix}/project/kernel") * np.tile(scale, side**2)
    x = graph.dense(latents, kernel, np.tile(shift, side**2))
    x = graph.add("Reshape", x, graph.constant(np.array([-1, side, side, widths[0]], np.int64)))
    x = graph.add("Transpose", x, perm=[0, 3, 1, 2])
    last = len(widths) - 1
    for level in range(len(widths)):
        if level in offsets:
            x = graph.add("Add", x, offsets[level])
        x = graph.add("Relu", x) if config.activation == "relu" else graph.leaky(x)
        name = f"{prefix}/up{level}"
        factor: Array | None = None
        if level < last:
            factor, bias = graph.batch_norm(f"{prefix}/norm{level + 1}")
        else:
            bias = graph.tensor(f"{name}/bias") if config.output_bias else np.zeros(config.channels, np.float32)
        if config.upsampling == "transposed":
            x = graph.transposed(x, name, factor, bias)
        else:
            x = graph.convolution(graph.repeat(x), name, factor, bias, strides=1)
    if config.output == "tanh":
        x = graph.add("Tanh", x)
    else:
        two, one = (graph.constant(np.array(value, np.float32)) for value in (2.0, 1.0))
        x = graph.add("Sub", graph.add("Mul", graph.add("Sigmoid", x), two), one)
    graph.add("Transpose", x, name="pictures", perm=[0, 2, 3, 1])

"""A model's networks as ONNX graphs, built from its configuration and its tensors, without Keras.

The graphs have pictures as (B, H, W, C), like the Keras networks; inside they are (B, C, H, W). BatchNorm is folded
into the layer before it. Paddings are those of TensorFlow's "same".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.config import ModelConfig, start_size
from dcgan.onnx_nodes import IR_VERSION, OPSET, Graph

__all__ = [
    "IR_VERSION",
    "OPSET",
    "add_encoder",
    "add_generator",
    "aligner_graph",
    "completion_graph",
    "discriminator_graph",
    "encoder_graph",
    "generator_graph",
    "plain_discriminator",
]

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


def generator_graph(config: ModelConfig, tensors: Tensors, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the generator as an ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`.
    metadata : mapping of str to str, optional
        What the file says of itself.

    Returns
    -------
    bytes
        Maps "latents", (B, latent_dim) float32, to "pictures", (B, size, size, C) float32 in [-1, 1].
    """
    graph = Graph(tensors)
    shape = ("B", config.size, config.size, config.channels)
    graph.add("Transpose", add_generator(graph, config, "latents", offsets={}), name="pictures", perm=[0, 2, 3, 1])
    return graph.finish({"latents": ("B", config.latent_dim)}, {"pictures": shape}, metadata=metadata)


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
    graph = Graph(tensors)
    x = graph.add("Transpose", "masked", perm=[0, 3, 1, 2])
    x = add_generator(graph, config, "latents", offsets=add_encoder(graph, config, x))
    graph.add("Transpose", x, name="pictures", perm=[0, 2, 3, 1])
    inputs = {"masked": ("B", config.size, config.size, config.channels + 1)}
    outputs = {
        "latents": ("B", config.latent_dim),
        "pictures": ("B", config.size, config.size, config.channels),
    }
    return graph.finish(inputs, outputs)


def encoder_graph(config: ModelConfig, tensors: Tensors, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the encoder alone as an ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`; with the encoder's.
    metadata : mapping of str to str, optional
        What the file says of itself.

    Returns
    -------
    bytes
        Maps "masked", see `completion_graph`, to "latents" and "offset0", "offset1", .. (B, height, width, channels)
        float32, the largest first: the outputs of `dcgan.encoder.build_encoder`.
    """
    graph, last = Graph(tensors), len(config.widths) - 1
    x = graph.add("Transpose", "masked", perm=[0, 3, 1, 2])
    outputs: dict[str, Sequence[int | str]] = {"latents": ("B", config.latent_dim)}
    for level, offset in sorted(add_encoder(graph, config, x, raw=True).items(), reverse=True):
        number = last - level
        side = config.size >> (number + 1)
        graph.add("Transpose", offset, name=f"offset{number}", perm=[0, 2, 3, 1])
        outputs[f"offset{number}"] = ("B", side, side, config.widths[number])
    inputs = {"masked": ("B", config.size, config.size, config.channels + 1)}
    return graph.finish(inputs, outputs, metadata=metadata)


def discriminator_graph(config: ModelConfig, tensors: Tensors, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the discriminator as an ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`.
    metadata : mapping of str to str, optional
        What the file says of itself.

    Returns
    -------
    bytes
        Maps "pictures", (B, size, size, C) float32 in [-1, 1], to "logits", (B,) float32; large ones mean real.
    """
    config, tensors = plain_discriminator(config, tensors)
    graph, prefix = Graph(tensors), "discriminator"
    x = graph.add("Transpose", "pictures", perm=[0, 3, 1, 2])
    if config.output == "sigmoid":
        half = graph.constant(np.array(0.5, np.float32))
        x = graph.add("Add", graph.add("Mul", x, half), half)
    for level in range(len(config.widths)):
        name, norm = f"{prefix}/down{level}", f"{prefix}/norm{level}"
        scale: Array | None = None
        if f"{norm}/gamma" in tensors:
            scale, bias = graph.batch_norm(norm)
        else:
            bias = graph.tensor(f"{name}/bias")
        x = graph.leaky(graph.convolution(x, name, scale, bias, strides=2))
    x = graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]), axis=1)  # as Keras flattens it
    if config.dense:
        x = graph.leaky(graph.dense(x, *(graph.tensor(f"{prefix}/hidden/{part}") for part in ("kernel", "bias"))))
    x = graph.dense(x, *(graph.tensor(f"{prefix}/logit/{part}") for part in ("kernel", "bias")))
    graph.add("Reshape", x, graph.constant(np.array([-1], np.int64)), name="logits")
    shape = ("B", config.size, config.size, config.channels)
    return graph.finish({"pictures": shape}, {"logits": ("B",)}, metadata=metadata)


def plain_discriminator(config: ModelConfig, tensors: Tensors) -> tuple[ModelConfig, dict[str, Array]]:
    """Return the same discriminator without what only its training needs, for other runtimes.

    Spectral normalisation, whose kernels are normalised in the file, and dropout are left out, and of two logits their
    difference is taken in the last layer.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`.

    Returns
    -------
    config : ModelConfig
    tensors : dict of str to ndarray
        The discriminator's alone.
    """
    prefix, kept = "discriminator/", {}
    for name, values in tensors.items():
        if name.startswith(prefix) and not name.endswith("/vector_u"):
            *_, layer, part = name.split("/")  # spectral normalisation has its layer in its name as well
            kept[f"{prefix}{layer}/{part}"] = values
    if config.logits == 2:
        for part in ("kernel", "bias"):
            values = np.asarray(kept[f"{prefix}logit/{part}"], np.float32)
            kept[f"{prefix}logit/{part}"] = values[..., 1:] - values[..., :1]
    norm = "none" if config.discriminator_norm == "spectral" else config.discriminator_norm
    return dataclasses.replace(config, discriminator_norm=norm, dropout=0.0, logits=1), kept


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
    graph = Graph(tensors)
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


def add_encoder(graph: Graph, config: ModelConfig, masked: str, *, raw: bool = False) -> dict[int, str]:
    """Add the encoder, which makes "latents".

    Parameters
    ----------
    graph : Graph
        With the encoder's tensors, and the generator's unless `raw`.
    config : ModelConfig
    masked : str
        Name of its input, (B, C + 1, size, size); see `dcgan.encoder.build_encoder`.
    raw : bool, optional
        Whether the offsets are those of `build_encoder`; by default they have the scale of the generator's BatchNorm.

    Returns
    -------
    dict of int to str
        The names of the offsets, (B, width, side, side), by the generator's level to whose map each is added.
    """
    prefix, levels = "encoder", len(config.widths)

    x = masked
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
        name = f"{prefix}/offset{level or ''}"
        bias, scale = graph.tensor(f"{name}/bias"), None
        if not raw:
            scale, _ = graph.batch_norm(f"generator/norm{levels - 1 - level}")
            bias = bias * scale
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


def add_generator(graph: Graph, config: ModelConfig, latents: str, *, offsets: Mapping[int, str]) -> str:
    """Add the generator and return the name of its pictures.

    Parameters
    ----------
    graph : Graph
        With the generator's tensors.
    config : ModelConfig
    latents : str
        Name of its input, (B, latent_dim).
    offsets : mapping of int to str
        Those of the encoder, see `add_encoder`; empty where there are none.

    Returns
    -------
    str
        (B, C, size, size), in [-1, 1].
    """
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
        return graph.add("Tanh", x)
    two, one = (graph.constant(np.array(value, np.float32)) for value in (2.0, 1.0))
    return graph.add("Sub", graph.add("Mul", graph.add("Sigmoid", x), two), one)

"""The `fast` completion as one ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.export.steps import complete
from dcgan.config import ModelConfig
from dcgan.onnx_graph import add_encoder, add_generator
from dcgan.onnx_nodes import Graph
from dcgan.onnx_writer import FLOAT, UINT8

__all__ = ["whole_completion_graph"]

Array = npt.NDArray[Any]


def whole_completion_graph(config: ModelConfig, tensors: Mapping[str, Array], *, metadata: Mapping[str, str]) -> bytes:
    """Return the whole `fast` completion as an ONNX model.

    Parameters
    ----------
    config : ModelConfig
    tensors : mapping of str to ndarray
        See `dcgan.tensor_shapes`; with the encoder's.
    metadata : mapping of str to str
        What the file says of itself.

    Returns
    -------
    bytes
        Maps "pictures", (B, size, size, C) uint8, and "masks", (B, size, size) uint8, 0 = known, to "completed",
        (B, size, size, C) uint8.
    """
    arithmetic = _Onnx(tensors, channels=config.channels)
    graph = arithmetic.graph
    pictures = arithmetic.value("Cast", "pictures", to=FLOAT).then("Transpose", perm=[0, 3, 1, 2])
    masks = arithmetic.value("Cast", "masks", to=FLOAT)
    hidden = arithmetic.value("Unsqueeze", masks.name, graph.constant(np.array([1], np.int64)))

    def draw(masked: _Value) -> _Value:
        offsets = add_encoder(graph, config, masked.name)
        return _Value(arithmetic, add_generator(graph, config, "latents", offsets=offsets))

    completed = complete(arithmetic, pictures, hidden, side=config.size, draw=draw)
    last = completed.then("Transpose", perm=[0, 2, 3, 1])
    graph.add("Cast", last.name, name="completed", to=UINT8)
    shape = ("B", config.size, config.size)
    return graph.finish(
        {"pictures": (*shape, config.channels), "masks": shape},
        {"completed": (*shape, config.channels)},
        types=dict.fromkeys(("pictures", "masks", "completed"), "uint8"),
        metadata=metadata,
    )


class _Value:
    """The output of a node, (B, C, H, W) float32."""

    def __init__(self, arithmetic: _Onnx, name: str) -> None:
        self._arithmetic, self.name = arithmetic, name

    def then(self, kind: str, *others: str, **attributes: Any) -> _Value:
        """Return what a node makes of it."""
        return self._arithmetic.value(kind, self.name, *others, **attributes)

    def with_other(self, kind: str, other: _Value | float) -> _Value:
        """Return what a node makes of it and another value or a number."""
        return self.then(kind, other.name if isinstance(other, _Value) else self._arithmetic.number(other))

    def __add__(self, other: _Value | float) -> _Value:
        return self.with_other("Add", other)

    def __sub__(self, other: _Value | float) -> _Value:
        return self.with_other("Sub", other)

    def __mul__(self, other: _Value | float) -> _Value:
        return self.with_other("Mul", other)

    def __rsub__(self, other: float) -> _Value:
        return self._arithmetic.value("Sub", self._arithmetic.number(other), self.name)


class _Onnx:
    """`completion.export.steps.Arithmetic` as nodes of an ONNX graph."""

    def __init__(self, tensors: Mapping[str, Array], *, channels: int) -> None:
        self.graph, self._channels = Graph(tensors), channels
        self._constants: dict[Any, str] = {}

    def value(self, kind: str, *inputs: str, **attributes: Any) -> _Value:
        """Add a node."""
        return _Value(self, self.graph.add(kind, *inputs, **attributes))

    def number(self, number: float) -> str:
        """Return the name of a number."""
        return self._constant(float(number), lambda: np.array(number, np.float32))

    def halve(self, values: _Value, side: int) -> _Value:
        return self._both_ways(values, ("halve", side), lambda: _halving(side))

    def double(self, values: _Value, side: int) -> _Value:
        return self._both_ways(values, ("double", side), lambda: _doubling(side))

    def around(self, values: _Value) -> _Value:
        pads = self._constant("pads", lambda: np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        kernel = self._constant("cross", lambda: np.tile(CROSS, (self._channels, 1, 1, 1)))
        return values.then("Pad", pads, mode="edge").then("Conv", kernel, group=self._channels)

    def positive(self, values: _Value) -> _Value:
        return values.with_other("Greater", 0.0).then("Cast", to=FLOAT)

    def larger(self, values: _Value, number: float) -> _Value:
        return values.with_other("Max", number)

    def smaller(self, values: _Value, number: float) -> _Value:
        return values.with_other("Min", number)

    def divide(self, values: _Value, divisors: _Value) -> _Value:
        return values.with_other("Div", divisors)

    def rounded(self, values: _Value) -> _Value:
        return values.then("Round")

    def stack(self, values: _Value, share: _Value) -> _Value:
        return values.then("Concat", share.name, axis=1)

    def _both_ways(self, values: _Value, key: tuple[str, int], make: Any) -> _Value:
        """Multiply rows and columns by a matrix."""
        rows = self._constant(key, make)
        columns = self._constant((*key, "columns"), lambda: np.ascontiguousarray(make().T))
        return self.value("MatMul", rows, values.name).then("MatMul", columns)

    def _constant(self, key: Any, make: Any) -> str:
        """Return the name of a constant, added when it is first asked for."""
        if key not in self._constants:
            self._constants[key] = self.graph.constant(make())
        return self._constants[key]


CROSS = np.array([[0.0, 0.25, 0.0], [0.25, -1.0, 0.25], [0.0, 0.25, 0.0]], np.float32)


def _halving(side: int) -> npt.NDArray[np.float32]:
    """Return the matrix of means of two neighbours, and of the last alone where there is no other: (half, side)."""
    places = np.arange(side)
    matrix = (places // 2 == np.arange(-(-side // 2))[:, None]).astype(np.float32)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), np.float32)


def _doubling(side: int) -> npt.NDArray[np.float32]:
    """Return the matrix of linear interpolation from half the side, rounded up, as OpenCV does it: (side, half)."""
    half = -(-side // 2)
    places = np.clip((np.arange(side) + 0.5) * (half / side) - 0.5, 0.0, half - 1.0)[:, None]
    return np.maximum(1.0 - np.abs(places - np.arange(half)), 0.0).astype(np.float32)

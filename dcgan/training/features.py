"""Features of pictures of any kind, from convolutions with fixed random weights.

Distances need features. Those of a network that was trained on photographs say little of digits, and have to be
downloaded. Naeem et al. 2020 (arXiv:2002.09797) propose networks of random weights for pictures unlike ImageNet's.
docs/training.md shows how this one ranks the stages of a training.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from dcgan.pictures.values import resize_picture

__all__ = ["RandomFeatures"]

SIDE_MAX = 64  # larger pictures are reduced
WIDTHS = (32, 64, 128)
GRID = 4  # cells on each side over which the means of the last map are taken
FEATURES = 256
BATCH_SIZE = 128

Tensor = Any


class RandomFeatures:
    """Describe pictures by a small network of fixed random weights.

    Parameters
    ----------
    size : int
        Side of the pictures in pixels.
    channels : {1, 3}
    """

    def __init__(self, size: int, channels: int) -> None:
        self._side = min(size, SIDE_MAX)
        rng = np.random.default_rng(0)
        pictures = keras.Input((self._side, self._side, channels))
        x, parts = pictures, []
        kernels: list[npt.NDArray[np.float32]] = []
        for width in WIDTHS:
            received = x.shape[3]
            kernels.append(rng.normal(0.0, (2.0 / (9 * received)) ** 0.5, (3, 3, received, width)).astype(np.float32))
            x = keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
            x = keras.layers.ReLU()(x)
            parts += [ops.mean(x, axis=(1, 2)), ops.std(x, axis=(1, 2))]
        cells = keras.layers.AveragePooling2D(max(1, x.shape[1] // GRID))(x)
        parts.append(keras.layers.Flatten()(cells))
        self._network = keras.Model(pictures, ops.concatenate(parts, axis=1))
        for layer, kernel in zip([each for each in self._network.layers if each.weights], kernels, strict=True):
            layer.set_weights([kernel])
        described = self._network.output_shape[1]
        self._projection = rng.normal(0.0, described**-0.5, (described, FEATURES))

    def __call__(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Return the features of pictures, uint8 (B, size, size, channels), as float64 (B, 256)."""
        rows = []
        for start in range(0, len(pictures), BATCH_SIZE):
            part = np.asarray(pictures[start : start + BATCH_SIZE])
            if part.shape[1] != self._side:
                part = np.stack([resize_picture(each, (self._side, self._side)) for each in part])
            values = part.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
            rows.append(np.asarray(keras.ops.convert_to_numpy(self._network(values, training=False)), np.float64))
        return np.concatenate(rows) @ self._projection

"""Differentiable augmentation of real and generated pictures before the discriminator sees them.

A discriminator of few pictures learns them by heart. Where it never sees one as it is, and the generator's gradient
goes through the same augmentation, it learns them later, and the samples are not augmented (Zhao et al. 2020,
"Differentiable augmentation for data-efficient GAN training", arXiv:2006.10738, section 3.3 and appendix).
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Sequence
from typing import Any

from keras import ops

from dcgan.config import AUGMENTATIONS

__all__ = ["DRAWS", "augment"]

Tensor = Any

DRAWS = 7  # numbers that a picture's augmentation needs: three of color, two each of translation and cutout
SHIFT, CUTOUT = 0.125, 0.5  # largest shift and side of the square that is cut out, in sides of the picture


def augment(pictures: Tensor, draws: Tensor, kinds: Sequence[str]) -> Tensor:
    """Return augmented pictures.

    Parameters
    ----------
    pictures : tensor of float32, shape (B, H, W, C)
        In [-1, 1].
    draws : tensor of float32, shape (B, DRAWS)
        Uniform in [0, 1).
    kinds : sequence of str
        Of `dcgan.config.AUGMENTATIONS`: "color" changes brightness, saturation and contrast; "translation" moves a
        picture by up to an eighth of its side; "cutout" covers a square of half its side with 0.

    Returns
    -------
    tensor of float32, shape (B, H, W, C)
        Color may go beyond [-1, 1].
    """
    functions = dict(zip(AUGMENTATIONS, (_color, _translated, _cut), strict=True))
    parts = dict(zip(AUGMENTATIONS, (draws[:, :3], draws[:, 3:5], draws[:, 5:7]), strict=True))
    for kind in AUGMENTATIONS:
        if kind in kinds:
            pictures = functions[kind](pictures, parts[kind])
    return pictures


def _color(x: Tensor, draws: Tensor) -> Tensor:
    """Change brightness, saturation and contrast."""
    brightness, saturation, contrast = (draws[:, index, None, None, None] for index in range(3))
    x = x + (brightness - 0.5)
    grey = ops.mean(x, axis=3, keepdims=True)
    x = grey + (x - grey) * (2.0 * saturation)
    mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + (x - mean) * (contrast + 0.5)


def _translated(x: Tensor, draws: Tensor) -> Tensor:
    """Move pictures by whole pixels; what comes in is 0."""
    for axis in (1, 2):
        side = x.shape[axis]
        most = round(SHIFT * side)
        shift = ops.cast(ops.floor(draws[:, axis - 1] * (2 * most + 1)), "int32") - most  # (B,)
        places = ops.arange(side, dtype="int32")[None] - shift[:, None]  # (B, side): where each pixel comes from
        inside = ops.cast(ops.logical_and(places >= 0, places < side), x.dtype)
        shape = (-1, side, 1, 1) if axis == 1 else (-1, 1, side, 1)
        rows = ops.reshape(ops.clip(places, 0, side - 1), shape)
        rows = ops.broadcast_to(rows, ops.shape(x))
        x = ops.take_along_axis(x, rows, axis=axis) * ops.reshape(inside, shape)
    return x


def _cut(x: Tensor, draws: Tensor) -> Tensor:
    """Cover a square with 0; its centre may lie anywhere in the picture."""
    hidden = 1.0
    for axis in (1, 2):
        side = x.shape[axis]
        centre = ops.floor(draws[:, axis - 1] * side)[:, None]
        away = ops.arange(side, dtype="float32")[None] - centre
        half = CUTOUT * side / 2.0
        inside = ops.cast(ops.logical_and(away >= -half, away < half), x.dtype)
        hidden = hidden * ops.reshape(inside, (-1, side, 1, 1) if axis == 1 else (-1, 1, side, 1))
    return x * (1.0 - hidden)

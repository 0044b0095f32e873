"""Start a training from another model's weights: of the same configuration, or of half the picture's side.

The inner levels of a model are those of the model of half its side: with half the filters and twice the widening, 128
pixels have the levels of 64 pixels and one more at the picture's side of each network. A run that starts from the
smaller model begins with these levels; the outermost convolutions are new (Karras et al. 2018, "Progressive growing of
GANs for improved quality, stability, and variation", arXiv:1710.10196, without their fading in).
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import re

import keras

from dcgan.config import ModelConfig
from dcgan.model_file import Prior
from dcgan.errors import OptionError

__all__ = ["check_start", "copy_weights"]

LEVEL = re.compile(r"(down|leaky|norm|up|relu)([0-9]+)")


def check_start(start: ModelConfig, model: ModelConfig) -> None:
    """Raise ValueError where a training of `model` cannot start from a model of the configuration `start`.

    Parameters
    ----------
    start, model : ModelConfig
        Configurations that are equal, or where `model` is twice as large, with half the filters, and its inner feature
        maps have the channels of those of `start`.

    Raises
    ------
    ValueError
        They differ otherwise.

    Examples
    --------
    >>> check_start(ModelConfig(size=64, filters=64), ModelConfig(size=128, filters=32, widening=16))
    """
    # The encoder and the faces' frame are no matter of these networks.
    start, model = (dataclasses.replace(config, offset_maps=1, margin=0.0) for config in (start, model))
    smaller = dataclasses.replace(start, size=model.size, filters=model.filters, widening=model.widening)
    grows = (smaller, 2 * start.size, start.widths) == (model, model.size, model.widths[1:])
    if start != model and not grows:
        raise OptionError(
            f"Expected a model to start from of {model}, or one of half its size with twice its filters and the "
            f"channels {model.widths[1:]}. Received: {start}, with the channels {start.widths}"
        )


def copy_weights(start: Prior, generator: keras.Model, discriminator: keras.Model) -> None:
    """Set the weights of two networks to those of a model, as far as it has them.

    Parameters
    ----------
    start : Prior
        The model to start from, which `check_start` has accepted.
    generator, discriminator : keras.Model
        Changed in place. Levels that the model lacks keep their initial weights.
    """
    grown = len(generator.layers) > len(start.generator.layers)
    _copy(start.generator, generator, shift=0)
    _copy(start.discriminator, discriminator, shift=1 if grown else 0)


def _copy(source: keras.Model, target: keras.Model, *, shift: int) -> None:
    """Copy the layers with weights of one network into another, where level k is level k + shift and shapes agree."""
    layers = {layer.name: layer for layer in target.layers}
    for layer in source.layers:
        name = LEVEL.sub(lambda match: f"{match[1]}{int(match[2]) + shift}", layer.name)
        other, weights = layers.get(name), layer.get_weights()
        if other is not None and [each.shape for each in other.get_weights()] == [each.shape for each in weights]:
            other.set_weights(weights)

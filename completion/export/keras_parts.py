"""Parts of a model as Keras models, of Keras's own layers and operations: they load without this project."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
import numpy as np
from keras import ops

from completion.export.steps import complete
from dcgan.encoder import decode, offset_shapes
from dcgan.errors import ModelFileError
from dcgan.model_file import Prior
from dcgan.onnx_graph import plain_discriminator

__all__ = ["build_part"]

Tensor = Any


def build_part(prior: Prior, part: str) -> keras.Model:
    """Return a part of a model.

    Parameters
    ----------
    prior : Prior
        With an encoder, where the part is that or the completion.
    part : str
        One of `completion.export.config.PARTS`.

    Returns
    -------
    keras.Model
        Its inputs and outputs are dicts, with the names and shapes of the ONNX graphs.
    """
    config = prior.config
    if part == "completion":
        return _build_completion(prior)
    if part == "generator":
        return _named(prior.generator, "latents", ["pictures"], name=part)
    if part == "discriminator":
        plain, tensors = plain_discriminator(config, prior.tensors)
        return _named(Prior(plain, tensors).discriminator, "pictures", ["logits"], name=part)
    names = ["latents", *(f"offset{number}" for number in range(config.offset_maps))]
    return _named(prior.encoder, "masked", names, name=part)


def _named(network: Any, given: str, returned: list[str], *, name: str) -> keras.Model:
    """Return a network with named inputs and outputs."""
    source = keras.Input(network.input_shape[1:], name=given)
    outputs = network(source, training=False)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return keras.Model({given: source}, dict(zip(returned, outputs, strict=True)), name=f"{name}_part")


def _build_completion(prior: Prior) -> keras.Model:
    """Return the whole `fast` completion."""
    config, encoder = prior.config, prior.encoder
    if encoder is None:
        raise ModelFileError("expected a model with an encoder, this one has none")
    latents = keras.Input((config.latent_dim,), name="latents")
    offsets = [keras.Input(shape, name=f"offset{n}") for n, shape in enumerate(offset_shapes(config))]
    drawing = keras.Model(
        [latents, *offsets], decode(prior.generator, config, latents, offsets=offsets), name="generator"
    )
    pictures = keras.Input((config.size, config.size, config.channels), dtype="uint8", name="pictures")
    masks = keras.Input((config.size, config.size), dtype="uint8", name="masks")
    completed = complete(
        _Operations(),
        ops.cast(pictures, "float32"),
        ops.expand_dims(ops.cast(masks, "float32"), -1),
        side=config.size,
        draw=lambda masked: drawing(encoder(masked, training=False), training=False),
    )
    return keras.Model(
        {"pictures": pictures, "masks": masks}, {"completed": ops.cast(completed, "uint8")}, name="completion"
    )


class _Operations:
    """`completion.export.steps.Arithmetic` of Keras; values are (B, H, W, C)."""

    def halve(self, values: Tensor, side: int) -> Tensor:
        return ops.average_pool(values, 2, strides=2, padding="same", data_format="channels_last")

    def double(self, values: Tensor, side: int) -> Tensor:
        return ops.image.resize(values, (side, side), interpolation="bilinear", data_format="channels_last")

    def around(self, values: Tensor) -> Tensor:
        padded = ops.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
        kernel = np.tile(CROSS[:, :, None, None], (1, 1, values.shape[-1], 1))
        return ops.depthwise_conv(padded, kernel, padding="valid", data_format="channels_last")

    def positive(self, values: Tensor) -> Tensor:
        return ops.cast(values > 0.0, "float32")

    def larger(self, values: Tensor, number: float) -> Tensor:
        return ops.maximum(values, number)

    def smaller(self, values: Tensor, number: float) -> Tensor:
        return ops.minimum(values, number)

    def divide(self, values: Tensor, divisors: Tensor) -> Tensor:
        return values / divisors

    def rounded(self, values: Tensor) -> Tensor:
        return ops.round(values)

    def stack(self, values: Tensor, share: Tensor) -> Tensor:
        return ops.concatenate([values, share], axis=-1)


CROSS = np.array([[0.0, 0.25, 0.0], [0.25, -1.0, 0.25], [0.0, 0.25, 0.0]], np.float32)

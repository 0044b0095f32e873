"""The encoder: predicts, from a picture with missing pixels, the generator's inputs for a completed picture.

It predicts the latents z and an offset, which is added to the generator's last feature map, at half the picture's
size. z selects a face that the DCGAN can draw. The offset adds details of the known pixels that z cannot express.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
from keras import ops

from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig
from dcgan.networks import BATCH_NORM_MOMENTUM

__all__ = ["build_encoder", "decode", "offset_shape", "split_generator"]

Tensor = Any


def offset_shape(config: ModelConfig) -> tuple[int, int, int]:
    """Return the shape of one picture's offset.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.

    Returns
    -------
    tuple of int
        (height, width, channels) of the generator's last feature map.

    Examples
    --------
    >>> offset_shape(ModelConfig())
    (32, 32, 64)
    """
    return config.size // 2, config.size // 2, config.widths[0]


def build_encoder(config: ModelConfig, *, policy: str = "float32", seed: int = 0) -> keras.Model:
    """Build the encoder of a model, a U-Net (Ronneberger et al. 2015).

    Convolutions of stride 2 reduce the picture to the generator's start size, where a dense layer predicts z.
    Transposed convolutions enlarge the feature map again to the size of the offset, with skip connections from the
    contracting path.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the two output layers, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        Maps (B, size, size, channels + 1) float32 to two outputs: z, (B, latent_dim) float32 in [-1, 1], and the
        offset, (B, *offset_shape(config)) float32. The first channels of the input are the picture in [-1, 1], with its
        holes filled by a rough estimate. The last channel is the known fraction of each pixel, in [0, 1]. The offset of
        a new encoder is 0.

    References
    ----------
    O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional networks for biomedical image segmentation", MICCAI
    2015, arXiv:1505.04597

    Examples
    --------
    >>> build_encoder(ModelConfig(size=16, filters=4)).output_shape
    [(None, 100), (None, 8, 8, 4)]
    """
    seeds = iter(range(seed, seed + 100))

    def block(x: Tensor, width: int, name: str, *, kind: type[keras.layers.Layer], strides: int = 2) -> Tensor:
        """Apply a convolution, BatchNorm and LeakyReLU."""
        x = kind(
            width,
            config.kernel_size if strides == 2 else 3,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed=next(seeds)),
            dtype=policy,
            name=name,
        )(x)
        norm = keras.layers.BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, dtype=policy, name=f"{name}_norm"
        )
        return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, dtype=policy, name=f"{name}_leaky")(norm(x))

    masked = keras.Input((config.size, config.size, config.channels + 1), name="masked")
    x, maps = masked, []
    for index, width in enumerate(config.widths):
        x = block(x, width, f"down{index}", kind=keras.layers.Conv2D)  # (B, size / 2**(index + 1), same, width)
        maps.append(x)
    flat = keras.layers.Flatten(dtype=policy, name="flatten")(x)
    dense = keras.layers.Dense(
        config.latent_dim,
        activation="tanh",
        kernel_initializer=keras.initializers.GlorotNormal(seed=next(seeds)),
        dtype="float32",
        name="latents",
    )
    for index in reversed(range(len(config.widths) - 1)):
        x = block(x, config.widths[index], f"up{index}", kind=keras.layers.Conv2DTranspose)
        x = keras.layers.Add(dtype=policy, name=f"merge{index}")([x, maps[index]])
        x = block(x, config.widths[index], f"mix{index}", kind=keras.layers.Conv2D, strides=1)
    offset = keras.layers.Conv2D(
        config.widths[0], 3, padding="same", kernel_initializer="zeros", dtype="float32", name="offset"
    )
    return keras.Model(masked, [dense(flat), offset(x)], name="encoder")


def split_generator(generator: keras.Model, config: ModelConfig) -> tuple[keras.Model, keras.Model]:
    """Split the generator at its last feature map, to which the offset is added.

    Parameters
    ----------
    generator : keras.Model
        The generator; both parts share its layers.
    config : ModelConfig
        Configuration of the model.

    Returns
    -------
    head : keras.Model
        Maps latents, (B, latent_dim), to the last feature map, (B, *offset_shape(config)).
    tail : keras.Model
        Maps the last feature map, (B, *offset_shape(config)), to pictures in [-1, 1].

    Examples
    --------
    >>> from dcgan.networks import build_generator
    >>> config = ModelConfig(size=16, filters=4)
    >>> [part.output_shape for part in split_generator(build_generator(config), config)]
    [(None, 8, 8, 4), (None, 16, 16, 3)]
    """
    shape = offset_shape(config)
    x = latents = keras.Input((config.latent_dim,), name="latents")
    layers = iter(generator.layers[1:])
    for layer in layers:
        x = layer(x)
        if tuple(x.shape[1:]) == shape:
            break
    features = y = keras.Input(shape, name="features")
    for layer in layers:
        y = layer(y)
    return keras.Model(latents, x, name="head"), keras.Model(features, y, name="tail")


def decode(generator: keras.Model, config: ModelConfig, latents: Tensor, *, offset: Tensor | None = None) -> Tensor:
    """Return the generator's pictures, with an offset added to its last feature map.

    Parameters
    ----------
    generator : keras.Model
        The generator.
    config : ModelConfig
        Configuration of the model.
    latents : tensor of float32, shape (B, latent_dim)
        Latents z, in [-1, 1].
    offset : tensor of float32, shape (B, *offset_shape(config)), optional
        Added to the last feature map.

    Returns
    -------
    tensor of float32, shape (B, size, size, channels)
        Pictures in [-1, 1].
    """
    x = latents
    for layer in generator.layers[1:]:
        x = layer(x, training=False) if isinstance(layer, keras.layers.BatchNormalization) else layer(x)
        if offset is not None and tuple(x.shape[1:]) == offset_shape(config):
            x, offset = x + ops.cast(offset, x.dtype), None
    return x

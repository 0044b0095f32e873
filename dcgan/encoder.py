"""The encoder: from a picture with missing pixels to where the generator should begin.

It gives two things: z, and an offset to the generator's last feature map, at half the picture's size. z is what the
DCGAN can draw; the offset takes what is known of this picture, its fine detail, past the latent space.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import keras
from keras import ops

from dcgan.config import ModelConfig, start_size
from dcgan.networks import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, LEAKY_SLOPE

__all__ = ["build_encoder", "decode", "feature_shape", "offset_shape", "split_generator"]

Tensor = Any


def offset_shape(config: ModelConfig) -> tuple[int, int, int]:
    """Return the shape of one picture's offset, (height, width, channels).

    Examples
    --------
    >>> offset_shape(ModelConfig())
    (32, 32, 64)
    """
    return config.size // 2, config.size // 2, config.widths[0]


def build_encoder(config: ModelConfig, *, policy: str = "float32", seed: int = 0) -> keras.Model:
    """Build the encoder of a model.

    Convolutions of stride 2 down to the size the generator starts from, where z is read off; from there a way back up
    to the offset's size, with the maps of the way down added (Ronneberger et al. 2015, arXiv:1505.04597).

    Parameters
    ----------
    config : of the model
    policy : Keras dtype policy of all layers but those of the results, which stay in float32
    seed : of the initial weights

    Returns
    -------
    keras.Model
        (B, size, size, channels + 1) float32 to z, (B, latent_dim) float32 in [-1, 1], and the offset,
        (B, *offset_shape(config)) float32. The last channel of the input is the known share of each pixel in [0, 1],
        the others the picture in [-1, 1], its holes filled in some simple way. The offset of a fresh encoder is 0.

    Examples
    --------
    >>> build_encoder(ModelConfig(size=16, filters=4)).output_shape
    [(None, 100), (None, 8, 8, 4)]
    """
    seeds = iter(range(seed, seed + 100))

    def block(x: Tensor, width: int, name: str, *, kind: type[keras.layers.Layer], strides: int = 2) -> Tensor:
        """Convolve, normalise, rectify."""
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
    """Return the generator in two parts, which share its layers: z to the feature map that an offset moves, and on.

    Returns
    -------
    head : (B, latent_dim) to (B, *offset_shape(config))
    tail : (B, *offset_shape(config)) to pictures in [-1, 1]

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


def feature_shape(config: ModelConfig) -> tuple[int, int, int]:
    """Return the shape of the generator's first feature map, (height, width, channels).

    Examples
    --------
    >>> feature_shape(ModelConfig())
    (4, 4, 512)
    """
    side = start_size(config.size)
    return side, side, config.widths[-1]


def decode(
    generator: keras.Model,
    config: ModelConfig,
    latents: Tensor,
    *,
    features: Tensor | None = None,
    offset: Tensor | None = None,
) -> Tensor:
    """Return the generator's pictures, with something added to its feature maps on the way.

    Parameters
    ----------
    generator : of the model
    config : of the model
    latents : (B, latent_dim)
    features : (B, *feature_shape(config)), added to the first map, or None
    offset : (B, *offset_shape(config)), added to the last one, or None

    Returns
    -------
    (B, size, size, channels) float32 in [-1, 1]
    """
    waiting = [(feature_shape(config), features), (offset_shape(config), offset)]
    x = latents
    for layer in generator.layers[1:]:
        x = layer(x, training=False) if isinstance(layer, keras.layers.BatchNormalization) else layer(x)
        while waiting and tuple(x.shape[1:]) == waiting[0][0]:
            added = waiting.pop(0)[1]
            x = x if added is None else x + ops.cast(added, x.dtype)
    return x

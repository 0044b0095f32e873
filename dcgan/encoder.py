"""The encoder: predicts, from a picture with missing pixels, the generator's inputs for a completed picture.

It predicts the latents z and offsets, which are added to the generator's last feature maps: at half the picture's
size, and, where the model's configuration says so, at a quarter, an eighth and so on. z selects a face that the DCGAN
can draw. The offsets add details of the known pixels that z cannot express.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig
from dcgan.networks import BATCH_NORM_MOMENTUM

__all__ = ["build_encoder", "decode", "offset_shapes"]

Tensor = Any

TRAINED_OTHERWISE = (keras.layers.BatchNormalization, keras.layers.Dropout)


def offset_shapes(config: ModelConfig) -> list[tuple[int, int, int]]:
    """Return the shapes of one picture's offsets.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.

    Returns
    -------
    list of tuple of int
        (height, width, channels) of the generator's last `config.offset_maps` feature maps, the largest first.

    Examples
    --------
    >>> offset_shapes(ModelConfig())
    [(32, 32, 64)]
    """
    return [
        (config.size >> level + 1, config.size >> level + 1, config.widths[level])
        for level in range(config.offset_maps)
    ]


def build_encoder(config: ModelConfig, *, policy: str = "float32", seed: int = 0) -> keras.Model:
    """Build the encoder of a model, a U-Net (Ronneberger et al. 2015).

    Convolutions of stride 2 reduce the picture to the generator's start size, where a dense layer predicts z.
    Transposed convolutions enlarge the feature map again to half the picture's size, with skip connections from the
    contracting path; a convolution at the size of each offset predicts it.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the output layers, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        Maps (B, size, size, channels + 1) float32 to a list: z, (B, latent_dim) float32 of magnitude at most
        `config.latent_bound`, and the offsets, float32 of `offset_shapes(config)` for each picture. The first channels
        of the input are the picture in [-1, 1], with its holes filled by a rough estimate. The last channel is the
        known fraction of each pixel, in [0, 1]. The offsets of a new encoder are 0.

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
    offsets: list[Tensor] = []

    def predict_offset(x: Tensor, level: int) -> None:
        """Add the output layer of one offset."""
        layer = keras.layers.Conv2D(
            config.widths[level],
            3,
            padding="same",
            kernel_initializer="zeros",
            dtype="float32",
            name=f"offset{level or ''}",
        )
        offsets.insert(0, layer(x))

    for index in reversed(range(len(config.widths) - 1)):
        x = block(x, config.widths[index], f"up{index}", kind=keras.layers.Conv2DTranspose)
        x = keras.layers.Add(dtype=policy, name=f"merge{index}")([x, maps[index]])
        x = block(x, config.widths[index], f"mix{index}", kind=keras.layers.Conv2D, strides=1)
        if index < config.offset_maps:
            predict_offset(x, index)
    if len(config.widths) == 1:  # the generator's start is its only feature map
        predict_offset(x, 0)
    latents = dense(flat)
    if config.latent_bound != 1.0:
        latents = keras.layers.Rescaling(config.latent_bound, dtype="float32", name="range")(latents)
    return keras.Model(masked, [latents, *offsets], name="encoder")


def decode(
    generator: keras.Model, config: ModelConfig, latents: Tensor, *, offsets: Sequence[Tensor] | None = None
) -> Tensor:
    """Return the generator's pictures, with offsets added to its last feature maps.

    Parameters
    ----------
    generator : keras.Model
        The generator.
    config : ModelConfig
        Configuration of the model.
    latents : tensor of float32, shape (B, latent_dim)
        Latents z.
    offsets : sequence of float32 tensors, optional
        (B, height, width, channels), of the shapes of `offset_shapes`; by default nothing is added.

    Returns
    -------
    tensor of float32, shape (B, size, size, channels)
        Pictures in [-1, 1].
    """
    x, last = latents, len(config.widths) - 1
    names = ["reshape", *(f"up{level}" for level in range(last))]  # of the layers that make a feature map
    added = dict(zip(reversed(names), offsets or (), strict=False))
    for layer in generator.layers[1:]:
        x = layer(x, training=False) if isinstance(layer, TRAINED_OTHERWISE) else layer(x)
        if layer.name in added:
            x = x + ops.cast(added[layer.name], x.dtype)
    return x

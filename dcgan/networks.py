"""The generator and the discriminator of a DCGAN, for every size that `dcgan.config.doublings` accepts.

Sources: Radford, Metz and Chintala 2016, "Unsupervised representation learning with deep convolutional generative
adversarial networks", arXiv:1511.06434, section 3; spectral normalisation: Miyato et al. 2018, arXiv:1802.05957.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig, start_size

__all__ = ["build_discriminator", "build_generator", "fold_spectral_norm"]

Tensor = Any

BATCH_NORM_MOMENTUM = 0.9
SETTLING_ITERATIONS = 50


def _initializers(kind: str) -> Callable[[int], keras.initializers.Initializer]:
    """Return what makes an initializer of a seed: normal with mean 0 and standard deviation 0.02, or that truncated."""
    made = keras.initializers.TruncatedNormal if kind == "truncated" else keras.initializers.RandomNormal
    return lambda seed: made(0.0, 0.02, seed=seed)


def _batch_norm(name: str, policy: str) -> keras.layers.Layer:
    """Return a BatchNorm layer with this project's momentum and epsilon."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, dtype=policy, name=name
    )


def build_generator(
    config: ModelConfig, *, policy: str = "float32", seed: int = 0, initializer: str = "normal"
) -> keras.Model:
    """Build the generator, which maps latents z to pictures.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the last ones, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.
    initializer : str, default "normal"
        Of the kernels; see `dcgan.config.TrainConfig`.

    Returns
    -------
    keras.Model
        Maps (B, latent_dim) float32 to (B, size, size, channels) float32 in [-1, 1].

    Examples
    --------
    >>> build_generator(ModelConfig(size=16, filters=4)).output_shape
    (None, 16, 16, 3)
    """
    start, make_kernels = start_size(config.size), _initializers(initializer)
    widths = config.widths[::-1]

    def enlarge(x: Tensor, channels: int, level: int, *, last: bool) -> Tensor:
        """Double the side of a feature map."""
        options = {
            "padding": "same",
            "use_bias": last and config.output_bias,
            "kernel_initializer": make_kernels(seed + 1 + level),
            "dtype": "float32" if last else policy,
            "name": f"up{level}",
        }
        if config.upsampling == "transposed":
            return keras.layers.Conv2DTranspose(channels, config.kernel_size, strides=2, **options)(x)
        x = keras.layers.UpSampling2D(2, dtype=policy, name=f"repeat{level}")(x)
        return keras.layers.Conv2D(channels, config.kernel_size, **options)(x)

    latents = keras.Input((config.latent_dim,), name="latents")
    x = keras.layers.Dense(
        start * start * widths[0], use_bias=False, kernel_initializer=make_kernels(seed), dtype=policy, name="project"
    )(latents)
    x = keras.layers.Reshape((start, start, widths[0]), dtype=policy, name="reshape")(x)
    for level in range(len(widths)):
        x = _batch_norm(f"norm{level}", policy)(x)
        x = _activation(config.activation, f"relu{level}", policy)(x)
        if config.generator_dropout:
            x = keras.layers.Dropout(
                config.generator_dropout, seed=seed + 200 + level, dtype=policy, name=f"dropout{level}"
            )(x)
        last = level == len(widths) - 1
        x = enlarge(x, config.channels if last else widths[level + 1], level, last=last)
        # (B, start * 2**(level + 1), same, channels)
    pictures = keras.layers.Activation(config.output, dtype="float32", name=config.output)(x)
    if config.output == "sigmoid":
        pictures = keras.layers.Rescaling(2.0, -1.0, dtype="float32", name="range")(pictures)
    return keras.Model(latents, pictures, name="generator")


def _activation(kind: str, name: str, policy: str) -> keras.layers.Layer:
    """Return a layer of ReLU or leaky ReLU."""
    if kind == "relu":
        return keras.layers.ReLU(dtype=policy, name=name)
    return keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, dtype=policy, name=name)


def build_discriminator(
    config: ModelConfig, *, policy: str = "float32", seed: int = 0, initializer: str = "normal"
) -> keras.Model:
    """Build the discriminator, which maps a picture to a logit; large logits mean real.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the last ones, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.
    initializer : str, default "normal"
        Of the kernels; see `dcgan.config.TrainConfig`.

    Returns
    -------
    keras.Model
        Maps (B, size, size, channels) float32 in [-1, 1] to (B,) float32.
    """
    spectral, make_kernels = config.discriminator_norm == "spectral", _initializers(initializer)
    wrap = keras.layers.SpectralNormalization if spectral else lambda layer, name: layer
    pictures = keras.Input((config.size, config.size, config.channels), name="pictures")
    x = pictures
    if config.output == "sigmoid":
        x = keras.layers.Rescaling(0.5, 0.5, dtype=policy, name="range")(x)

    def activate(x: Tensor, name: str, number: int) -> Tensor:
        """Apply a leaky ReLU, and dropout where there is some."""
        x = _activation("leaky", name, policy)(x)
        if not config.dropout:
            return x
        return keras.layers.Dropout(config.dropout, seed=seed + 300 + number, dtype=policy, name=f"{name}_dropout")(x)

    for level, width in enumerate(config.widths):
        name = f"down{level}"
        normalised = config.discriminator_norm == "batch-all" or (level > 0 and config.discriminator_norm == "batch")
        convolution = keras.layers.Conv2D(
            width,
            config.kernel_size,
            strides=2,
            padding="same",
            use_bias=not normalised,
            kernel_initializer=make_kernels(seed + level),
            dtype=policy,
            name=name,
        )
        x = wrap(convolution, name=f"spectral_{name}")(x)  # (B, size / 2**(level + 1), same, width)
        if normalised:
            x = _batch_norm(f"norm{level}", policy)(x)
        x = activate(x, f"leaky{level}", level)
    x = keras.layers.Flatten(dtype=policy, name="flatten")(x)
    if config.dense:
        hidden = keras.layers.Dense(
            config.dense, kernel_initializer=make_kernels(seed + 101), dtype=policy, name="hidden"
        )
        x = activate(wrap(hidden, name="spectral_hidden")(x), "hidden_leaky", len(config.widths))
    dense = keras.layers.Dense(
        config.logits, kernel_initializer=make_kernels(seed + 100), dtype="float32", name="logit"
    )
    x = wrap(dense, name="spectral_logit")(x)
    if config.logits == 2:
        x = Difference(dtype="float32", name="difference")(x)
    logits = keras.layers.Reshape((), dtype="float32", name="squeeze")(x)  # (B,)
    network = keras.Model(pictures, logits, name="discriminator")
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):  # Keras initializes vector_u without a seed
            layer.vector_u.assign(rng.normal(size=layer.vector_u.shape))
    return network


@keras.saving.register_keras_serializable("dcgan")
class Difference(keras.layers.Layer):
    """The second of two values minus the first: (B, 2) to (B, 1)."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return the difference."""
        return inputs[:, 1:] - inputs[:, :1]


def fold_spectral_norm(discriminator: keras.Model) -> None:
    """Divide each spectrally normalised kernel by its largest singular value, in place.

    Keras divides these kernels in each training step, but not in inference. A discriminator without spectral
    normalisation stays unchanged.

    Parameters
    ----------
    discriminator : keras.Model
        Changed in place.
    """
    for layer in discriminator.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):
            for _ in range(SETTLING_ITERATIONS):  # power iteration
                vector, kernel = layer.normalized_weights()
                layer.vector_u.assign(vector)
                layer.kernel.assign(kernel)

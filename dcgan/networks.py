"""The generator and the discriminator of a DCGAN, for every size that `dcgan.config.doublings` accepts.

Sources: Radford, Metz and Chintala 2016, "Unsupervised representation learning with deep convolutional generative
adversarial networks", arXiv:1511.06434, section 3; spectral normalisation: Miyato et al. 2018, arXiv:1802.05957.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import keras
import numpy as np

from dcgan.config import BATCH_NORM_EPSILON, LEAKY_SLOPE, ModelConfig, start_size

__all__ = ["build_discriminator", "build_generator", "fold_spectral_norm"]

BATCH_NORM_MOMENTUM = 0.9
SETTLING_ITERATIONS = 50


def _initializer(seed: int) -> keras.initializers.Initializer:
    """Return the normal initializer of Radford et al. 2016: mean 0, standard deviation 0.02."""
    return keras.initializers.RandomNormal(0.0, 0.02, seed=seed)


def _batch_norm(name: str, policy: str) -> keras.layers.Layer:
    """Return a BatchNorm layer with this project's momentum and epsilon."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, dtype=policy, name=name
    )


def build_generator(config: ModelConfig, *, policy: str = "float32", seed: int = 0) -> keras.Model:
    """Build the generator, which maps latents z to pictures.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the last ones, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        Maps (B, latent_dim) float32 to (B, size, size, channels) float32 in [-1, 1].

    Examples
    --------
    >>> build_generator(ModelConfig(size=16, filters=4)).output_shape
    (None, 16, 16, 3)
    """
    start = start_size(config.size)
    widths = config.widths[::-1]
    latents = keras.Input((config.latent_dim,), name="latents")
    x = keras.layers.Dense(
        start * start * widths[0], use_bias=False, kernel_initializer=_initializer(seed), dtype=policy, name="project"
    )(latents)
    x = keras.layers.Reshape((start, start, widths[0]), dtype=policy, name="reshape")(x)
    for level in range(len(widths)):
        x = _batch_norm(f"norm{level}", policy)(x)
        x = keras.layers.ReLU(dtype=policy, name=f"relu{level}")(x)
        last = level == len(widths) - 1
        x = keras.layers.Conv2DTranspose(
            config.channels if last else widths[level + 1],
            config.kernel_size,
            strides=2,
            padding="same",
            use_bias=last,
            kernel_initializer=_initializer(seed + 1 + level),
            dtype="float32" if last else policy,
            name=f"up{level}",
        )(x)  # (B, start * 2**(level + 1), same, channels)
    pictures = keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)
    return keras.Model(latents, pictures, name="generator")


def build_discriminator(config: ModelConfig, *, policy: str = "float32", seed: int = 0) -> keras.Model:
    """Build the discriminator, which maps a picture to a logit; large logits mean real.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    policy : str, default "float32"
        Keras dtype policy of all layers except the last ones, which stay in float32.
    seed : int, default 0
        Seed of the initial weights.

    Returns
    -------
    keras.Model
        Maps (B, size, size, channels) float32 in [-1, 1] to (B,) float32.
    """
    spectral = config.discriminator_norm == "spectral"
    wrap = keras.layers.SpectralNormalization if spectral else lambda layer, name: layer
    pictures = keras.Input((config.size, config.size, config.channels), name="pictures")
    x = pictures
    for level, width in enumerate(config.widths):
        name = f"down{level}"
        normalised = level > 0 and not spectral
        convolution = keras.layers.Conv2D(
            width,
            config.kernel_size,
            strides=2,
            padding="same",
            use_bias=not normalised,
            kernel_initializer=_initializer(seed + level),
            dtype=policy,
            name=name,
        )
        x = wrap(convolution, name=f"spectral_{name}")(x)  # (B, size / 2**(level + 1), same, width)
        if normalised:
            x = _batch_norm(f"norm{level}", policy)(x)
        x = keras.layers.LeakyReLU(negative_slope=LEAKY_SLOPE, dtype=policy, name=f"leaky{level}")(x)
    x = keras.layers.Flatten(dtype=policy, name="flatten")(x)
    dense = keras.layers.Dense(1, kernel_initializer=_initializer(seed + 100), dtype="float32", name="logit")
    x = wrap(dense, name="spectral_logit")(x)
    logits = keras.layers.Reshape((), dtype="float32", name="squeeze")(x)  # (B,)
    network = keras.Model(pictures, logits, name="discriminator")
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):  # Keras initializes vector_u without a seed
            layer.vector_u.assign(rng.normal(size=layer.vector_u.shape))
    return network


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

"""The tensors of a model file: their names and shapes, by the model's configuration. No network is built."""

from dcgan.config import ModelConfig, start_size

__all__ = ["tensor_shapes"]

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")

Shapes = dict[str, tuple[int, ...]]


def tensor_shapes(config: ModelConfig, *, encoder: bool = False) -> Shapes:
    """Return the name and shape of every tensor of a model.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    encoder : bool, default False
        Whether the model has an encoder.

    Returns
    -------
    dict of str to tuple of int
        Shapes by name, which begins with the network's, for example "generator/up0/kernel".

    Examples
    --------
    >>> import math
    >>> sum(math.prod(shape) for shape in tensor_shapes(ModelConfig()).values())
    6346052
    """
    shapes = {f"generator/{name}": shape for name, shape in _generator(config).items()}
    shapes |= {f"discriminator/{name}": shape for name, shape in _discriminator(config).items()}
    if encoder:
        shapes |= {f"encoder/{name}": shape for name, shape in _encoder(config).items()}
    return shapes


def _generator(config: ModelConfig) -> Shapes:
    """Return the shapes of `dcgan.networks.build_generator`."""
    side, widths = config.kernel_size, config.widths[::-1]
    shapes: Shapes = {"project/kernel": (config.latent_dim, start_size(config.size) ** 2 * widths[0])}
    for level, (width, channels) in enumerate(zip(widths, [*widths[1:], config.channels], strict=True)):
        shapes |= _batch_norm(f"norm{level}", width)
        both = (channels, width) if config.upsampling == "transposed" else (width, channels)
        shapes[f"up{level}/kernel"] = (side, side, *both)
    return shapes | ({f"up{len(widths) - 1}/bias": (config.channels,)} if config.output_bias else {})


def _discriminator(config: ModelConfig) -> Shapes:
    """Return the shapes of `dcgan.networks.build_discriminator`."""
    side, spectral = config.kernel_size, config.discriminator_norm == "spectral"
    shapes: Shapes = {}
    for level, (received, width) in enumerate(zip([config.channels, *config.widths], config.widths, strict=False)):
        name = f"spectral_down{level}/down{level}" if spectral else f"down{level}"
        shapes[f"{name}/kernel"] = (side, side, received, width)
        if config.discriminator_norm == "batch-all" or (config.discriminator_norm == "batch" and level > 0):
            shapes |= _batch_norm(f"norm{level}", width)
        else:
            shapes[f"{name}/bias"] = (width,)
        if spectral:
            shapes[f"spectral_down{level}/vector_u"] = (1, width)
    received = start_size(config.size) ** 2 * config.widths[-1]
    for layer, units in (("hidden", config.dense), ("logit", config.logits)):
        if units:
            name = f"spectral_{layer}/{layer}" if spectral else layer
            shapes |= {f"{name}/kernel": (received, units), f"{name}/bias": (units,)}
            shapes |= {f"spectral_{layer}/vector_u": (1, units)} if spectral else {}
            received = units
    return shapes


def _encoder(config: ModelConfig) -> Shapes:
    """Return the shapes of `dcgan.encoder.build_encoder`."""
    side, widths, latent_dim = config.kernel_size, config.widths, config.latent_dim
    shapes: Shapes = {}
    for level, (received, width) in enumerate(zip([config.channels + 1, *widths], widths, strict=False)):
        shapes |= {f"down{level}/kernel": (side, side, received, width), **_batch_norm(f"down{level}_norm", width)}
    for level in range(len(widths) - 1):
        width = widths[level]
        shapes |= {f"up{level}/kernel": (side, side, width, widths[level + 1]), **_batch_norm(f"up{level}_norm", width)}
        shapes |= {f"mix{level}/kernel": (3, 3, width, width), **_batch_norm(f"mix{level}_norm", width)}
    flat = start_size(config.size) ** 2 * widths[-1]
    shapes |= {"latents/kernel": (flat, latent_dim), "latents/bias": (latent_dim,)}
    for level, width in enumerate(widths[: config.offset_maps]):
        name = f"offset{level or ''}"
        shapes |= {f"{name}/kernel": (3, 3, width, width), f"{name}/bias": (width,)}
    return shapes


def _batch_norm(name: str, width: int) -> Shapes:
    """Return the shapes of a BatchNorm layer."""
    return {f"{name}/{part}": (width,) for part in BATCH_NORM}

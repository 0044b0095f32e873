"""Models: what a model file holds, loaded and saved. A model is one safetensors file, see `dcgan.model_tensors`.

Loading runs no code from the file and needs no Keras: the configuration says which tensors there are, the name, shape
and type of each is checked before it is read, and then its values. Networks are built when they are first asked for.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dcgan.config import ModelConfig
from dcgan.errors import ModelFileError
from dcgan.model_tensors import (
    DTYPES,
    FORMAT,
    FORMAT_VERSION,
    HEADER_BYTES_MAX,
    TensorForm,
    check_values,
    find_model,
    read_header,
    read_tensors,
    serialize,
)
from dcgan.pictures.records import write_whole
from dcgan.tensor_shapes import tensor_shapes

if TYPE_CHECKING:
    import keras

__all__ = ["Prior", "load_model", "save_model"]

NAMES_SHOWN = 3

Tensors = Mapping[str, npt.NDArray[Any]]


class Prior:
    """A trained DCGAN.

    Parameters
    ----------
    config : ModelConfig
        Configuration from which the networks are built.
    tensors : mapping of str to ndarray
        The weights, by the names of `dcgan.tensor_shapes`.
    info : dict, optional
        Description of the dataset, settings and last losses of the training, and the version that wrote the file.
    sha256 : str, optional
        SHA-256 of the file, 64 hexadecimal digits; empty where there is no file.

    Attributes
    ----------
    config, tensors, info, sha256
        The same.
    """

    def __init__(
        self, config: ModelConfig, tensors: Tensors, *, info: dict[str, Any] | None = None, sha256: str = ""
    ) -> None:
        self.config, self.tensors, self.info, self.sha256 = config, tensors, info or {}, sha256

    @classmethod
    def of_networks(
        cls,
        generator: keras.Model,
        discriminator: keras.Model,
        config: ModelConfig,
        *,
        encoder: keras.Model | None = None,
    ) -> Prior:
        """Return a model of networks that are built already, with the weights that they have now.

        Parameters
        ----------
        generator, discriminator : keras.Model
            Built from `config`.
        config : ModelConfig
        encoder : keras.Model, optional
            Built from `config`.
        """
        networks = _by_prefix(generator, discriminator, encoder)
        prior = cls(config, {name: np.asarray(value.numpy()) for name, value in _variables(networks).items()})
        prior.__dict__.update(networks)  # in place of the properties
        return prior

    @property
    def has_encoder(self) -> bool:
        """Whether the model has an encoder."""
        return _has_encoder(self.tensors)

    @functools.cached_property
    def generator(self) -> keras.Model:
        """Maps (B, latent_dim) float32 in [-1, 1] to (B, size, size, channels) float32 in [-1, 1]; built by Keras."""
        from dcgan.networks import build_generator

        return self._built("generator", build_generator)

    @functools.cached_property
    def discriminator(self) -> keras.Model:
        """Maps (B, size, size, channels) float32 in [-1, 1] to (B,) float32 logits; built by Keras."""
        from dcgan.networks import build_discriminator

        return self._built("discriminator", build_discriminator)

    @functools.cached_property
    def encoder(self) -> keras.Model | None:
        """See `dcgan.encoder.build_encoder`; None if the model has no encoder."""
        from dcgan.encoder import build_encoder

        return self._built("encoder", build_encoder) if self.has_encoder else None

    def _built(self, prefix: str, build: Callable[[ModelConfig], keras.Model]) -> keras.Model:
        """Return a new network with the model's weights."""
        from dcgan.autodiff import computed_now

        with computed_now():  # a function that is being compiled may be the first to ask for the network
            network = build(self.config)
            for name, variable in _variables({prefix: network}).items():
                variable.assign(self.tensors[name].astype(np.float32))
        return network


def _has_encoder(names: Iterable[str]) -> bool:
    """Tell whether the encoder's tensors are among a model's."""
    return any(name.startswith("encoder/") for name in names)


def _by_prefix(generator: Any, discriminator: Any, encoder: Any) -> dict[str, Any]:
    """Return a model's networks by the first part of their tensors' names."""
    return {"generator": generator, "discriminator": discriminator} | ({"encoder": encoder} if encoder else {})


def _variables(networks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Keras variables of networks by the names of their tensors."""
    return {
        f"{prefix}/{variable.path}": variable for prefix, network in networks.items() for variable in network.weights
    }


def save_model(
    path: str | Path,
    generator: keras.Model,
    discriminator: keras.Model,
    *,
    config: ModelConfig,
    info: dict[str, Any] | None = None,
    encoder: keras.Model | None = None,
) -> None:
    """Write a model file. An interrupted write leaves no partial file.

    Kernels are stored in half precision. Vectors (biases, BatchNorm parameters and statistics) stay in float32, because
    small running variances would vanish in half precision.

    Parameters
    ----------
    path : str or pathlib.Path
        Path of the .safetensors file.
    generator : keras.Model
        Generator, built from `config`.
    discriminator : keras.Model
        Discriminator, built from `config`.
    config : ModelConfig
        Configuration, saved in the metadata.
    info : dict, optional
        JSON-serialisable description of the dataset and the training, saved in the metadata.
    encoder : keras.Model, optional
        Encoder, built from `config`.

    Raises
    ------
    ModelFileError
        The file cannot be written, or a weight is not finite in the precision in which it is stored, or a
        variance is negative.
    """
    tensors: dict[str, npt.NDArray[Any]] = {}
    for name, variable in _variables(_by_prefix(generator, discriminator, encoder)).items():
        values = np.asarray(variable.numpy())
        with np.errstate(over="ignore"):
            values = values.astype(np.float16 if values.ndim > 1 else np.float32)
        check_values(path, name, values)
        tensors[name] = values
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "config": json.dumps(config.to_dict()),
        "info": json.dumps(info or {}),
    }
    try:
        with write_whole(path) as file:
            file.write(serialize(tensors, metadata))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot write: {error.strerror or error}") from error


def load_model(name_or_path: str | Path) -> Prior:
    """Load a model.

    Parameters
    ----------
    name_or_path : str or pathlib.Path
        Name of a bundled model, such as "faces-64", path of a model file, or "hf://OWNER/NAME"; see
        `dcgan.model_tensors.find_model`.

    Returns
    -------
    Prior
        The model.

    Raises
    ------
    ModelFileError
        There is no such model, the file is damaged or not a model of this project, or its tensors do not match its
        configuration.
    """
    path = find_model(name_or_path)
    config, info, forms = read_header(path)
    shapes = tensor_shapes(config, encoder=_has_encoder(forms))
    # Before the tensors are read, so that a file takes no more memory than a model.
    _check_forms(path, shapes, forms)
    bytes_max = HEADER_BYTES_MAX + 4 * sum(form.size for form in forms.values())
    tensors, sha256 = read_tensors(path, bytes_max=bytes_max)
    _check_forms(path, shapes, {name: TensorForm.of(values) for name, values in tensors.items()})
    for name, values in tensors.items():
        check_values(path, name, values)
    return Prior(config, tensors, info=info, sha256=sha256)


def _check_forms(path: Path, shapes: Mapping[str, tuple[int, ...]], forms: Mapping[str, TensorForm]) -> None:
    """Raise ModelFileError where the tensors have not the names and shapes of a configuration, or another type."""
    missing, foreign = sorted(shapes.keys() - forms.keys()), sorted(forms.keys() - shapes.keys())
    if missing or foreign:
        raise ModelFileError(
            f"{path}: expected {len(shapes)} tensors by its configuration, received {len(forms)} "
            f"(missing: {missing[:NAMES_SHOWN]}, unknown: {foreign[:NAMES_SHOWN]})"
        )
    for name, shape in shapes.items():
        form = forms[name]
        if form.shape != shape:
            raise ModelFileError(f"{path}: expected {name} of shape {shape}, received {form.shape}")
        if form.dtype not in DTYPES.values():
            raise ModelFileError(f"{path}: expected {name} of float16 or float32, received {form.dtype}")

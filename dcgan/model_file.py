"""Save and load models. A model is one safetensors file: the weights, and the configuration as metadata.

Loading runs no code from the file. The networks are built from the configuration. The name, shape and type of each
tensor are checked before it is read, and then its values.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder
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
from dcgan.networks import build_discriminator, build_generator, weight_count
from dcgan.pictures.records import write_whole

__all__ = ["Prior", "load_model", "save_model"]

NAMES_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Prior:
    """A trained DCGAN.

    Attributes
    ----------
    generator : keras.Model
        Maps (B, latent_dim) float32 in [-1, 1] to (B, size, size, channels) float32 in [-1, 1].
    discriminator : keras.Model
        Maps (B, size, size, channels) float32 in [-1, 1] to (B,) float32 logits.
    config : ModelConfig
        Configuration from which the networks were built.
    info : dict
        Description of the dataset, settings and last losses of the training, and the version that wrote the file.
    sha256 : str
        SHA-256 of the file, 64 hexadecimal digits.
    encoder : keras.Model, optional
        See `dcgan.encoder.build_encoder`; None if the file contains no encoder.
    """

    generator: keras.Model
    discriminator: keras.Model
    config: ModelConfig
    info: dict[str, Any]
    sha256: str
    encoder: keras.Model | None = None


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
    networks = {"generator": generator, "discriminator": discriminator} | ({"encoder": encoder} if encoder else {})
    for prefix, network in networks.items():
        for variable in network.variables:
            values = np.asarray(variable.numpy())
            with np.errstate(over="ignore"):
                values = values.astype(np.float16 if values.ndim > 1 else np.float32)
            check_values(path, f"{prefix}/{variable.path}", values)
            tensors[f"{prefix}/{variable.path}"] = values
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
        Name of a bundled model, such as "faces-64", or path of a model file.

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
    expected, received = weight_count(config), sum(form.size for form in forms.values())
    if expected > 2 * received:  # avoids building huge networks from a damaged configuration
        raise ModelFileError(f"{path}: expected {expected:,} weights by its configuration, received {received:,}")
    generator, discriminator = build_generator(config), build_discriminator(config)
    encoder = build_encoder(config) if any(name.startswith("encoder/") for name in forms) else None
    networks = {"generator": generator, "discriminator": discriminator} | ({"encoder": encoder} if encoder else {})
    variables = {
        f"{prefix}/{variable.path}": variable for prefix, network in networks.items() for variable in network.variables
    }
    # Before the tensors are read, so that a file takes no more memory than a model.
    _check_forms(path, variables, forms)
    tensors, sha256 = read_tensors(path, bytes_max=HEADER_BYTES_MAX + 4 * received)
    _check_forms(path, variables, {name: TensorForm.of(values) for name, values in tensors.items()})
    _assign(path, variables, tensors)
    return Prior(generator, discriminator, config, info, sha256, encoder)


def _check_forms(path: Path, variables: Mapping[str, Any], forms: Mapping[str, TensorForm]) -> None:
    """Raise ModelFileError where the tensors have not the names, shapes and types of the networks' variables."""
    missing, foreign = sorted(variables.keys() - forms.keys()), sorted(forms.keys() - variables.keys())
    if missing or foreign:
        raise ModelFileError(
            f"{path}: expected {len(variables)} tensors by its configuration, received {len(forms)} "
            f"(missing: {missing[:NAMES_SHOWN]}, unknown: {foreign[:NAMES_SHOWN]})"
        )
    for name, variable in variables.items():
        form = forms[name]
        if form.shape != tuple(variable.shape):
            raise ModelFileError(f"{path}: expected {name} of shape {tuple(variable.shape)}, received {form.shape}")
        if form.dtype not in DTYPES.values():
            raise ModelFileError(f"{path}: expected {name} of float16 or float32, received {form.dtype}")


def _assign(path: Path, variables: Mapping[str, Any], tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Assign the tensors to the networks' variables, after checking the values."""
    for name, variable in variables.items():
        values = tensors[name]
        check_values(path, name, values)
        variable.assign(values.astype(np.float32))

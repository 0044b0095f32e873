"""Save and load models. A model is one safetensors file: the weights, and the configuration as metadata.

Loading runs no code from the file. The networks are built from the configuration. The name, shape and type of each
tensor are checked before it is read, and then its values.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder
from dcgan.errors import ModelFileError
from dcgan.networks import build_discriminator, build_generator, weight_count
from dcgan.pictures.reading import open_regular
from dcgan.pictures.records import write_whole

__all__ = ["FORMAT_VERSION", "Prior", "bundled_models", "load_model", "save_model"]

FORMAT = "dcgan-prior"
FORMAT_VERSION = 1
HEADER_BYTES_MAX = 2**24
DTYPES = {"F16": "float16", "F32": "float32"}  # the types of tensors, by their names in a file
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


def bundled_models() -> dict[str, Path]:
    """Return the models that are installed with the package.

    Returns
    -------
    dict of str to pathlib.Path
        The path of each model file by the model's name.
    """
    folder = Path(str(resources.files("dcgan"))) / "models"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


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
            _check_values(path, f"{prefix}/{variable.path}", values)
            tensors[f"{prefix}/{variable.path}"] = values
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "config": json.dumps(dataclasses.asdict(config)),
        "info": json.dumps(info or {}),
    }
    try:
        with write_whole(path) as file:
            file.write(_serialize(tensors, metadata))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot write: {error.strerror or error}") from error


def _serialize(tensors: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> bytes:
    """Return a safetensors file whose bytes depend on its contents only; the library orders the metadata at random."""
    data = safetensors.numpy.save(tensors, metadata)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # keeps the tensors aligned to 8 bytes
    return len(text).to_bytes(8, "little") + text + data[start:]


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
    path = _find(name_or_path)
    metadata, forms = _read_header(path)
    config, info = _parse(path, metadata)
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
    tensors, sha256 = _read_tensors(path, bytes_max=HEADER_BYTES_MAX + 4 * received)
    _check_forms(path, variables, {name: _Form.of(values) for name, values in tensors.items()})
    _assign(path, variables, tensors)
    return Prior(generator, discriminator, config, info, sha256, encoder)


def _find(name_or_path: str | Path) -> Path:
    """Return the path of a model file, given a bundled model's name or a path."""
    bundled = bundled_models()
    if str(name_or_path) in bundled:
        return bundled[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(bundled) or "none in this installation"
        raise ModelFileError(f"Expected a bundled model ({known}) or the path of a file. Received: {name_or_path}")
    return path


def _parse(path: Path, metadata: dict[str, str]) -> tuple[ModelConfig, dict[str, Any]]:
    """Return the configuration and the `info` in a file's metadata."""
    try:
        config = ModelConfig.from_dict(json.loads(metadata["config"]))
        info = json.loads(metadata["info"])
        if not isinstance(info, dict):
            raise TypeError(f"Expected `info` to be a dict. Received: {type(info).__name__}")
    except KeyError as error:
        raise ModelFileError(f"{path}: the model's configuration is damaged: {error} is missing") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelFileError(f"{path}: the model's configuration is damaged: {error}") from error
    return config, info


@dataclasses.dataclass(frozen=True)
class _Form:
    """Shape and type of a tensor."""

    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> "_Form":
        return cls(values.shape, str(values.dtype))

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def _read_header(path: Path) -> tuple[dict[str, str], dict[str, _Form]]:
    """Return a file's metadata and the form of each tensor; no tensor is read."""
    with _damage_named(path):
        with open_regular(path) as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > HEADER_BYTES_MAX:
            raise ModelFileError(
                f"{path}: not a safetensors file, or a damaged one: expected a header of at most "
                f"{HEADER_BYTES_MAX:,} bytes, received {length:,}"
            )
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ModelFileError(f"{path}: expected a model written by dcgan-train, found another safetensors file")
            if metadata.get("format_version") != str(FORMAT_VERSION):
                version = metadata.get("format_version")
                raise ModelFileError(f"{path}: expected model format {FORMAT_VERSION}, received {version}")
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            forms = {
                name: _Form(tuple(each.get_shape()), DTYPES.get(each.get_dtype(), each.get_dtype()))
                for name, each in slices.items()
            }
    return metadata, forms


def _read_tensors(path: Path, *, bytes_max: int) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """Return a file's tensors and its SHA-256."""
    with _damage_named(path):
        with open_regular(path) as file:
            data = file.read(bytes_max)
        return safetensors.numpy.load(data), hashlib.sha256(data).hexdigest()


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into ModelFileError."""
    try:
        yield
    except OSError as error:
        raise ModelFileError(f"{path}: cannot read: {error.strerror or error}") from error
    except (safetensors.SafetensorError, KeyError, TypeError) as error:  # KeyError, TypeError: a type that NumPy lacks
        raise ModelFileError(f"{path}: not a safetensors file, or a damaged one: {error}") from error


def _check_forms(path: Path, variables: Mapping[str, Any], forms: Mapping[str, _Form]) -> None:
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
        _check_values(path, name, values)
        variable.assign(values.astype(np.float32))


def _check_values(path: str | Path, name: str, values: npt.NDArray[Any]) -> None:
    """Raise ModelFileError where a weight is not finite, or a variance is negative."""
    if not np.isfinite(values).all():
        raise ModelFileError(f"{path}: expected finite weights, received NaN or infinity in {name}")
    if name.endswith("/moving_variance") and values.min(initial=0.0) < 0.0:
        raise ModelFileError(f"{path}: expected variances of at least 0, received {values.min():g} in {name}")

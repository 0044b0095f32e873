"""Model files without the networks: which models there are, their configuration and their tensors. No Keras.

A model is one safetensors file: the weights, and the configuration as metadata. Reading runs no code from the file.
"""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from dcgan.config import ModelConfig
from dcgan.errors import ModelFileError
from dcgan.hub.reference import is_hub_reference
from dcgan.pictures.reading import open_regular

__all__ = [
    "DTYPES",
    "FORMAT",
    "FORMAT_VERSION",
    "HEADER_BYTES_MAX",
    "TensorForm",
    "bundled_models",
    "check_values",
    "find_model",
    "model_sha256",
    "read_forms",
    "read_header",
    "read_tensors",
    "serialize",
]

FORMAT = "dcgan-prior"
FORMAT_VERSION = 1
HEADER_BYTES_MAX = 2**24
BLOCK_BYTES = 2**20
# A thousand times the largest of the models that were trained with this project: kernels 0.7, biases 0.3, scales and
# offsets of BatchNorm 1.4, running means 9.9. Running variances only divide; they have no such bound.
WEIGHT_MAX = 1000.0
MEAN_MAX = 10_000.0
_digests: dict[tuple[int, ...], str] = {}  # of files that were hashed by this process: a tenth of a second each
DTYPES = {"F16": "float16", "F32": "float32"}  # the types of tensors, by their names in a file


@dataclasses.dataclass(frozen=True)
class TensorForm:
    """Shape and type of a tensor.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        "float16", "float32", or another that no model has.
    """

    shape: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> "TensorForm":
        """Return the form of an array."""
        return cls(values.shape, str(values.dtype))

    @property
    def size(self) -> int:
        """Return the number of values."""
        return math.prod(self.shape)


def bundled_models() -> dict[str, Path]:
    """Return the models that are installed with the package.

    Returns
    -------
    dict of str to pathlib.Path
        The path of each model file by the model's name.
    """
    folder = Path(str(resources.files("dcgan"))) / "models"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_model(name_or_path: str | Path) -> Path:
    """Return the path of a model file: the one place that knows what names a model.

    Parameters
    ----------
    name_or_path : str or Path
        A bundled model's name, a path, or hf://OWNER/NAME[@REVISION][/FILE], which may be downloaded; see
        `dcgan.hub.download.find_hub_model`.

    Raises
    ------
    ModelFileError
        There is neither such a model nor such a file.
    """
    if is_hub_reference(name_or_path):
        from dcgan.hub.download import find_hub_model

        return find_hub_model(str(name_or_path)).path
    bundled = bundled_models()
    if str(name_or_path) in bundled:
        return bundled[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        known = ", ".join(bundled) or "none in this installation"
        raise ModelFileError(
            f"Expected a bundled model ({known}), hf://OWNER/NAME or the path of a file. Received: {name_or_path}"
        )
    return path


def model_sha256(name_or_path: str | Path) -> str:
    """Return the SHA-256 of a model's file, 64 hexadecimal digits.

    Parameters
    ----------
    name_or_path : str or Path
        A bundled model's name, or a path.

    Raises
    ------
    ModelFileError
        There is no such model, or its file cannot be read.
    """
    path = find_model(name_or_path)
    with _damage_named(path), open_regular(path) as file:
        identity = _identity(file)
        if identity not in _digests:
            digest = hashlib.sha256()
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
            _digests[identity] = digest.hexdigest()
        return _digests[identity]


def read_header(path: Path) -> tuple[ModelConfig, dict[str, Any], dict[str, TensorForm]]:
    """Return a model's configuration, its description and the form of each tensor; no tensor is read.

    Parameters
    ----------
    path : Path

    Returns
    -------
    config : ModelConfig
    info : dict
        Description of the dataset and the training.
    forms : dict of str to TensorForm
        By the tensors' names.

    Raises
    ------
    ModelFileError
        The file cannot be read, is damaged or not a model of this project.
    """
    metadata, forms = read_forms(path)
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"{path}: expected a model written by dcgan-train, found another safetensors file")
    if metadata.get("format_version") != str(FORMAT_VERSION):
        version = metadata.get("format_version")
        raise ModelFileError(f"{path}: expected model format {FORMAT_VERSION}, received {version}")
    return *_parse(path, metadata), forms


def read_forms(path: Path) -> tuple[dict[str, str], dict[str, TensorForm]]:
    """Return the metadata of any safetensors file and the form of each tensor; no tensor is read.

    Parameters
    ----------
    path : Path

    Returns
    -------
    metadata : dict of str to str
    forms : dict of str to TensorForm
        By the tensors' names.

    Raises
    ------
    ModelFileError
        The file cannot be read, is damaged or no safetensors file, or its header is too long.
    """
    with _damage_named(path):
        with open_regular(path) as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > HEADER_BYTES_MAX:
            raise ModelFileError(
                f"{path}: not a safetensors file, or a damaged one: its first 8 bytes are no length of a header, of at "
                f"most {HEADER_BYTES_MAX:,} bytes"
            )
        with safetensors.safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            forms = {
                name: TensorForm(tuple(each.get_shape()), DTYPES.get(each.get_dtype(), each.get_dtype()))
                for name, each in slices.items()
            }
            return file.metadata() or {}, forms


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


def read_tensors(path: Path, *, bytes_max: int) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """Return a file's tensors and its SHA-256.

    Parameters
    ----------
    path : Path
    bytes_max : int
        No more is read.

    Returns
    -------
    tensors : dict of str to ndarray
    sha256 : str

    Raises
    ------
    ModelFileError
        The file cannot be read, or is damaged or longer.
    """
    with _damage_named(path):
        with open_regular(path) as file:
            data, identity = file.read(bytes_max), _identity(file)
        digest = _digests.get(identity) or hashlib.sha256(data).hexdigest()
        return safetensors.numpy.load(data), digest


def _identity(file: IO[bytes]) -> tuple[int, ...]:
    """Return what tells an open file from others, and from itself before a change."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into ModelFileError."""
    try:
        yield
    except OSError as error:
        raise ModelFileError(f"{path}: cannot read: {error.strerror or error}") from error
    except (safetensors.SafetensorError, KeyError, TypeError) as error:  # KeyError, TypeError: a type that NumPy lacks
        raise ModelFileError(f"{path}: not a safetensors file, or a damaged one: {error}") from error


def check_values(path: str | Path, name: str, values: npt.NDArray[Any]) -> None:
    """Raise ModelFileError where a weight is not finite or larger than any training gives, or a variance is negative.

    Parameters
    ----------
    path : str or Path
        The model's file, for the message.
    name : str
        The tensor's name.
    values : ndarray
    """
    if not np.isfinite(values).all():
        raise ModelFileError(f"{path}: expected finite weights, received NaN or infinity in {name}")
    if name.endswith("/moving_variance"):
        if values.min(initial=0.0) < 0.0:
            raise ModelFileError(f"{path}: expected variances of at least 0, received {values.min():g} in {name}")
        return
    largest, allowed = np.abs(values).max(initial=0.0), MEAN_MAX if name.endswith("/moving_mean") else WEIGHT_MAX
    if largest > allowed:
        raise ModelFileError(f"{path}: expected weights of at most {allowed:g}, received {largest:g} in {name}")


def serialize(tensors: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> bytes:
    """Return a safetensors file whose bytes depend on its contents only; the library orders the metadata at random.

    Parameters
    ----------
    tensors : dict of str to ndarray
    metadata : dict of str to str
    """
    data = safetensors.numpy.save(tensors, metadata)
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = metadata
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # keeps the tensors aligned to 8 bytes
    return len(text).to_bytes(8, "little") + text + data[start:]

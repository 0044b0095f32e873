"""The DCGAN prior: networks, model files and sampling here; training, face alignment and picture files in sub-packages.

Importing this package imports neither NumPy nor TensorFlow. Each public name imports its module on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcgan.config import ModelConfig, RunConfig, TrainConfig
    from dcgan.errors import DatasetError, FaceCompletionError, ImageFileError, ModelFileError, RunError
    from dcgan.model_file import Prior, load_model, save_model
    from dcgan.model_tensors import bundled_models
    from dcgan.networks import build_discriminator, build_generator
    from dcgan.sampling import sample
    from dcgan.training.train import train

_HOMES = {
    "DatasetError": "errors",
    "FaceCompletionError": "errors",
    "ImageFileError": "errors",
    "ModelConfig": "config",
    "ModelFileError": "errors",
    "Prior": "model_file",
    "RunConfig": "config",
    "RunError": "errors",
    "TrainConfig": "config",
    "build_discriminator": "networks",
    "build_generator": "networks",
    "bundled_models": "model_tensors",
    "load_model": "model_file",
    "sample": "sampling",
    "save_model": "model_file",
    "train": "training.train",
}

__all__ = [
    "DatasetError",
    "FaceCompletionError",
    "ImageFileError",
    "ModelConfig",
    "ModelFileError",
    "Prior",
    "RunConfig",
    "RunError",
    "TrainConfig",
    "build_discriminator",
    "build_generator",
    "bundled_models",
    "load_model",
    "sample",
    "save_model",
    "train",
]
__version__ = "0.2.0.dev0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"dcgan.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dcgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

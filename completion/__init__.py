"""The main job: fill what is missing from a face picture.

Importing this package imports neither NumPy nor TensorFlow; the names below load what they need when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from completion.blending.biharmonic import BiharmonicSolver, biharmonic_blend
    from completion.blending.blender import BLENDERS, Blender
    from completion.blending.classical import fill_classical
    from completion.completer import Completer, complete
    from completion.config import METHODS, EncoderConfig, SearchConfig
    from completion.evaluation.run import evaluate
    from completion.evaluation.config import EvaluationConfig
    from completion.folder.run import FolderSummary, complete_folder
    from completion.blending.geometry import GeometrySolver, geometry_blend
    from completion.folder.inputs import list_inputs
    from completion.folder.job import FolderJob
    from completion.folder.masks import MaskSource
    from completion.blending.poisson import PoissonSolver, poisson_blend
    from completion.result import CompletionResult

_HOMES = {
    "BLENDERS": "blending.blender",
    "BiharmonicSolver": "blending.biharmonic",
    "Blender": "blending.blender",
    "Completer": "completer",
    "CompletionResult": "result",
    "biharmonic_blend": "blending.biharmonic",
    "complete": "completer",
    "EncoderConfig": "config",
    "EvaluationConfig": "evaluation.config",
    "FolderJob": "folder.job",
    "FolderSummary": "folder.run",
    "GeometrySolver": "blending.geometry",
    "METHODS": "config",
    "MaskSource": "folder.masks",
    "PoissonSolver": "blending.poisson",
    "SearchConfig": "config",
    "complete_folder": "folder.run",
    "fill_classical": "blending.classical",
    "geometry_blend": "blending.geometry",
    "evaluate": "evaluation.run",
    "list_inputs": "folder.inputs",
    "poisson_blend": "blending.poisson",
}

__all__ = [
    "BLENDERS",
    "METHODS",
    "BiharmonicSolver",
    "Blender",
    "Completer",
    "CompletionResult",
    "EncoderConfig",
    "EvaluationConfig",
    "FolderJob",
    "FolderSummary",
    "GeometrySolver",
    "MaskSource",
    "PoissonSolver",
    "SearchConfig",
    "biharmonic_blend",
    "complete",
    "complete_folder",
    "evaluate",
    "fill_classical",
    "geometry_blend",
    "list_inputs",
    "poisson_blend",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"completion.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'completion' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

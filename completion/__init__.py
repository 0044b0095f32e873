"""The main job: fill what is missing from a face picture.

Importing this package imports neither NumPy nor TensorFlow; the names below load what they need when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from completion.biharmonic import BiharmonicSolver, biharmonic_blend
    from completion.blending import BLENDERS, Blender
    from completion.classical import fill_classical
    from completion.completer import Completer, complete
    from completion.config import METHODS, PRESETS, SearchConfig
    from completion.evaluation import evaluate
    from completion.evaluation_config import EvaluationConfig
    from completion.folder import FolderSummary, complete_folder
    from completion.geometry import GeometrySolver, geometry_blend
    from completion.inputs import list_inputs
    from completion.job import FolderJob
    from completion.photographs import PhotographCompleter
    from completion.picture_masks import MaskSource
    from completion.poisson import PoissonSolver, poisson_blend
    from completion.result import CompletionResult

_HOMES = {
    "BLENDERS": "blending",
    "BiharmonicSolver": "biharmonic",
    "Blender": "blending",
    "Completer": "completer",
    "CompletionResult": "result",
    "biharmonic_blend": "biharmonic",
    "complete": "completer",
    "EvaluationConfig": "evaluation_config",
    "FolderJob": "job",
    "FolderSummary": "folder",
    "GeometrySolver": "geometry",
    "METHODS": "config",
    "MaskSource": "picture_masks",
    "PRESETS": "config",
    "PhotographCompleter": "photographs",
    "PoissonSolver": "poisson",
    "SearchConfig": "config",
    "complete_folder": "folder",
    "fill_classical": "classical",
    "geometry_blend": "geometry",
    "evaluate": "evaluation",
    "list_inputs": "inputs",
    "poisson_blend": "poisson",
}

__all__ = [
    "BLENDERS",
    "METHODS",
    "PRESETS",
    "BiharmonicSolver",
    "Blender",
    "Completer",
    "CompletionResult",
    "EvaluationConfig",
    "FolderJob",
    "FolderSummary",
    "GeometrySolver",
    "MaskSource",
    "PhotographCompleter",
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

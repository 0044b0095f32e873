"""The main job: fill what is missing from a face picture.

Importing this package imports neither NumPy nor TensorFlow; the names below load what they need when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from completion.blending import BLENDERS, Blender
    from completion.completer import Completer, CompletionResult, complete
    from completion.config import PRESETS, SearchConfig
    from completion.evaluation import evaluate
    from completion.evaluation_config import EvaluationConfig
    from completion.folder import FolderSummary, complete_folder
    from completion.inputs import list_inputs
    from completion.job import FolderJob
    from completion.picture_masks import MaskSource
    from completion.poisson import PoissonSolver, poisson_blend

_HOMES = {
    "BLENDERS": "blending",
    "Blender": "blending",
    "Completer": "completer",
    "CompletionResult": "completer",
    "complete": "completer",
    "EvaluationConfig": "evaluation_config",
    "FolderJob": "job",
    "FolderSummary": "folder",
    "MaskSource": "picture_masks",
    "PRESETS": "config",
    "PoissonSolver": "poisson",
    "SearchConfig": "config",
    "complete_folder": "folder",
    "evaluate": "evaluation",
    "list_inputs": "inputs",
    "poisson_blend": "poisson",
}

__all__ = [
    "BLENDERS",
    "PRESETS",
    "Blender",
    "Completer",
    "CompletionResult",
    "EvaluationConfig",
    "FolderJob",
    "FolderSummary",
    "MaskSource",
    "PoissonSolver",
    "SearchConfig",
    "complete",
    "complete_folder",
    "evaluate",
    "list_inputs",
    "poisson_blend",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"completion.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'completion' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""From a row for each picture to means, intervals and paired differences."""

import dataclasses
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.evaluation.bootstrap import mean_interval
from completion.evaluation.config import EvaluationConfig
from completion.evaluation.faces import Faces
from completion.evaluation.store import EvaluationStore
from completion.evaluation.face_distance import frechet_distance
from completion.evaluation.metrics import PICTURE_METRICS
from dcgan.model_file import Prior

__all__ = ["measured_columns", "summarise"]

VERSIONED = (
    "dcgan-face-completion",
    "keras",
    "tensorflow",
    "jax",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "dlib-bin",
    "dlib",
)

Column = npt.NDArray[np.float64]
Figures = dict[str, dict[str, float]]


def measured_columns(store: EvaluationStore, mask: str, method: str) -> dict[str, Column]:
    """Return what was measured of each picture, (N,) by the metric's name; "identity" where it was measured."""
    kept = store.measured(mask, method)
    columns = dict(zip(PICTURE_METRICS, kept["metrics"].T, strict=True))
    if "identity" in kept:
        columns["identity"] = kept["identity"]
    return columns


def summarise(
    store: EvaluationStore, faces: Faces, config: EvaluationConfig, *, prior: Prior, source: Path
) -> dict[str, Any]:
    """Return all figures of an evaluation with what it takes to repeat it.

    Parameters
    ----------
    store : everything in it is measured
    faces : that were completed
    config : names the masks, the methods, the reference and the bootstrap
    prior : the model, by its hash
    source : where the faces came from

    Returns
    -------
    dict
        "options", "faces", "model", "versions", "machine": how it was made. "results": for each mask and method, mean,
        low and high of every metric, "frechet" and "seconds" (mean seconds a picture). "differences": for each mask and
        method but the reference, the same of method minus reference, picture by picture. Metrics that were not measured
        are absent.

    Notes
    -----
    The Fréchet distance has no interval: drawing pictures twice narrows their distribution, and a bootstrapped distance
    is then greater than the measured one on average. Seconds have none: pictures of a batch share one time.
    """
    results: dict[str, dict[str, dict[str, Any]]] = {}
    differences: dict[str, dict[str, Figures]] = {}
    for mask in config.masks:
        reference = measured_columns(store, mask, config.reference)
        results[mask], differences[mask] = {}, {}
        for method in config.methods:
            columns = measured_columns(store, mask, method)
            figures: dict[str, Any] = dict(_intervals(columns, config))
            kept = store.measured(mask, method)
            if "embeddings" in kept:
                figures["frechet"] = frechet_distance(kept["originals"], kept["embeddings"])
            figures["seconds"] = float(store.completed(mask, method)["seconds"].mean())
            results[mask][method] = figures
            if method != config.reference:
                paired = {name: columns[name] - reference[name] for name in columns if name in reference}
                differences[mask][method] = _intervals(paired, config)
    return {
        "options": {**dataclasses.asdict(config), "faces": str(source)},
        "faces": {"count": len(faces.names), "sha256": faces.sha256},
        "model": {"name": config.model, "sha256": prior.sha256, "size": prior.config.size},
        "versions": _versions(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "results": results,
        "differences": differences,
    }


def _intervals(columns: dict[str, Column], config: EvaluationConfig) -> Figures:
    """Return mean, low and high of each column."""
    interval = mean_interval(np.stack(list(columns.values()), axis=1), resamples=config.resamples, seed=config.seed)
    return {
        name: {part: float(values[index]) for part, values in interval._asdict().items()}
        for index, name in enumerate(columns)
    }


def _versions() -> dict[str, str]:
    """Return the versions of Python and of what computes, as far as installed."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

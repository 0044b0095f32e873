"""Summarise an evaluation: means, confidence intervals and paired differences of the metrics per picture."""

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
from dcgan.distances import frechet_distance
from completion.evaluation.metrics import PICTURE_METRICS
from dcgan.model_file import Prior

__all__ = ["measured_columns", "summarise"]

PACKAGES = (  # whose versions are recorded
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
Statistics = dict[str, dict[str, float]]  # "mean", "low" and "high" by the metric's name


def measured_columns(store: EvaluationStore, mask: str, method: str) -> dict[str, Column]:
    """Return the metrics of each picture for one mask and method.

    Parameters
    ----------
    store : EvaluationStore
        An evaluation that is measured.
    mask : str
        One of its masks.
    method : str
        One of its methods.

    Returns
    -------
    dict of str to float64 array (N,)
        A column for each name of `completion.evaluation.metrics.PICTURE_METRICS`, and "identity" if it was measured.
        NaN where a metric is not defined for a picture.
    """
    kept = store.measured(mask, method)
    columns = dict(zip(PICTURE_METRICS, kept["metrics"].T, strict=True))
    if "identity" in kept:
        columns["identity"] = kept["identity"]
    return columns


def summarise(
    store: EvaluationStore, faces: Faces, config: EvaluationConfig, *, prior: Prior, source: Path
) -> dict[str, Any]:
    """Return all results of an evaluation, and the settings and versions that are needed to repeat it.

    Parameters
    ----------
    store : EvaluationStore
        An evaluation that is measured.
    faces : Faces
        The completed faces.
    config : EvaluationConfig
        Masks, methods, reference and bootstrap.
    prior : Prior
        The model.
    source : Path
        Folder or zip of the faces.

    Returns
    -------
    dict
        "options", "faces", "model", "versions", "machine": how the evaluation was made. "results": for each mask and
        method, "mean", "low" and "high" of each metric, the number "frechet", and the number "seconds", the mean time
        per picture. "differences": for each mask and each method other than the reference, "mean", "low" and "high" of
        the paired differences method - reference. Metrics that were not measured, or are defined for no picture, are
        absent. A mean is over the pictures for which the metric is defined.

    Notes
    -----
    The Fréchet distance has no interval: a resample with repeated pictures has a narrower distribution, so bootstrapped
    distances are biased upwards. Seconds have none, because the pictures of a batch share one measured time.
    """
    results: dict[str, dict[str, dict[str, Any]]] = {}
    differences: dict[str, dict[str, Statistics]] = {}
    for mask in config.masks:
        reference = measured_columns(store, mask, config.reference)
        results[mask], differences[mask] = {}, {}
        for method in config.methods:
            columns = measured_columns(store, mask, method)
            statistics: dict[str, Any] = dict(_intervals(columns, config))
            kept = store.measured(mask, method)
            if "embeddings" in kept:
                statistics["frechet"] = frechet_distance(kept["originals"], kept["embeddings"])
            statistics["seconds"] = float(store.completed(mask, method)["seconds"].mean())
            results[mask][method] = statistics
            if method != config.reference:
                paired_differences = {name: columns[name] - reference[name] for name in columns if name in reference}
                differences[mask][method] = _intervals(paired_differences, config)
    return {
        "options": {**dataclasses.asdict(config), "faces": str(source)},
        "faces": {"count": len(faces.names), "sha256": faces.sha256},
        "model": {"name": config.model, "sha256": prior.sha256, "size": prior.config.size},
        "versions": _versions(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "results": results,
        "differences": differences,
    }


def _intervals(columns: dict[str, Column], config: EvaluationConfig) -> Statistics:
    """Return the mean and the bounds of the confidence interval of each column, over the pictures that have a value."""
    groups: dict[bytes, list[str]] = {}  # names of columns that are defined for the same pictures
    for name, column in columns.items():
        groups.setdefault(np.isfinite(column).tobytes(), []).append(name)
    statistics: Statistics = {}
    for names in groups.values():
        values = np.stack([columns[name] for name in names], axis=1)  # (N, K)
        values = values[np.isfinite(values[:, 0])]
        if len(values) == 0:
            continue
        interval = mean_interval(values, resamples=config.resamples, seed=config.seed)
        for index, name in enumerate(names):
            statistics[name] = {part: float(bounds[index]) for part, bounds in interval._asdict().items()}
    return statistics


def _versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages of `PACKAGES`."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions

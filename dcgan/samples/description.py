"""What a model file says of itself, read from its header: no weights are read and nothing is built."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dcgan.hub.cache import find_cached
from dcgan.hub.reference import is_hub_reference, parse_reference
from dcgan.model_tensors import bundled_models, find_model, model_sha256, read_header

__all__ = ["describe_model", "lines_of"]

OTHER_TERMS = "those of its author and of the pictures that it was trained on"
TERMS = "dcgan/models/TERMS.md, in the package; MODEL_CARD.md in the repository"


def describe_model(name_or_path: str) -> dict[str, Any]:
    """Return a model's description.

    Parameters
    ----------
    name_or_path : str
        See `dcgan.model_tensors.find_model`.

    Returns
    -------
    dict
        "name", "path", "bytes", "sha256"; "networks", the number of weights of each; "model", the configuration;
        "recipe"; "dataset", "train", "last" and "encoder" as the training has written them; "written_by"; "terms".

    Raises
    ------
    ModelFileError
        The file is missing, damaged or no model.
    """
    path = Path(find_model(name_or_path))
    config, info, forms = read_header(path)
    networks: dict[str, int] = {}
    for tensor, form in forms.items():
        prefix = tensor.split("/")[0]
        networks[prefix] = networks.get(prefix, 0) + math.prod(form.shape)
    is_bundled = name_or_path in bundled_models()
    of_hub = is_hub_reference(name_or_path)
    train = info.get("train", {})
    return {
        "name": name_or_path if is_bundled or of_hub else path.stem,
        "path": os.fspath(path),
        "bytes": path.stat().st_size,
        "sha256": model_sha256(path),
        "networks": networks,
        "model": config.to_dict(),
        "recipe": train.get("recipe", "") if isinstance(train, Mapping) else "",
        "dataset": info.get("dataset", {}),
        "train": train,
        "last": info.get("last", {}),
        "encoder": info.get("encoder", {}),
        "written_by": info.get("written_by", ""),
        "terms": TERMS if is_bundled else _terms_of_hub(name_or_path) if of_hub else OTHER_TERMS,
    }


def _terms_of_hub(name: str) -> str:
    """Return what is known of the terms of a model of the hub."""
    found = find_cached(parse_reference(name))
    license_name = found.license if found is not None else ""
    return f"{license_name}, says its page on the hub" if license_name else f"{OTHER_TERMS}; see its page on the hub"


def lines_of(description: Mapping[str, Any]) -> list[str]:
    """Return a description as lines of text."""
    lines = [
        f"{name:12} {description[name] or 'none, own settings'}"
        for name in ("name", "path", "sha256", "written_by", "terms", "recipe")
    ]
    lines.insert(2, f"{'size':12} {description['bytes'] / 1e6:.1f} MB")
    lines.append("networks     " + ", ".join(f"{name} {count:,}" for name, count in description["networks"].items()))
    for part in ("model", "dataset", "train", "last", "encoder"):
        found = description[part]
        if isinstance(found, Mapping):
            lines += [f"{part}:"] if found else []
            lines += [f"  {name:28} {_shown(value)}" for name, value in found.items()]
        else:
            lines.append(f"{part:12} {_shown(found)}")
    return lines


def _shown(value: Any) -> str:
    """Return a value for a line of text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

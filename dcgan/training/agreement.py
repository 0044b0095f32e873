"""Do all processes of a training have the same pictures, settings and versions? Each has a command line of its own."""

import dataclasses
import hashlib
import importlib.metadata
import json
from typing import Any

import numpy as np

from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.errors import OptionError
from dcgan.training.dataset import PictureRows
from dcgan.training.team import Team

__all__ = ["check_agreement"]

LOOKED_AT = 64  # pictures, spread over the dataset, whose bytes are compared
PACKAGES = ("keras", "jax", "numpy")


def check_agreement(
    team: Team, pictures: PictureRows, *, model: ModelConfig, settings: TrainConfig, run: RunConfig
) -> None:
    """Raise OptionError in process 0, which ends all, where processes differ in what they would train.

    Parameters
    ----------
    team : Team
    pictures : PictureRows
        The training set of this process. Its number of pictures and the bytes of some of them are compared; where its
        files lie is not.
    model, settings, run
        Configuration of this process.
    """
    if team.count == 1:
        return
    rows = np.unique(np.linspace(0, len(pictures) - 1, LOOKED_AT).astype(np.intp))
    own: dict[str, Any] = {
        **{f"model {name}": value for name, value in model.to_dict().items()},
        **dataclasses.asdict(settings),
        "interval_steps": run.interval_steps,
        "number of pictures": len(pictures),
        "pictures": hashlib.sha256(np.ascontiguousarray(pictures[rows]).tobytes()).hexdigest()[:16],
        **{f"version of {name}": importlib.metadata.version(name) for name in PACKAGES},
    }
    own = json.loads(json.dumps(own))  # as the others arrive
    for number, other in enumerate(team.gather(own)):
        differ = [name for name in own if own[name] != other.get(name)]
        if differ:
            name = differ[0]
            raise OptionError(
                f"Expected the same {name} in all processes. Received: {own[name]} in process 0, {other.get(name)} in "
                f"process {number}"
            )

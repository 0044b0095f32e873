"""Save and restore all that a training run needs to go on: weights, optimizer, step."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from dcgan.errors import RunError
from dcgan.gan import DCGAN
from dcgan.pictures import write_whole

__all__ = ["averaged_weights", "restore_checkpoint", "save_checkpoint"]


def _state(gan: DCGAN) -> dict[str, Any]:
    """Return every variable of a run by a stable name."""
    groups = {
        "generator": gan.generator.variables,
        "discriminator": gan.discriminator.variables,
        "optimizer": gan.optimizer.variables,
    }
    return {f"{group}/{i:03d}": variable for group, members in groups.items() for i, variable in enumerate(members)}


def save_checkpoint(path: Path, gan: DCGAN, *, step: int) -> None:
    """Write the run's state, whole or not at all; float32, for training goes on from it."""
    tensors = {name: np.asarray(variable.numpy()) for name, variable in _state(gan).items()}
    with write_whole(path) as file:
        file.write(safetensors.numpy.save(tensors, {"format": "dcgan-checkpoint", "step": str(step)}))


def restore_checkpoint(path: Path, gan: DCGAN) -> int:
    """Put a saved state back and return its step.

    Raises
    ------
    RunError
        The file is damaged or belongs to other networks.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
        step = int(metadata["step"])
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: the checkpoint is damaged ({error}); start over with --overwrite") from error
    state = _state(gan)
    wrong = [name for name in state if name not in tensors or tensors[name].shape != tuple(state[name].shape)]
    wrong += sorted(tensors.keys() - state.keys())
    if wrong:
        raise RunError(f"{path}: the checkpoint belongs to other networks (first difference: {wrong[0]})")
    for name, variable in state.items():
        variable.assign(tensors[name])
    return step


def averaged_weights(gan: DCGAN) -> tuple[list[npt.NDArray[np.float32]], list[npt.NDArray[np.float32]]]:
    """Return generator's and discriminator's weights with the running average in place of the trained ones.

    The run itself is left as it was. Without averaging these are the trained weights.
    """
    raw = [np.array(variable.numpy()) for variable in gan.trainable_variables]
    try:
        gan.optimizer.finalize_variable_values(gan.trainable_variables)
        return gan.generator.get_weights(), gan.discriminator.get_weights()
    finally:
        for variable, values in zip(gan.trainable_variables, raw, strict=True):
            variable.assign(values)

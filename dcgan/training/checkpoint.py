"""Save and restore all that a training run needs to go on: weights, optimizer, step."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from dcgan.errors import RunError
from dcgan.pictures.records import write_whole

__all__ = ["Trainee", "averaged_weights", "restore_checkpoint", "save_checkpoint"]


class Trainee(Protocol):
    """A compiled Keras model that says which of its networks are trained.

    Attributes
    ----------
    networks : dict of str to keras.Model
        The networks that are trained, by name.
    optimizer : keras.optimizers.Optimizer
        Trains all of them.
    trainable_variables : list of keras.Variable
        What it trains.
    """

    networks: dict[str, keras.Model]
    optimizer: keras.optimizers.Optimizer
    trainable_variables: list[keras.Variable]


def _state(model: Trainee) -> dict[str, Any]:
    """Return every variable of a run by a stable name."""
    groups = {name: network.variables for name, network in model.networks.items()}
    groups["optimizer"] = model.optimizer.variables
    return {f"{group}/{i:03d}": variable for group, members in groups.items() for i, variable in enumerate(members)}


def save_checkpoint(path: Path, model: Trainee, *, step: int) -> None:
    """Write the run's state, whole or not at all.

    Parameters
    ----------
    path : Path
        The checkpoint's file.
    model : Trainee
        Its weights and the optimizer's state are saved as they are, in float32.
    step : int
        Training steps that are done.
    """
    tensors = {name: np.asarray(variable.numpy()) for name, variable in _state(model).items()}
    with write_whole(path) as file:
        file.write(safetensors.numpy.save(tensors, {"format": "dcgan-checkpoint", "step": str(step)}))


def restore_checkpoint(path: Path, model: Trainee) -> int:
    """Put a saved state back.

    Parameters
    ----------
    path : Path
        The checkpoint's file.
    model : Trainee
        Has the networks and the optimizer of the model that was saved; its variables are overwritten.

    Returns
    -------
    int
        Training steps that are done.

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
    state = _state(model)
    wrong = [name for name in state if name not in tensors or tensors[name].shape != tuple(state[name].shape)]
    wrong += sorted(tensors.keys() - state.keys())
    if wrong:
        raise RunError(f"{path}: the checkpoint belongs to other networks (first difference: {wrong[0]})")
    for name, variable in state.items():
        variable.assign(tensors[name])
    return step


def averaged_weights(model: Trainee) -> list[list[npt.NDArray[np.float32]]]:
    """Return each network's weights with the running average in place of the trained ones.

    The model itself is left as it was.

    Parameters
    ----------
    model : Trainee
        Without averaging in its optimizer, the trained weights are returned.

    Returns
    -------
    list of list of ndarray of float32
        The weights of each network, in the order of `networks`.
    """
    raw = [np.array(variable.numpy()) for variable in model.trainable_variables]
    try:
        model.optimizer.finalize_variable_values(model.trainable_variables)
        return [network.get_weights() for network in model.networks.values()]
    finally:
        for variable, values in zip(model.trainable_variables, raw, strict=True):
            variable.assign(values)

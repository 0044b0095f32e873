"""Save and restore the state of a training run: weights, optimizer state and step."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from dcgan.errors import ModelFileError, RunError
from dcgan.model_tensors import read_forms
from dcgan.pictures.records import write_whole
from dcgan.training.devices import assign_state

__all__ = ["Trainee", "averaged_weights", "read_checkpoint", "restore_checkpoint", "save_checkpoint", "state_of"]


class Trainee(Protocol):
    """A compiled Keras model that names the networks that it trains.

    Attributes
    ----------
    networks : dict of str to keras.Model
        The networks by name.
    optimizer : keras.optimizers.Optimizer
        The optimizer; it may keep a moving average of the weights.
    trainable_variables : list of keras.Variable
        The weights that the optimizer updates.
    """

    networks: dict[str, keras.Model]
    optimizer: keras.optimizers.Optimizer
    trainable_variables: list[keras.Variable]


def state_of(model: Trainee) -> dict[str, Any]:
    """Return all variables of a run by names that do not depend on Keras's naming."""
    groups = {name: network.variables for name, network in model.networks.items()}
    groups["optimizer"] = model.optimizer.variables
    return {f"{group}/{i:03d}": variable for group, members in groups.items() for i, variable in enumerate(members)}


def save_checkpoint(path: Path, model: Trainee, *, step: int) -> None:
    """Write a checkpoint, in float32. An interrupted write leaves the previous checkpoint unchanged.

    Parameters
    ----------
    path : pathlib.Path
        Path of the checkpoint file.
    model : Trainee
        The model whose state is saved.
    step : int
        Number of training steps completed.
    """
    tensors = {name: np.asarray(variable.numpy()) for name, variable in state_of(model).items()}
    with write_whole(path) as file:
        file.write(safetensors.numpy.save(tensors, {"format": "dcgan-checkpoint", "step": str(step)}))


def restore_checkpoint(path: Path, model: Trainee) -> int:
    """Assign the state in a checkpoint to a model, and return its step.

    Parameters
    ----------
    path : pathlib.Path
        Path of the checkpoint file.
    model : Trainee
        Changed in place.

    Returns
    -------
    int
        Number of training steps completed.

    Raises
    ------
    RunError
        See `read_checkpoint`.
    """
    step, tensors = read_checkpoint(path, model)
    assign_state(state_of(model), tensors)
    return step


def read_checkpoint(path: Path, model: Trainee) -> tuple[int, dict[str, npt.NDArray[Any]]]:
    """Return the step and the state in a checkpoint.

    Parameters
    ----------
    path : pathlib.Path
        Path of the checkpoint file.
    model : Trainee
        To which the state belongs; not changed.

    Returns
    -------
    step : int
        Number of training steps completed.
    tensors : dict of str to ndarray
        The values by the names of `state_of`.

    Raises
    ------
    RunError
        The file is damaged, or its networks or optimizer differ from those of `model`.
    """
    state = state_of(model)
    try:
        metadata, forms = read_forms(path)
        step = int(metadata["step"])
        # Before the tensors are read, so that a file takes no more memory than the run.
        wrong = [name for name in state if name not in forms or forms[name].shape != tuple(state[name].shape)]
        wrong += sorted(forms.keys() - state.keys())
        if wrong:
            raise RunError(f"{path}: the checkpoint belongs to other networks (first difference: {wrong[0]})")
        with safetensors.safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in state}
    except ModelFileError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise RunError(f"{path}: the checkpoint is damaged ({reason}); start over with --overwrite") from error
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: the checkpoint is damaged ({error}); start over with --overwrite") from error
    return step, tensors


def averaged_weights(model: Trainee) -> list[list[npt.NDArray[np.float32]]]:
    """Return the weights of each network, with trained weights replaced by their exponential moving average.

    The model stays unchanged. If its optimizer keeps no average, the weights of the last step are returned.

    Parameters
    ----------
    model : Trainee
        The model.

    Returns
    -------
    list of list of ndarray of float32
        The weights of each network, in the order of ``model.networks``, as `keras.Model.get_weights` returns them.
    """
    averages: dict[int, keras.Variable] = {}
    # Read, not assigned as `finalize_variable_values` does: with several processes, one alone cannot assign.
    for optimizer in getattr(model.optimizer, "optimizers", [model.optimizer]):
        if optimizer.use_ema:
            pairs = zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True)
            averages |= {id(variable): average for variable, average in pairs}
    return [
        [np.array(averages.get(id(weight), weight).numpy()) for weight in network.weights]
        for network in model.networks.values()
    ]

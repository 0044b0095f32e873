"""Data-parallel training on several devices and in several processes, on engines that support it.

Keras's `DataParallel` keeps a copy of all variables on each device and splits every batch among them; JAX adds up what
the copies compute, so that losses and BatchNorm are those of the whole batch. This module and `dcgan.autodiff` are the
only ones of the package that call JAX itself.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import atexit
import ctypes
import inspect
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from dcgan.devices_options import AUTO, Devices
from dcgan.errors import FaceCompletionError, OptionError, RunError
from dcgan.signals import exit_code
from dcgan.training.team import ALONE, Lost, Team, bind_address, join_team

__all__ = ["assign_state", "check_devices", "data_parallel", "joined", "on_one_device", "same_state"]

ENGINE_SECONDS = 60  # for JAX's own service to see all processes, which are there by then
HEARTBEAT_SECONDS = 100  # of JAX, which aborts; `dcgan.training.team` is faster and says why
ABORT_SECONDS = 2.0  # that an abort of JAX waits for us to say why
INDEX = "JOB_COMPLETION_INDEX"  # of a pod of a Kubernetes job with indexed completion

_KEPT: list[Any] = []  # C keeps no reference

State = dict[str, npt.NDArray[Any]]


class _Place(NamedTuple):
    """Where the processes meet, and which of them this one is."""

    coordinator: str
    processes: int
    process_id: int
    local_devices: list[int] | None


def check_devices(devices: Devices) -> None:
    """Raise OptionError where the options need JAX, and Keras runs on another engine."""
    name = keras.backend.backend()
    if name == "jax":
        return
    for option, value in (("coordinator", devices.coordinator), ("devices", devices.devices)):
        if value not in (None, "", 1):
            raise OptionError(
                f"Expected Keras on JAX with `{option}`: set KERAS_BACKEND=jax, after pip install '.[jax]'; {name} "
                f"trains on one device. Received: {option}={value or 'all'}"
            )


def data_parallel(batch_size: int, devices: int | None = None) -> AbstractContextManager[object]:
    """Return a context manager in which each batch is split across all devices, those of other processes included.

    Networks must be built and trained inside the context. Losses and BatchNorm statistics are computed over the whole
    batch, so the number of devices changes the trained model by rounding errors only. With one device, the context has
    no effect; neither has it on TensorFlow, for which Keras has no data parallelism.

    Parameters
    ----------
    batch_size : int
        Pictures in a batch, of all processes together.
    devices : int, optional
        Devices of each process; 0 or None: all.

    Returns
    -------
    context manager
        The context.

    Raises
    ------
    ValueError
        There are fewer devices, or `batch_size` is not a multiple of their number.
    """
    if keras.backend.backend() != "jax":
        return nullcontext()
    names = _device_names(devices or 0)
    if len(names) == 1:
        return nullcontext()
    if batch_size % len(names):
        raise OptionError(
            f"Expected `batch_size` to be a multiple of the {len(names)} devices. Received: batch_size={batch_size}"
        )
    return keras.distribution.DataParallel(devices=names, auto_shard_dataset=False).scope()


def _device_names(wanted: int) -> list[str]:
    """Return Keras's names of the first so many devices of each process, or of all, in the order of the processes."""
    import jax

    found = keras.distribution.list_devices()
    processes = jax.process_count()
    own = [0] if processes == 1 else sorted({device.process_index for device in jax.devices()})
    parts = (
        [found]
        if processes == 1
        else [
            [f"{each.platform}:{each.id}" for each in jax.devices() if each.process_index == process] for process in own
        ]
    )
    counts = {len(part) for part in parts}
    if wanted > min(counts):
        raise OptionError(
            f"Expected `devices` of at most {min(counts)}, which JAX sees here ({found[0].partition(':')[0]}; "
            "XLA_FLAGS=--xla_force_host_platform_device_count=N makes N of a processor, to try it). "
            f"Received: devices={wanted}"
        )
    if not wanted and len(counts) > 1:
        raise OptionError(
            f"Expected the same number of devices in all processes, or `devices` {min(counts)}. Received: "
            f"{', '.join(str(len(part)) for part in parts)}"
        )
    return [name for part in parts for name in part[: wanted or None]]


@contextmanager
def on_one_device() -> Iterator[None]:
    """Compute in this process alone, also within `data_parallel`: networks that are built here are its own."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def assign_state(variables: Mapping[str, keras.Variable], state: State) -> None:
    """Assign values to variables by name; in several processes, each must assign the same."""
    for name, variable in variables.items():
        variable.assign(_on_devices_of(variable, state[name]))


def _on_devices_of(variable: keras.Variable, values: npt.NDArray[Any]) -> Any:
    """Return values as a tensor that lies where a variable does, without asking other processes whether they agree."""
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is None:
        return values
    import jax

    values = values.astype(variable.dtype)
    return jax.make_array_from_callback(values.shape, variable.value.sharding, lambda index: np.asarray(values[index]))


def same_state(state: State, team: Team) -> State:
    """Return process 0's values in all processes.

    Parameters
    ----------
    state : dict of str to ndarray
        With the same names, shapes and dtypes in all processes.
    team : Team
    """
    if team.count == 1:
        return state
    from jax.experimental import multihost_utils

    found: State = multihost_utils.broadcast_one_to_all(state)
    return {name: np.asarray(values) for name, values in found.items()}


@contextmanager
def joined(devices: Devices, *, on_lost: Lost | None = None) -> Iterator[Team]:
    """Join the other processes of a training, if the options name a coordinator, and leave them at the end.

    Where this process fails, the others end with its reason; where another one fails, RunError says which and why.

    Parameters
    ----------
    devices : Devices
        The options.
    on_lost : callable, optional
        Called in a thread with the reason where another process is lost and this one may wait for it for ever; must end
        the process. With it, the interpreter does not wait for the engine at its end either, which could take minutes.

    Yields
    ------
    Team
        The processes.

    Raises
    ------
    RunError
        The others do not come, or one of them ended.
    OptionError
        The options need JAX, or neither they nor the environment say where this process belongs.
    """
    check_devices(devices)
    if not devices.coordinator:
        yield ALONE
        return
    place = _find_place(devices)
    with _quiet_stdout():
        team = join_team(place.coordinator, place.process_id, place.processes, seconds=devices.join_seconds)
        team.start(on_lost)
        if on_lost is not None:
            _delay_abort()
        try:
            _start_engine(place)
            yield team
            team.share("done")  # the others wait for what process 0 writes last
            _stop_engine()
            team.leave()
        except BaseException as error:
            _fail(team, error, leaves_at_once=on_lost is not None)


def _fail(team: Team, error: BaseException, *, leaves_at_once: bool) -> None:
    """Leave after an error; raise it, or what lies behind it where another process is lost."""
    own = isinstance(error, FaceCompletionError | OptionError | KeyboardInterrupt)
    reason = team.lost if own else team.reason_after(5.0)  # what the engine raises may come from another one's end
    shown: BaseException = RunError(reason) if reason and not isinstance(error, KeyboardInterrupt) else error
    if shown is error and (type(error).__name__ == "JaxRuntimeError" or "Gloo" in str(error)):
        shown = RunError(f"JAX failed in process {team.number} of {team.count}: {str(error).splitlines()[0]}")
    if not team.report_end():  # a thread is about to end the process
        time.sleep(60.0)
    team.leave(reason or _in_short(error))
    if leaves_at_once:
        atexit.register(_leave_at_once, _exit_code(shown))
    if shown is error:
        raise error
    raise shown from error


def _in_short(error: BaseException) -> str:
    """Return what other processes say of an error."""
    line = (str(error).splitlines() or [""])[0]
    if isinstance(error, KeyboardInterrupt):
        return line or "Ctrl-C"
    named = isinstance(error, FaceCompletionError | OptionError) and bool(line)
    return line if named else f"{type(error).__name__} {line}".strip()


def _exit_code(error: BaseException) -> int:
    """Return the exit code of a command that ends with an error; see `dcgan.command.common_errors`."""
    if isinstance(error, KeyboardInterrupt):
        return exit_code(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    return 2 if isinstance(error, OptionError) else 1 if isinstance(error, FaceCompletionError | MemoryError) else 70


def _delay_abort() -> None:
    """Let `on_lost` come first where process 0 is killed: JAX then aborts at once, with a stack trace."""
    handler_of = ctypes.CFUNCTYPE(None, ctypes.c_int)
    handler = handler_of(lambda number: time.sleep(ABORT_SECONDS))
    _KEPT.append(handler)
    with suppress(OSError, AttributeError):  # Python's own handlers run in its main thread alone, which may be waiting
        ctypes.CDLL(None).signal(signal.SIGABRT, handler)


def _leave_at_once(code: int) -> None:
    """End the process without the engine's farewell, which waits for processes that are gone."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Keep off stdout what the engine's library for collective operations prints there."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    saved, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        yield
    finally:
        with suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def _find_place(devices: Devices) -> _Place:
    """Return where this process belongs, by the options and, for what they do not say, by the environment."""
    coordinator = None if devices.coordinator == AUTO else devices.coordinator
    processes, process_id, local = devices.processes, devices.process_id, None
    if process_id is None and os.environ.get(INDEX, "").isdecimal():
        process_id = int(os.environ[INDEX])
    if coordinator is None:
        coordinator = os.environ.get("JAX_COORDINATOR_ADDRESS")
    if None in (coordinator, processes, process_id):
        from jax._src.clusters import ClusterEnv  # the detection of jax.distributed.initialize, which tells nobody

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a package for Kubernetes is missing: the options may say it all
            try:
                coordinator, processes, process_id, local = ClusterEnv.auto_detect_unset_distributed_params(
                    coordinator, processes, process_id, None, None, int(devices.join_seconds)
                )
            except (RuntimeError, ValueError, KeyError, OSError) as error:
                raise OptionError(
                    f"Expected an environment that says where this process belongs. Received: {error}"
                ) from error
    found = {"coordinator": coordinator, "processes": processes, "process_id": process_id}
    missing = [name for name, value in found.items() if value is None]
    if coordinator is None or processes is None or process_id is None:
        raise OptionError(
            f"Expected `{'`, `'.join(missing)}`, or an environment of SLURM, Open MPI or Kubernetes that says it. "
            f"Received: coordinator={devices.coordinator}"
        )
    checked = Devices(coordinator=coordinator, processes=processes, process_id=process_id)
    if devices.devices is not None:  # the user counts the devices, not the environment
        local = None
    return _Place(checked.coordinator, processes, process_id, local)


def _start_engine(place: _Place) -> None:
    """Start JAX in several processes; all of them are there."""
    if place.processes == 1:
        return
    import jax

    with suppress(AttributeError):  # it would take SIGTERM away from `dcgan.signals`
        jax.config.update("jax_enable_preemption_service", False)
    options = {
        "initialization_timeout": ENGINE_SECONDS,
        "heartbeat_timeout_seconds": HEARTBEAT_SECONDS,
        "shutdown_timeout_seconds": ENGINE_SECONDS,
        "coordinator_bind_address": bind_address(place.coordinator),
        "local_device_ids": place.local_devices,
        "cluster_detection_method": "deactivate",
    }
    known = inspect.signature(jax.distributed.initialize).parameters
    try:
        jax.distributed.initialize(
            place.coordinator,
            place.processes,
            place.process_id,
            **{name: value for name, value in options.items() if name in known},
        )
    except (RuntimeError, ValueError) as error:
        raise RunError(f"JAX does not start in several processes: {str(error).splitlines()[0]}") from error
    random.seed(0)  # Keras draws the first values of some variables with it, and they must agree


def _stop_engine() -> None:
    """Let JAX take leave of the other processes, which do the same."""
    import jax

    jax.distributed.shutdown()

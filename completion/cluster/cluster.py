"""A Ray cluster to work on: started on this computer or joined, without Ray's own talk, and left without a trace."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from completion.cluster.config import ClusterOptions
from dcgan.cores import available_cores
from dcgan.errors import FaceCompletionError, OptionError
from dcgan.terminal import one_line

__all__ = ["CPUS_PER_WORKER", "check_room", "joined", "rooms_for_workers"]

CPUS_PER_WORKER = 1  # a worker computes with one thread
STORE_BYTES = 80_000_000  # of a local cluster's object store: what passes through it are paths and records
SOCKET_FOLDER_CHARACTERS = 40  # of the folder of a local cluster: a socket's path has at most 107 characters
KNOCK_SECONDS = 10.0
FOLDER = re.compile(r"dcgan-ray-(\d+)-\w+")  # of a local cluster, with the number of its process
QUIET = {  # read by Ray when it is imported or started
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
LOCAL = {  # of a cluster that is started here
    # A variable about macOS and Windows; on every system it makes all processes of the cluster listen on 127.0.0.1.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_worker_niceness": "0",  # 15 by default: a worker would wait for everything else on this computer
}
MISSING = "--engine ray needs Ray, which is not installed: pip install 'dcgan-face-completion[ray]'"


@contextlib.contextmanager
def joined(options: ClusterOptions) -> Iterator[Any]:
    """Start a cluster on this computer, or join a running one, and leave it at the end.

    A cluster that is started here listens on 127.0.0.1 alone, has no dashboard, sends no usage statistics, and keeps
    its files in a temporary folder that is removed with it. Its processes end with this one, however that ends.

    Parameters
    ----------
    options : ClusterOptions

    Yields
    ------
    module
        Ray.

    Raises
    ------
    FaceCompletionError
        Ray is not installed, or no cluster answers at the address.
    """
    os.environ.update(QUIET)
    if options.address is None:
        os.environ.update(LOCAL)
        # Who asks the cluster for anything must know this; without it Ray keeps one in the home folder.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise FaceCompletionError(MISSING) from error
    _silence(ray)
    if ray.is_initialized():  # by a Python program around us
        yield ray
        return
    folder = None
    common: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL + 1}
    signals = _kept_signals()
    try:
        if options.address is None:
            folder = _make_folder()
            ray.init(
                address="local",
                num_cpus=available_cores(),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _temp_dir=folder,
                **common,
            )
        else:
            _knock(options.address)
            ray.init(address=options.address, **common)
        _restore(signals)
        yield ray
    except (ConnectionError, OSError, OverflowError, ValueError, RuntimeError) as error:
        if ray.is_initialized():  # it is another's
            raise
        place = f"at {options.address}" if options.address else "on this computer"
        raise FaceCompletionError(f"expected a Ray cluster {place}: {one_line(error)}") from error
    finally:
        ray.shutdown()
        _restore(signals)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def check_room(ray: Any, options: ClusterOptions) -> int:
    """Return the number of workers, or say what the cluster lacks for them.

    Parameters
    ----------
    ray : module
        Joined to a cluster.
    options : ClusterOptions

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    OptionError
        The cluster has no room for so many workers.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = rooms_for_workers(nodes, gpus=options.gpus_per_worker)
    cpus, gpus = (sum(node.get(name, 0.0) for node in nodes) for name in ("CPU", "GPU"))
    needs = f"{CPUS_PER_WORKER} CPU" + (f" and {options.gpus_per_worker} GPU" if options.gpus_per_worker else "")
    machines = "machine has" if len(nodes) == 1 else "machines have"
    needs += f" on one machine; the cluster's {len(nodes)} {machines} {cpus:g} CPUs and {gpus:g} GPUs in all"
    if room == 0:
        received = f"`gpus_per_worker`: gpus_per_worker={options.gpus_per_worker}"
        raise OptionError(f"Expected room for a worker, which takes {needs}. Received: {received.partition(': ')[2]}")
    if options.workers is not None and options.workers > room:
        raise OptionError(
            f"Expected `workers` of at most {room}: each takes {needs}. Received: workers={options.workers}"
        )
    return options.workers or room


def rooms_for_workers(nodes: list[Mapping[str, float]], *, gpus: int) -> int:
    """Return how many workers the machines of a cluster have room for.

    Parameters
    ----------
    nodes : list of mapping of str to float
        The resources "CPU" and "GPU" of each machine.
    gpus : int
        Of each worker.

    Examples
    --------
    >>> rooms_for_workers([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}], gpus=1)
    2
    >>> rooms_for_workers([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 4.0}], gpus=0)
    12
    """
    rooms = 0
    for node in nodes:
        room = int(node.get("CPU", 0.0) // CPUS_PER_WORKER)
        rooms += min(room, int(node.get("GPU", 0.0) // gpus)) if gpus else room
    return rooms


def _silence(ray: Any) -> None:
    """Keep what Ray says about workers that die off the terminal: the notes and errors are ours."""
    logging.getLogger("ray").setLevel(logging.CRITICAL + 1)
    worker: Any = getattr(getattr(ray, "_private", None), "worker", None)
    if hasattr(worker, "print_to_stdstream"):  # Ray has no option for it: log_to_driver is about the workers' output
        worker.print_to_stdstream = lambda *_, **__: None


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at an address: Ray would try for long, and talk."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


def _make_folder() -> str:
    """Make the temporary folder of a local cluster, whose path must be short, and remove those of killed processes."""
    place = tempfile.gettempdir()
    place = place if len(place) <= SOCKET_FOLDER_CHARACTERS else "/tmp"
    for left in Path(place).glob("dcgan-ray-*"):
        if (match := FOLDER.fullmatch(left.name)) and left.stat().st_uid == os.getuid() and not _runs(int(match[1])):
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"dcgan-ray-{os.getpid()}-", dir=place)


def _runs(process: int) -> bool:
    """Tell whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _kept_signals() -> dict[int, Any]:
    """Return how signals are answered now: Ray has an answer of its own to SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}


def _restore(signals: dict[int, Any]) -> None:
    """Answer signals as before."""
    for number, answer in signals.items():
        signal.signal(number, answer)

"""How the processes of one training know of one another: one connection from each to process 0. Standard library.

The engine adds up gradients; what it does not do is done here. Processes that do not come, or differ in number, are
named in a line, where JAX would abort. A process that ends, is killed or falls silent ends all others with a line that
says which and why, within `SILENT_SECONDS`. Process 0 decides, and the others wait for its word while it exports.

Messages are lines of JSON. The connections are made at the coordinator's address before the engine's own service
listens there, and stay open.
"""

import contextlib
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from dcgan.errors import OptionError, RunError

__all__ = ["ALONE", "Team", "bind_address", "join_team"]

BEAT_SECONDS = 5.0
SILENT_SECONDS = 45.0  # after which a process counts as lost
GRACE_SECONDS = 10.0  # for process 0 to finish what it writes after another one is lost
LINE_BYTES_MAX = 1 << 20
GREETING = "dcgan-train 1"

Lost = Callable[[str], None]


class Team:
    """The processes of a training, as one of them sees them.

    Attributes
    ----------
    number, count : int
        Of this process, and of all.
    lost : str
        Why the training cannot go on; "" while it can.
    """

    def __init__(self, number: int = 0, count: int = 1, *, peers: "dict[int, _Peer] | None" = None) -> None:
        self.number, self.count, self.lost = number, count, ""
        self._peers = peers or {}
        self._shared: queue.Queue[Any] = queue.Queue()
        self._told: dict[int, queue.Queue[Any]] = {each: queue.Queue() for each in self._peers}
        self._end = threading.Lock()  # held by what reports the end, so that it is reported once
        self._closing = threading.Event()
        self._on_lost: Lost | None = None

    @property
    def leads(self) -> bool:
        """Whether this is process 0, which decides and writes."""
        return self.number == 0

    def start(self, on_lost: Lost | None) -> None:
        """Begin to listen to the others.

        Parameters
        ----------
        on_lost : callable, optional
            Called once, in a thread, with the reason where another process is lost, and must end this one: its main
            thread may wait in the engine for ever. Process 0 first has `GRACE_SECONDS` to notice by itself.
        """
        self._on_lost = on_lost
        for number, peer in self._peers.items():
            threading.Thread(target=self._listen, args=(number, peer), name=f"process {number}", daemon=True).start()
        if self._peers:
            threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def share(self, value: Any = None) -> Any:
        """Return process 0's value in all processes; the others wait for it.

        Parameters
        ----------
        value : object that JSON knows
            Of process 0.

        Raises
        ------
        RunError
            Another process is lost.
        """
        if not self._peers:
            return value
        if self.leads:
            self._send_all({"share": value})
            self._check()
            return value
        return self._next(self._shared)

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes in process 0, and [] in the others.

        Raises
        ------
        RunError
            Another process is lost.
        """
        if self.leads:
            return [value, *(self._next(self._told[number]) for number in sorted(self._peers))]
        self._send_all({"tell": value})
        return []

    def meet(self) -> None:
        """Wait until all processes are here: the engine's first exchange waits for 30 s alone.

        Raises
        ------
        RunError
            Another process is lost.
        """
        self.gather(None)
        self.share()

    def reason_after(self, seconds: float) -> str:
        """Return why the training cannot go on, after a while to hear of it; "" if nothing is known."""
        deadline = time.monotonic() + seconds
        while self._peers and not self.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.lost

    def report_end(self) -> bool:
        """Tell whether it is the caller's to report the end; only the first one is told so."""
        return self._end.acquire(blocking=False)

    def leave(self, reason: str = "") -> None:
        """Close the connections; a reason ends the others with it."""
        self._closing.set()
        self._send_all({"end": reason} if reason else {"bye": True})
        for peer in self._peers.values():
            peer.close()

    def _next(self, values: "queue.Queue[Any]") -> Any:
        """Return what arrives next, while nobody is lost."""
        while True:
            with contextlib.suppress(queue.Empty):  # short waits: Ctrl-C is heard between them
                return values.get(timeout=0.2)
            self._check()

    def _check(self) -> None:
        if self.lost:
            raise RunError(self.lost)

    def _send_all(self, message: dict[str, Any]) -> None:
        for peer in self._peers.values():
            peer.send(message)

    def _beat(self) -> None:
        while not self._closing.wait(BEAT_SECONDS):
            self._send_all({"beat": True})

    def _listen(self, number: int, peer: "_Peer") -> None:
        """Take in what one process says, until it ends."""
        name = f"process {number} of {self.count}, on {peer.host},"
        while True:
            try:
                message = peer.receive(SILENT_SECONDS)
            except TimeoutError:
                self._lose(f"{name} has not been heard of for {SILENT_SECONDS:.0f} s")
                return
            except (OSError, ValueError):
                message = None
            if message is None:
                self._lose(f"{name} ended without a word: it was killed, or its machine or network failed")
                return
            if "share" in message:
                self._shared.put(message["share"])
            elif "tell" in message:
                self._told[number].put(message["tell"])
            elif "end" in message:
                reason = str(message["end"])
                self._lose(reason if reason.startswith("process ") else f"{name} ended: {reason}")
                return
            elif "bye" in message:
                return

    def _lose(self, reason: str) -> None:
        """Note why the training ends, tell the others, and end this process."""
        if self._closing.is_set() or self.lost:
            return
        self.lost = reason
        if self.leads:
            self._send_all({"end": reason})
            time.sleep(GRACE_SECONDS)
        if self._on_lost is not None and not self._closing.is_set() and self.report_end():
            self._on_lost(reason)


ALONE = Team()


class _Peer:
    """A connection to another process."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self.host, self._socket, self._buffer = host, connection, b""
        self._sending = threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; whether it arrives shows when the other side is listened to."""
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """Return the next message, or None at the end; TimeoutError where nothing comes for so long."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._buffer:
            part = self._socket.recv(65_536)
            if not part or len(self._buffer) > LINE_BYTES_MAX:
                return None
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("expected an object")
        return message

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            self._socket.close()


def join_team(coordinator: str, number: int, count: int, *, seconds: float) -> Team:
    """Wait until all processes of a training are there.

    Parameters
    ----------
    coordinator : str
        "HOST:PORT" of process 0, which listens there until all have come; then the port is free again.
    number, count : int
        Of this process, and of all.
    seconds : float
        How long to wait for the others.

    Raises
    ------
    RunError
        The others do not come, or the port is taken.
    OptionError
        Two processes have the same number, or they expect different numbers of processes.
    """
    if count == 1:
        return Team()
    host, _, port = coordinator.rpartition(":")
    address, deadline = (host.strip("[]"), int(port)), time.monotonic() + seconds
    if number == 0:
        return _receive_all(address, count, deadline=deadline, seconds=seconds)
    return _reach_first(address, number, count, deadline=deadline, seconds=seconds)


def bind_address(coordinator: str) -> str:
    """Return where process 0 listens: on this machine alone where the coordinator is a loopback address, else anywhere.

    Examples
    --------
    >>> bind_address("localhost:5000"), bind_address("node1:5000")
    ('127.0.0.1:5000', '[::]:5000')
    """
    host, _, port = coordinator.rpartition(":")
    name = host.strip("[]")
    if name == "localhost" or name.startswith("127."):
        return f"127.0.0.1:{port}" if name == "localhost" else coordinator
    return coordinator if name == "::1" else f"[::]:{port}"


def _receive_all(address: tuple[str, int], count: int, *, deadline: float, seconds: float) -> Team:
    """Let all other processes come, as process 0."""
    peers: dict[int, _Peer] = {}
    try:
        listener = _listener(address, count)
    except OSError as error:
        raise RunError(f"cannot listen on port {address[1]} of this machine: {_words(error)}") from error
    with listener:
        try:
            while len(peers) < count - 1:
                left = deadline - time.monotonic()
                if left <= 0:
                    missing = sorted(set(range(1, count)) - peers.keys())
                    raise RunError(
                        f"{len(missing)} of {count} processes have not come within {seconds:g} s: process "
                        f"{', '.join(map(str, missing[:8]))}{', ...' if len(missing) > 8 else ''}"
                    )
                listener.settimeout(min(0.5, left))  # short waits: Ctrl-C is heard between them
                with contextlib.suppress(TimeoutError):
                    _greet(*listener.accept(), peers, count)
        except BaseException as error:
            for peer in peers.values():
                peer.send({"end": f"process 0 of {count} ended: {error or type(error).__name__}"})
                peer.close()
            raise
    for peer in peers.values():
        peer.send({"ready": True})
    return Team(0, count, peers=peers)


def _greet(connection: socket.socket, address: Any, peers: "dict[int, _Peer]", count: int) -> None:
    """Add who has connected to the peers; who is not one of ours, a port scan or a health check, is let go."""
    peer = _Peer(connection, str(address[0]).removeprefix("::ffff:"))
    try:
        greeting = peer.receive(5.0)
    except (OSError, ValueError):
        greeting = None
    if greeting is None or greeting.get("greeting") != GREETING:
        peer.close()
        return
    number, problem = greeting.get("number"), ""
    if greeting.get("count") != count or not isinstance(number, int) or not 0 < number < count:
        problem = (
            f"Expected the same `processes` in all of them. Received: processes={count} in process 0, "
            f"processes={greeting.get('count')} in process {number}, on {peer.host}"
        )
    elif number in peers:
        problem = (
            f"Expected another `process_id` in each process. Received: process_id={number} from {peers[number].host} "
            f"and from {peer.host}"
        )
    if problem:
        peer.send({"end": problem})
        peer.close()
        raise OptionError(problem)
    if isinstance(number, int):
        peers[number] = peer


def _words(error: OSError) -> str:
    """Return what the system says of an error, without what Python adds."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _listener(address: tuple[str, int], backlog: int) -> socket.socket:
    """Return a socket that listens where `bind_address` says, on IPv6 and IPv4 where both are there."""
    host = bind_address(f"{address[0]}:{address[1]}").rpartition(":")[0].strip("[]")
    if host == "::":
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", address[1]), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog)
        return socket.create_server(("", address[1]), backlog=backlog)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, address[1]), family=family, backlog=backlog)


def _reach_first(address: tuple[str, int], number: int, count: int, *, deadline: float, seconds: float) -> Team:
    """Connect to process 0 and wait until all have come."""
    place, problem = f"{address[0]}:{address[1]}", "no answer"
    while (left := deadline - time.monotonic()) > 0:
        try:
            connection = socket.create_connection(address, timeout=max(0.1, min(5.0, left)))
        except OSError as error:
            problem = _words(error)
            time.sleep(min(0.2, left))
            continue
        if connection.getsockname() == connection.getpeername():  # a port that nobody listens at may reach itself
            connection.close()
            continue
        peer = _Peer(connection, address[0])
        peer.send({"greeting": GREETING, "number": number, "count": count})
        answer = _answer(peer, deadline + 5.0)  # process 0 gives up first, and says who is missing
        if "ready" in answer:
            return Team(number, count, peers={0: peer})
        peer.close()
        if "end" in answer:
            raise RunError(str(answer["end"]))
        problem = "what answers is not waiting for processes"  # the engine of a run that is about to end, for example
        time.sleep(0.2)
    raise RunError(
        f"process 0 does not answer at {place} within {seconds:g} s ({problem}): is it started, with the same "
        "--coordinator, and can this machine reach it?"
    )


def _answer(peer: _Peer, deadline: float) -> dict[str, Any]:
    """Return process 0's answer to a greeting; {} where somebody else answers, or nobody."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            return peer.receive(min(left, 0.5)) or {}
        except TimeoutError:  # short waits: Ctrl-C is heard between them
            continue
        except (OSError, ValueError):
            return {}
    return {}

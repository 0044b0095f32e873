"""The processes of a training, as threads of this one that have a connection each."""

import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dcgan.errors import OptionError, RunError
from dcgan.training import team as teams
from dcgan.training.team import ALONE, bind_address, join_team
from tests.dcgan.helpers import free_port, one_line

WAIT = 60.0


@pytest.fixture
def address():
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def join(address):
    """Return what lets processes join, (number, count) each, and returns teams or errors; all leave at the end."""
    joined = []

    def start(*places, seconds=WAIT):
        def one(place):
            try:
                return join_team(address, *place, seconds=seconds)
            except Exception as error:
                return error

        with ThreadPoolExecutor(len(places)) as pool:
            results = list(pool.map(one, places))
        joined.extend(each for each in results if not isinstance(each, Exception))
        return results

    yield start
    for team in joined:
        team.leave()


def wait_until(condition):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_process_needs_no_address():
    assert join_team("nowhere:1", 0, 1, seconds=1).share("own") == "own"
    assert ALONE.leads
    assert ALONE.gather(3) == [3]


def test_process_0_shares_and_gathers(join):
    teams_ = join((0, 3), (2, 3), (1, 3))
    for team in teams_:
        team.start(None)
    with ThreadPoolExecutor(3) as pool:
        values = [(team.number, pool.submit(team.share, {"step": team.number})) for team in teams_]
        assert [value.result(WAIT) for _, value in values] == [{"step": 0}] * 3
        gathered = [pool.submit(team.gather, team.number * 10).result(WAIT) for team in reversed(teams_)]
    assert gathered == [[], [], [0, 10, 20]]
    with ThreadPoolExecutor(3) as pool:
        assert [meeting.result(WAIT) for meeting in [pool.submit(team.meet) for team in teams_]] == [None] * 3
    assert [team.leads for team in teams_] == [True, False, False]


def test_who_does_not_come_is_named(join):
    errors = join((0, 4), (2, 4), seconds=1)
    assert one_line(errors[0]) == "2 of 4 processes have not come within 1 s: process 1, 3"
    assert one_line(errors[1]) == f"process 0 of 4 ended: {errors[0]}"
    assert all(isinstance(error, RunError) for error in errors)


def test_a_coordinator_that_does_not_answer(join, address):
    (error,) = join((1, 2), seconds=0.5)
    assert re.fullmatch(rf"process 0 does not answer at {address} within 0\.5 s \(.+\): is it started, .+", str(error))


def test_who_comes_too_early_waits(join, address):
    """JAX's service of a run that is about to end listens at the same port."""
    host, _, port = address.rpartition(":")
    listening = threading.Event()

    def first():
        with socket.create_server((host, int(port))) as listener:
            listening.set()
            with listener.accept()[0] as connection:
                connection.sendall(b"\x00\x00\x12\n")
        return join((0, 2))[0]

    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(first)
        assert listening.wait(WAIT)
        assert [join((1, 2))[0].number, begun.result(WAIT).number] == [1, 0]


def test_a_coordinator_whose_port_is_taken(join, address):
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        (error,) = join((0, 2), seconds=1)
    assert re.fullmatch(r"cannot listen on port \d+ of this machine: Address already in use", one_line(error))


def test_different_numbers_of_processes(join):
    errors = join((0, 2), (1, 3))
    assert isinstance(errors[0], OptionError)
    assert one_line(errors[0]) == (
        "Expected the same `processes` in all of them. Received: processes=2 in process 0, processes=3 in process 1, "
        "on 127.0.0.1"
    )
    assert one_line(errors[1]).endswith(str(errors[0]))


def test_two_processes_of_the_same_number(join):
    errors = join((0, 3), (1, 3), (1, 3))
    assert "Expected another `process_id` in each process. Received: process_id=1 from" in one_line(errors[0])
    assert all(str(errors[0]) in str(error) for error in errors)


def test_strangers_are_let_go(join, address):
    """Health checks and port scans connect as well."""

    def knock():
        host, _, port = address.rpartition(":")
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"\xff\xfe\n", b""):
            deadline = time.monotonic() + WAIT
            while time.monotonic() < deadline:
                try:
                    with socket.create_connection((host, int(port)), timeout=1) as stranger:
                        stranger.sendall(words)
                        break
                except OSError:  # it does not listen yet
                    time.sleep(0.01)
        return join((1, 2))[0]

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(join, (0, 2))
        second = pool.submit(knock)
        assert [first.result(WAIT)[0].count, second.result(WAIT).count] == [2, 2]


def test_a_process_that_is_gone_ends_the_others(join, monkeypatch):
    monkeypatch.setattr(teams, "GRACE_SECONDS", 0.0)
    first, second, third = join((0, 3), (1, 3), (2, 3))
    ended = {}
    for team in (first, third):
        team.start(lambda reason, team=team: ended.setdefault(team.number, reason))
    for peer in second._peers.values():
        peer._socket.shutdown(socket.SHUT_RDWR)  # as the system does for a process that is killed
    wait_until(lambda: len(ended) == 2)
    line = "process 1 of 3, on 127.0.0.1, ended without a word: it was killed, or its machine or network failed"
    assert ended == {0: line, 2: line}
    with pytest.raises(RunError, match="process 1 of 3"):
        first.share(1)
    with pytest.raises(RunError, match="process 1 of 3"):
        third.share()
    assert not first.report_end()  # it is reported already


def test_a_process_that_leaves_says_why(join):
    first, second = join((0, 2), (1, 2))
    first.start(None)
    second.leave("no space left on device")
    assert first.reason_after(WAIT) == "process 1 of 2, on 127.0.0.1, ended: no space left on device"


def test_a_process_that_leaves_at_the_end_ends_nobody(join):
    first, second = join((0, 2), (1, 2))
    before = threading.active_count()
    first.start(None)
    second.leave()
    wait_until(lambda: threading.active_count() <= before + 1)  # only the heartbeat is left
    assert first.lost == ""


def test_silence(join, monkeypatch):
    """A machine that is switched off says nothing at all."""
    monkeypatch.setattr(teams, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(teams, "BEAT_SECONDS", 0.05)
    first, second = join((0, 2), (1, 2))
    first.start(None)
    second.start(None)
    time.sleep(0.8)
    assert first.lost == second.lost == ""  # heartbeats are heard
    second._closing.set()
    assert first.reason_after(WAIT) == "process 1 of 2, on 127.0.0.1, has not been heard of for 0 s"


@pytest.mark.parametrize(
    ("coordinator", "bound"),
    [
        ("localhost:5000", "127.0.0.1:5000"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("10.0.0.1:5000", "[::]:5000"),
        ("node1.cluster:5000", "[::]:5000"),
    ],
)
def test_process_0_listens_to_this_machine_alone_where_that_is_enough(coordinator, bound):
    assert bind_address(coordinator) == bound

"""What holds for all tests: how many run at once, and that none of them depends on the machine's speed."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from dcgan.cores import available_cores

MOST_WORKERS = 4  # every worker imports TensorFlow anew, and trains the toy models of its tests anew
WORKER_BYTES = 2 * 2**30  # most tests take 1.3 GB, one picture of 48 million pixels 2.5 GB

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `--numprocesses auto` starts: no more than cores and memory allow."""
    cores = available_cores()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(MOST_WORKERS, cores, memory // WORKER_BYTES))


def pytest_collection_modifyitems(items) -> None:
    """Put the longest tests first, those of the page, so that no process is left alone with them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("web") is None)


@pytest.fixture
def alarm():
    """Fail a test that waits for what never comes."""

    def ring(number, frame):
        raise TimeoutError("waited for 2 seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 2.0)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)

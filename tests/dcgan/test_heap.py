import subprocess
import sys

import pytest

from dcgan.heap import give_back_large_arrays, keep_freed_memory

CODE = """
import sys
import numpy as np
from dcgan.heap import give_back_large_arrays, keep_freed_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "with":
    give_back_large_arrays()
large = np.ones(30 * 2**20, np.uint8)
del large
before, arrays, small = resident_mb(), [], []
for _ in range(40):
    arrays.append(np.ones(2 * 2**20, np.uint8))
    small.append(np.ones(100_000, np.uint8))
del arrays
print(resident_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux's C library")
def test_large_arrays_go_back_to_the_system():
    """84 MB of arrays are freed between small ones, which stay: 4 MB."""
    kept = {
        way: float(subprocess.run([sys.executable, "-c", CODE, way], check=True, capture_output=True, text=True).stdout)
        for way in ("with", "without")
    }
    assert kept["with"] < 12 < kept["without"]


def test_other_systems_have_nothing_to_set(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", lambda name: pytest.fail("nothing is to be called"))
    give_back_large_arrays()
    keep_freed_memory()


KEEP_CODE = """
import sys
import numpy as np
from dcgan.heap import give_back_large_arrays, keep_freed_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

give_back_large_arrays() if sys.argv[1] == "without" else keep_freed_memory()
before = resident_mb()
arrays = [np.ones(2**24, np.uint8) for _ in range(8)]
del arrays
print(resident_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux's C library")
def test_freed_memory_is_kept_for_the_next_step():
    """134 MB of arrays are freed."""
    kept = {
        way: float(
            subprocess.run([sys.executable, "-c", KEEP_CODE, way], check=True, capture_output=True, text=True).stdout
        )
        for way in ("with", "without")
    }
    assert kept["without"] < 12 < 100 < kept["with"]


def test_training_keeps_freed_memory_after_its_first_step(monkeypatch):
    from dcgan.training import callbacks

    calls = []
    monkeypatch.setattr(callbacks, "keep_freed_memory", lambda: calls.append(1))
    callback = callbacks.KeepFreedMemory()
    for batch in range(3):
        callback.on_train_batch_end(batch)
    assert calls == [1]

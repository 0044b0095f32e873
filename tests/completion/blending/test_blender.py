import ctypes
import subprocess
import sys

import pytest

CODE = """
import ctypes
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from completion.blending.blender import Blender

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info

def used_mb():
    info = libc.mallinfo2()
    return (info.uordblks + info.hblkhd) / 1e6

def fill(number):
    mask = np.zeros((1, 120, 120), np.bool_)
    mask[:, 10 : 100 + number, 10:110] = True
    picture = np.full((1, 120, 120, 3), 0.5, np.float32)
    blender(picture, picture, mask)

blender = Blender("poisson", max_solvers=1)
with ThreadPoolExecutor(2) as pool:
    list(pool.map(fill, range(4)))
    before = used_mb()
    list(pool.map(fill, [number % 10 for number in range(40)]))
    print(used_mb() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="of glibc 2.33 and later",
)
def test_threads_leave_no_factorised_matrices_behind():
    """SciPy keeps those for ever that another thread drops than the one that made them: 10 MB each here."""
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 25

"""A server of the page in a process of its own, as a user starts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAR_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
CODE = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {HEAR_SIGINT}; from completion.web.cli import web_command"


def wait_for(condition, seconds=120):
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Server:
    """complete-web, and the folder for its temporary files."""

    def __init__(self, folder, *options, environment=None):
        self.folder = folder
        words = [sys.executable, "-c", f"{CODE}; web_command()", "--no-browser", "--quiet", "--port", "0", *options]
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1", **(environment or {})},
        )
        self.address = self.process.stdout.readline().partition(" ")[0].rstrip("/")
        if not self.address:
            raise RuntimeError(self.process.communicate()[1])

    def requests(self):
        """Return the folders of requests that are there."""
        return list(self.folder.glob("complete-web-*/request-*"))

    def stop(self):
        """Interrupt the process as Ctrl-C does; return exit code and stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            _, stderr = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, stderr = self.process.communicate()
        return self.process.returncode, stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("temporary"))
    yield server
    server.stop()

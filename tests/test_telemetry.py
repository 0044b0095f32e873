"""No library that the commands use tells anybody about its user."""

import os
import subprocess
import sys
from pathlib import Path

from tests.completion.helpers import write_pictures

ROOT = Path(__file__).parent.parent
CODE = "from completion.cli import complete_command; complete_command()"


def test_completing_leaves_nothing_but_the_results(tmp_path):
    """ONNX Runtime would write a device's identifier, and a store of what is to be sent, to these folders."""
    write_pictures(tmp_path / "faces", ["a.png"])
    own = {"HOME": tmp_path / "home", "XDG_CACHE_HOME": tmp_path / "home" / "cache", "TMPDIR": tmp_path / "temporary"}
    for folder in own.values():
        folder.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    kept = {name: value for name, value in kept.items() if not name.startswith("PYTEST")}
    environment = {**kept, "PYTHONPATH": str(ROOT), **{name: str(path) for name, path in own.items()}}
    options = ["--aligned", "--mask", "center", "--framing", "tight", "faces"]
    words = [sys.executable, "-c", CODE, *options]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, "1 completed: completed\n"), done.stderr
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []
    assert list((tmp_path / "temporary").iterdir()) == []

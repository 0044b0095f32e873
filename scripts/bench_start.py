"""How fast the first picture comes: complete-images for one face of 128 pixels, as a whole process.

Beside it the import of what it is made of, which no command can undercut. The processes take turns; seconds and memory
are medians. One round before them is not counted, so that the files are in the system's memory.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = "import numpy, cv2, scipy.sparse, PIL, click, onnxruntime"
COMMAND = "from completion.cli import complete_command; complete_command()"
ROOT = Path(__file__).parent.parent
FACE = ROOT / "examples" / "astronaut.png"  # 128x128


def measure(arguments: list[str]) -> tuple[float, float]:
    """Run a process and return its seconds and its peak resident memory in MB."""
    started = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], {**os.environ, "PYTHONPATH": str(ROOT)})
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"Expected exit code 0 of {arguments}. Received: {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Parse the options, run the processes in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default="fast,balanced,biharmonic", help="methods, with commas between them")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each process (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        processes = {"imports alone": ["-c", IMPORTS]}
        for method in options.methods.split(","):
            shared = ["--mask", "center", "--quiet", "--overwrite", "--output", str(Path(folder, method)), str(FACE)]
            processes[method] = ["-c", COMMAND, "--method", method, *shared]
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
        for turn in range(options.rounds + 1):
            for name, arguments in processes.items():
                found = measure(arguments)
                if turn:
                    figures[name].append(found)
    print("| process | seconds | least to greatest | times the imports | peak MB |")
    print("|---|---|---|---|---|")
    base = [seconds for seconds, _ in figures["imports alone"]]
    for name, rows in figures.items():
        seconds, memory = ([row[column] for row in rows] for column in (0, 1))
        ratio = statistics.median(one / other for one, other in zip(seconds, base, strict=True))
        print(
            f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} to {max(seconds):.2f} | {ratio:.2f} | "
            f"{statistics.median(memory):.0f} |"
        )


if __name__ == "__main__":
    main()

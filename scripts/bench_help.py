"""Measure the time of each command's --help as a whole process."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("complete-images", "complete-evaluate", "dcgan-align", "dcgan-train", "dcgan-train-encoder", "dcgan-sample")
RUNS = 7


def main() -> None:
    """Print the median, minimum and maximum time of each command in seconds."""
    folder = Path(sys.executable).parent
    for command in COMMANDS:
        seconds = []
        for _ in range(RUNS + 1):
            started = time.perf_counter()
            subprocess.run([folder / command, "--help"], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - started)
        counted = seconds[1:]
        print(
            f"{command:16} --help: median {statistics.median(counted):.3f} s ({min(counted):.3f} to {max(counted):.3f})"
        )


if __name__ == "__main__":
    main()

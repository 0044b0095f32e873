"""How fast complete-images works through a folder of small faces: pictures a second, busy cores, memory.

The faces are those of a zip, of 64 pixels, again and again until there are enough. --against measures another checkout
of the project beside this one, in turn, with the packages of this environment.
"""

import argparse
import io
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
COMMAND = "from completion.cli import complete_command; complete_command()"
SIDE = 64


def write_faces(source: Path, folder: Path, count: int) -> None:
    """Write so many faces."""
    with zipfile.ZipFile(source) as opened:
        names = [name for name in opened.namelist() if name.lower().endswith((".png", ".jpg"))]
        for number in range(count):
            path = folder / f"{number:05}.png"
            if number >= len(names):
                path.hardlink_to(folder / f"{number % len(names):05}.png")
                continue
            with Image.open(io.BytesIO(opened.read(names[number]))) as image:
                image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(path)


def measure(checkout: Path, method: str, folder: Path) -> tuple[float, float, float]:
    """Complete a folder and return the seconds, the processor's seconds and the peak resident memory in MB."""
    with tempfile.TemporaryDirectory() as scratch:
        shared = ["--mask", "center", "--quiet", "--output", str(Path(scratch, "out")), str(folder)]
        arguments = [sys.executable, "-c", COMMAND, "--method", method, *shared]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        started = time.perf_counter()
        pid = os.posix_spawn("/usr/bin/env", ["env", "-C", str(checkout), *arguments], environment)
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit(f"Expected exit code 0. Received: {os.waitstatus_to_exitcode(status)}")
        seconds = time.perf_counter() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Parse the options, complete the folders and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=Path, required=True, help="zip of aligned faces")
    parser.add_argument("--methods", default="fast,balanced", help="with commas between them (default: %(default)s)")
    parser.add_argument("--counts", default="500,2000,5000", help="numbers of pictures (default: %(default)s)")
    parser.add_argument("--against", type=Path, help="another checkout of the project")
    options = parser.parse_args()
    checkouts = {"this": ROOT} | ({"other": options.against.resolve()} if options.against else {})
    print("| pictures | method | checkout | seconds | pictures a second | share of the cores | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for count in (int(part) for part in options.counts.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            write_faces(options.faces, Path(folder), count)
            for method in options.methods.split(","):
                for name, checkout in checkouts.items():
                    seconds, busy, memory = measure(checkout, method, Path(folder))
                    share = busy / seconds / len(os.sched_getaffinity(0))
                    print(
                        f"| {count:,} | {method} | {name} | {seconds:.1f} | {count / seconds:.1f} | {share:.0%} | "
                        f"{memory:.0f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()

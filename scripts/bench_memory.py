"""Measure the peak memory of complete-images for few and for many pictures.

One small picture is written many times under many names; each count is completed by a process of its own with a search
of two steps, for memory does not depend on the number of steps.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from dcgan.pictures import save_picture


def peak_mib(folder: Path, output: Path, options: list[str]) -> float:
    """Return the peak resident memory of completing a folder, in MiB."""
    code = (
        "import resource, sys; from completion.cli import complete_command; sys.argv = sys.argv[1:];\n"
        "try: complete_command()\n"
        "finally: print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, "complete-images", "--quiet", "--output", str(output), *options, str(folder)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(text.split("PEAK")[1].split()[0]) / 1024


@click.command()
@click.option("--counts", default="100,10000", show_default=True)
@click.option("--size", default=96, show_default=True, help="Side of the pictures in pixels.")
@click.option(
    "--mask", default="random", show_default=True, help="random: another mask for each picture, the worst case."
)
def main(counts: str, size: int, mask: str) -> None:
    """Print the peak for each count."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        first = Path(scratch, "first.png")
        save_picture(first, rng.integers(0, 256, (size, size, 3), np.uint8))
        peaks = []
        for count in (int(part) for part in counts.split(",")):
            folder = Path(scratch, f"in{count}")
            folder.mkdir()
            for number in range(count):
                shutil.copyfile(first, folder / f"{number:06d}.png")
            peaks.append(peak_mib(folder, Path(scratch, f"out{count}"), ["--mask", mask, "--iterations", "2"]))
            click.echo(f"{count:6d} pictures: peak {peaks[-1]:.0f} MiB")
            shutil.rmtree(folder)
        click.echo(f"ratio of the last to the first: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()

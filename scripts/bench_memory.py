"""Measure the peak memory of complete-images for few and for many pictures, and for large photographs.

Copies of one small picture are completed, each number of copies in a new process, with a search of two steps: memory
does not depend on the number of steps. With --photograph-sides, one photograph with a large face (scikit-image's
astronaut, enlarged) is completed at several sizes instead, with a hole inside the face and with a hole of half the
picture.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from skimage import data

from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import resize_picture


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


def measure_photographs(sides: list[int]) -> None:
    """Print the peak memory and the time for each size of a photograph and each hole."""
    astronaut = data.astronaut()[20:276, 90:346]
    # As fractions of the side: the hole (top, bottom, left, right) and the box of the face (x, y, width, height).
    holes = {
        "in the face": ((0.35, 0.47, 0.45, 0.61), (0.33, 0.22, 0.36, 0.36)),
        "half the picture": ((0.15, 0.85, 0.15, 0.87), (0.05, 0.05, 0.9, 0.9)),
    }
    with tempfile.TemporaryDirectory() as scratch:
        photograph, mask_path = Path(scratch, "photograph.png"), Path(scratch, "mask.png")
        for side in sides:
            save_picture(photograph, resize_picture(astronaut, (side, side)))
            for name, (hole, box) in holes.items():
                mask = np.zeros((side, side), np.uint8)
                top, bottom, left, right = (round(part * side) for part in hole)
                mask[top:bottom, left:right] = 255
                save_picture(mask_path, mask)
                options = ["--faces", "--face-box", ",".join(str(round(part * side)) for part in box), "--mask-file"]
                started = time.perf_counter()
                peak = peak_mib(photograph, Path(scratch, f"{side}-{name}"), [*options, str(mask_path)])
                seconds = time.perf_counter() - started
                click.echo(f"{side:5}x{side:<5} hole {name:16}: peak {peak:.0f} MiB, {seconds:.1f} s")


@click.command()
@click.option("--counts", default="100,10000", show_default=True)
@click.option("--size", default=96, show_default=True, help="Side of the pictures in pixels.")
@click.option(
    "--mask", default="random", show_default=True, help="random: another mask for each picture, the worst case."
)
@click.option("--photograph-sides", default="", help="Sides in pixels, as 512,2048,5500.")
def main(counts: str, size: int, mask: str, photograph_sides: str) -> None:
    """Print the peak memory for each number of pictures, or for each size of a photograph."""
    if photograph_sides:
        measure_photographs([int(part) for part in photograph_sides.split(",")])
        return
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
            peaks.append(
                peak_mib(
                    folder, Path(scratch, f"out{count}"), ["--mask", mask, "--method", "latent", "--iterations", "2"]
                )
            )
            click.echo(f"{count:6d} pictures: peak {peaks[-1]:.0f} MiB")
            shutil.rmtree(folder)
        click.echo(f"ratio of the last to the first: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()

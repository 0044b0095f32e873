"""Measure the time for each photograph of small and of large folders, which must not grow with their number.

The folders hold copies of the example photographs with their masks, or enlarged ones. Each is completed by a command of
its own; the time for one photograph is the manifest's, in five parts of the folder.
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image

from dcgan.pictures.records import read_json_lines

EXAMPLES = Path(__file__).parent.parent / "examples" / "photographs"
MASKS = {"astronaut": "mouth", "old": "old", "two": "two", "hopper": "center"}
PARTS = 5


def fill_folders(root: Path, count: int, megapixels: float) -> None:
    """Write so many photographs and masks, of their own size where `megapixels` is 0."""
    for folder in ("photographs", "masks"):
        (root / folder).mkdir()
    for number in range(count):
        name = list(MASKS)[number % len(MASKS)]
        photograph, mask = root / "photographs" / f"{number:04}.jpg", root / "masks" / f"{number:04}.png"
        if number >= len(MASKS):
            photograph.hardlink_to(photograph.with_name(f"{number % len(MASKS):04}.jpg"))
            mask.hardlink_to(mask.with_name(f"{number % len(MASKS):04}.png"))
            continue
        shutil.copy(EXAMPLES / f"{name}.jpg", photograph)
        shutil.copy(EXAMPLES / "masks" / f"{MASKS[name]}.png", mask)
        if megapixels:
            enlarge(photograph, megapixels, Image.Resampling.LANCZOS)
            enlarge(mask, megapixels, Image.Resampling.NEAREST)


def enlarge(path: Path, megapixels: float, resampling: Image.Resampling) -> None:
    """Give a picture so many pixels."""
    with Image.open(path) as image:
        factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        image.resize((round(image.width * factor), round(image.height * factor)), resampling).save(path, quality=95)


def run(command: list[str]) -> tuple[float, float, float]:
    """Run a command and return the seconds, the processor's seconds and the peak resident memory in MB."""
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"Expected exit code 0. Received: {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


@click.command()
@click.option("--counts", default="20,100", show_default=True, help="Numbers of photographs.")
@click.option("--method", default="balanced", show_default=True, help="What fills the holes.")
@click.option("--megapixels", default=0.0, help="Enlarge the photographs to so many million pixels.")
def main(counts: str, method: str, megapixels: float) -> None:
    """Print the time for each number of photographs."""
    head = (
        "photographs",
        "seconds in all",
        "seconds each, in fifths of the folder",
        "slowest",
        "share of the cores",
        "peak MB",
    )
    click.echo(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for count in (int(part) for part in counts.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            fill_folders(root, count, megapixels)
            command = [str(Path(sys.executable).parent / "complete-images"), "--quiet", "--method", method]
            command += ["--mask-dir", str(root / "masks"), "--output", str(root / "out"), str(root / "photographs")]
            total, busy, memory = run(command)
            records = read_json_lines(root / "out" / "manifest.jsonl")
            seconds = np.array([record["seconds"] for record in records if "seconds" in record])
        share = busy / total / len(os.sched_getaffinity(0))
        means = ", ".join(f"{part.mean():.2f}" for part in np.array_split(seconds, PARTS))
        click.echo(f"| {count} | {total:.0f} | {means} | {seconds.max():.1f} | {share:.0%} | {memory:.0f} |")


if __name__ == "__main__":
    main()

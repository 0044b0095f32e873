"""Measure the time for each photograph of small and of large folders, which must not grow with their number.

The folders hold copies of the example photographs with their masks. Each is completed by a command of its own; the time
for one photograph is the manifest's, in five parts of the folder.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from dcgan.pictures.records import read_json_lines

EXAMPLES = Path(__file__).parent.parent / "examples" / "photographs"
MASKS = {"astronaut": "mouth", "old": "old", "two": "two", "hopper": "center"}
PARTS = 5


def fill_folders(root: Path, count: int) -> None:
    """Write so many photographs and masks."""
    for folder in ("photographs", "masks"):
        (root / folder).mkdir()
    for number in range(count):
        name = list(MASKS)[number % len(MASKS)]
        shutil.copy(EXAMPLES / f"{name}.jpg", root / "photographs" / f"{number:04}.jpg")
        shutil.copy(EXAMPLES / "masks" / f"{MASKS[name]}.png", root / "masks" / f"{number:04}.png")


@click.command()
@click.option("--counts", default="20,100", show_default=True, help="Numbers of photographs.")
def main(counts: str) -> None:
    """Print the time for each number of photographs."""
    click.echo("| photographs | seconds in all | seconds each, in fifths of the folder | slowest |\n|---|---|---|---|")
    for count in (int(part) for part in counts.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            fill_folders(root, count)
            command = [Path(sys.executable).parent / "complete-images", "--quiet", "--mask-dir", root / "masks"]
            started = time.perf_counter()
            subprocess.run([*command, "--output", root / "out", root / "photographs"], check=True)
            total = time.perf_counter() - started
            records = read_json_lines(root / "out" / "manifest.jsonl")
            seconds = np.array([record["seconds"] for record in records if "seconds" in record])
        means = ", ".join(f"{part.mean():.2f}" for part in np.array_split(seconds, PARTS))
        click.echo(f"| {count} | {total:.0f} | {means} | {seconds.max():.1f} |")


if __name__ == "__main__":
    main()

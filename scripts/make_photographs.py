"""Make examples/photographs/ and the pictures of docs/photographs.md: before, mask, after.

Two photographs in the public domain, and pictures made of them; masks are drawn here. `--complete` runs the commands
that docs/photographs.md names and lays their results out side by side in docs/images/photographs/.
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import cv2
import numpy as np
from matplotlib import cbook
from skimage import data

from completion.render import show_masked
from dcgan.pictures import read_picture, resize_picture, save_picture

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "photographs"
SHEETS = ROOT / "docs" / "images" / "photographs"
TILE_HEIGHT = 300


def draw(shape: tuple[int, ...], *strokes: tuple[list[tuple[int, int]], int]) -> np.ndarray:
    """Return a mask of polylines, each with its thickness in pixels, (H, W) uint8."""
    mask = np.zeros(shape[:2], np.uint8)
    for points, thickness in strokes:
        cv2.polylines(mask, [np.array(points, np.int32)], isClosed=False, color=255, thickness=thickness)
    return mask


def rectangle(shape: tuple[int, ...], x: int, y: int, width: int, height: int) -> np.ndarray:
    """Return a mask of a rectangle, (H, W) uint8."""
    mask = np.zeros(shape[:2], np.uint8)
    mask[y : y + height, x : x + width] = 255
    return mask


def ellipse(shape: tuple[int, ...], *centers: tuple[int, int], axes: tuple[int, int]) -> np.ndarray:
    """Return a mask of ellipses, (H, W) uint8."""
    mask = np.zeros(shape[:2], np.uint8)
    for center in centers:
        cv2.ellipse(mask, center, axes, 0, 0, 360, 255, thickness=-1)
    return mask


def make_inputs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each example's photograph and mask."""
    astronaut = data.astronaut()
    hopper = read_picture(Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    both = np.full((600, 1024, 3), 230, np.uint8)
    both[:, :512], both[88:, 512:] = hopper, astronaut
    old = cv2.cvtColor(cv2.cvtColor(resize_picture(hopper, (450, 384)), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    shape, tall = astronaut.shape, hopper.shape
    return {
        "scratches": (
            astronaut,
            draw(shape, ([(150, 60), (300, 150)], 8), ([(290, 70), (180, 190)], 8), ([(170, 130), (260, 165)], 7)),
        ),
        "eyes": (astronaut, rectangle(shape, 183, 92, 80, 26)),
        "mouth": (astronaut, ellipse(shape, (222, 150), axes=(34, 22))),
        "center": (hopper, rectangle(tall, 226, 196, 92, 96)),
        "mask": (hopper, ellipse(tall, (271, 285), axes=(80, 62))),
        "two": (both, draw(both.shape, ([(200, 160), (330, 300)], 16)) | rectangle(both.shape, 700, 200, 70, 45)),
        "old": (
            old,
            draw(old.shape, ([(0, 190), (384, 215)], 7), ([(212, 0), (190, 450)], 9), ([(160, 110), (300, 260)], 5)),
        ),
        "half": (astronaut, rectangle(shape, 222, 20, 110, 190)),
        "hidden": (hopper, rectangle(tall, 170, 120, 200, 210)),
    }


#: The commands of docs/photographs.md, by example.
COMMAND = "complete-images --faces --mask-file examples/photographs/masks/{0}.png examples/photographs/{1}.jpg"
OPTIONS = {"hidden": "--face-box 180,139,187,187"}


def run(name: str, output: Path) -> Path:
    """Run an example's command and return the path of its result."""
    command = COMMAND.format(name, name) + (f" {OPTIONS[name]}" if name in OPTIONS else "")
    program, *arguments = shlex.split(command)
    subprocess.run(
        [Path(sys.executable).with_name(program), *arguments, "--output", output, "--overwrite"], cwd=ROOT, check=True
    )
    return output / f"{name}.jpg.png"


@click.command()
@click.option("--complete", is_flag=True, help="Complete them and write the sheets of docs/photographs.md.")
def main(complete: bool) -> None:
    """Write the examples and, if asked for, the sheets."""
    (EXAMPLES / "masks").mkdir(parents=True, exist_ok=True)
    for name, (photograph, mask) in make_inputs().items():
        save_picture(EXAMPLES / f"{name}.jpg", photograph)
        save_picture(EXAMPLES / "masks" / f"{name}.png", mask)
    if not complete:
        return
    SHEETS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (_, mask) in make_inputs().items():
            photograph = read_picture(EXAMPLES / f"{name}.jpg")
            result = read_picture(run(name, Path(folder)))
            tiles = [
                resize_picture(each, (TILE_HEIGHT, round(each.shape[1] * TILE_HEIGHT / each.shape[0])))
                for each in (photograph, show_masked(photograph, mask > 127), result)
            ]
            gap = np.full((TILE_HEIGHT, 6, 3), 255, np.uint8)
            save_picture(SHEETS / f"{name}.jpg", np.concatenate([tiles[0], gap, tiles[1], gap, tiles[2]], axis=1))


if __name__ == "__main__":
    main()

"""Make examples/photographs/ and the pictures of docs/photographs.md: before, mask, after.

The photographs are two public-domain portraits and two pictures composed from them; this script draws the masks.
`--complete` runs the commands of docs/photographs.md and writes their results side by side to docs/images/photographs/.
"""

import json
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

from completion.folder.sheet import show_masked
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import resize_picture

ROOT = Path(__file__).parent.parent
FOLDER = "examples/photographs"
SHEETS = ROOT / "docs" / "images" / "photographs"
TILE_HEIGHT = 250


def draw(shape: tuple[int, ...], *strokes: tuple[list[tuple[int, int]], int]) -> np.ndarray:
    """Return a mask, uint8 (H, W), of polylines, each with its thickness in pixels."""
    mask = np.zeros(shape[:2], np.uint8)
    for points, thickness in strokes:
        cv2.polylines(mask, [np.array(points, np.int32)], isClosed=False, color=255, thickness=thickness)
    return mask


def rectangle(shape: tuple[int, ...], x: int, y: int, width: int, height: int) -> np.ndarray:
    """Return a mask, uint8 (H, W), of a rectangle."""
    mask = np.zeros(shape[:2], np.uint8)
    mask[y : y + height, x : x + width] = 255
    return mask


def ellipse(shape: tuple[int, ...], *centers: tuple[int, int], axes: tuple[int, int]) -> np.ndarray:
    """Return a mask, uint8 (H, W), of ellipses."""
    mask = np.zeros(shape[:2], np.uint8)
    for center in centers:
        cv2.ellipse(mask, center, axes, 0, 0, 360, 255, thickness=-1)
    return mask


def make_photographs() -> dict[str, np.ndarray]:
    """Return the photographs by name."""
    astronaut = data.astronaut()
    hopper = read_picture(Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    two = np.full((600, 1024, 3), 230, np.uint8)
    two[:, :512], two[88:, 512:] = hopper, astronaut
    grey = cv2.cvtColor(resize_picture(hopper, (450, 384)), cv2.COLOR_RGB2GRAY)
    return {"astronaut": astronaut, "hopper": hopper, "two": two, "old": grey[..., None]}


LANDMARKS = {  # x, y in pixels: inner eye corners and bottom lip, found with dlib in the whole photographs
    "astronaut": [(212, 104), (237, 106), (222, 156)],
    "hopper": [(238, 194), (291, 192), (269, 289)],
}
TALL, SQUARE, WIDE, SMALL = (600, 512), (512, 512), (600, 1024), (450, 384)
#: Name of the example: photograph, mask, additional options of the command, and the visible part of the photograph
#: (x, y, width, height).
EXAMPLES = {
    "scratches": (
        "astronaut",
        draw(SQUARE, ([(150, 60), (300, 150)], 8), ([(290, 70), (180, 190)], 8), ([(170, 130), (260, 165)], 7)),
        "",
        (110, 0, 230, 230),
    ),
    "mouth": ("astronaut", ellipse(SQUARE, (222, 150), axes=(34, 22)), "", (110, 0, 230, 230)),
    "two": (
        "two",
        draw(WIDE, ([(200, 160), (330, 300)], 16)) | rectangle(WIDE, 700, 200, 70, 45),
        "",
        (0, 0, 1024, 600),
    ),
    "old": (
        "old",
        draw(SMALL, ([(0, 190), (384, 215)], 7), ([(212, 0), (190, 450)], 9), ([(160, 110), (300, 260)], 5)),
        "",
        (40, 0, 344, 344),
    ),
    "eyes": ("astronaut", rectangle(SQUARE, 183, 92, 80, 26), "landmarks", (110, 0, 230, 230)),
    "center": ("hopper", rectangle(TALL, 226, 196, 92, 96), "landmarks", (90, 50, 350, 350)),
    "mask": ("hopper", ellipse(TALL, (271, 285), axes=(80, 62)), "", (90, 50, 350, 350)),
    "half": ("astronaut", rectangle(SQUARE, 222, 20, 110, 190), "", (110, 0, 230, 230)),
    "hidden": ("hopper", rectangle(TALL, 170, 120, 200, 210), "--face-box 180,139,187,187", (90, 50, 350, 350)),
}


GRAIN_PART = (190, 160, 160, 160)  # part of the example `center` that the comparison of grain shows


def command(name: str) -> str:
    """Return the command of an example."""
    photograph, _, options, _ = EXAMPLES[name]
    options = f"--landmarks-file {FOLDER}/landmarks.jsonl" if options == "landmarks" else options
    parts = [f"complete-images --faces --mask-file {FOLDER}/masks/{name}.png", options, f"{FOLDER}/{photograph}.jpg"]
    return " ".join(part for part in parts if part)


def run_example(name: str, output: Path, *options: str) -> np.ndarray:
    """Run the command of an example and return its result."""
    program, *arguments = shlex.split(command(name))
    program = str(Path(sys.executable).with_name(program))
    subprocess.run([program, *arguments, *options, "--output", str(output), "--overwrite"], cwd=ROOT, check=True)
    return read_picture(output / f"{EXAMPLES[name][0]}.png")


def lay_out(pictures: list[np.ndarray], part: tuple[int, int, int, int]) -> np.ndarray:
    """Return a part (x, y, width, height) of each picture, side by side."""
    x, y, width, height = part
    tiles = []
    for picture in pictures:
        shown = np.ascontiguousarray(picture[y : y + height, x : x + width])
        tiles += [resize_picture(shown, (TILE_HEIGHT, round(width * TILE_HEIGHT / height)))]
        tiles += [np.full((TILE_HEIGHT, 6, 3), 255, np.uint8)]
    return np.concatenate(tiles[:-1], axis=1)


@click.command()
@click.option("--complete", is_flag=True, help="Complete them and write the sheets of docs/photographs.md.")
def main(complete: bool) -> None:
    """Write the examples and, with --complete, the sheets."""
    folder = ROOT / FOLDER
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for name, photograph in make_photographs().items():
        save_picture(folder / f"{name}.jpg", photograph)
    for name, (_, mask, _, _) in EXAMPLES.items():
        save_picture(folder / "masks" / f"{name}.png", mask)
    lines = [{"photograph": f"{name}.jpg", "faces": [{"landmarks": each}]} for name, each in LANDMARKS.items()]
    (folder / "landmarks.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    if complete:
        SHEETS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as output:
            for name, (photograph, mask, _, part) in EXAMPLES.items():
                click.echo(command(name))
                before = read_picture(folder / f"{photograph}.jpg")
                after = run_example(name, Path(output))
                sheet = lay_out([before, show_masked(before, mask > 127), after], part)
                save_picture(SHEETS / f"{name}.jpg", sheet)
                if name == "center":
                    plain = run_example(name, Path(output), "--no-grain")
                    save_picture(SHEETS / "grain.jpg", lay_out([before, plain, after], GRAIN_PART))


if __name__ == "__main__":
    main()

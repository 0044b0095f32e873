"""Measure the throughput of dcgan-align on all cores, in photographs per second.

The photographs are synthetic: aligned faces on a blurred background, with the size of the pictures (250x250) and of the
faces in Labeled Faces in the Wild. The baseline ("peer") is a simple script: one process that reads, detects, aligns
and writes one photograph after the other, with OpenFace's warp. Both programs run alternately, as whole processes, for
the given number of rounds. The ratio is that of the median times.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import cv2
import numpy as np

from completion.evaluation.faces import read_faces
from dcgan.pictures.saving import save_picture

SIDE, FACE = 250, 100
PEER = """
import sys
from pathlib import Path
import cv2, dlib, numpy as np
from dcgan.faces.alignment import alignment_transform
from dcgan.faces.detector import LANDMARK_MODEL, find_model_file
detector = dlib.get_frontal_face_detector()
predictor = dlib.shape_predictor(str(find_model_file(LANDMARK_MODEL, install="")))
for path in sorted(Path(sys.argv[1]).iterdir()):
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    boxes = detector(picture, 1)
    if boxes:
        shape = predictor(picture, max(boxes, key=lambda box: box.area()))
        points = np.array([(point.x, point.y) for point in shape.parts()], np.float64)
        transform = alignment_transform(points, framing="innerEyesAndBottomLip", size=64)
        crop = cv2.warpAffine(picture, transform, (64, 64))
        cv2.imwrite(str(Path(sys.argv[2]) / f"{path.name}.png"), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
"""


def surround(face: np.ndarray, border: int) -> np.ndarray:
    """Return a face, uint8 (S, S, 3), in the middle of a blurred background that is `border` pixels wide."""
    side = len(face)
    around = cv2.copyMakeBorder(face, *[border] * 4, cv2.BORDER_REPLICATE)
    around = cv2.GaussianBlur(around, (0, 0), side / 10)
    around[border : border + side, border : border + side] = face
    return around


def make_photographs(faces: Path, folder: Path, count: int) -> None:
    """Write synthetic photographs, each with one face."""
    rng = np.random.default_rng(0)
    for index, face in enumerate(read_faces(faces, count, size=FACE).pictures):
        around = surround(face, (SIDE - FACE) // 2)
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), rng.uniform(-12, 12), rng.uniform(0.85, 1.15))
        photograph = cv2.warpAffine(around, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        save_picture(folder / f"{index:04}.jpg", photograph)


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--count", default=400, show_default=True, help="Photographs.")
@click.option("--rounds", default=3, show_default=True)
def main(faces: Path, count: int, rounds: int) -> None:
    """Print photographs per second."""
    command = Path(sys.executable).with_name("dcgan-align")
    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        make_photographs(faces, folder / "raw", count)
        for number in range(rounds):
            (folder / f"peer-{number}").mkdir()
            commands = {
                "ours": [str(command), str(folder / "raw"), str(folder / f"ours-{number}"), "--quiet"],
                "peer": [sys.executable, "-c", PEER, str(folder / "raw"), str(folder / f"peer-{number}")],
            }
            for side, arguments in commands.items():
                started = time.perf_counter()
                subprocess.run(arguments, check=True)
                seconds[side].append(time.perf_counter() - started)
            click.echo(", ".join(f"{side} {count / each[-1]:.1f} photographs/s" for side, each in seconds.items()))
        lines = (folder / "ours-0" / "align.jsonl").read_text().splitlines()[1:]
        aligned = sum(json.loads(line)["status"] == "aligned" for line in lines)
    ours, peer = (float(np.median(each)) for each in (seconds["ours"], seconds["peer"]))
    click.echo(
        f"{aligned} of {count} aligned; median {count / ours:.1f} photographs/s, {peer / ours:.2f} times the peer's"
    )


if __name__ == "__main__":
    main()

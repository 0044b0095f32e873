"""Measure completed photographs, model by model: PSNR and SSIM of the holes, fine detail and time; and draw sheets.

    python scripts/bench_photographs.py photos --model faces-128 --model faces-64 --sheets sheets/

Every detected face of at least 60 pixels gets each kind of hole in turn; its box is given, and its landmarks are found
behind the hole. Fine detail is the standard deviation in the hole of the detail that is finer than a 64th of a face,
relative to that of the true picture. "classical" fills the whole hole with the classical method that faces are
cross-faded into. A sheet shows the hole of each face, what each way makes of it, and the original.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import click
import cv2
import numpy as np

from completion.completer import Completer
from completion.composition import Composer
from completion.evaluation.metrics import picture_metrics
from dcgan.faces.alignment import alignment_transform, invert_transform, transform_points, transform_scale
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import GivenFaces
from dcgan.model_file import load_model
from dcgan.pictures.files import read_picture
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.saving import save_picture

FACE_MIN_PX = 60
SIDE = 64  # of OpenFace's square, in which holes are drawn
TILE_PX = 256
#: Polygons and lines in the square, x and y; the brows are at its top, the chin at its bottom.
HOLES: dict[str, list[tuple[int, list[tuple[float, float]]]]] = {
    "center": [(0, [(15.5, 15.5), (47.5, 15.5), (47.5, 47.5), (15.5, 47.5)])],
    "mouth": [(0, [(16, 38), (48, 38), (52, 46), (46, 56), (18, 56), (12, 46)])],
    "half": [(0, [(-6, -16), (32, -16), (32, 74), (-6, 74)])],
    "eye": [(0, [(6, 2), (28, 2), (29, 18), (6, 18)])],
    "scratches": [
        (3, [(-4, 4), (24, 30), (68, 44)]),
        (2, [(30, -12), (26, 40), (34, 76)]),
        (2, [(50, 0), (40, 60)]),
    ],
}  # the width of a line, or 0


def draw_hole(shape: tuple[int, int], transforms: list[np.ndarray], kind: str) -> np.ndarray:
    """Return a mask, bool (H, W), with a kind of hole in every face."""
    mask = np.zeros(shape, np.uint8)
    for transform in transforms:
        for width, points in HOLES[kind]:
            corners = np.rint(transform_points(invert_transform(transform), points)).astype(np.int32)
            if width:
                cv2.polylines(mask, [corners], False, 1, max(1, round(width / transform_scale(transform))))
            else:
                cv2.fillConvexPoly(mask, corners, 1)
    return mask > 0


def fine_detail(picture: np.ndarray, mask: np.ndarray, scale: float) -> float:
    """Return the standard deviation in a hole of the detail that is finer than a 64th of a face."""
    values = picture.astype(np.float32)
    return float((values - cv2.GaussianBlur(values, (0, 0), 0.7 * scale))[mask].std())


def tile(picture: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Return a face with its surroundings, uint8 (256, 256, 3)."""
    zoom = TILE_PX / (2.0 * SIDE)
    placed = zoom * (transform + np.array([[0, 0, SIDE / 2], [0, 0, SIDE / 2]]))
    return cv2.warpAffine(picture, placed, (TILE_PX, TILE_PX), flags=cv2.INTER_AREA)


def faces_of(detector: FaceDetector, picture: np.ndarray) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Yield the box and the transform of each face that is sure and large enough."""
    for face in detector.detect(picture):
        if face.score >= 0.5 and min(face.box[2:]) >= FACE_MIN_PX:
            yield face.box, alignment_transform(face.landmarks, framing="innerEyesAndBottomLip", size=SIDE)


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--model", "models", multiple=True, default=("faces-128", "faces-64"), show_default=True)
@click.option("--hole", "holes", type=click.Choice(list(HOLES)), multiple=True, default=list(HOLES), show_default=True)
@click.option("--method", default="balanced", show_default=True)
@click.option("--no-grain", is_flag=True, help="Leave the grain out.")
@click.option("--sheets", type=click.Path(path_type=Path, file_okay=False), help="Folder for a sheet of each hole.")
def main(
    folders: tuple[Path, ...],
    models: tuple[str, ...],
    holes: tuple[str, ...],
    method: str,
    no_grain: bool,
    sheets: Path | None,
) -> None:
    """Print the table, and write the sheets."""
    detector = FaceDetector()
    ways = {
        Path(model).stem: Completer(load_model(model), method, detector=detector, grain=not no_grain)
        for model in models
    }
    if sheets:
        sheets.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for path in [path for folder in folders for path in list_pictures(folder, recursive=False)]:
        picture = read_picture(path)
        if faces := list(faces_of(detector, picture)):
            pictures[path.stem] = picture, *zip(*faces, strict=True)
    click.echo("| hole | way | PSNR | SSIM | fine detail | seconds a photograph |\n|---|---|---|---|---|---|")
    for hole in holes:
        rows: dict[str, list[list[float]]] = {name: [] for name in (*ways, "classical")}
        for name, (picture, boxes, transforms) in pictures.items():
            mask = draw_hole(picture.shape[:2], list(transforms), hole)
            scale = float(np.mean([transform_scale(transform) for transform in transforms]))
            given = GivenFaces(boxes=boxes)
            results = {}
            for way, completer in ways.items():
                started = time.perf_counter()
                completed = completer.complete([picture], [mask], faces=given).pictures[0]
                results[way] = completed, time.perf_counter() - started
            started = time.perf_counter()
            filled = Composer().compose(picture, mask, [], generated=np.empty(0, np.float32))
            results["classical"] = filled, time.perf_counter() - started
            for way, (result, seconds) in results.items():
                figures = picture_metrics(picture, result, mask)
                detail = fine_detail(result, mask, scale) / fine_detail(picture, mask, scale)
                rows[way].append([figures["hole_psnr"], figures["hole_ssim"], detail, seconds])
            if sheets:
                shown = [np.where(mask[..., None], np.uint8(128), picture), *(each for each, _ in results.values())]
                grid = [np.hstack([tile(each, face) for each in (*shown, picture)]) for face in transforms]
                save_picture(sheets / f"{hole}-{name}.png", np.vstack(grid))
        for way, values in rows.items():
            means = "{:.2f} | {:.3f} | {:.2f} | {:.2f}".format(*np.mean(values, axis=0))
            click.echo(f"| {hole} | {way} | {means} |")


if __name__ == "__main__":
    main()

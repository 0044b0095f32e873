"""Measure completed photographs: hole PSNR and fine detail, with grain and without, and the time.

In every photograph, the detected faces of at least 60 pixels lose the centre of their frames, like the mask `center`,
and are detected again behind the hole. Fine detail is the standard deviation in the hole of the detail that is finer
than the model's pixels, relative to that of the true picture. "Classical" fills the whole hole with the classical
method that faces are cross-faded into.
"""

import time
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

FACE_MIN_PX = 60


def hide_middles(shape: tuple[int, int], transforms: list[np.ndarray]) -> np.ndarray:
    """Return a mask, bool (H, W), of the centres of all frames."""
    mask = np.zeros(shape, np.uint8)
    corners = [(15.5, 15.5), (47.5, 15.5), (47.5, 47.5), (15.5, 47.5)]
    for transform in transforms:
        cv2.fillConvexPoly(mask, np.rint(transform_points(invert_transform(transform), corners)).astype(np.int32), 1)
    return mask > 0


def fine_detail(picture: np.ndarray, mask: np.ndarray, scale: float) -> float:
    """Return the standard deviation in a hole of the detail that is finer than the model's pixels."""
    values = picture.astype(np.float32)
    return float((values - cv2.GaussianBlur(values, (0, 0), 0.7 * scale))[mask].std())


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--model", default="faces-64", show_default=True)
def main(folders: tuple[Path, ...], model: str) -> None:
    """Print the table."""
    detector = FaceDetector()
    prior = load_model(model)
    ways = {grain: Completer(prior, "balanced", detector=detector, grain=grain) for grain in (False, True)}
    click.echo(
        "| photograph | faces | scale | PSNR classical | plain | with grain | detail plain | with grain | seconds |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for path in [path for folder in folders for path in list_pictures(folder, recursive=False)]:
        picture = read_picture(path)
        faces = [face for face in detector.detect(picture) if face.score >= 0.5 and min(face.box[2:]) >= FACE_MIN_PX]
        transforms = [alignment_transform(f.landmarks, framing="innerEyesAndBottomLip", size=64) for f in faces]
        if not faces:
            continue
        mask = hide_middles(picture.shape[:2], transforms)
        scale = float(np.mean([transform_scale(transform) for transform in transforms]))
        given = GivenFaces(boxes=tuple(face.box for face in faces))
        ways[True].complete([picture], [mask], faces=given)  # compiles for this number of faces
        results, seconds = {}, {}
        for grain, way in ways.items():
            started = time.perf_counter()
            results[grain] = way.complete([picture], [mask], faces=given).pictures[0]
            seconds[grain] = time.perf_counter() - started
        classical = Composer().compose(picture, mask, [], generated=np.empty(0, np.float32))
        psnr = [picture_metrics(picture, each, mask)["hole_psnr"] for each in (classical, *results.values())]
        detail = [fine_detail(each, mask, scale) / fine_detail(picture, mask, scale) for each in results.values()]
        rows.append([len(faces), scale, *psnr, *detail, seconds[True]])
        figures = "{} | {:.1f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f}".format(*rows[-1])
        click.echo(f"| {path.name} | {figures} |")
    means = "{:.0f} | {:.1f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f}".format(*np.mean(rows, axis=0))
    click.echo(f"| mean | {means} |")


if __name__ == "__main__":
    main()

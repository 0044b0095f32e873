"""Measure the detection rate and the alignment error of faces behind holes, after each step of the face search.

The photographs are synthetic: an aligned face with a blurred background, rotated, scaled and translated, so that its
true position is known. Only faces that the detector finds without a hole are used. Holes are drawn in the face's frame.
The alignment error is the mean distance of the corners of the frame in the model's pixels (64 per side). With
--photographs, also measure the faces in a folder of photographs, whose positions without a hole count as true, and the
number of false detections in holes without a face.
"""

from pathlib import Path

import click
import cv2
import numpy as np
from bench_align import surround

from completion.evaluation.faces import read_faces
from completion.methods import MethodOptions, make_method
from completion.placing import FacePlacer
from dcgan.faces.alignment import alignment_transform, compose_transforms, invert_transform, transform_points
from dcgan.errors import NoFaceError
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import GivenFaces, LocatedFace
from dcgan.faces.placement import Placement
from dcgan.model_file import load_model
from dcgan.pictures.names import is_picture_name
from dcgan.pictures.files import read_picture
from dcgan.pictures.values import resize_picture
from masks import MaskSpec, make_mask

SIZE, CANVAS = 64, 400
HOLES = {
    "center": MaskSpec("center"),
    "three quarters": MaskSpec("center", scale=0.75),
    "left half": MaskSpec("left"),
    "upper half": MaskSpec("top"),
    "strokes": MaskSpec("strokes"),
    "medium strokes": MaskSpec("medium"),
    "thick strokes": MaskSpec("thick"),
}
FRAME = np.array([(-0.5, -0.5), (SIZE - 0.5, -0.5), (-0.5, SIZE - 0.5), (SIZE - 0.5, SIZE - 0.5)])
Example = tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]  # photograph, true transform, box when whole


def make_examples(faces: np.ndarray, count: int, detector: FaceDetector) -> tuple[list[Example], int]:
    """Return photographs with one face each, and the number of faces that were tried."""
    rng = np.random.default_rng(0)
    examples: list[Example] = []
    tried = 0
    for face in faces:
        tried += 1
        side, border = len(face), 3 * len(face) // 4
        around = surround(face, border)
        angle, scale = np.deg2rad(rng.uniform(-12, 12)), rng.uniform(0.8, 1.6) * 128 / side
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.full(2, (len(around) - 1) / 2)
        to_canvas = np.c_[turn, CANVAS / 2 + rng.uniform(-15, 15, 2) - turn @ middle]
        photograph = cv2.warpAffine(
            around, to_canvas, (CANVAS, CANVAS), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        shrink = SIZE / side
        to_frame = np.array([[shrink, 0.0, 0.0], [0.0, shrink, 0.0]])
        to_frame[:, 2] = (shrink - 1) / 2 - shrink * border
        true = compose_transforms(to_frame, invert_transform(to_canvas))
        found = detector.detect(photograph)
        if found and alignment_error(align(found[0].landmarks), true) < 4:
            examples.append((photograph, true, found[0].box))
        if len(examples) == count:
            break
    return examples, tried


def align(landmarks: np.ndarray) -> np.ndarray:
    """Return the transform that aligns a face by its landmarks."""
    return alignment_transform(landmarks, framing="innerEyesAndBottomLip", size=SIZE)


def alignment_error(transform: np.ndarray, true: np.ndarray) -> float:
    """Return the mean distance between the corners of a frame and of the true one, in the model's pixels."""
    moved = transform_points(transform, transform_points(invert_transform(true), FRAME))
    return float(np.linalg.norm(moved - FRAME, axis=1).mean())


def tight(face: LocatedFace, margin: float) -> np.ndarray:
    """Return the transform of a model's face to the tight square, SIZE pixels wide."""
    size = face.placement.size
    scale = SIZE * (1.0 + 2.0 * margin) / size
    offset = (SIZE - 1) / 2.0 - scale * (size - 1) / 2.0
    return compose_transforms(np.array([[scale, 0.0, offset], [0.0, scale, offset]]), face.placement.transform)


def place_in_box(true: np.ndarray, box: tuple[int, int, int, int]) -> list[float]:
    """Return the centre (x, y) and the side of a frame, relative to the detector's box."""
    corners = transform_points(invert_transform(true), FRAME)
    x, y = (corners.mean(axis=0) - box[:2]) / box[2:]
    return [x, y, float(np.linalg.norm(corners[1] - corners[0])) / box[2]]


def hide(shape: tuple[int, int], transform: np.ndarray, spec: MaskSpec, seed: int) -> np.ndarray:
    """Return a mask, bool (H, W), that is drawn in the frame of a face."""
    large = np.c_[transform[:, :2] * 4, transform[:, 2:] * 4 + 1.5]  # to the frame, at 256 pixels
    drawn = make_mask(spec, (4 * SIZE, 4 * SIZE), seed=seed).astype(np.uint8)
    return cv2.warpAffine(drawn, large, shape[::-1], flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0


def measure(examples: list[Example], placer: FacePlacer, detector: FaceDetector, *, margin: float) -> None:
    """Print the table of detection rates and alignment errors."""
    click.echo(
        "| hole | grey hole | filled hole | and lower limit | and BlazeFace | first alignment | second alignment | "
        "with --face-box |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")

    def error_of(face: LocatedFace, true: np.ndarray) -> float:
        return alignment_error(tight(face, margin), true)

    for name, spec in HOLES.items():
        grey, sources = 0, []
        errors: dict[str, list[float]] = {"first": [], "second": [], "given": []}
        for index, (photograph, true, box) in enumerate(examples):
            mask = hide(photograph.shape[:2], true, spec, index)
            hidden = np.where(mask[..., None], np.uint8(128), photograph)
            grey += any(alignment_error(align(face.landmarks), true) < SIZE / 4 for face in detector.detect(hidden))
            try:
                located = placer.locate(photograph, mask)
            except NoFaceError:
                located = []
            near = [face for face in located if error_of(face, true) < SIZE / 4]
            if near:
                sources.append(near[0].detector or near[0].source)
                errors["first"].append(error_of(near[0], true))
                again = [face for face in placer.place(photograph, mask)[0] if face.box == near[0].box]
                errors["second"].append(error_of((again or near)[0], true))
            (given,), _ = placer.place(photograph, mask, given=GivenFaces(boxes=(box,)))
            errors["given"].append(error_of(given, true))
        count = len(examples)
        dlib = [source for source in sources if source != "blazeface"]
        rates = [grey / count, sources.count("detected") / count, len(dlib) / count, len(sources) / count]
        cells = [f"{rate:.0%}" for rate in rates]
        cells += ["{:.1f} ({:.1f})".format(*np.quantile(each, [0.5, 0.95])) if each else "" for each in errors.values()]
        click.echo(f"| {name} | {' | '.join(cells)} |")


def count_false(
    photographs: list[np.ndarray], placer: FacePlacer, detector: FaceDetector, *, holes_each: int, margin: float
) -> None:
    """Print the number of false detections in holes away from all faces."""
    rng = np.random.default_rng(0)
    counts = {"detected": 0, "guessed": 0, "blazeface": 0}
    holes = 0
    for photograph in photographs:
        height, width = photograph.shape[:2]
        whole = [align(face.landmarks) for face in detector.detect(photograph)]
        for _ in range(holes_each):
            side = int(rng.uniform(0.1, 0.35) * min(height, width))
            top, left = rng.integers(0, height - side), rng.integers(0, width - side)
            mask = np.zeros((height, width), bool)
            mask[top : top + side, left : left + side] = True
            if any(touches(mask, transform) for transform in whole):
                continue
            holes += 1
            try:
                located = placer.locate(photograph, mask)
            except NoFaceError:
                located = []
            for source in {face.detector or face.source for face in located if touches(mask, tight(face, margin))}:
                counts[source] += 1
    click.echo(f"{holes} square holes with no face in them: " + ", ".join(f"{each} {n}" for each, n in counts.items()))


def touches(mask: np.ndarray, transform: np.ndarray) -> bool:
    """Return whether a mask touches a frame or its near surroundings."""
    placement = Placement(transform, SIZE)
    window = placement.window(mask.shape, margin=SIZE / 8)
    return bool((mask[window] & (placement.distance(window) <= 1.25)).any())


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Aligned faces.")
@click.option("--photographs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=200, show_default=True)
@click.option("--model", default="faces-128", show_default=True)
def main(faces: Path, photographs: Path | None, count: int, model: str) -> None:
    """Print the tables."""
    detector = FaceDetector()
    prior = load_model(model)
    margin = prior.config.margin
    placer = make_method("balanced", MethodOptions(prior, detector=detector)).placer
    examples, tried = make_examples(read_faces(faces, 2 * count, size=128).pictures, count, detector)
    click.echo(f"{len(examples)} faces; found when whole: {len(examples)} of {tried}")
    places = np.array([place_in_box(true, box) for _, true, box in examples])
    means, deviations = (" {:.3f} {:.3f} {:.3f}".format(*each) for each in (places.mean(axis=0), places.std(axis=0)))
    click.echo(f"frames in their boxes, middle (x, y) and side: means{means}, standard deviations{deviations}\n")
    measure(examples, placer, detector, margin=margin)
    if photographs:
        pictures = [read_picture(path) for path in sorted(photographs.iterdir()) if is_picture_name(path.name)]
        scales = [min(1.0, 800 / max(picture.shape)) for picture in pictures]
        pictures = [
            resize_picture(each, (round(scale * each.shape[0]), round(scale * each.shape[1])))
            for each, scale in zip(pictures, scales, strict=True)
        ]
        own = [(each, align(face.landmarks), face.box) for each in pictures for face in detector.detect(each)]
        click.echo(f"\n{len(own)} faces in {len(pictures)} photographs\n")
        measure(own, placer, detector, margin=margin)
        count_false(pictures, placer, detector, holes_each=20, margin=margin)


if __name__ == "__main__":
    main()

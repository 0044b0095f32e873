"""Count which faces are taken for pictures of one tone: coloured ones, and their grey, brown and blue versions.

Faces of one tone are known pixels around a hole, exact, with noise of one grey level, or saved as JPEG with colours at
half the resolution. See `dcgan.pictures.tones`.
"""

import io
from pathlib import Path

import click
import numpy as np
from PIL import Image

from completion.evaluation.faces import make_masks, read_faces
from dcgan.pictures.tones import find_tone

QUALITIES = (60, 75, 85, 95)


def whole(values: np.ndarray) -> np.ndarray:
    """Return values in [0, 1] as uint8 in [0, 255]."""
    return np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)


def tonings(face: np.ndarray) -> dict[str, np.ndarray]:
    """Return a face, (H, W, 3) uint8, in several tones."""
    y = np.rint(face @ np.array([0.299, 0.587, 0.114])) / 255
    return {
        "grey": whole(np.stack([y, y, y], axis=2)),
        "sepia": whole(np.stack([y + 0.05, 0.88 * y + 0.02, 0.7 * y], axis=2)),
        "selenium": whole(np.stack([y**0.95 + 0.03 * (1 - y), 0.96 * y, 0.97 * y + 0.04 * np.sin(np.pi * y)], axis=2)),
        "cyanotype": whole(np.stack([y**1.6, y**1.1, 0.25 + 0.75 * y**0.8], axis=2)),
    }


def spoilt(picture: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a picture as it is, with noise, and as JPEG of several qualities."""
    noisy = np.clip(picture + rng.integers(-1, 2, picture.shape), 0, 255).astype(np.uint8)
    versions = {"exact": picture, "noise": noisy}
    for quality in QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(noisy).save(buffer, "JPEG", quality=quality, subsampling=2)
        versions[f"q{quality}"] = np.asarray(Image.open(buffer))
    return versions


@click.command()
@click.option("--faces", required=True, type=click.Path(exists=True, path_type=Path), help="Folder or zip of faces.")
@click.option("--count", default=500, help="Number of faces.")
def main(faces: Path, count: int) -> None:
    """Print how many faces are taken for pictures of one tone."""
    for size in (64, 128):
        sample = read_faces(faces, count, size=size)
        for mask in ("center", "left", "medium"):
            known = ~make_masks(mask, sample)
            found: dict[str, int] = {}
            rng = np.random.default_rng(0)
            for face, part in zip(sample.pictures, known, strict=True):
                versions = {"as they are": face}
                for toning, picture in tonings(face).items():
                    versions |= {f"{toning} {name}": each for name, each in spoilt(picture, rng).items()}
                for name, picture in versions.items():
                    found[name] = found.get(name, 0) + (find_tone(picture, part) is not None)
            click.echo(f"{size:4} {mask:7}" + ", ".join(f"{name} {number}" for name, number in found.items()))


if __name__ == "__main__":
    main()

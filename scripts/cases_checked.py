"""What `try_cases.py` checks in the files that a command wrote.

A check is called with the folder of the inputs and that of the results. It yields a line for each fault.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from cases_made import COPYRIGHT, sepia
from numpy.typing import NDArray
from PIL import Image

Check = Callable[[Path, Path], Iterator[str]]

__all__ = [
    "Check",
    "check_attached",
    "check_brightness",
    "check_fill",
    "check_frames",
    "check_key_colour",
    "check_record",
    "check_tones",
    "check_turned",
    "check_written",
]

#: Levels of magenta, min(R, B) - G, up to which no key colour is left: the face has 16, the key colour 255.
MAGENTA = 24
#: Mean difference of the first frame, which GIF and JPEG alter a little, in grey levels; the second one's is 60.
FIRST_FRAME = 8.0
#: Mean error of a turned face, in grey levels: 34 to 36 here; 41 to 42 where telea fills the hole.
TURNED_ERROR = 38.0


def check_written(*names: str) -> Check:
    """Expect exactly these pictures among the results."""

    def check(_: Path, output: Path) -> Iterator[str]:
        kinds = (".png", ".jpg", ".webp")
        found = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.suffix in kinds}
        if found != set(names):
            yield f"expected the results {sorted(names)}, received {sorted(found)}"

    return check


def check_fill(picture: str, mask: str, *, rim_px: int = 0) -> Check:
    """Expect that the mask's white pixels were filled, at most a rim around them, and nothing else."""

    def check(inputs: Path, output: Path) -> Iterator[str]:
        before, after = _pixels(inputs / picture), _pixels(_result(output, picture))
        changed, hole = (before != after).any(axis=-1), _pixels(inputs / mask) > 0
        beyond = np.count_nonzero(changed & ~_grown(hole, rim_px))
        if beyond:
            yield f"expected known pixels as they were, received {beyond} others"
        share = changed[hole].mean()
        if share < 0.9:  # where a fill happens to have the old colour, a pixel stays
            yield f"expected a hole that is filled, received {share:.0%} of it"

    return check


def check_frames(inputs: Path, output: Path) -> Iterator[str]:
    """Expect the first frame of each file of two, by the pixels of the corners."""
    expected = _corners(_pixels(inputs / "face.png"))
    for kind in ("gif", "webp", "tif", "mpo"):
        difference = np.abs(_corners(_pixels(output / f"frames.{kind}.png")) - expected).mean()
        if difference > FIRST_FRAME:
            yield f"{kind}: expected the first frame, received one that differs by {difference:.0f} levels"


def check_tones(inputs: Path, output: Path) -> Iterator[str]:
    """Expect fills of grey scans that are grey, and of sepia ones that are sepia."""
    curve = sepia(np.arange(256)[:, None]).clip(0, 255)  # (256, 3)
    for path in sorted((inputs / "grey").iterdir()):
        before, after = _pixels(path), _pixels(_result(output, path.name))
        filled = after[(before != after).any(axis=-1)]
        if len(filled) < 0.2 * before[..., 0].size:
            yield f"{path.name}: expected a quarter of it filled, received {len(filled)} pixels"
        elif "sepia" in path.name:
            colours = np.unique(filled, axis=0)
            error = np.abs(colours[:, None] - curve).max(axis=-1).min(axis=-1).max()
            if error > 2:
                yield f"{path.name}: expected the colours of sepia, received others by {error:.0f} levels"
        elif (colour := np.ptp(filled, axis=-1).max()) > 2:
            yield f"{path.name}: expected grey, received channels that differ by {colour}"


def check_brightness(inputs: Path, output: Path) -> Iterator[str]:
    """Expect deep files whose known pixels have the brightness of the face that they hold, in 8 or 16 bits."""
    expected = _corners(_pixels(inputs / "face.png", "L")) / 255
    for name in ("float_0_to_1", "float_0_to_255", "int32_0_to_255"):
        result = _pixels(output / f"{name}.png")
        received = _corners(result if result.ndim == 2 else result[..., 0])
        received = received / (255 if result.max() < 256 else 65535)
        if np.abs(received - expected).max() > 0.005:
            yield f"{name}: expected {expected.max():.3f} as the largest known value, received {received.max():.3f}"


def check_attached(picture: str, kind: str) -> Check:
    """Expect profile, resolution, copyright and known pixels as they were, and a kind of IPTC's DigitalSourceType."""

    def check(inputs: Path, output: Path) -> Iterator[str]:
        with Image.open(inputs / picture) as source, Image.open(_result(output, picture)) as result:
            for key in ("icc_profile", "dpi"):
                if key not in result.info or not _same(source.info[key], result.info[key]):
                    yield f"expected the {key} of the input, received {str(result.info.get(key))[:40]}"
            if source.getexif().get(COPYRIGHT) != result.getexif().get(COPYRIGHT):
                yield f"expected the copyright of the input, received {result.getexif().get(COPYRIGHT)!r}"
            if f"digitalsourcetype/{kind}<".encode() not in (xmp := result.info.get("xmp", b"")):
                yield f"expected {kind} in the XMP data, received {xmp!r}"
        if (_corners(_pixels(inputs / picture)) != _corners(_pixels(_result(output, picture)))).any():
            yield "expected known pixels as they were, received others"

    return check


def check_key_colour(picture: str) -> Check:
    """Expect no trace of magenta."""

    def check(_: Path, output: Path) -> Iterator[str]:
        red, green, blue = np.moveaxis(_pixels(_result(output, picture)), -1, 0)
        if (left := (np.minimum(red, blue) - green).max()) > MAGENTA:
            yield f"expected no magenta, received {left} levels of it"

    return check


def check_turned(degrees: int) -> Check:
    """Expect a turned face that is nearer to the hidden one than a fill without a model."""

    def check(inputs: Path, output: Path) -> Iterator[str]:
        before, after = _pixels(inputs / f"turned/by_{degrees}.jpg"), _pixels(output / f"by_{degrees}.png")
        hole = _pixels(inputs / f"turned/mask_{degrees}.png") > 0
        if (error := np.abs(before - after)[hole].mean()) > TURNED_ERROR:
            yield f"expected an error of {TURNED_ERROR:.0f} levels at most, received {error:.1f}"
        if (before != after)[~hole].any():
            yield "expected known pixels as they were, received others"

    return check


def check_record(*, faces: int, beyond: float) -> Check:
    """Expect a record with so many faces, and with about so large a share of the hole in no face's frame."""

    def check(_: Path, output: Path) -> Iterator[str]:
        record = json.loads((output / "manifest.jsonl").read_text().splitlines()[-1])
        if (found := len(record["faces"])) != faces:
            yield f"expected {faces} faces, received {found}"
        if not abs(record["beyond"] - beyond) < 0.1:
            yield f"expected {beyond:.0%} of the hole in no face's frame, received {record['beyond']:.0%}"

    return check


def _pixels(path: Path, mode: str | None = None) -> NDArray[np.int_]:
    """Return a picture's values; palettes in RGB."""
    with Image.open(path) as image:
        mode = mode or ("RGB" if image.mode in ("P", "1") else image.mode)
        return np.asarray(image.convert(mode) if mode != image.mode else image).astype(int)


def _result(output: Path, picture: str) -> Path:
    """Return the path of a picture's result, where no two of them have one name."""
    return output / f"{Path(picture).stem}.png"


def _corners(pixels: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the pixels of the four corners, which no hole of the cases hides."""
    return np.concatenate([pixels[:8, :8], pixels[:8, -8:], pixels[-8:, :8], pixels[-8:, -8:]])


def _grown(hole: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Return a hole that is larger by `radius` pixels, in squares."""
    for axis in (0, 1) if radius else ():
        moved = [np.roll(hole, step, axis) for step in range(-radius, radius + 1)]  # no hole is near an edge
        hole = np.logical_or.reduce(moved)
    return hole


def _same(expected: object, received: object) -> bool:
    """Return whether two entries of a file are equal; a resolution, which PNG has per metre, but for rounding."""
    if isinstance(expected, tuple) and isinstance(received, tuple):
        return np.allclose(expected, received, atol=0.1)
    return expected == received

"""Send damaged picture files of every format through the commands that read pictures.

    python scripts/fuzz_files.py --count 1000

Whole files of every format and colour mode are damaged: flipped bits, cut ends, headers of others, wrong suffixes. Then
complete-images (without a model), dcgan-align and the reading of a dataset run over them, each in a process of bounded
memory and time. The script fails where one of them ends otherwise than it should: a traceback, a line of another
library's, a file without a result or a reason, a result that is half written.
"""

import dataclasses
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

MEMORY_BYTES = 6 * 2**30  # of addresses; OpenCV and NumPy reserve one or two for themselves
SIDE = 48  # of the pictures before they are damaged, in pixels
# Format, suffix and mode of whole files, and options of Pillow's.
WHOLE: list[tuple[str, str, str, dict[str, Any]]] = [
    *[("PNG", ".png", mode, {}) for mode in ("1", "L", "LA", "RGB", "RGBA", "P", "I;16")],
    *[("TIFF", ".tif", mode, {}) for mode in ("1", "L", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F")],
    *[
        ("TIFF", ".tiff", "RGB", {"compression": kind})
        for kind in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    ],
    *[("TIFF", ".tif", mode, {"compression": "tiff_lzw"}) for mode in ("L", "I;16", "F")],
    *[("JPEG", suffix, "RGB", {}) for suffix in (".jpg", ".jpeg", ".jfif")],
    *[("JPEG", ".jpg", mode, {"progressive": True}) for mode in ("L", "CMYK", "RGB")],
    *[(kind, suffix, "RGB", {"frames": 3}) for kind, suffix in (("GIF", ".gif"), ("WEBP", ".webp"), ("MPO", ".mpo"))],
    *[(kind, suffix, "RGB", {"frames": 2}) for kind, suffix in (("PNG", ".apng"), ("TIFF", ".tif"), ("AVIF", ".avif"))],
    *[("WEBP", ".webp", "RGBA", {"lossless": True}), ("JPEG2000", ".jp2", "RGB", {}), ("JPEG2000", ".j2k", "L", {})],
    *[("BMP", ".bmp", mode, {}) for mode in ("1", "L", "RGB")],
    *[("TGA", ".tga", mode, {"compression": "tga_rle"}) for mode in ("L", "RGB", "RGBA")],
    *[("PPM", suffix, mode, {}) for suffix, mode in ((".pgm", "L"), (".ppm", "RGB"), (".pgm", "I"), (".pfm", "F"))],
    *[("PCX", ".pcx", "RGB", {}), ("SGI", ".sgi", "RGB", {}), ("QOI", ".qoi", "RGB", {}), ("DIB", ".dib", "RGB", {})],
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of the files in one command."""

    command: str
    read: int
    refused: int
    seconds: float
    faults: tuple[str, ...]


def whole_files() -> list[tuple[str, bytes]]:
    """Return undamaged files of every format and mode, each with its suffix."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 200, SIDE)
    picture = (ramp[:, None, None] + rng.integers(0, 55, (SIDE, SIDE, 3))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a title"
    files = []
    for kind, suffix, mode, options in WHOLE:
        image = _in_mode(picture, mode)
        options = dict(options)
        if frames := options.pop("frames", 0):
            options |= {"save_all": True, "append_images": [_in_mode(255 - picture, mode)] * (frames - 1)}
        if kind in ("JPEG", "PNG", "TIFF", "WEBP"):
            options |= {"exif": exif, "dpi": (300, 300)}
        file = io.BytesIO()
        image.save(file, kind, **options)
        files.append((suffix, file.getvalue()))
    return files


def _in_mode(picture: np.ndarray, mode: str) -> Image.Image:
    """Return a picture in one of Pillow's modes."""
    grey = picture[..., 0]
    if mode == "I;16":
        return Image.fromarray(grey.astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(grey.astype(np.int32) * 257)
    if mode == "F":
        return Image.fromarray((grey / 255).astype(np.float32))
    return Image.fromarray(picture).convert(mode)


def damage(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return a file damaged in one to three ways."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        way = rng.randrange(6)
        if not data:
            break
        if way == 0:  # bits anywhere
            for _ in range(rng.choice((1, 1, 2, 5, 40))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif way == 1:  # bytes of the header
            for _ in range(rng.choice((1, 1, 2, 8))):
                data[rng.randrange(min(len(data), 200))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif way == 2:  # the end is missing
            del data[rng.randrange(len(data)) :]
        elif way == 3:  # the start of another format
            cut = rng.randint(1, 64)
            data[:cut] = other[:cut]
        elif way == 4:  # a part is missing, or there twice
            start, length = rng.randrange(len(data)), rng.randint(1, 64)
            data[start : start + length] = data[start : start + length] * rng.choice((0, 2, 3))
        else:  # a number as large as it can be
            start = rng.randrange(len(data))
            data[start : start + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
    return bytes(data)


def write_damaged(folder: Path, count: int, *, seed: int = 0) -> None:
    """Write damaged files: one of each format, then on; every tenth has another one's suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, files = random.Random(seed), whole_files()
    for index in range(count):
        suffix, content = files[index % len(files)]
        other_suffix, other = rng.choice(files)
        suffix = other_suffix if index % 10 == 9 else suffix
        (folder / f"{index:05}{suffix}").write_bytes(damage(content, other, rng))


def _run(command: list[str], *, seconds: float) -> tuple[int, str, str]:
    """Run a command with bounded memory and time; return its exit code, stdout and stderr."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, preexec_fn=bound, check=False)
    except subprocess.TimeoutExpired as error:
        return -1, "", f"no end after {error.timeout:.0f} s"
    return done.returncode, done.stdout, done.stderr


def _program(name: str) -> str:
    """Return the path of a command that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def _foreign_lines(stderr: str, expected: Callable[[str], bool]) -> Iterator[str]:
    """Yield the first lines of stderr that are not the command's own."""
    wrong = [line for line in stderr.splitlines() if line.strip() and not expected(line)]
    yield from (f"a line of others: {line[:200]!r}" for line in wrong[:5])


def _leftovers(output: Path) -> Iterator[str]:
    """Yield what is left half-written in a folder of results."""
    for path in sorted(output.rglob("*")):
        if path.name.endswith(".tmp"):
            yield f"{path}: left behind"
        elif path.suffix == ".png":
            try:
                with Image.open(path) as image:
                    image.load()
            except (OSError, SyntaxError) as error:
                yield f"{path}: half-written: {error}"


def complete(folder: Path, output: Path, *, seconds: float) -> Outcome:
    """Send a folder through complete-images without a model."""
    started, count = time.perf_counter(), len(list(folder.iterdir()))
    options = ["--method", "telea", "--mask", "center", "--output", str(output)]
    code, _, stderr = _run([_program("complete-images"), *options, str(folder)], seconds=seconds)
    records = _records(output / "manifest.jsonl")
    starts = (f"failed: {folder}", f"note: {folder}", "completing: ")
    faults = [*_foreign_lines(stderr, lambda line: line.startswith(starts)), *_leftovers(output)]
    faults += [f"exit code {code}"] if code not in (0, 1) else []
    faults += [f"{count} files, {len(records)} records"] if len(records) != count else []
    refused = sum(record["status"] == "failed" for record in records)
    return Outcome("complete-images", len(records) - refused, refused, time.perf_counter() - started, tuple(faults))


def align(folder: Path, output: Path, *, seconds: float) -> Outcome:
    """Send a folder through dcgan-align; these pictures have no face."""
    started, count = time.perf_counter(), len(list(folder.iterdir()))
    command = [_program("dcgan-align"), "--workers", "1", str(folder), str(output)]
    code, _, stderr = _run(command, seconds=seconds)
    records = _records(output / "align.jsonl")
    own = (str(folder), f"note: {folder}")
    faults = [*_foreign_lines(stderr, lambda line: line.startswith(own)), *_leftovers(output)]
    faults += [f"exit code {code}"] if code not in (0, 1) else []
    faults += [f"{count} files, {len(records)} records"] if len(records) != count else []
    refused = sum(record["status"] == "failed" for record in records)
    return Outcome("dcgan-align", len(records) - refused, refused, time.perf_counter() - started, tuple(faults))


READ_DATASET = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from dcgan.errors import ImageFileError
from dcgan.training.sources import open_source
source = open_source(Path(sys.argv[1]))
def read(index):
    try:
        picture = source.read(index, 3)
    except ImageFileError as error:
        return str(error)
    return picture.shape[2] == 3 and picture.dtype == "uint8" and ""
with ThreadPoolExecutor(4) as pool:
    lines = list(pool.map(read, range(len(source))))
if any(line is False or "\\n" in line for line in lines):
    sys.exit("a picture of another shape, or a reason of several lines")
print(len(lines), sum(map(bool, lines)))
"""


def read_dataset(folder: Path, *, seconds: float) -> Outcome:
    """Read a folder as dcgan-train does, in several threads."""
    started, count = time.perf_counter(), len(list(folder.iterdir()))
    code, stdout, stderr = _run([sys.executable, "-c", READ_DATASET, str(folder)], seconds=seconds)
    faults = list(_foreign_lines(stderr, lambda line: False))
    faults += [f"exit code {code}"] if code else []
    found, refused = map(int, stdout.split()) if not code else (0, 0)
    faults += [f"{count} files, {found} read or refused"] if found != count else []
    return Outcome("reading a dataset", found - refused, refused, time.perf_counter() - started, tuple(faults))


def _records(path: Path) -> list[dict[str, Any]]:
    """Return the records of pictures in a file of JSON lines."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    return [line for line in lines if "status" in line]


@click.command()
@click.option("--count", default=1000, show_default=True, help="Number of files.")
@click.option("--seed", default=0, show_default=True, help="Seed of the damage.")
@click.option("--seconds", default=900.0, show_default=True, help="Time that one command may take.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the files, instead of a temporary one.")
def main(count: int, seed: int, seconds: float, keep: Path | None) -> None:
    """Damage files, run the commands, print a summary; exit code 1 where one of them did wrong."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = (keep or Path(temporary)) / "damaged"
        write_damaged(folder, count, seed=seed)
        outputs = Path(temporary)
        outcomes = [
            complete(folder, outputs / "completed", seconds=seconds),
            align(folder, outputs / "aligned", seconds=seconds),
            read_dataset(folder, seconds=seconds),
        ]
    for outcome in outcomes:
        click.echo(f"{outcome.command}: {outcome.read} read, {outcome.refused} refused, {outcome.seconds:.0f} s")
        for fault in outcome.faults:
            click.echo(f"  FAULT {fault}")
    if any(outcome.faults for outcome in outcomes):
        sys.exit(1)


if __name__ == "__main__":
    main()

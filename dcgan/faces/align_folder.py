"""Align a folder of photographs: what dcgan-align does, as a function.

Every photograph gets one line in OUTPUT/align.jsonl, written after its crops; a run that was stopped goes on with the
photographs that have no line yet.
"""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import dataclasses
import json
import multiprocessing
import os
import re
import signal
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np

from dcgan.faces.align_config import AlignConfig
from dcgan.faces.alignment import alignment_transform, crop_face
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.faces.detector import FaceFinder, check_installed
from dcgan.pictures.names import list_pictures
from dcgan.pictures.files import read_picture, save_picture
from dcgan.pictures.records import write_whole

__all__ = ["AlignSummary", "align_folder", "align_picture"]

RECORD = "align.jsonl"
ALIGNED, NO_FACE, FAILED = "aligned", "no face", "failed"
WAITING_PER_WORKER = 4
NAME_BYTES, NAME_CHARACTERS = 200, 60  # a crop's name is cut where it would be longer than systems allow
FACE_NUMBER = re.compile(r"\.face[0-9]+$")


@dataclasses.dataclass(frozen=True)
class AlignSummary:
    """What became of the photographs.

    Attributes
    ----------
    aligned : photographs of which at least one face was written.
    faces : that were written.
    no_face : photographs without a face that was wanted.
    failed : photographs that could not be read.
    existing : photographs that an earlier run had done.
    """

    aligned: int = 0
    faces: int = 0
    no_face: int = 0
    failed: int = 0
    existing: int = 0


def align_picture(path: Path, finder: FaceFinder, config: AlignConfig) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Cut the faces out of a photograph.

    Parameters
    ----------
    path : of the photograph
    finder : the detector
    config : which faces, and how

    Returns
    -------
    crops : (size, size, 3) uint8 each, in the order of `faces` in the record
    record : "status", "reason" where it is not "aligned", and "faces", each with "box", "score", "landmarks" and
        "transform"
    """
    try:
        picture = read_picture(path)
    except ImageFileError as error:
        return [], {"status": FAILED, "reason": str(error).removeprefix(f"{path}: "), "faces": []}
    found = finder.find(picture)
    large = [face for face in found if min(face.box[2:]) >= config.min_face]
    reason = ""
    if not found:
        reason = "no face found"
    elif not large:
        reason = (
            f"the largest of {len(found)} faces is {min(found[0].box[2:])} pixels wide, less than {config.min_face}"
        )
    elif config.faces == "only-one" and len(large) > 1:
        reason = f"expected one face, found {len(large)}"
    if reason:
        return [], {"status": NO_FACE, "reason": reason, "faces": []}
    crops, faces = [], []
    for face in large if config.faces == "all" else large[:1]:
        try:
            transform = alignment_transform(
                face.landmarks, framing=config.framing, size=config.size, margin=config.margin
            )
        except ValueError as error:
            return [], {"status": NO_FACE, "reason": str(error), "faces": []}
        crops.append(crop_face(picture, transform, config.size, antialias=config.antialias))
        faces.append(
            {
                "box": list(face.box),
                "score": round(face.score, 3),
                "landmarks": face.landmarks.tolist(),
                "transform": transform.round(9).tolist(),
            }
        )
    return crops, {"status": ALIGNED, "faces": faces}


def align_folder(
    source: Path,
    output: Path,
    config: AlignConfig | None = None,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    on_record: Callable[[dict[str, Any]], None] | None = None,
    on_total: Callable[[int, int], None] | None = None,
) -> AlignSummary:
    """Cut the faces out of a folder of photographs, searched recursively.

    Parameters
    ----------
    source : the folder
    output : a flat folder of PNG crops and align.jsonl, made where it does not exist
    config : which faces, and how
    workers : processes; by default one for each core
    overwrite : do photographs again that an earlier run has done
    on_record : called with each photograph's line as it is written
    on_total : called once with the number of photographs, and how many of them an earlier run has done

    Returns
    -------
    AlignSummary

    Raises
    ------
    FaceCompletionError
        The folder cannot be listed or holds no photograph, dlib is missing, OUTPUT was made with other settings,
        another process writes there, or the disk is full.
    """
    config = config or AlignConfig()
    paths = _list_photographs(source, output)
    check_installed(config.landmarks)  # complains here what each worker would complain of
    try:
        output.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(output / ".lock").acquire(timeout=0):
            return _align_all(source, output, paths, config, workers, overwrite, on_record, on_total)
    except filelock.Timeout as error:
        raise FaceCompletionError(f"{output}: another process is writing in this folder") from error
    except OSError as error:
        raise FaceCompletionError(f"{output}: cannot write: {error.strerror or error}") from error


def _align_all(
    source: Path,
    output: Path,
    paths: Sequence[Path],
    config: AlignConfig,
    workers: int | None,
    overwrite: bool,
    on_record: Callable[[dict[str, Any]], None] | None,
    on_total: Callable[[int, int], None] | None,
) -> AlignSummary:
    """Align what is not done yet, in the order of the names."""
    relatives = {path: path.relative_to(source).as_posix() for path in paths}
    names = _crop_names(list(relatives.values()))
    with _Record(output / RECORD, config, overwrite=overwrite) as record:
        waiting = [path for path in paths if relatives[path] not in record.done]
        counts = {ALIGNED: 0, NO_FACE: 0, FAILED: 0}
        faces = 0
        if on_total:
            on_total(len(paths), len(paths) - len(waiting))
        for path, (crops, line) in _align_each(waiting, config, workers or _cores()):
            relative = relatives[path]
            for index, crop in enumerate(crops):
                line["faces"][index]["file"] = _face_name(names[relative], index)
                save_picture(output / line["faces"][index]["file"], crop)
            line = {"photograph": relative, **line}
            record.write(line)
            counts[line["status"]] += 1
            faces += len(crops)
            if on_record:
                on_record(line)
    return AlignSummary(counts[ALIGNED], faces, counts[NO_FACE], counts[FAILED], len(paths) - len(waiting))


class _Record:
    """OUTPUT/align.jsonl: a line with the settings, then a line for each photograph."""

    def __init__(self, path: Path, config: AlignConfig, *, overwrite: bool) -> None:
        self.done: set[str] = set()
        settings = dataclasses.asdict(config) | {"landmarks": str(config.landmarks or "")}
        lines = [{"settings": settings}]
        if path.exists() and not overwrite:
            found = _read_lines(path)
            old = found[0].get("settings") if found else settings
            if old != settings:
                changed = ", ".join(
                    f"{key} was {(old or {}).get(key)!r}, now {value!r}"
                    for key, value in settings.items()
                    if (old or {}).get(key) != value
                )
                raise FaceCompletionError(
                    f"{path.parent}: holds faces aligned with other settings ({changed}); choose another folder, or "
                    "start over with --overwrite"
                )
            lines += found[1:]
            self.done = {line["photograph"] for line in found[1:]}
        # Written anew, so that half a line at the end, left by a crash, does not stay.
        with write_whole(path) as file:
            file.write(b"".join(map(_encode, lines)))
        self._file = open(path, "ab")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> _Record:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Append a line."""
        self._file.write(_encode(line))
        self._file.flush()


def _encode(line: dict[str, Any]) -> bytes:
    """Return a line's bytes; names that are no text keep their bytes by an escape."""
    return json.dumps(line).encode() + b"\n"


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a record, up to the first that is damaged."""
    lines: list[dict[str, Any]] = []
    for text in path.read_bytes().splitlines():
        try:
            line = json.loads(text)
            if "settings" not in line and "photograph" not in line:
                break
        except (ValueError, TypeError):
            break
        lines.append(line)
    return lines


def _list_photographs(source: Path, output: Path) -> list[Path]:
    """Return the files with a picture's suffix below a folder, by name; the output folder is left out."""
    if os.path.realpath(output) == os.path.realpath(source):
        raise FaceCompletionError(f"{output}: expected another folder than that of the photographs")
    found = list_pictures(source, left_out=[output])
    if not found:
        raise FaceCompletionError(f"{source}: expected photographs, found none")
    return found


def _crop_names(relatives: Sequence[str]) -> dict[str, str]:
    """Return the name, without its suffix, of each photograph's crops in the flat folder."""
    flat = {relative: relative.replace("/", "--").removesuffix(".png") for relative in relatives}
    counts = collections.Counter(name.casefold() for name in flat.values())
    return {
        relative: name
        if counts[name.casefold()] == 1 and len(os.fsencode(name)) <= NAME_BYTES and not FACE_NUMBER.search(name)
        else f"{name[:NAME_CHARACTERS]}-{zlib.crc32(os.fsencode(relative)):08x}"
        for relative, name in flat.items()
    }


def _face_name(name: str, index: int) -> str:
    """Return a crop's file name: the first face has the photograph's, further ones a number."""
    return f"{name}.png" if index == 0 else f"{name}.face{index + 1}.png"


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _make_finder(config: AlignConfig) -> FaceFinder:
    """Return the detector that the settings ask for."""
    return FaceFinder(config.landmarks, upsample=config.upsample, min_score=config.min_score)


_finder: FaceFinder | None = None
_config = AlignConfig()


def _start_worker(config: AlignConfig) -> None:
    """Make a worker ready; Ctrl-C is the parent's to answer."""
    global _finder, _config
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _finder, _config = _make_finder(config), config


def _work(path: Path) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Align one photograph in a worker."""
    assert _finder is not None
    return align_picture(path, _finder, _config)


def _align_each(
    paths: Sequence[Path], config: AlignConfig, workers: int
) -> Iterator[tuple[Path, tuple[list[np.ndarray], dict[str, Any]]]]:
    """Yield each photograph with its crops and its record, in order."""
    if min(workers, len(paths)) <= 1:
        finder = _make_finder(config)
        for path in paths:
            yield path, align_picture(path, finder, config)
        return
    pool = concurrent.futures.ProcessPoolExecutor(
        min(workers, len(paths)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(config,),
    )
    try:
        waiting: collections.deque[tuple[Path, concurrent.futures.Future[Any]]] = collections.deque()
        for path in paths:
            waiting.append((path, pool.submit(_work, path)))
            if len(waiting) > WAITING_PER_WORKER * workers:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise FaceCompletionError(
            "a worker was ended from outside, perhaps for want of memory; fewer workers?"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

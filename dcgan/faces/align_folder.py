"""Align a folder of photographs: what dcgan-align does, as a function.

Every photograph gets one line in OUTPUT/align.jsonl, written after its crops; a run that was stopped goes on with the
photographs that have no line yet, or that have changed since.
"""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import dataclasses
import functools
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.cores import available_cores
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.faces.align_config import AlignConfig
from dcgan.faces.alignment import alignment_transform, crop_face
from dcgan.faces.crop_names import FACE_NUMBER, crop_names, face_name, recorded_names
from dcgan.faces.detector import FaceDetector, check_installed
from dcgan.heap import give_back_large_arrays
from dcgan.pictures.files import PictureFile, read_file
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.marks import MARK, check_mark, mark_folder, refuse_links
from dcgan.pictures.own_files import OwnFiles, check_list, list_path, listed_files, refuse_others
from dcgan.pictures.records import JsonLines, changed_settings, locked, read_own_lines, remove_leftovers_in
from dcgan.pictures.saving import save_picture
from dcgan.pictures.stamps import is_another, stamp_of

__all__ = ["AlignSummary", "align_folder", "align_picture"]

KIND = "aligned faces"  # of the output folder's mark
RECORD = "align.jsonl"
HEADING, FIELDS = ("settings",), ("photograph", "status", "faces")  # of the record's first line, and of the others
ALIGNED, NO_FACE, FAILED = "aligned", "no face", "failed"
WAITING_PER_WORKER = 4
CHANGED = "the photograph has changed since it was aligned; it was aligned again"

Crops = list[npt.NDArray[np.uint8]]  # of one photograph, (size, size, 3) each


@dataclasses.dataclass(frozen=True)
class AlignSummary:
    """What became of the photographs.

    Attributes
    ----------
    aligned : int
        Photographs of which at least one face was written.
    faces : int
        Faces that were written.
    no_face : int
        Photographs without a face that meets the settings.
    failed : int
        Photographs that could not be read.
    existing : int
        Photographs that an earlier run had done.
    """

    aligned: int = 0
    faces: int = 0
    no_face: int = 0
    failed: int = 0
    existing: int = 0


def align_picture(path: Path, detector: FaceDetector, config: AlignConfig) -> tuple[Crops, dict[str, Any]]:
    """Cut the faces out of a photograph.

    Parameters
    ----------
    path : Path
        The photograph.
    detector : FaceDetector
        The detector.
    config : AlignConfig
        Which faces are cut out, and how.

    Returns
    -------
    crops : list of ndarray of uint8, shape (size, size, 3)
        In the order of "faces" in the record.
    record : dict
        "status", "reason" where it is not "aligned", "notes" where something was guessed, "files" with the photograph's
        path and stamp, and "faces", each with "box", "score", "landmarks" and "transform".
    """
    try:
        files = {"picture": stamp_of(path), "path": os.path.abspath(path)}
    except OSError:  # `read_file` says why it cannot be read
        files = {}
    try:
        file = read_file(path)
    except ImageFileError as error:
        return [], {"status": FAILED, "reason": str(error).removeprefix(f"{path}: "), "files": files, "faces": []}
    crops, found = _cut_out(file, detector, config)
    notes, faces = [*file.notes, *found.pop("notes", ())], found.pop("faces")
    return crops, {**found, **({"notes": notes} if notes else {}), "files": files, "faces": faces}


def _cut_out(file: PictureFile, detector: FaceDetector, config: AlignConfig) -> tuple[Crops, dict[str, Any]]:
    """Return the crops of a photograph's faces, and what its record says of them."""
    picture = np.ascontiguousarray(file.pixels[..., :3])
    found = detector.detect(picture)
    large = [face for face in found if min(face.box[2:]) >= config.min_face]
    reason = ""
    if not found:
        reason = "no face found"
    elif not large:
        reason = (
            f"the largest of {len(found)} faces is {min(found[0].box[2:])} pixels wide, less than {config.min_face}"
        )
    elif config.select == "only-one" and len(large) > 1:
        reason = f"expected one face, found {len(large)}"
    if reason:
        return [], {"status": NO_FACE, "reason": reason, "faces": []}
    crops: Crops = []
    left_out: list[str] = []
    faces: list[dict[str, Any]] = []
    for face in large:
        if crops and config.select != "all":
            break
        try:
            transform = alignment_transform(
                face.landmarks, framing=config.framing, size=config.size, margin=config.margin
            )
        except ValueError as error:
            reason = str(error)  # of this face; the others are cut out
            left_out.append(f"the face at {','.join(map(str, face.box))} is left out: {reason}")
            continue
        crops.append(crop_face(picture, transform, config.size, antialias=config.antialias))
        faces.append(
            {
                "box": list(face.box),
                "score": round(face.score, 3),
                "landmarks": face.landmarks.tolist(),
                "transform": transform.round(9).tolist(),
            }
        )
    if not crops:
        return [], {"status": NO_FACE, "reason": reason, "faces": []}
    return crops, {"status": ALIGNED, "notes": left_out, "faces": faces}


def align_folder(
    source: Path,
    output: Path,
    config: AlignConfig | None = None,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    on_record: Callable[[dict[str, Any]], None] | None = None,
    on_total: Callable[[int, int], None] | None = None,
    on_left_out: Callable[[str], None] | None = None,
) -> AlignSummary:
    """Cut the faces out of a folder of photographs, searched recursively.

    Parameters
    ----------
    source : Path
        The folder of photographs.
    output : Path
        A flat folder of PNG crops and align.jsonl, made where it does not exist.
    config : AlignConfig, optional
        Which faces are cut out, and how.
    workers : int, optional
        Processes; by default one for each core.
    overwrite : bool, default False
        Do photographs again that an earlier run has done.
    on_record : callable, optional
        Called with each photograph's line, a dict, as it is written.
    on_total : callable, optional
        Called once with the number of photographs, and how many of them an earlier run has done.
    on_left_out : callable, optional
        Called with one line where something was left out of `source` that could have been meant.

    Returns
    -------
    AlignSummary
        What became of the photographs.

    Raises
    ------
    FaceCompletionError
        The folder cannot be listed or holds no photograph, dlib is missing, OUTPUT was made with other settings or
        holds files or links of others where a crop would be written, another process writes there, or the disk is full.
    """
    config = config or AlignConfig()
    paths = _list_photographs(source, output, on_left_out)
    check_installed(config.landmarks)  # complains here what each worker would complain of
    relatives = {path: path.relative_to(source).as_posix() for path in paths}
    counts, faces = collections.Counter[str](), 0
    _read_record(output)  # before the lock's file appears in a folder of others
    with (
        locked(output, busy="another process is writing in this folder"),
        _open_record(output, config, source=source, relatives=list(relatives.values()), overwrite=overwrite) as (
            record,
            own,
            done,
            names,
            changed,
        ),
    ):
        waiting = [path for path in paths if relatives[path] not in done]
        existing = len(paths) - len(waiting)
        if on_total:
            on_total(len(paths), existing)
        for path, (crops, found) in _align_each(waiting, config, workers or available_cores()):
            relative = relatives[path]
            _save_crops(output, names[relative], crops=crops, faces=found["faces"], own=own)
            line = {"photograph": relative, **found}
            if relative in changed:
                line["notes"] = [CHANGED, *found.get("notes", ())]
            record.append(line)
            for file in set(changed.get(relative, ())) - {face["file"] for face in found["faces"]}:
                (output / file).unlink(missing_ok=True)  # of a face that the photograph of now does not have
            counts[line["status"]] += 1
            faces += len(crops)
            if on_record:
                on_record(line)
    return AlignSummary(counts[ALIGNED], faces, counts[NO_FACE], counts[FAILED], existing)


def _save_crops(output: Path, name: str, *, crops: Crops, faces: list[dict[str, Any]], own: OwnFiles) -> None:
    """Write a photograph's crops and add their files' names to the record of its faces."""
    for index, (crop, face) in enumerate(zip(crops, faces, strict=True)):
        face["file"] = face_name(name, index)
        own.claim(face["file"])
        save_picture(output / face["file"], crop)


def _read_record(output: Path) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines of OUTPUT/align.jsonl, and whether a run filled OUTPUT; refuse a record or a link of others."""
    path = output / RECORD
    marked = check_mark(output, KIND)
    refuse_links(output, [MARK, RECORD, list_path(path).name])
    lines = read_own_lines(path, heading=HEADING, fields=FIELDS)
    check_list(path, marked=marked)
    if os.path.lexists(path) and not (lines and isinstance(lines[0]["settings"], dict)):
        raise FaceCompletionError(f"{path}: expected a record of dcgan-align; choose another folder, or move this file")
    return lines, marked or bool(lines)


@contextmanager
def _open_record(
    output: Path, config: AlignConfig, *, source: Path, relatives: Sequence[str], overwrite: bool
) -> Iterator[tuple[JsonLines, OwnFiles, set[str], dict[str, str], dict[str, list[str]]]]:
    """Open OUTPUT/align.jsonl; yield it, the list of OUTPUT's crops, the photographs that are done, and all names.

    Last come the photographs that have changed since, which have no line any more, with the crops that they had.
    The record has a line with the settings, then one for each photograph. Nothing is written before every check.
    """
    path = output / RECORD
    lines, resumed = _read_record(output)
    own = listed_files(output, re.compile(re.escape(RECORD)))
    own |= {str(face.get("file")) for line in lines[1:] for face in line["faces"] if isinstance(face, dict)}
    names = crop_names(relatives, recorded=recorded_names(lines[1:]))
    settings = dataclasses.asdict(config) | {"landmarks": str(config.landmarks or "")}
    first, *lines = ([] if overwrite else lines) or [{"settings": settings}]
    if first["settings"] != settings:
        differing = changed_settings(first["settings"], settings)
        raise FaceCompletionError(
            f"{output}: holds faces aligned with other settings ({'; '.join(differing)}); choose another folder, or "
            "start over with --overwrite"
        )
    changed = {line["photograph"]: _crops_of(line, own) for line in lines if _has_changed(source, line)}
    lines = [line for line in lines if line["photograph"] not in changed]
    done = {line["photograph"] for line in lines}
    _refuse_crops(output, {name for relative, name in names.items() if relative not in done}, own=own)
    mark_folder(output, KIND)
    if resumed:
        remove_leftovers_in(output, stale_only=True)  # another command may be filling the same folder
    with OwnFiles(path, known=own) as files, JsonLines(path, start=[first, *lines]) as record:
        yield record, files, done, names, changed


def _has_changed(source: Path, line: dict[str, Any]) -> bool:
    """Tell whether a photograph is known to be another than that of a line; raise if that one lay elsewhere."""
    files, path = line.get("files"), source / str(line["photograph"])
    if not isinstance(files, dict) or not is_another(path, files.get("picture")):
        return False
    before = files.get("path")
    if isinstance(before, str) and os.path.realpath(before) != os.path.realpath(path):
        raise FaceCompletionError(f"{path}: the crops of this name are those of {before}; choose another folder")
    return True


def _crops_of(line: dict[str, Any], own: set[str]) -> list[str]:
    """Return the names of the crops in a photograph's line that are ours."""
    files = [str(face.get("file")) for face in line["faces"] if isinstance(face, dict)]
    return [file for file in files if file in own and file == os.path.basename(file) and file.endswith(".png")]


def _refuse_crops(output: Path, names: set[str], *, own: set[str]) -> None:
    """Raise if a file of others has the name of a crop; how many faces a photograph has is not known yet."""
    stems = {leaf: leaf.removesuffix(".png") for leaf in sorted(os.listdir(output)) if leaf.endswith(".png")}
    refuse_others(output, [leaf for leaf, stem in stems.items() if FACE_NUMBER.sub("", stem) in names], own=own)


def _list_photographs(source: Path, output: Path, on_left_out: Callable[[str], None] | None) -> list[Path]:
    """Return the files with a picture's suffix below a folder, by name; the output folder is left out."""
    if os.path.realpath(output) == os.path.realpath(source):
        raise FaceCompletionError(f"{output}: expected another folder than that of the photographs")
    found = list_pictures(source, left_out=[output], on_left_out=on_left_out)
    if not found:
        raise FaceCompletionError(f"{source}: expected photographs, found none")
    return found


def _make_detector(config: AlignConfig) -> FaceDetector:
    """Return the detector that the settings ask for."""
    return FaceDetector(config.landmarks, upsample=config.upsample, min_score=config.min_score)


_worker_detector = functools.lru_cache(maxsize=1)(_make_detector)  # a worker's own, made once


def _start_worker(config: AlignConfig, max_image_pixels: float | None) -> None:
    """Make a worker ready, with the parent's limit on pictures; Ctrl-C is the parent's to answer."""
    import cv2
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = max_image_pixels
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    give_back_large_arrays()
    _worker_detector(config)


def _work(path: Path, config: AlignConfig) -> tuple[Crops, dict[str, Any]]:
    """Align one photograph in a worker."""
    return align_picture(path, _worker_detector(config), config)


def _align_each(
    paths: Sequence[Path], config: AlignConfig, workers: int
) -> Iterator[tuple[Path, tuple[Crops, dict[str, Any]]]]:
    """Yield each photograph with its crops and its record, in order."""
    if min(workers, len(paths)) <= 1:
        detector = _make_detector(config)
        for path in paths:
            yield path, align_picture(path, detector, config)
        return
    from PIL import Image

    pool = concurrent.futures.ProcessPoolExecutor(
        min(workers, len(paths)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(config, Image.MAX_IMAGE_PIXELS),
    )
    try:
        waiting: collections.deque[tuple[Path, concurrent.futures.Future[Any]]] = collections.deque()
        for path in paths:
            waiting.append((path, pool.submit(_work, path, config)))
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

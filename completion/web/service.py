"""What the page and its API ask for: a picture completed by the function that complete-images calls.

Each request works in a folder of its own below a private one: the picture as it was sent, its mask, the result and the
manifest. One completion runs at a time, a few wait, and one that takes too long or is no longer wanted is stopped where
its method can be.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from completion.config import (
    CANDIDATES_MAX,
    METHODS,
    SearchConfig,
    is_search,
    methods_with_option,
    needs_model,
    resolve_method,
)
from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob
from completion.folder.landmarks import GivenPlaces
from completion.folder.masks import MaskSource, describe_unmatched
from completion.folder.run import complete_folder
from completion.methods import Method, MethodOptions, make_method
from dcgan.config import DEFAULT_MODEL, SEED_MAX
from dcgan.device import Device, find_device
from dcgan.errors import CompletionError, FaceCompletionError, OptionError
from dcgan.faces.detector import Face, FaceDetector
from dcgan.hub.reference import shown_name
from dcgan.pictures.files import read_picture
from dcgan.pictures.records import iterate_json_lines
from dcgan.pictures.saving import save_picture
from dcgan.quiet import quiet_import
from masks import MaskFolder

if TYPE_CHECKING:
    from dcgan.inference import GeneratorNetwork
    from dcgan.model_file import Prior

__all__ = [
    "FORMS",
    "PICTURES",
    "WEB_METHODS",
    "BusyError",
    "Completed",
    "Row",
    "Service",
    "StoppedError",
    "Wanted",
    "wanted_from",
]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

WEB_METHODS = tuple(name for name, config in METHODS.items() if not isinstance(config, SearchConfig))
MANIFEST = "manifest.jsonl"
COMPLETED = re.compile(r"-completed(-[0-9]+)?$")
FORMS, PICTURES = ("png", "same"), ("auto", "photograph", "aligned")
METHODS_KEPT = 4
WAITING_MAX = 8
WAY_STEPS = 20
NAME_LETTERS_MAX = 100


class BusyError(FaceCompletionError):
    """Too many completions wait already."""


class StoppedError(FaceCompletionError):
    """A completion was no longer wanted, or took too long."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How a picture is to be completed.

    Attributes
    ----------
    method : str
        One of `WEB_METHODS`.
    seed : int
    variations : int
        Number of different completions; 1: one.
    form : str
        Of the result, "png" or "same" as the picture's file.
    picture_is : str
        What the picture is: one of `PICTURES`; "auto" finds it out.
    face_box : tuple of int, optional
        Left, top, width and height of a face, in pixels.

    Raises
    ------
    OptionError
        One of them is something else, or they do not go together.
    """

    method: str = "balanced"
    seed: int = 0
    variations: int = 1
    form: str = "png"
    picture_is: str = "auto"
    face_box: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.method not in WEB_METHODS:
            raise OptionError(f"Expected `method` as one of {', '.join(WEB_METHODS)}. Received: {self.method!r}")
        for name, low, high in (("seed", 0, SEED_MAX), ("variations", 1, CANDIDATES_MAX)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise OptionError(f"Expected `{name}` as a whole number from {low} to {high}. Received: {value!r}")
        for name, known in (("form", FORMS), ("picture_is", PICTURES)):
            if getattr(self, name) not in known:
                raise OptionError(f"Expected `{name}` as {' or '.join(known)}. Received: {getattr(self, name)!r}")
        if self.face_box is not None and (len(self.face_box) != 4 or min(self.face_box[2:]) < 1):
            raise OptionError(f"Expected `face_box` as x,y,width,height in pixels. Received: {self.face_box}")
        if self.face_box is not None and self.picture_is == "aligned":
            raise OptionError("Expected `picture_is` as auto or photograph with `face_box`. Received: 'aligned'")
        several = [name for name in methods_with_option("variations") if name in WEB_METHODS]
        if self.variations > 1 and self.method not in several:
            raise OptionError(
                f"Expected `method` as {' or '.join(several)} with `variations`. Received: {self.method!r}"
            )


def wanted_from(
    method: str = "balanced",
    seed: float | None = 0,
    form: str = "png",
    picture_is: str = "auto",
    face_box: str = "",
    *,
    variations: float = 1,
) -> Wanted:
    """Return `Wanted` from what a form holds: numbers that may be floats or missing, a box written x,y,width,height."""
    box = None
    if face_box.strip():
        try:
            box = tuple(int(part) for part in face_box.split(","))
        except ValueError as error:
            raise OptionError(f"Expected `face_box` as x,y,width,height in pixels. Received: {face_box!r}") from error
    return Wanted(method, whole_seed(seed), int(variations), form, picture_is, box)


def whole_seed(seed: float | None) -> int:
    """Return a seed from a field that holds any number, or none."""
    if seed is None or not 0 <= seed <= SEED_MAX or seed != int(seed):
        shown = "nothing" if seed is None else f"{seed:g}"
        raise OptionError(f"Expected `seed` as a whole number from 0 to {SEED_MAX}. Received: {shown}")
    return int(seed)


@dataclasses.dataclass(frozen=True, eq=False)
class Completed:
    """A completed picture.

    Attributes
    ----------
    folder : Path
        Of the request; it is removed after a while.
    paths : tuple of Path
        The result, or one for each variation, the likeliest first.
    record : dict
        The line of the manifest, with names in place of paths.
    """

    folder: Path
    paths: tuple[Path, ...]
    record: dict[str, Any]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed or left out, a sentence each."""
        return tuple(self.record.get("notes", ()))


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of one picture of several: its name, "completed", "untouched" or "failed", and what is told of it."""

    name: str
    status: str
    told: str


class Service:
    """The model, the methods made ready, and the requests that are worked at.

    Parameters
    ----------
    folder : Path
        An existing private folder.
    model : str, optional
        A bundled model's name, the path of a model file, or "hf://OWNER/NAME".
    seconds : float, optional
        Longest time of one completion.
    waiting : int, optional
        Largest number of completions that wait.
    device : str, optional
        What computes; see `dcgan.device.check_device_name`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str = DEFAULT_MODEL,
        seconds: float = 300.0,
        waiting: int = WAITING_MAX,
        device: str = "cpu",
    ) -> None:
        self.folder, self.model, self.seconds, self._wanted_device = folder, model, seconds, device
        self._methods: collections.OrderedDict[tuple[str, int, int], Method] = collections.OrderedDict()
        self._making, self._working = threading.Lock(), threading.Lock()
        self._places = threading.BoundedSemaphore(waiting + 1)

    def load(self) -> None:
        """Load the model, the face detector and the default method, so that the first request does not wait for them.

        Raises
        ------
        ModelFileError
            The model cannot be loaded.
        """
        picture = np.full((160, 160, 3), 128, np.uint8)
        self.find_faces(picture)
        method = self._method(Wanted())
        mask = np.zeros(picture.shape[:2], bool)
        mask[60:100, 60:100] = True
        work = method.prepare(picture, mask)
        if method.finder is not None:
            work.compose(method.finder.find(work.observations).generated)

    @functools.cached_property
    def device(self) -> Device:
        """What computes the encoder's answers and samples, found once.

        Raises
        ------
        OptionError
            There is no such device here.
        """
        return find_device(self._wanted_device)

    @functools.cached_property
    def prior(self) -> Prior:
        """The model, loaded once."""
        from dcgan.model_file import load_model

        return load_model(self.model)

    @functools.cached_property
    def detector(self) -> FaceDetector:
        """The face detector, loaded once."""
        return FaceDetector()

    @functools.cached_property
    def generator(self) -> GeneratorNetwork:
        """The model's generator, made ready once."""
        from dcgan.inference import GeneratorNetwork

        return GeneratorNetwork(self.prior, device=self.device.name)

    def find_faces(self, picture: Picture) -> list[Face]:
        """Return the faces that are seen in a photograph, uint8 (H, W, 3), the largest first."""
        with self._making:
            detector = self.detector
        return detector.detect(picture)

    def draw(self, count: int, *, seed: int, truncation: float, way: float) -> Picture:
        """Return samples of the model, uint8 (count, S, S, C), on the way from a seed's to the next one's.

        Parameters
        ----------
        count, seed : int
        truncation : float
            See `dcgan.samples.latent_space.draw_truncated`.
        way : float
            0: the seed's own; 1: the next seed's.
        """
        from dcgan.pictures.values import to_uint8
        from dcgan.samples.latent_space import draw_truncated, interpolate

        with self._making:
            network = self.generator
        config = self.prior.config
        ends = [
            draw_truncated(count, config.latent_dim, seed=each, distribution=config.latent, limit=truncation)
            for each in (seed, seed + 1)
        ]
        step = min(WAY_STEPS, max(0, round(way * WAY_STEPS)))
        latents = [
            interpolate(np.stack(pair), WAY_STEPS + 1, distribution=config.latent)[step]
            for pair in zip(*ends, strict=True)
        ]
        return to_uint8(network(np.stack(latents)))

    def read(self, path: Path) -> Picture:
        """Return the picture of a file as it is shown, uint8 (H, W, 3): upright, in sRGB, opaque.

        Raises
        ------
        ImageFileError
            It cannot be read; the message has the file's name without its folder.
        """
        try:
            return read_picture(path)
        except FaceCompletionError as error:
            raise type(error)(_without(str(error), path.parent)) from error

    def complete(
        self,
        picture: Path,
        mask: Mask | Path,
        wanted: Wanted,
        *,
        name: str = "",
        mask_name: str = "",
        stop: threading.Event | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> Completed:
        """Complete one picture.

        Parameters
        ----------
        picture : Path
            The file as it was sent.
        mask : bool array (H, W) or Path
            True = missing, of the upright picture's size; or the file of a mask.
        wanted : Wanted
        name, mask_name : str, optional
            Of the picture and of the mask's file, for the results' names and messages; by default the files' own.
        stop : threading.Event, optional
            Set where the result is no longer wanted.
        on_progress : callable, optional
            Called with the share that is done, 0 to 1, where the method tells it.

        Returns
        -------
        Completed

        Raises
        ------
        FaceCompletionError
            The picture or its mask cannot be read or completed.
        BusyError
            Too many wait.
        StoppedError
            It was no longer wanted, or took too long.
        """
        folder = self.new_folder()
        try:
            source = _take(picture, folder / "input", name=name or picture.name)
            mask_path = folder / "mask.png"
            if isinstance(mask, Path):
                mask_path = _take(mask, folder / "mask", name=mask_name or mask.name)
            else:
                save_picture(mask_path, mask.astype(np.uint8) * 255)
            with self._turn(stop):
                self._run([source], MaskSource(file=mask_path), wanted, folder, stop=stop, on_progress=on_progress)
            (record,) = _records(folder / "output")
            if record["status"] == "failed":
                raise CompletionError(_without(record["error"], folder / "input", folder / "mask", folder))
            return self._named(folder, record)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def complete_many(
        self,
        pictures: Sequence[Path],
        masks: Sequence[Path],
        wanted: Wanted,
        *,
        stop: threading.Event | None = None,
    ) -> Iterator[Row | Path]:
        """Complete several pictures; yield what becomes of each as it is known, and at last the folder of the results.

        Parameters
        ----------
        pictures : sequence of Path
            Files with names of their own.
        masks : sequence of Path
            One file for all of them, or files that are named like them; see `masks.MaskFolder`.
        wanted : Wanted
        stop : threading.Event, optional
            Set where the results are no longer wanted.

        Raises
        ------
        FaceCompletionError
            Nothing can be completed.
        """
        if not pictures or not masks:
            missing = "pictures" if not pictures else "a mask, or masks with the pictures' names"
            raise OptionError(f"Expected {missing}. Received: none")
        folder = self.new_folder()
        try:
            sources = [_take(path, folder / "input", name=path.name) for path in pictures]
            if len(masks) == 1:
                drawn = MaskSource(file=_take(masks[0], folder / "mask", name=masks[0].name))
                _ = drawn.file_mask  # what is wrong with it is said before the first picture
            else:
                for path in masks:
                    _take(path, folder / "masks", name=path.name)
                own_masks = MaskFolder(folder / "masks")
                drawn = MaskSource(folder=own_masks)
                if line := describe_unmatched(own_masks, [_input(each) for each in sources], output=folder):
                    yield Row("", "note", _without(line, folder))
            failure: list[BaseException] = []
            stop = stop or threading.Event()

            def run() -> None:
                try:
                    with self._turn(stop):
                        self._run(sources, drawn, wanted, folder, stop=stop)
                except BaseException as error:  # raised again by the caller
                    failure.append(error)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            told = 0
            try:
                while True:
                    alive = thread.is_alive()
                    records = _records(folder / "output")
                    for record in records[told:]:
                        yield _row(record, folder)
                    told = len(records)
                    if not alive:
                        break
                    thread.join(0.3)
            finally:
                stop.set()
                thread.join()
            if failure:
                raise failure[0]
            _rewrite_manifest(folder)
            shutil.rmtree(folder / "input", ignore_errors=True)
            yield folder / "output"
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def remove_old(self, *, seconds: float) -> int:
        """Remove the folders that were made more than some seconds ago; return how many."""
        removed = 0
        for folder in (*self.folder.glob("request-*"), *self.folder.glob("photograph-*")):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > seconds:
                    shutil.rmtree(folder, ignore_errors=True)
                    removed += 1
        return removed

    def new_folder(self, kind: str = "request") -> Path:
        """Return a new folder for a request, or for a "photograph" that was opened; `remove_old` removes both."""
        return Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=self.folder))

    @contextlib.contextmanager
    def _turn(self, stop: threading.Event | None) -> Iterator[None]:
        """Wait for one's turn; refuse where too many wait."""
        if not self._places.acquire(blocking=False):
            raise BusyError("too many completions wait; try again in a moment")
        try:
            while not self._working.acquire(timeout=0.2):
                if stop is not None and stop.is_set():
                    raise StoppedError("stopped")
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._places.release()

    def _run(
        self,
        sources: Sequence[Path],
        masks: MaskSource,
        wanted: Wanted,
        folder: Path,
        *,
        stop: threading.Event | None,
        on_progress: Callable[[float], None] | None = None,
    ) -> None:
        """Complete files into folder/output."""
        ends = time.monotonic() + self.seconds

        def progress(done: float) -> None:
            if stop is not None and stop.is_set():
                raise StoppedError("stopped")
            if time.monotonic() > ends:
                raise StoppedError(f"stopped: it took more than {self.seconds:g} s, the limit of this page")
            if on_progress is not None:
                on_progress(done / len(sources))

        progress(0.0)
        job = FolderJob(
            output=folder / "output",
            masks=masks,
            photographs=_places(wanted),
            form=wanted.form,
            keep="best" if wanted.variations == 1 else "all",
            seed=wanted.seed,
            model_name=shown_name(self.model),
        )
        complete_folder([_input(path) for path in sources], job, self._method(wanted), on_progress=progress)

    def _method(self, wanted: Wanted) -> Method:
        """Return a method made ready; the latest ones are kept."""
        key = wanted.method, wanted.variations, wanted.seed
        with self._making:
            if key in self._methods:
                self._methods.move_to_end(key)
                return self._methods[key]
            options = MethodOptions(seed=wanted.seed, in_place=True)
            has_encoder = True
            if needs_model(wanted.method):
                options = dataclasses.replace(options, prior=self.prior, detector=self.detector)
                has_encoder = self.prior.has_encoder
            variations = wanted.variations if wanted.variations > 1 else None
            resolved = resolve_method(wanted.method, has_encoder=has_encoder, variations=variations)
            searches = is_search(resolved[1])
            if not searches:
                options = dataclasses.replace(options, device=self.device.name)
            with quiet_import() if searches else contextlib.nullcontext():  # a search brings in TensorFlow
                if searches:
                    from dcgan.engine_device import steer_engine

                    steer_engine(self._wanted_device)
                method = self._methods[key] = make_method(resolved, options)
            while len(self._methods) > METHODS_KEPT:
                self._methods.popitem(last=False)
            return method

    def _named(self, folder: Path, record: dict[str, Any]) -> Completed:
        """Give the results names that say what they are, and the record names in place of paths."""
        outputs = record["output"] if isinstance(record["output"], list) else [record["output"]]
        paths = []
        for number, output in enumerate(outputs, start=1):
            stem, suffix = os.path.splitext(Path(record["input"]).name)
            stem = COMPLETED.sub("", stem)  # the result of a result
            suffix = Path(output).suffix or suffix
            ending = f"-completed-{number}" if len(outputs) > 1 else "-completed"
            path = folder / "output" / f"{stem}{ending}{suffix}"
            os.replace(output, path)
            paths.append(path)
        names = [path.name for path in paths]
        named = {**record, "input": Path(record["input"]).name, "output": names if len(names) > 1 else names[0]}
        return Completed(folder, tuple(paths), {key: value for key, value in named.items() if key != "files"})


def _places(wanted: Wanted) -> GivenPlaces | None:
    """Return what is said of the faces' places; None: the picture is an aligned face."""
    if wanted.picture_is == "aligned":
        return None
    boxes = () if wanted.face_box is None else (wanted.face_box,)
    return GivenPlaces(boxes, mode=wanted.picture_is)  # type: ignore[arg-type]  # four numbers


def _input(path: Path) -> InputPicture:
    return InputPicture(path, path.name, path.parent, path.name)


def _take(path: Path, folder: Path, *, name: str) -> Path:
    """Give a file a second name in a folder, that of the user, or copy it where that cannot be done."""
    folder.mkdir(exist_ok=True)
    target = folder / _safe_name(name)
    if target.exists():
        raise OptionError(f"Expected files with names of their own. Received: {target.name} twice")
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
    return target


def _safe_name(name: str) -> str:
    """Return the last part of a name without what is special to file systems and terminals, and not too long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(letter if letter.isprintable() and letter not in '<>:"|?*' else "_" for letter in last)
    stem, suffix = os.path.splitext(kept.lstrip("."))
    return f"{stem[:NAME_LETTERS_MAX] or 'picture'}{suffix[:NAME_LETTERS_MAX]}"


def _records(output: Path) -> list[dict[str, Any]]:
    """Return the pictures' lines of a manifest, as far as it is written."""
    return [line for line in iterate_json_lines(output / MANIFEST) if "input" in line]


def _row(record: dict[str, Any], folder: Path) -> Row:
    """Return what is told of a picture."""
    told = record["error"] if record["status"] == "failed" else "; ".join(record.get("notes", ()))
    return Row(Path(record["input"]).name, record["status"], _without(told, folder / "input", folder))


def _without(text: str, *folders: Path) -> str:
    """Return a message without the folders of a request, which mean nothing to the user."""
    for folder in folders:
        text = text.replace(f"{folder}{os.sep}", "")
    return text


def _rewrite_manifest(folder: Path) -> None:
    """Write the pictures' lines of a manifest anew, with names in place of paths."""
    path = folder / "output" / MANIFEST
    lines = [json.dumps(record) for record in _records(folder / "output")]
    path.write_text("".join(_without(f"{line}\n", folder / "input", folder / "output", folder) for line in lines))

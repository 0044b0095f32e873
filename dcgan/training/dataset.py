"""Pictures for training: decoded once into a memory-mapped file, then served in batches.

The cache is keyed by what the pictures are (names, sizes, times or checksums) and by the size and channels asked for,
so the second run starts at once and a changed folder is decoded anew. Datasets that were not used for long make room
for others; see `dcgan.training.cache_limit`.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import contextlib
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import numpy.typing as npt

from dcgan.config import TrainConfig, check
from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.records import remove_leftovers_in, write_whole
from dcgan.pictures.values import crop_square, is_square, resize_picture
from dcgan.sampling import latents_from
from dcgan.training.cache_limit import cache_limit, default_cache_dir, make_room, prepare_cache
from dcgan.training.sources import Source

__all__ = [
    "CachedPictures",
    "Chosen",
    "PictureRows",
    "TrainingBatches",
    "Updates",
    "cache_pictures",
    "check_batch",
    "default_cache_dir",
]

CACHE_VERSION = 2
CHUNK = 512  # pictures decoded between two reports of progress
UNREADABLE_SHARE_MAX = 0.5


class PictureRows(Protocol):
    """Pictures, uint8 (H, W, C), that are read by row numbers: an array (N, H, W, C), or what can do the same."""

    def __len__(self) -> int:
        """Return the number of pictures."""

    def __getitem__(self, rows: npt.NDArray[np.intp], /) -> npt.NDArray[np.uint8]:
        """Return the pictures of sorted row numbers, (B, H, W, C)."""


class Chosen:
    """Some rows of pictures, as `PictureRows`.

    Parameters
    ----------
    pictures : PictureRows
    rows : intp array (N,)
        Sorted.
    """

    def __init__(self, pictures: PictureRows, rows: npt.NDArray[np.intp]) -> None:
        self._pictures, self._rows = pictures, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: npt.NDArray[np.intp], /) -> npt.NDArray[np.uint8]:
        return self._pictures[self._rows[rows]]


Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class CachedPictures:
    """A decoded training set.

    Attributes
    ----------
    pictures : ndarray of uint8, shape (N, size, size, channels)
        Memory-mapped, read-only.
    key : str
        Identifies the pictures and their form.
    unreadable : list of str
        A line for each picture that could not be read.
    guessed : list of str
        A line for each picture about which something was guessed, or of whose file something was left out.
    cut : int
        Pictures that are not square, of which the middle is used. Decoded pictures of earlier versions do not say it.
    """

    pictures: npt.NDArray[np.uint8]
    key: str
    unreadable: list[str]
    guessed: list[str] = dataclasses.field(default_factory=list)
    cut: int = 0


def cache_pictures(
    sources: Sequence[Source],
    *,
    size: int,
    channels: int,
    crop: float = 1.0,
    cache_dir: Path | None = None,
    progress: Progress | None = None,
) -> CachedPictures:
    """Decode every picture of the sources to `size`, or take them from the cache.

    Pictures are cut to their central square and averaged down by area. Two processes may decode the same pictures at
    once: each writes the whole file, and the last one stays. Where the cache holds more than `cache_limit()`, the
    datasets that were used least recently are removed.

    Parameters
    ----------
    sources : sequence of Source
        What to read, in order.
    size : int
        Side of the decoded pictures, in pixels.
    channels : int
        Of the decoded pictures, 1 or 3.
    crop : float, default 1
        Side of the square that is taken from the middle, as a share of a picture's shorter side; above 0, at most 1.
    cache_dir : Path, optional
        Where the decoded pictures lie; default `default_cache_dir()`.
    progress : callable, optional
        Called with (done, total) while decoding.

    Returns
    -------
    CachedPictures
        The decoded pictures, memory-mapped.

    Raises
    ------
    DatasetError
        No picture could be read, or more than half could not, or the cache cannot be written.
    ValueError
        `crop` is out of range, or the limit of the cache is no number; see `dcgan.training.cache_limit.cache_limit`.
    """
    check(0 < crop <= 1, "`crop` above 0, at most 1", crop=crop)
    total = sum(len(source) for source in sources)
    if total == 0:
        raise DatasetError("expected pictures in the dataset, found none")
    key = _cache_key(sources, (size, channels), crop=crop)
    folder = Path(cache_dir) if cache_dir else default_cache_dir()
    shape, limit = (size, size, channels), cache_limit()
    cached = _find_decoded(folder, key, shape)
    if cached is not None:
        _mark_used(folder, key)
        make_room(folder, key, needed=cached.pictures.nbytes, limit=limit)
    else:
        try:
            prepare_cache(folder, key)
            make_room(folder, key, needed=total * math.prod(shape), limit=limit)
            remove_leftovers_in(folder, stale_only=True)
            _decode_all(sources, folder, key, shape=shape, crop=crop, progress=progress)
        except OSError as error:
            raise DatasetError(f"{folder}: cannot write the decoded pictures: {error.strerror or error}") from error
        cached = _find_decoded(folder, key, shape)
    if cached is None:
        raise DatasetError(f"{_data_path(folder, key)}: the decoded pictures were changed while they were written")
    return cached


def _data_path(folder: Path, key: str) -> Path:
    """Return the path of the decoded pictures."""
    return folder / f"{key}.uint8"


def _index_path(folder: Path, key: str) -> Path:
    """Return the path of the file that says how many pictures were decoded; without it they count as incomplete."""
    return folder / f"{key}.json"


def _find_decoded(folder: Path, key: str, shape: tuple[int, ...]) -> CachedPictures | None:
    """Return decoded pictures, or None where they are absent, incomplete or damaged."""
    data_path = _data_path(folder, key)
    try:
        index = json.loads(_index_path(folder, key).read_text(encoding="utf-8"))
        count, unreadable, guessed = int(index["count"]), list(index["unreadable"]), list(index.get("guessed", ()))
        cut = int(index.get("cut", 0))
        if data_path.stat().st_size != count * math.prod(shape):
            return None
        pictures = np.memmap(data_path, np.uint8, mode="r", shape=(count, *shape))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return CachedPictures(pictures, key, unreadable, guessed, cut)


def _mark_used(folder: Path, key: str) -> None:
    """Make decoded pictures the most recently used ones."""
    with contextlib.suppress(OSError):  # of another user, who has lent the folder
        os.utime(_data_path(folder, key))


def _cache_key(sources: Sequence[Source], form: tuple[int, int], *, crop: float) -> str:
    """Return a name for these pictures in this form, (size, channels)."""
    cropped = f" {crop!r}" if crop != 1 else ""  # whole pictures have the key of earlier versions
    digest = hashlib.sha256(f"{CACHE_VERSION} {form[0]} {form[1]}{cropped}".encode())
    for source in sources:
        for line in source.identity():
            digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()[:20]


def _decode_all(
    sources: Sequence[Source],
    folder: Path,
    key: str,
    *,
    shape: tuple[int, int, int],
    crop: float,
    progress: Progress | None,
) -> None:
    """Write all pictures, and last the index, which says that they are complete."""
    jobs = [(source, index) for source in sources for index in range(len(source))]
    unreadable: list[str] = []
    guessed: list[str] = []

    def decode(job: tuple[Source, int]) -> tuple[bytes | str, str, bool]:
        source, index = job
        notes: list[str] = []
        try:
            picture = source.read(index, shape[2], on_note=notes.append)
            decoded = np.ascontiguousarray(resize_picture(crop_square(picture, share=crop), shape[:2])).tobytes()
        except ImageFileError as error:
            return str(error), "", False
        return decoded, f"{source.name(index)}: {'; '.join(notes)}" if notes else "", not is_square(picture)

    count = cut = 0
    with write_whole(_data_path(folder, key)) as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(jobs), CHUNK):
            for result, note, is_cut in pool.map(decode, jobs[start : start + CHUNK]):
                if isinstance(result, str):
                    unreadable.append(result)
                else:
                    file.write(result)
                    count += 1
                    cut += is_cut
                    guessed += [note] if note else []
            if progress:
                progress(min(start + CHUNK, len(jobs)), len(jobs))
        if len(unreadable) > UNREADABLE_SHARE_MAX * len(jobs):
            raise DatasetError(f"{len(unreadable)} of {len(jobs)} pictures cannot be read, the first: {unreadable[0]}")
    with write_whole(_index_path(folder, key)) as file:
        index = {"count": count, "unreadable": unreadable, **({"guessed": guessed} if guessed else {})}
        index |= {"cut": cut} if cut else {}
        file.write(json.dumps(index).encode())


def check_batch(pictures: int, batch_size: int) -> None:
    """Raise DatasetError where there are fewer pictures than one batch has."""
    if pictures < batch_size:
        advice = f"; --batch-size {pictures} takes them all at once" if pictures > 1 else ""
        raise DatasetError(f"expected at least one batch of {batch_size} pictures, found {pictures}{advice}")


@dataclasses.dataclass(frozen=True)
class Updates:
    """Which network is updated in which step.

    Attributes
    ----------
    generator_steps, pretrain_steps : int
        See `dcgan.config.TrainConfig`.
    r1_interval : int
        Likewise; 1 where there is no penalty.
    discriminator_steps : int
        Likewise.
    """

    generator_steps: int = 1
    pretrain_steps: int = 0
    r1_interval: int = 1
    discriminator_steps: int = 1

    @classmethod
    def of(cls, settings: TrainConfig) -> "Updates":
        """Return the updates of a training's settings."""
        interval = settings.r1_interval if settings.r1 else 1
        return cls(settings.generator_steps, settings.pretrain_steps, interval, settings.discriminator_steps)

    def at(self, step: int) -> dict[str, bool]:
        """Return whether the generator and the discriminator are updated in a step, and whether R1 is added."""
        after = step - self.pretrain_steps
        penalty = {} if self.r1_interval == 1 else {"penalty_on": step % self.r1_interval == 0}
        return {
            "generator_on": after >= 0 and after % self.discriminator_steps == 0,
            "discriminator_on": after < 0 or after % self.generator_steps == 0,
            **penalty,
        }


class TrainingBatches(keras.utils.PyDataset):
    """An endless stream of training batches, a function of (seed, step) alone.

    Batch `index` of the stream is training step ``first_step + index``. Each pass over the pictures has its own order
    and flips, drawn from the seed and the number of the pass, so a resumed run sees what an unbroken one would have.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (N, H, W, C), or PictureRows
        The training set.
    batch_size : int
        Pictures in a batch, at most N; the last incomplete batch of a pass is dropped.
    latent_dim : int
        Entries of z.
    first_step : int, default 0
        The training step of the first batch.
    flip : bool, default True
        Mirror half of the pictures.
    seed : int, default 0
        Of order, flips and z.
    latent : str, default "uniform"
        Distribution of z; see `dcgan.config.ModelConfig`.
    updates : Updates, optional
        Which network is updated in which step; by default both in all.
    draws : int, default 0
        Numbers in [0, 1) for each real and each generated picture, which augment it: "draws", (B, 2, draws).
    part, parts : int, default 0, 1
        Each batch is cut into so many equal parts, and this one is made: what each of several processes contributes to
        a batch that is the same for any number of them.

    Raises
    ------
    DatasetError
        There are fewer pictures than one batch.
    """

    def __init__(
        self,
        pictures: PictureRows,
        *,
        batch_size: int,
        latent_dim: int,
        first_step: int = 0,
        flip: bool = True,
        seed: int = 0,
        latent: str = "uniform",
        updates: Updates | None = None,
        draws: int = 0,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        super().__init__()
        check_batch(len(pictures), batch_size)
        rows = batch_size // parts
        self._own = slice(part * rows, (part + 1) * rows)
        self.pictures, self.batch_size, self.latent_dim = pictures, batch_size, latent_dim
        self.first_step, self.flip, self.seed, self.latent = first_step, flip, seed, latent
        self.updates, self.draws = updates or Updates(), draws
        self.steps_per_pass = len(pictures) // batch_size
        self._order_of: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, np.intp))

    @property
    def num_batches(self) -> None:
        """Return None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        step = self.first_step + index
        pictures = self.pictures[self.rows(step)[self._own]]  # (B / parts, H, W, C)
        rng = np.random.default_rng((self.seed, 1, step))
        if self.flip:
            mirrored = (rng.random(self.batch_size) < 0.5)[self._own]
            pictures[mirrored] = pictures[mirrored, :, ::-1]
        latents = latents_from(rng, (self.batch_size, self.latent_dim), self.latent)
        batch: dict[str, np.ndarray] = {"pictures": pictures, "latents": latents[self._own]}
        if self.draws:
            batch["draws"] = np.random.default_rng((self.seed, 2, step)).random(
                (self.batch_size, 2, self.draws), np.float32
            )[self._own]
        if self.updates == Updates():
            return batch
        return batch | {name: np.full(len(pictures), on, np.float32) for name, on in self.updates.at(step).items()}

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        index = 0
        while True:
            yield self[index]
            index += 1

    def rows(self, step: int) -> npt.NDArray[np.intp]:
        """Return which pictures a step's batch has, in the order of the batch."""
        pass_number, position = divmod(step, self.steps_per_pass)
        order = self._order(pass_number)
        return np.sort(order[position * self.batch_size : (position + 1) * self.batch_size])  # in file order

    def _order(self, pass_number: int) -> npt.NDArray[np.intp]:
        """Return the order of the pictures in one pass."""
        if self._order_of[0] != pass_number:
            rng = np.random.default_rng((self.seed, 0, pass_number))
            self._order_of = (pass_number, rng.permutation(len(self.pictures)))
        return self._order_of[1]

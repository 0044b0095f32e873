"""Is a sample a copy of a training picture? The nearest pictures of a dataset, and how near that is."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.values import crop_square, resize_picture
from dcgan.training.sources import Source

__all__ = ["DESCRIBED_PX", "Nearest", "PictureIndex"]

DESCRIBED_PX = 32  # side at which pictures are compared
CHUNK = 4096  # pictures of a dataset that are compared at once
TYPICAL = 256  # pictures of the dataset whose own nearest ones are looked for

Pictures = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The pictures of a dataset that are nearest to one picture.

    Attributes
    ----------
    rows : tuple of int
        Their places in the index, the nearest first.
    distances : tuple of float
        Root mean square differences in grey levels, of pictures reduced to 32 pixels, the nearer of each picture and
        its mirror image.
    """

    rows: tuple[int, ...]
    distances: tuple[float, ...]


class PictureIndex:
    """The pictures of datasets, for searching the nearest.

    Parameters
    ----------
    sources : sequence of Source
    channels : int
        1 or 3, of the samples.
    crop : float, default 1
        Side of the square in the middle of each picture, as a share.

    Attributes
    ----------
    unreadable : int
        Pictures that cannot be read and are left out.

    Raises
    ------
    DatasetError
        None of the pictures can be read.
    """

    def __init__(self, sources: Sequence[Source], *, channels: int, crop: float = 1.0) -> None:
        self._jobs = [(source, index) for source in sources for index in range(len(source))]
        self._channels, self._crop = channels, crop
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(self._describe, self._jobs))
        self._jobs = [job for job, each in zip(self._jobs, found, strict=True) if each is not None]
        described = [each for each in found if each is not None]
        self.unreadable = len(found) - len(described)
        if not described:
            raise DatasetError("expected pictures in the dataset, found none that can be read")
        self._described = np.stack(described)  # (N, 32 * 32 * C) uint8

    def __len__(self) -> int:
        return len(self._jobs)

    def name(self, row: int) -> str:
        """Return what to call a picture."""
        source, index = self._jobs[row]
        return source.name(index)

    def read(self, row: int, size: int) -> Pictures:
        """Return a picture, uint8 (size, size, C)."""
        source, index = self._jobs[row]
        return resize_picture(crop_square(source.read(index, self._channels), share=self._crop), (size, size))

    def find(self, pictures: Pictures, *, count: int) -> list[Nearest]:
        """Return the nearest pictures of each picture, (B, H, W, C) uint8."""
        described = np.stack([_describe(picture) for picture in pictures])
        return self._nearest(described, count=count)

    def typical(self, *, count: int = TYPICAL, seed: int = 0) -> float:
        """Return the median distance of a picture of the dataset to its nearest other one; NaN of a single one."""
        if len(self) < 2:
            return float("nan")
        rows = np.random.default_rng(seed).choice(len(self), min(count, len(self)), replace=False)
        found = self._nearest(self._described[rows], count=2)
        return float(np.median([each.distances[1] for each in found]))  # the first is the picture itself

    def _nearest(self, described: Pictures, *, count: int) -> list[Nearest]:
        """Return the nearest pictures of described ones, (B, 32 * 32 * C)."""
        side = DESCRIBED_PX
        mirrored = described.reshape(len(described), side, side, -1)[:, :, ::-1].reshape(described.shape)
        squares = np.minimum(_squares(self._described, described), _squares(self._described, mirrored))  # (N, B)
        found = []
        for column in squares.T:
            rows = np.argsort(column, kind="stable")[: min(count, len(self))]
            found.append(Nearest(tuple(map(int, rows)), tuple(float(np.sqrt(column[row])) for row in rows)))
        return found

    def _describe(self, job: tuple[Source, int]) -> Pictures | None:
        """Return what a picture is compared by; None where it cannot be read."""
        source, index = job
        try:
            return _describe(crop_square(source.read(index, self._channels), share=self._crop))
        except ImageFileError:
            return None


def _describe(picture: Pictures) -> Pictures:
    """Return a picture reduced to 32 pixels, uint8 (32 * 32 * C,)."""
    way = cv2.INTER_AREA if min(picture.shape[:2]) > DESCRIBED_PX else cv2.INTER_LINEAR
    small = cv2.resize(picture, (DESCRIBED_PX, DESCRIBED_PX), interpolation=way)
    return np.asarray(small, np.uint8).reshape(-1)


def _squares(many: Pictures, few: Pictures) -> npt.NDArray[np.float32]:
    """Return the mean squared difference of each row of `many`, (N, D), to each of `few`, (B, D): (N, B)."""
    middle = np.float32(127.5)  # smaller numbers, smaller rounding errors
    others = few.astype(np.float32) - middle
    lengths = np.einsum("ij,ij->i", others, others)
    parts = []
    for start in range(0, len(many), CHUNK):
        part = many[start : start + CHUNK].astype(np.float32) - middle
        parts.append(np.einsum("ij,ij->i", part, part)[:, None] + lengths - 2.0 * (part @ others.T))
    return np.maximum(np.concatenate(parts) / np.float32(many.shape[1]), np.float32(0.0))

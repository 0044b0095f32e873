"""Where training pictures come from: a folder, a zip, an idx file (MNIST) or an .npy array.

A source lists its pictures and reads them one at a time; it never holds them all.
"""

import gzip
import io
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.names import is_picture_name, list_pictures
from dcgan.pictures.files import decode_picture, read_picture

__all__ = ["ArraySource", "FolderSource", "Source", "ZipSource", "open_source", "read_idx", "source_channels"]

IDX_MAGIC_UINT8_3D = 0x00000803


class Source(Protocol):
    """A list of pictures that can be read one at a time, from several threads.

    Attributes
    ----------
    native_size : int or None
        The pictures' own shorter side in pixels where the format fixes one.
    native_channels : int or None
        The pictures' own channels where the format fixes them.
    """

    native_size: int | None
    native_channels: int | None

    def __len__(self) -> int:
        """Return the number of pictures, readable or not."""

    def identity(self) -> list[str]:
        """Return lines that change whenever the source's pictures do."""

    def name(self, index: int) -> str:
        """Return what to call one picture in a message."""

    def read(self, index: int, channels: int) -> npt.NDArray[np.uint8]:
        """Return one picture.

        Parameters
        ----------
        index : int
            Place in the list.
        channels : int
            1 or 3.

        Returns
        -------
        ndarray of uint8, shape (H, W, channels)
            The picture at its own size.

        Raises
        ------
        ImageFileError
            The picture cannot be read.
        """


class FolderSource:
    """The pictures of a folder and of the folders below it, in the order of their paths.

    Parameters
    ----------
    folder : Path
        Is searched recursively.

    Raises
    ------
    DatasetError
        A folder cannot be listed.
    """

    native_size: int | None = None
    native_channels: int | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = sorted(str(path.relative_to(folder)) for path in list_pictures(folder, error=DatasetError))

    def __len__(self) -> int:
        return len(self.names)

    def identity(self) -> list[str]:
        """Return each picture's path, size and time of change."""
        lines = []
        for name in self.names:
            try:
                status = os.stat(self.folder / name)
            except OSError:  # a link to nowhere, or removed meanwhile: reading it will say so
                lines.append(f"{name} unreadable")
            else:
                lines.append(f"{name} {status.st_size} {status.st_mtime_ns}")
        return lines

    def name(self, index: int) -> str:
        """Return the picture's path."""
        return str(self.folder / self.names[index])

    def read(self, index: int, channels: int) -> npt.NDArray[np.uint8]:
        """Return one picture, (H, W, channels)."""
        return read_picture(self.folder / self.names[index], channels=channels)


class ZipSource:
    """The pictures inside a zip file, in the order of their names.

    Parameters
    ----------
    path : Path
        The zip file; it stays open.

    Raises
    ------
    DatasetError
        The file cannot be read as a zip file.
    """

    native_size: int | None = None
    native_channels: int | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise DatasetError(f"{path}: cannot read the zip file: {error}") from error
        self.lock = threading.Lock()
        infos = [info for info in self.archive.infolist() if not info.is_dir() and is_picture_name(info.filename)]
        self.infos = sorted(infos, key=lambda info: info.filename)

    def __len__(self) -> int:
        return len(self.infos)

    def identity(self) -> list[str]:
        """Return each picture's name, size and checksum."""
        return [f"{info.filename} {info.file_size} {info.CRC}" for info in self.infos]

    def name(self, index: int) -> str:
        """Return the picture's name inside the zip file."""
        return f"{self.path}:{self.infos[index].filename}"

    def read(self, index: int, channels: int) -> npt.NDArray[np.uint8]:
        """Return one picture, (H, W, channels)."""
        try:
            with self.lock:
                data = self.archive.read(self.infos[index])
            return decode_picture(io.BytesIO(data), channels=channels)
        except (ImageFileError, zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
            raise ImageFileError(f"{self.name(index)}: {error}") from error


class ArraySource:
    """The pictures of an array, read from an .npy or an idx file.

    Parameters
    ----------
    path : Path
        The file.
    array : ndarray of uint8, shape (N, H, W) or (N, H, W, C)
        What it holds; C is 1 or 3.

    Raises
    ------
    DatasetError
        The array has another shape or dtype.
    """

    def __init__(self, path: Path, array: npt.NDArray[np.uint8]) -> None:
        if array.ndim == 3:
            array = array[..., None]
        if array.ndim != 4 or array.dtype != np.uint8 or array.shape[3] not in (1, 3) or 0 in array.shape[1:3]:
            raise DatasetError(
                f"{path}: expected a uint8 array (N, H, W), (N, H, W, 1) or (N, H, W, 3), "
                f"received {array.dtype} {array.shape}"
            )
        self.path, self.array = path, array
        self.native_size = min(array.shape[1:3])
        self.native_channels = array.shape[3]

    def __len__(self) -> int:
        return len(self.array)

    def identity(self) -> list[str]:
        """Return the file's name, size and time of change."""
        status = os.stat(self.path)
        return [f"{self.path.name} {status.st_size} {status.st_mtime_ns} {self.array.shape}"]

    def name(self, index: int) -> str:
        """Return the file's path and the picture's place in it."""
        return f"{self.path}[{index}]"

    def read(self, index: int, channels: int) -> npt.NDArray[np.uint8]:
        """Return one picture, (H, W, channels)."""
        picture = np.asarray(self.array[index])
        if picture.shape[2] == channels:
            return picture
        if channels == 3:
            return np.repeat(picture, 3, axis=2)
        import cv2

        return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.uint8)


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read an idx file of pictures (the format of MNIST; LeCun et al. 1998), gzipped or not.

    Parameters
    ----------
    path : Path
        The file; with the suffix .gz it is decompressed.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        The pictures, read-only.

    Raises
    ------
    DatasetError
        The file is damaged or holds something else, for instance labels.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot read: {error}") from error
    if len(data) < 16 or struct.unpack(">I", data[:4])[0] != IDX_MAGIC_UINT8_3D:
        raise DatasetError(f"{path}: expected an idx file of pictures (magic {IDX_MAGIC_UINT8_3D:#010x})")
    count, height, width = struct.unpack(">III", data[4:16])
    if len(data) != 16 + count * height * width:
        raise DatasetError(
            f"{path}: expected {count} pictures of {height}x{width}, received {len(data) - 16:,} bytes of them"
        )
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width)


def open_source(path: Path) -> Source:
    """Open a dataset by what its path is.

    Parameters
    ----------
    path : Path
        A folder, a .zip, an .npy, or an idx file (a name with "idx3" in it, .gz or not).

    Returns
    -------
    Source
        The dataset's pictures.

    Raises
    ------
    DatasetError
        There is nothing at `path`, or it is none of these, or it is damaged.
    """
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise DatasetError(f"{path}: expected a folder or a file, found nothing there")
    if path.suffix.lower() == ".zip":
        return ZipSource(path)
    if path.suffix.lower() == ".npy":
        try:
            array = np.lib.format.open_memmap(path, mode="r")  # unlike np.load it takes neither pickles nor archives
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"{path}: cannot read the array: {error}") from error
        return ArraySource(path, array)
    if "idx3" in path.name:
        return ArraySource(path, read_idx(path))
    raise DatasetError(f"{path}: expected a folder, a .zip, an .npy or an idx3 file")


def source_channels(sources: Sequence[Source]) -> int:
    """Return the channels that a model of these sources should have unless the user says otherwise.

    Parameters
    ----------
    sources : sequence of Source
        The training set.

    Returns
    -------
    int
        1 where all sources are grey, else 3.
    """
    return 1 if all(source.native_channels == 1 for source in sources) else 3

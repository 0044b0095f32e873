"""Where training pictures come from: a folder, a zip, an idx file (MNIST) or an .npy array.

A source lists its pictures and reads them one at a time; it never holds them all.
"""

import gzip
import math
import os
import struct
import threading
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.files import NO_MEMORY, decode_picture, read_encoded, read_picture
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.names import LeftOut, is_picture_name
from dcgan.pictures.reading import open_regular

__all__ = [
    "ArraySource",
    "FolderSource",
    "Source",
    "ZipSource",
    "first_lines",
    "open_source",
    "read_idx",
    "read_npy",
    "say_cut",
    "source_channels",
]

IDX_MAGIC_UINT8_3D = 0x00000803
IDX_HEADER_BYTES = 16
GZIP_BYTES_MAX = 2**26  # of a decompressed file, however small it is
GZIP_RATIO_MAX = 100  # of a decompressed file to its compressed size, beyond that; MNIST has 5, zeros have 1000
ZIP_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others take memory that no caller can limit
CHECKED = 1024  # pictures of an array of which a checksum is computed at once
LINES_SHOWN = 20
OnNote = Callable[[str], None]
NPY_HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Source(Protocol):
    """A list of pictures that can be read one at a time, from several threads.

    Attributes
    ----------
    native_size : int or None
        The pictures' own shorter side in pixels where the format fixes one.
    native_channels : int or None
        The pictures' own channels where the format fixes them.
    left_out : str
        A line about what was left out though it could have been meant; empty where nothing was.
    """

    native_size: int | None
    native_channels: int | None
    left_out: str

    def __len__(self) -> int:
        """Return the number of pictures, readable or not."""

    def identity(self) -> list[str]:
        """Return lines that change whenever the source's pictures do."""

    def name(self, index: int) -> str:
        """Return what to call one picture in a message."""

    def read(self, index: int, channels: int, *, on_note: OnNote | None = None) -> npt.NDArray[np.uint8]:
        """Return one picture.

        Parameters
        ----------
        index : int
            Place in the list.
        channels : int
            1 or 3.
        on_note : callable, optional
            Called with a clause for each guess, and for what is left out of its file.

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
        self.folder, lines = folder, list[str]()
        found = list_pictures(folder, error=DatasetError, on_left_out=lines.append)
        self.names = sorted(str(path.relative_to(folder)) for path in found)
        self.left_out = "".join(lines)

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

    def read(self, index: int, channels: int, *, on_note: OnNote | None = None) -> npt.NDArray[np.uint8]:
        """Return one picture, (H, W, channels)."""
        return read_picture(self.folder / self.names[index], channels=channels, on_note=on_note)


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
            file = open_regular(path)
            weakref.finalize(self, file.close)
            self.archive = zipfile.ZipFile(file)
        except OSError as error:
            raise DatasetError(f"{path}: cannot read the zip file: {error.strerror or error}") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise DatasetError(f"{path}: cannot read the zip file: {error}") from error
        self.lock = threading.Lock()
        files, missed = [info for info in self.archive.infolist() if not info.is_dir()], LeftOut()
        for info in files:
            missed.count_file(info.filename)
        infos = [info for info in files if is_picture_name(info.filename)]
        self.infos = sorted(infos, key=lambda info: info.filename)
        self.left_out = missed.describe(path)

    def __len__(self) -> int:
        return len(self.infos)

    def identity(self) -> list[str]:
        """Return each picture's name, size and checksum."""
        return [f"{info.filename} {info.file_size} {info.CRC}" for info in self.infos]

    def name(self, index: int) -> str:
        """Return the picture's name inside the zip file."""
        return f"{self.path}:{self.infos[index].filename}"

    def read(self, index: int, channels: int, *, on_note: OnNote | None = None) -> npt.NDArray[np.uint8]:
        """Return one picture, (H, W, channels)."""
        info = self.infos[index]
        try:
            if info.compress_type not in ZIP_COMPRESSIONS:
                raise ImageFileError(f"expected a stored or deflated file, found compression {info.compress_type}")
            with self.lock, self.archive.open(info) as file:
                encoded = read_encoded(file)
            return decode_picture(encoded, channels=channels, on_note=on_note)
        except MemoryError as error:
            raise ImageFileError(f"{self.name(index)}: {NO_MEMORY}") from error
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

    left_out = ""

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
        """Return the file's name, the array's shape and a checksum, which a copy of the file has too."""
        checksum = 0
        for start in range(0, len(self.array), CHECKED):
            checksum = zlib.crc32(self.array[start : start + CHECKED].tobytes(), checksum)
        return [f"{self.path.name} {self.array.shape} {checksum}"]

    def name(self, index: int) -> str:
        """Return the file's path and the picture's place in it."""
        return f"{self.path}[{index}]"

    def read(self, index: int, channels: int, *, on_note: OnNote | None = None) -> npt.NDArray[np.uint8]:
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
        The pictures, read-only; mapped into memory where the file is not gzipped.

    Raises
    ------
    DatasetError
        The file is damaged, decompresses to more than a hundred times its size, or holds something else, for instance
        labels.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            return _unpack_idx(path, file, size) if path.suffix == ".gz" else _map_idx(path, file, size)
    except OSError as error:
        raise DatasetError(f"{path}: cannot read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: cannot read: {error}") from error


def _map_idx(path: Path, file: IO[bytes], size: int) -> npt.NDArray[np.uint8]:
    """Return the pictures of an idx file, mapped into memory."""
    shape = _idx_shape(path, file)
    _check_idx_length(path, shape, size - IDX_HEADER_BYTES)
    return np.memmap(file, np.uint8, "r", offset=IDX_HEADER_BYTES, shape=shape)


def _unpack_idx(path: Path, packed: IO[bytes], size: int) -> npt.NDArray[np.uint8]:
    """Return the pictures of a gzipped idx file; no more is decompressed than its header declares."""
    with gzip.GzipFile(fileobj=packed) as file:
        shape = _idx_shape(path, file)
        declared, most = math.prod(shape), max(GZIP_BYTES_MAX, GZIP_RATIO_MAX * size)
        if declared > most:
            raise DatasetError(
                f"{path}: expected at most {most:,} bytes of pictures in {size:,} compressed bytes, "
                f"its header declares {declared:,}"
            )
        data = file.read(declared + 1)
    _check_idx_length(path, shape, len(data))
    return np.frombuffer(data, np.uint8).reshape(shape)


def _idx_shape(path: Path, file: IO[bytes] | gzip.GzipFile) -> tuple[int, int, int]:
    """Read the header of an idx file and return (N, H, W)."""
    header = file.read(IDX_HEADER_BYTES)
    if len(header) < IDX_HEADER_BYTES or struct.unpack(">I", header[:4])[0] != IDX_MAGIC_UINT8_3D:
        raise DatasetError(f"{path}: expected an idx file of pictures (magic {IDX_MAGIC_UINT8_3D:#010x})")
    count, height, width = struct.unpack(">III", header[4:])
    return count, height, width


def _check_idx_length(path: Path, shape: tuple[int, int, int], received: int) -> None:
    """Raise DatasetError where an idx file holds more or less than its header declares."""
    if received != math.prod(shape):
        count, height, width = shape
        raise DatasetError(
            f"{path}: expected {count} pictures of {height}x{width}, received {received:,} bytes of them"
        )


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Map an .npy file into memory. Unlike `numpy.load` this takes neither pickles nor archives.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray
        The array, read-only.

    Raises
    ------
    DatasetError
        The file is damaged or holds something else.
    """
    try:
        with open_regular(path) as file:
            shape, fortran_order, dtype = NPY_HEADERS[np.lib.format.read_magic(file)](file)
            start = file.tell()
            wanted, received = math.prod(shape) * dtype.itemsize, os.fstat(file.fileno()).st_size - start
            if dtype.hasobject or min(shape, default=0) < 0 or wanted > received:
                raise ValueError(f"expected {received:,} bytes of numbers, its header declares {dtype} {shape}")
            return np.memmap(file, dtype, "r", offset=start, shape=shape, order="F" if fortran_order else "C")
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the array: {error.strerror or error}") from error
    except Exception as error:  # NumPy evaluates the header as Python's literals, which fails in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatasetError(f"{path}: cannot read the array: {reason}") from error


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
        return ArraySource(path, read_npy(path))
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


def say_cut(count: int) -> str:
    """Return the line about a number of pictures that are not square."""
    return f"{count:,} picture{'s are' if count > 1 else ' is'} not square: the middle square is used"


@contextmanager
def first_lines(
    report: Callable[[str], None] | None, *, what: str = "that cannot be read"
) -> Iterator[Callable[[str], None]]:
    """Report the first twenty pictures of a kind, and in one line more how many others there are.

    Parameters
    ----------
    report : callable or None
        Called with each of these lines.
    what : str, optional
        What the others are.

    Yields
    ------
    callable
        To be called with a line for each picture.

    Examples
    --------
    >>> with first_lines(print) as tell:
    ...     tell("a.png: the picture is damaged")
    a.png: the picture is damaged
    """
    count = 0

    def tell(line: str) -> None:
        nonlocal count
        count += 1
        if report and count <= LINES_SHOWN:
            report(line)

    try:
        yield tell
    finally:
        if report and count > LINES_SHOWN:
            report(f"and {count - LINES_SHOWN:,} more {what}")

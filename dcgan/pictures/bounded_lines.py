"""Lines of a file that may be anybody's: read one at a time, and bounded."""

from collections.abc import Generator
from pathlib import Path

from dcgan.errors import FaceCompletionError
from dcgan.pictures.reading import open_regular

__all__ = ["FILE_BYTES_MAX", "LINE_BYTES_MAX", "bounded_lines"]

LINE_BYTES_MAX = 8 * 2**20  # a line of ours has at most a thousand paths of 4096 bytes
FILE_BYTES_MAX = 2**30  # about three million pictures


def bounded_lines(path: Path) -> Generator[bytes, None, None]:
    """Yield the lines of a file, each with its newline; the last may lack it.

    Parameters
    ----------
    path : Path
        A regular file, or a link to one.

    Raises
    ------
    FaceCompletionError
        The file is longer than `FILE_BYTES_MAX`, or a line longer than `LINE_BYTES_MAX`.
    OSError
        The file cannot be read.
    """
    with open_regular(path) as file:
        total = number = 0
        while line := file.readline(LINE_BYTES_MAX + 1):
            total, number = total + len(line), number + 1
            if len(line) > LINE_BYTES_MAX:
                raise FaceCompletionError(f"{path}: line {number}: expected at most {LINE_BYTES_MAX:,} bytes")
            if total > FILE_BYTES_MAX:
                raise FaceCompletionError(f"{path}: expected lines of at most {FILE_BYTES_MAX:,} bytes in all")
            yield line

"""Open the files that a user names: regular files only, because a pipe or a device may never answer or never end."""

import errno
import os
import stat
from typing import IO

__all__ = ["open_regular"]

KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def open_regular(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a regular file for reading; nothing else is waited for.

    Parameters
    ----------
    path : str or path-like
        A regular file, or a link to one.

    Returns
    -------
    binary file

    Raises
    ------
    OSError
        The file cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path) and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise OSError(error.errno, "a link to nothing", os.fspath(path)) from error
        raise
    _check_regular(path, mode)  # before it is opened, which some devices would answer to
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115  (the caller closes it)
    try:
        _check_regular(path, os.fstat(file.fileno()).st_mode)  # another one may have taken its place
    except BaseException:
        file.close()
        raise
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_regular(path: str | os.PathLike[str], mode: int) -> None:
    """Raise OSError where a file's mode is not that of a regular file; opening reports a folder itself."""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        found = KINDS.get(stat.S_IFMT(mode), "a device")
        raise OSError(errno.EINVAL, f"expected a regular file, found {found}", os.fspath(path))

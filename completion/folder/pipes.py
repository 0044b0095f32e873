"""One picture through pipes: `-` stands for stdin among the inputs of complete-images, and for stdout as its output."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from dcgan.config import PIPE
from dcgan.errors import OptionError

__all__ = ["Piped", "open_pipes"]

NAME = "stdin"
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}  # of which --format same writes


class Piped:
    """What stands for stdin and stdout while one picture is completed.

    Attributes
    ----------
    inputs : tuple of str
        The arguments, with a file in place of `-`.
    folder : Path, optional
        Folder for the results in place of stdout; None where they go into a folder of the user's.
    """

    def __init__(self, inputs: tuple[str, ...], folder: Path | None) -> None:
        self.inputs, self.folder = inputs, folder

    def send(self) -> None:
        """Write the result to stdout, if there is one."""
        if self.folder is None or not self.folder.is_dir():
            return
        from completion.folder.manifest import read_record

        for name in read_record(self.folder).finished:  # one, or none where it failed
            with open(self.folder / name, "rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()


@contextlib.contextmanager
def open_pipes(inputs: tuple[str, ...], *, to_stdout: bool) -> Iterator[Piped]:
    """Read stdin into a private folder where `-` is among the inputs; the folder is removed at the end.

    Parameters
    ----------
    inputs : tuple of str
        The command's arguments.
    to_stdout : bool
        Whether the result goes to stdout.

    Yields
    ------
    Piped

    Raises
    ------
    OptionError
        `-` is not alone, stdin or stdout is a terminal, or stdin is empty.
    """
    if PIPE in inputs and len(inputs) > 1:
        raise OptionError(f"Expected - (one picture from stdin) alone. Received: {len(inputs)} inputs")
    if PIPE in inputs and sys.stdin.isatty():
        raise OptionError("Expected a picture through a pipe to stdin. Received: a terminal")
    if to_stdout and sys.stdout.isatty():
        raise OptionError("Expected stdout to be a pipe or a file for the picture. Received: a terminal")
    with tempfile.TemporaryDirectory(prefix="complete-images-") as name:
        folder = Path(name)
        with contextlib.redirect_stderr(_Shortened(sys.stderr, f"{folder}/")):
            taken = (str(_spool(folder)),) if PIPE in inputs else inputs
            yield Piped(taken, folder / "out" if to_stdout else None)


def _spool(folder: Path) -> Path:
    """Write stdin to a file, with the suffix of its format where that is known."""
    path = folder / NAME
    with open(path, "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if not path.stat().st_size:
        raise OptionError("Expected a picture through stdin. Received: nothing")
    from PIL import Image

    with contextlib.suppress(Exception), Image.open(path) as picture:  # the reader says what it is, if no picture
        if suffix := SUFFIXES.get(picture.format or ""):
            return path.rename(path.with_suffix(suffix))
    return path


class _Shortened:
    """A stream of messages in which the private folder is not named."""

    def __init__(self, stream: TextIO, folder: str) -> None:
        self._stream, self._folder = stream, folder

    def write(self, text: str) -> int:
        """Write a message."""
        return self._stream.write(text.replace(self._folder, ""))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

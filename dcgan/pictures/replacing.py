"""May a picture be written under a name that the user gave: nothing of others is lost."""

import os
import stat
import warnings
from pathlib import Path

from dcgan.errors import OptionError
from dcgan.pictures.reading import open_regular

__all__ = ["check_replaceable"]


def check_replaceable(path: Path, *, overwrite: bool) -> None:
    """Raise where a picture that is written would replace what is to stay.

    Parameters
    ----------
    path : Path
        Where the picture is to be written.
    overwrite : bool
        Whether a picture may be replaced. Links, folders, devices and other files never are.

    Raises
    ------
    OptionError
        Something lies there: any name without `overwrite`, a link that leads nowhere among them; with it, something
        else than a picture.
    """
    if not os.path.lexists(path):
        return
    if stat.S_ISREG(os.lstat(path).st_mode) and _is_picture(path):
        if not overwrite:
            raise OptionError(f"{path} exists; --overwrite replaces it.")
        return
    raise OptionError(f"{path} exists, and is no picture, which alone --overwrite replaces; choose another name.")


def _is_picture(path: Path) -> bool:
    """Tell whether a file begins as a picture or a film does."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings(), open_regular(path) as file:
            warnings.simplefilter("ignore")  # of a large or an odd picture
            if file.read(8)[4:] == b"ftyp":  # a film, .mp4
                return True
            file.seek(0)
            with Image.open(file):
                return True
    except Image.DecompressionBombError:  # a picture, if a large one
        return True
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False

"""List the pictures of a folder and of those below it, with one line about what was left out. No file is opened."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from dcgan.errors import FaceCompletionError
from dcgan.pictures.names import LeftOut, is_hidden, is_picture_name

__all__ = ["list_pictures"]

BROKEN_LINK = "broken link"
SEEN_LINK = "link to a folder that is read without it"
SUB_FOLDER = "sub-folder (see --recursive)"

Place = tuple[tuple[int, str], ...]  # of a file or a folder in the order of the list


def list_pictures(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = True,
    left_out: Iterable[str | os.PathLike[str] | None] = (),
    error: type[FaceCompletionError] = FaceCompletionError,
    on_left_out: Callable[[str], None] | None = None,
) -> list[Path]:
    """Return the files in a folder that are named like pictures.

    Parameters
    ----------
    folder : str or path-like
        The paths that are returned begin with it.
    recursive : bool, default True
        Look into sub-folders as well, and into the folders that links lead to. Each is looked into once, by its own
        name where it has one below `folder`.
    left_out : iterable of str, path-like or None, optional
        Sub-folders that are not looked into.
    error : type of FaceCompletionError, optional
        What is raised where a folder cannot be listed.
    on_left_out : callable, optional
        Called with one line where something was left out that could have been meant.

    Returns
    -------
    list of Path
        By name; the files of a folder come before those of its sub-folders.

    Raises
    ------
    FaceCompletionError
        `error`: a folder cannot be listed. To leave out its pictures would do less than was asked for.
    """
    walk = _Walk(Path(folder), recursive=recursive, skipped=left_out, error=error)
    walk.look_into(walk.folder)
    while walk.links:  # they wait until all that is there without them has been found
        links, walk.links = sorted(walk.links), []
        for link in links:
            walk.follow(link)
    if on_left_out and (line := walk.missed.describe(folder)):
        on_left_out(line)
    return [path for _, path in sorted(walk.found)]


class _Walk:
    """The state of one call of `list_pictures`."""

    def __init__(
        self,
        folder: Path,
        *,
        recursive: bool,
        skipped: Iterable[str | os.PathLike[str] | None],
        error: type[FaceCompletionError],
    ) -> None:
        self.folder, self.recursive, self.error = folder, recursive, error
        self.skipped = {os.path.realpath(path) for path in skipped if path is not None}
        self.above = {str(parent) for parent in Path(os.path.realpath(folder)).parents}
        self.seen: set[str] = set()  # folders that have been looked into, without links in their paths
        self.found: list[tuple[Place, Path]] = []
        self.links: list[Path] = []  # to folders, not looked into yet
        self.missed = LeftOut()

    def follow(self, link: Path) -> None:
        """Look into the folder that a link leads to, unless it has been or holds the folder that is listed."""
        real = os.path.realpath(link)
        if real in self.seen or real in self.above:
            self.missed.count_other(SEEN_LINK)
        else:
            self.look_into(link)

    def look_into(self, start: Path) -> None:
        """Find the pictures in a folder and in those below it."""
        for parent, folders, names in os.walk(start, onerror=self._fail):
            here = os.path.realpath(parent)
            if here in self.seen:
                folders.clear()
                continue
            self.seen.add(here)
            folders[:] = self._choose(parent, folders)
            place = tuple((1, part) for part in Path(parent).relative_to(self.folder).parts)
            for name in names:
                if is_picture_name(name):
                    self.found.append(((*place, (0, name)), Path(parent, name)))
                elif not is_hidden(name) and _is_broken(os.path.join(parent, name)):
                    self.missed.count_other(BROKEN_LINK)
                else:
                    self.missed.count_file(name)

    def _choose(self, parent: str, folders: list[str]) -> list[str]:
        """Return the sub-folders to look into next; links are put aside."""
        chosen = []
        for name in folders:
            path = os.path.join(parent, name)
            if os.path.realpath(path) in self.skipped:
                continue
            if not self.recursive:
                if not is_hidden(name):
                    self.missed.count_other(SUB_FOLDER)
            elif os.path.islink(path):
                self.links.append(Path(path))
            else:
                chosen.append(name)
        return chosen

    def _fail(self, reason: OSError) -> None:
        """Raise the error of a folder that cannot be listed."""
        raise self.error(f"{reason.filename}: cannot list the folder: {reason.strerror}") from reason


def _is_broken(path: str) -> bool:
    """Tell whether a path is a link that leads nowhere."""
    return os.path.islink(path) and not os.path.exists(path)

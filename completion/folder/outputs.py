"""Names of the results: one for each picture, the same in every shard of a job and in every run into a folder."""

import collections
import dataclasses
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from completion.config import FORMS
from completion.folder.inputs import InputPicture
from dcgan.pictures.names import PICTURE_SUFFIXES

__all__ = ["SPREAD_BEYOND", "Output", "candidate_paths", "folded", "name_outputs", "suffix_of"]

SAME_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff")  # of files that we write again
RESERVED = re.compile(r"(sheet(-[0-9]+-of-[0-9]+)?\.png)", re.IGNORECASE)  # names of our own files
NAME_BYTES = 255  # of a file's name, where the system does not say
HASH_DIGITS = 8
SPREAD_BEYOND = 10_000  # pictures, from which on the results of a cluster's job are spread
SPREAD_DIGITS = 3  # hexadecimal: 4,096 sub-folders


@dataclasses.dataclass(frozen=True)
class Output:
    """Where the results of a picture go.

    Attributes
    ----------
    paths : tuple of Path
        One path, or one for each candidate.
    notes : tuple of str
        What the user would not expect of the name, a clause each.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def name_outputs(
    inputs: Sequence[InputPicture],
    folder: Path,
    *,
    form: str = "png",
    candidates: int = 1,
    recorded: Mapping[str, str] | None = None,
    own: Iterable[str] = (),
    spread: bool = False,
) -> dict[InputPicture, Output]:
    """Return where the results of all pictures of a job go.

    The result of ``a.jpg`` is ``a.png``. Where another picture of the job would have this name as well, it is
    ``a.jpg.png``; the result of ``a.png`` is ``a.png`` in any case. A picture keeps the name that its result has in the
    folder from an earlier run.

    Parameters
    ----------
    inputs : sequence of InputPicture
        The whole list, also where the job is a shard of it.
    folder : Path
        Folder of the results.
    form : str
        One of `completion.config.FORMS`.
    candidates : int
        How many results are written for each picture.
    recorded : mapping of str to str
        Names of results from earlier runs; see `completion.folder.manifest.FolderRecord`.
    own : iterable of str
        Relative paths of all files in the folder that earlier runs wrote, recorded or not.
    spread : bool, default False
        Each result goes into one of 4,096 sub-folders, by a hash of its picture's relative path: for more pictures than
        one looks at in a folder.

    Returns
    -------
    dict of InputPicture to Output
    """
    if spread:  # as if the pictures lay in these sub-folders
        places = {source: _spread(source) for source in inputs}
        options = {"form": form, "candidates": candidates, "recorded": recorded, "own": own}
        named = name_outputs(list(places.values()), folder, **options)  # type: ignore[arg-type]
        return {source: named[place] for source, place in places.items()}
    plain = {source: _plain_name(source.relative, form) for source in inputs}
    counts = collections.Counter(map(folded, plain.values()))
    recorded, own, limit = recorded or {}, frozenset(own), _name_bytes(folder)
    owners = {name: relative for relative, name in recorded.items()}
    names: dict[InputPicture, str] = {}
    for source, name in plain.items():
        known = recorded.get(source.relative, "")
        is_free = counts[folded(name)] == 1 and not RESERVED.fullmatch(name)
        if known.endswith(suffix_of(source.relative, form)):
            names[source] = known
        elif owners.get(name, source.relative) == source.relative and (is_free or name == source.relative):
            names[source] = name
    taken = set(names.values())
    for source in inputs:
        if source not in names:
            suffix = suffix_of(source.relative, form)
            name = source.relative + suffix
            while name in taken:
                name += suffix
            names[source] = name
            taken.add(name)
    names = {source: names[source] for source in inputs}
    outputs = {}
    for source, name in names.items():
        before = source.relative + suffix_of(source.relative, form)  # the name in version 0.1
        if before not in taken and not own.isdisjoint(_relative_names(before, candidates)):
            name = before if own.isdisjoint(_relative_names(name, candidates)) else name
        short = _shortened(name, source.relative, limit=limit, candidates=candidates)
        notes = [f"the name is too long for the folder: written as {Path(short).name}"] if short != name else []
        notes += _form_notes(source.relative, form)
        outputs[source] = Output(tuple(candidate_paths(folder / short, candidates)), tuple(notes))
    return outputs


def _spread(source: InputPicture) -> InputPicture:
    """Return a picture whose relative path has the sub-folder of its result before it."""
    digits = hashlib.sha256(os.fsencode(source.relative)).hexdigest()[:SPREAD_DIGITS]
    return dataclasses.replace(source, relative=f"{digits}/{source.relative}")


def suffix_of(relative: str, form: str) -> str:
    """Return the suffix of a picture's result.

    Examples
    --------
    >>> suffix_of("a.JPG", "png"), suffix_of("a.JPG", "same"), suffix_of("a.gif", "same")
    ('.png', '.JPG', '.png')
    """
    own = os.path.splitext(relative)[1]
    return FORMS[form] or (own if own.lower() in SAME_SUFFIXES else ".png")


def _form_notes(relative: str, form: str) -> list[str]:
    """Return a note where a result cannot have its picture's own format."""
    own = os.path.splitext(relative)[1]
    if form != "same" or own.lower() in SAME_SUFFIXES:
        return []
    return [f"no {own or 'file without a suffix'} is written: a PNG instead"]


def _plain_name(relative: str, form: str) -> str:
    """Return the name of a picture's result where it is alone: the picture's with another suffix."""
    suffix = suffix_of(relative, form)
    if relative.endswith(suffix):
        return relative
    stem, own = os.path.splitext(relative)
    return (stem if own.lower() in PICTURE_SUFFIXES + SAME_SUFFIXES else relative) + suffix


def folded(name: str) -> str:
    """Return what two names have in common that some file systems take for one.

    Parameters
    ----------
    name : str
        A relative path.

    Returns
    -------
    str

    Examples
    --------
    >>> folded("A.png") == folded("a.png")
    True
    """
    return unicodedata.normalize("NFC", name).casefold()


def candidate_paths(path: Path, candidates: int) -> list[Path]:
    """Return where the results of a picture go: the path itself, or one for each candidate.

    Examples
    --------
    >>> [each.name for each in candidate_paths(Path("a.png"), 2)]
    ['a.candidate-1.png', 'a.candidate-2.png']
    """
    if candidates == 1:
        return [path]
    return [path.with_name(f"{path.stem}.candidate-{number + 1}{path.suffix}") for number in range(candidates)]


def _relative_names(name: str, candidates: int) -> set[str]:
    """Return the relative paths of a picture's results."""
    return {path.as_posix() for path in candidate_paths(Path(name), candidates)}


def _name_bytes(folder: Path) -> int:
    """Return the largest number of bytes in a file's name in a folder, which need not exist."""
    folder = Path(os.path.abspath(folder))
    existing = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    try:
        return min(NAME_BYTES, os.pathconf(existing, "PC_NAME_MAX"))
    except (AttributeError, OSError, ValueError):
        return NAME_BYTES


def _shortened(name: str, relative: str, *, limit: int, candidates: int) -> str:
    """Return the name, or one that the file system takes: its start, with a hash of the picture's own path."""
    path = Path(name)
    longest = candidate_paths(path, candidates)[-1]
    too_many = len(os.fsencode(longest.name)) - limit
    if too_many <= 0:
        return name
    end = "-" + hashlib.sha256(os.fsencode(relative)).hexdigest()[:HASH_DIGITS]
    stem = path.stem
    while stem and len(os.fsencode(path.stem)) - len(os.fsencode(stem)) < too_many + len(end):
        stem = stem[:-1]
    return path.with_name(stem + end + path.suffix).as_posix()

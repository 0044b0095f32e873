"""Names of the crops of photographs, in one flat folder."""

import collections
import os
import re
import zlib
from collections.abc import Sequence
from typing import Any

__all__ = ["FACE_NUMBER", "crop_names", "face_name", "recorded_names"]

NAME_BYTES, NAME_CHARACTERS = 200, 60  # a crop's name is cut where it would be longer than systems allow
FACE_NUMBER = re.compile(r"\.face[0-9]+$")


def recorded_names(lines: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the names that photographs' crops had in an earlier run.

    Parameters
    ----------
    lines : sequence of dict
        Of align.jsonl, one for each photograph.

    Returns
    -------
    dict of str to str
        From a photograph's path below the folder of photographs to the name of its first crop, without its suffix.
    """
    names = {}
    for line in lines:
        first = line["faces"][0] if line["faces"] else None
        file = first.get("file") if isinstance(first, dict) else None
        if isinstance(file, str) and file.endswith(".png") and os.path.basename(file) == file:
            names[line["photograph"]] = file.removesuffix(".png")
    return names


def crop_names(relatives: Sequence[str], *, recorded: dict[str, str] | None = None) -> dict[str, str]:
    """Return the name, without its suffix, of each photograph's crops in the flat folder.

    The name is the photograph's without its suffix, or with it where another photograph would have the same name. Crops
    of an earlier run keep theirs, which nobody else gets.

    Parameters
    ----------
    relatives : sequence of str
        Paths of all photographs below their folder.
    recorded : dict of str to str, optional
        See `recorded_names`.

    Returns
    -------
    dict of str to str
        From a photograph's path to the name.
    """
    recorded = recorded or {}
    flat = {relative: relative.replace("/", "--") for relative in relatives}
    short = {relative: os.path.splitext(name)[0] for relative, name in flat.items()}
    long = {relative: name.removesuffix(".png") for relative, name in flat.items()}
    long_counts = collections.Counter(name.casefold() for name in long.values())
    counts = collections.Counter(
        name for relative in flat for name in {short[relative].casefold(), long[relative].casefold()}
    )
    owners = {name.casefold(): relative for relative, name in recorded.items()}

    def is_free(name: str, relative: str, counts: collections.Counter[str]) -> bool:
        alone = counts[name.casefold()] == 1 and owners.get(name.casefold(), relative) == relative
        return alone and len(os.fsencode(name)) <= NAME_BYTES and not FACE_NUMBER.search(name)

    names = {}
    for relative, name in flat.items():
        hashed = f"{name.removesuffix('.png')[:NAME_CHARACTERS]}-{zlib.crc32(os.fsencode(relative)):08x}"
        choices = [(short[relative], counts), (long[relative], long_counts)]
        free = [choice for choice, among in choices if is_free(choice, relative, among)]
        known = recorded.get(relative, "")
        names[relative] = known if owners.get(known.casefold()) == relative else next(iter(free), hashed)
    return names


def face_name(name: str, index: int) -> str:
    """Return a crop's file name: the first face has the photograph's, further ones a number.

    Parameters
    ----------
    name : str
        Of the photograph's crops, see `crop_names`.
    index : int
        Of the face, from 0 on.

    Returns
    -------
    str
    """
    return f"{name}.png" if index == 0 else f"{name}.face{index + 1}.png"

"""Which picture, mask and landmarks a result was made of, for the manifest, and whether they have changed since."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from completion.folder.inputs import InputPicture
from completion.folder.landmarks import GivenPlaces
from completion.folder.masks import MaskSource
from dcgan.pictures.stamps import is_another, stamp_of

__all__ = ["ANOTHER_PICTURE", "changed_since", "stamps_of"]

DIGEST_BYTES = 8
ANOTHER_PICTURE = "another picture of this name"
WORDS = {"picture": ANOTHER_PICTURE, "mask": "another mask", "landmarks": "other landmarks"}


def stamps_of(source: InputPicture, masks: MaskSource, places: GivenPlaces | None) -> dict[str, str]:
    """Return the stamps of what a picture's result is made of and the settings do not say.

    Parameters
    ----------
    source : InputPicture
        The picture.
    masks : MaskSource
        Where its mask comes from.
    places : GivenPlaces or None
        The places of faces that are given.

    Returns
    -------
    dict of str to str
        Of the "picture", and of the "mask" and the "landmarks" that are its own. Empty where a file cannot be
        read; whoever reads it says why.
    """
    try:
        stamps = {name: stamp_of(path) for name, path in _files(source, masks).items()}
    except OSError:
        return {}
    return stamps | _landmarks(source, places)


def changed_since(
    source: InputPicture, masks: MaskSource, places: GivenPlaces | None, *, stamps: Mapping[str, Any]
) -> str:
    """Return in words what a picture's result was made of that is another by now.

    Parameters
    ----------
    source, masks, places
        See `stamps_of`.
    stamps : mapping of str to str
        What that returned; of what it lacks nothing is known.

    Returns
    -------
    str
        Empty where nothing is known to have changed.
    """
    changed = [name for name, path in _files(source, masks).items() if is_another(path, stamps.get(name))]
    if "picture" in stamps and stamps.get("landmarks") != _landmarks(source, places).get("landmarks"):
        changed.append("landmarks")
    return " and ".join(WORDS[name] for name in changed)


def _files(source: InputPicture, masks: MaskSource) -> dict[str, Path]:
    """Return the files of a picture and of the mask that is its own."""
    mask = masks.own_file(source)
    return {"picture": source.path} | ({} if mask is None else {"mask": mask})


def _landmarks(source: InputPicture, places: GivenPlaces | None) -> dict[str, str]:
    """Return the stamp of the landmarks that are given for a picture."""
    faces = places.landmarks.get(source.relative, ()) if places is not None else ()
    if not faces:
        return {}
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for points in faces:
        digest.update(repr(points.shape).encode() + points.tobytes())
    return {"landmarks": digest.hexdigest()}

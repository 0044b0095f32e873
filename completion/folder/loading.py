"""Read a picture and its mask, and say what is to be done with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from completion.folder.job import FolderJob
from dcgan.errors import ImageFileError, NoFaceError
from dcgan.pictures.files import read_deep, read_picture

if TYPE_CHECKING:
    from completion.completer import Completer, View
    from completion.photographs import PhotographCompleter

__all__ = ["LoadedPicture", "Task", "aligned_task", "load_picture", "photograph_task"]

Picture = npt.NDArray[np.uint8]
Compose = Callable[["LoadedPicture", npt.NDArray[np.float32]], Picture]


@dataclasses.dataclass(frozen=True)
class LoadedPicture:
    """A picture that was read, with its mask.

    Attributes
    ----------
    source : where it is from.
    color : (H, W, 1 or 3) uint8.
    alpha : (H, W, 1) uint8, or None where the picture is opaque.
    mask : (H, W) bool, True = missing.
    deep : (H, W, 1, 3 or 4) uint16, the same picture where its file has 16 bits a channel.
    """

    source: InputPicture
    color: Picture
    alpha: Picture | None
    mask: npt.NDArray[np.bool_]
    deep: npt.NDArray[np.uint16] | None = None

    def finish(self, completed: Picture) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Return what is to be written: the completed picture, (H, W, 1 or 3), with the file's alpha and depth."""
        if self.deep is not None:
            result = self.deep if self.alpha is not None else self.deep[..., :3]
            result = result.copy()
            colors = min(result.shape[2], 3)
            result[self.mask, :colors] = completed[self.mask, :colors].astype(np.uint16) * 257
            return result
        return completed if self.alpha is None else np.concatenate([completed, self.alpha], axis=2)


@dataclasses.dataclass(frozen=True)
class Task:
    """What the model is to do for a picture. The picture itself is not kept: it is read again when it is composed.

    Attributes
    ----------
    source : the picture's file.
    views : what the search is shown, an item for each face.
    compose : called with the picture, read again, and what was generated for each view; returns the completed picture.
    fields : of the manifest.
    """

    source: InputPicture
    views: list[View]
    compose: Compose
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)


def load_picture(source: InputPicture, job: FolderJob, *, channels: int) -> LoadedPicture:
    """Read a picture and its mask.

    Parameters
    ----------
    source : the picture's file
    job : says where masks come from
    channels : 1 (grey) or 3, of the model

    Raises
    ------
    ImageFileError
        One of them cannot be read, or there is no mask.
    """
    pixels = read_picture(source.path, channels=None)  # (H, W, 3 or 4)
    mask = job.masks.mask_for(pixels, source, seed=job.seed)
    deep = read_deep(source.path, pixels)
    if deep is not None and pixels.shape[2] == 4 and deep.shape[2] != 4:
        deep = None  # a grey file with a transparent value: its alpha has no place in the 16 bits
    if channels == 1:
        deep = None if deep is not None and deep.shape[2] > 1 else deep
        return LoadedPicture(source, read_picture(source.path, channels=1), None, mask, deep)
    # Where transparent pixels are missing, the completed picture is opaque.
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 and not job.masks.alpha else None
    return LoadedPicture(source, pixels[..., :3], alpha, mask, deep)


def aligned_task(loaded: LoadedPicture, completer: Completer, *, blocks: int) -> Task:
    """Return what is to be done for a picture that is an aligned face."""

    def compose(picture: LoadedPicture, generated: npt.NDArray[np.float32]) -> Picture:
        return completer.compose(picture.color, picture.mask, generated[0], blocks=blocks)

    return Task(loaded.source, [completer.look(loaded.color, loaded.mask, blocks=blocks)], compose)


def photograph_task(loaded: LoadedPicture, photographs: PhotographCompleter, job: FolderJob, *, rows: int) -> Task:
    """Return what is to be done for a photograph with faces in it; without views where its hole touches none.

    Parameters
    ----------
    loaded : the photograph
    photographs : the completer
    job : says what the user says of the faces
    rows : see `PhotographCompleter.look`

    Raises
    ------
    ImageFileError
        No face is found.
    """
    path = loaded.source.path
    if loaded.mask.all():
        raise ImageFileError(f"{path}: nothing of it is known, so no face can be found in it")
    hints = job.faces
    boxes, landmarks = (hints.boxes, hints.landmarks_of(loaded.source.relative)) if hints else ((), ())
    try:
        view = photographs.look(loaded.color, loaded.mask, boxes=boxes, landmarks=landmarks, rows=rows)
    except NoFaceError as error:
        raise ImageFileError(f"{path}: {error}") from error

    def compose(picture: LoadedPicture, generated: npt.NDArray[np.float32]) -> Picture:
        return photographs.compose(picture.color, picture.mask, view.faces, generated)

    fields = {"faces": [face.record() for face in view.faces], "others": view.others, "beyond": round(view.beyond, 4)}
    return Task(loaded.source, view.views, compose, fields)

"""Which pixels of an input picture are missing: by name, from files, from its transparency, from a key colour."""

import dataclasses
import functools
import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.folder.inputs import InputPicture
from completion.mask_options import MaskChoice
from dcgan.errors import FaceCompletionError, ImageFileError
from dcgan.pictures.files import read_file, read_labels
from dcgan.pictures.lossy import is_lossy
from masks import (
    DrawnMask,
    MaskFolder,
    MaskSpec,
    dilate,
    fit_mask,
    format_color,
    make_mask,
    read_alpha_mask,
    read_color_mask,
    read_drawn_mask,
)
from masks.table import MASKS

__all__ = ["MaskSource", "describe_unmatched", "open_masks", "read_mask"]

UNMATCHED_SHOWN = 5  # names in a message
WIDE_HOLE = 0.6  # share of the picture from which on a note asks whether a drawn mask is meant the other way round

Mask = npt.NDArray[np.bool_]
Picture = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """Where masks come from: one of `file`, `folder`, `alpha` and `color`, or else the named mask of `spec`.

    Attributes
    ----------
    spec : MaskSpec, optional
        The named mask, and the operations (invert, dilate) that apply to every source.
    file : Path, optional
        Of one mask for all pictures; see `masks.read_drawn_mask`.
    folder : MaskFolder, optional
        A mask for each picture, matched by stem.
    alpha : bool, default False
        Whether the transparent pixels of the picture are missing.
    color : tuple of int, optional
        (red, green, blue), each 0 to 255: pixels of this colour are missing.
    color_tolerance : int, optional
        Largest difference in a channel at which a pixel still counts as this colour, 0 to 255. By default 0, or for
        files with losses what `masks.read_color_mask` says.
    threshold : int, optional
        Of a mask's file, or of the transparency: the value, 1 to 255, from which on a pixel is missing.
    chosen : bool, default True
        Whether the user chose what is missing; otherwise `spec` is the default mask.
    """

    spec: MaskSpec = dataclasses.field(default_factory=MaskSpec)
    file: Path | None = None
    folder: MaskFolder | None = None
    alpha: bool = False
    color: tuple[int, int, int] | None = None
    color_tolerance: int | None = None
    threshold: int | None = None
    chosen: bool = True

    @property
    def blocks(self) -> int:
        """Return the number of block means per side that are known; 0 where pixels are known."""
        return self.spec.options["blocks"] if self._is_named and self.spec.name == "lowres" else 0

    def describe(self) -> dict[str, Any]:
        """Return what decides about the masks, by name, in values that JSON has: for the manifest."""
        spec = self.spec
        if self.file is not None:
            digest = hashlib.sha256(self.file_mask.mask.tobytes()).hexdigest()[:16]
            found: dict[str, Any] = {"mask": f"file whose mask has the sha256 {digest}"}
        elif self.folder is not None:
            found = {"mask": f"files in {os.path.abspath(self.folder.folder)}"}
        elif self.alpha:
            found = {"mask": "alpha"}
        elif self.color is not None:
            found = {"mask": f"color {format_color(self.color)}"}
        else:
            found = {"mask": spec.name, **spec.options}
        found |= {"invert": spec.invert, "dilate_px": spec.dilate_px}
        told = {"spec", "file", "folder", "alpha", "color", "chosen"}
        others = {field.name for field in dataclasses.fields(self)} - told
        return found | {name: getattr(self, name) for name in sorted(others)}

    @property
    def drawn(self) -> bool:
        """Whether the mask belongs to a picture's own pixels, and not to its size alone, as most named masks do."""
        return not self._is_named or self.spec.name == "rectangle" or MASKS[self.spec.name].takes_picture

    @property
    def _is_named(self) -> bool:
        """Whether the mask is the named one of `spec`."""
        return self.file is None and self.folder is None and not self.alpha and self.color is None

    def mask_for(self, picture: Picture, source: InputPicture, *, seed: int = 0, orientation: int = 1) -> DrawnMask:
        """Return the mask of a picture.

        Parameters
        ----------
        picture : ndarray of uint8, shape (H, W, 3) or (H, W, 4)
            The picture as read.
        source : InputPicture
            The file of the picture. Random masks are seeded by its path below the argument that named it, so they do
            not depend on the other pictures and arguments.
        seed : int, default 0
            Seed of the random masks, at least 0.
        orientation : int, default 1
            The orientation tag by which the picture has been turned.

        Returns
        -------
        DrawnMask

        Raises
        ------
        ImageFileError
            There is no mask for this picture, its mask cannot be read, has other proportions or hides nothing, or its
            rectangle lies outside the picture.
        """
        shape = (picture.shape[0], picture.shape[1])
        if self.file is not None:
            found = _fit(self.file_mask, shape, source=source, path=self.file, orientation=orientation)
        elif self.folder is not None:
            found = self._from_folder(shape, source, orientation=orientation)
        elif self.alpha:
            if picture.shape[2] != 4:
                raise ImageFileError(f"{source.path}: expected an alpha channel, found none")
            found = read_alpha_mask(picture, invert=self.spec.invert, threshold=self.threshold)
        elif self.color is not None:
            found = read_color_mask(
                picture[..., :3],
                self.color,
                tolerance=self.color_tolerance,
                lossy=self.color_tolerance is None and is_lossy(source.path),
                invert=self.spec.invert,
            )
        else:
            try:
                number = zlib.crc32(os.fsencode(source.own or source.relative))
                made = make_mask(self.spec, shape, seed=(seed, number), picture=picture)
            except ValueError as error:  # a rectangle outside this picture
                raise ImageFileError(f"{source.path}: {error}") from error
            return DrawnMask(made, _say_suggested(made) if MASKS[self.spec.name].takes_picture else ())
        return self._checked(found, source)

    def own_file(self, source: InputPicture) -> Path | None:
        """Return the file with the mask of one picture alone, where there is one."""
        match = self.folder.find(source.root / source.relative, root=source.root) if self.folder is not None else None
        return match.path if match is not None else None

    @functools.cached_property
    def file_mask(self) -> DrawnMask:
        """Return the one mask for all pictures, read once."""
        if self.file is None:
            raise ValueError("Expected the file of a mask. Received: none")
        return self._read(self.file)

    def _read(self, path: Path) -> DrawnMask:
        """Read a mask's file."""
        return read_mask(path, invert=self.spec.invert, threshold=self.threshold)

    def _from_folder(self, shape: tuple[int, int], source: InputPicture, *, orientation: int) -> DrawnMask:
        """Return the mask that the folder has for a picture."""
        if self.folder is None:
            raise ValueError("Expected a folder of masks. Received: none")
        picture = source.root / source.relative
        match = self.folder.find(picture, root=source.root)
        if match is None:
            names = self.folder.looked_for(picture)
            raise ImageFileError(f"{source.path}: expected a mask in {self.folder.folder}, found none named {names}")
        try:
            mask = self._read(match.path)
        except ImageFileError as error:
            raise ImageFileError(f"{source.path}: cannot read its mask: {error}") from error
        found = DrawnMask(mask.mask, (*match.notes, *mask.notes))
        return _fit(found, shape, source=source, path=match.path, orientation=orientation)

    def _checked(self, found: DrawnMask, source: InputPicture) -> DrawnMask:
        """Return a drawn mask grown as the user says; raise where it hides nothing, note where it hides most."""
        if not found.mask.any():
            raise ImageFileError(f"{source.path}: its mask hides nothing{self._reason()}")
        share = float(found.mask.mean())
        notes = found.notes
        if share > WIDE_HOLE:
            advice = "without --invert-mask" if self.spec.invert else "--invert-mask"
            if share == 1.0:  # the other way round it would hide nothing
                notes += ("its mask hides 100% of it",)
            else:
                notes += (f"its mask hides {share:.0%} of it; if it was drawn the other way round, {advice}",)
        pixels = self.spec.dilate_px
        return DrawnMask(dilate(found.mask, pixels) if pixels else found.mask, notes)

    def _reason(self) -> str:
        """Return in words what was looked for where nothing of it was found."""
        if self.alpha:
            return ": no pixel is opaque" if self.spec.invert else ": no pixel is transparent"
        if self.color is not None and not self.spec.invert:
            return f": no pixel is {format_color(self.color)} (--mask-color-tolerance takes similar ones)"
        return ""


def _say_suggested(mask: Mask) -> tuple[str, ...]:
    """Return a note about a mask that was suggested by the look of the picture."""
    if not mask.any():
        return ("no scratches were found: nothing is filled (a lower --sureness finds more)",)
    return (f"scratches were suggested on {mask.mean():.2%} of it; not all need be right, see --only-masks",)


def _fit(found: DrawnMask, shape: tuple[int, int], *, source: InputPicture, path: Path, orientation: int) -> DrawnMask:
    """Return a mask at the shape of its picture."""
    try:
        fitted = fit_mask(found.mask, shape, orientation=orientation)
    except ValueError as error:
        raise ImageFileError(f"{source.path}: {error} in {path}") from error
    return DrawnMask(fitted.mask, (*found.notes, *fitted.notes))


def read_mask(path: Path, *, invert: bool = False, threshold: int | None = None) -> DrawnMask:
    """Read the file of a mask.

    Parameters
    ----------
    path : Path
        The file.
    invert : bool, default False
        Swap missing and known.
    threshold : int, optional
        See `masks.read_drawn_mask`.

    Returns
    -------
    DrawnMask
        The mask, upright and of the file's size.

    Raises
    ------
    ImageFileError
        The file is not a picture that can be read, or no mask.
    """
    file = read_file(path)
    pixels: npt.NDArray[Any] = file.pixels
    if file.deep is not None and (pixels.shape[2] == 3 or file.deep.shape[2] == 4):
        pixels = file.deep
    try:
        drawn = read_drawn_mask(pixels, invert=invert, threshold=threshold, labels=read_labels(path))
    except ValueError as error:
        raise ImageFileError(f"{path}: {error}") from error
    told = (f"its mask: {note}" for note in file.notes if note not in file.value_notes)
    return DrawnMask(drawn.mask, (*told, *drawn.notes))


def open_masks(chosen: MaskChoice) -> MaskSource:
    """Return the source of masks that the command line chose.

    Parameters
    ----------
    chosen : MaskChoice
        What `completion.mask_options.read_mask_options` returns.

    Returns
    -------
    MaskSource

    Raises
    ------
    ImageFileError
        The mask file is not a picture that can be read.
    FaceCompletionError
        The folder of masks cannot be listed.
    """
    try:
        folder = MaskFolder(chosen.folder) if chosen.folder else None
    except OSError as error:
        raise FaceCompletionError(f"{chosen.folder}: cannot list the masks: {error.strerror or error}") from error
    source = MaskSource(
        spec=chosen.spec,
        file=chosen.file,
        folder=folder,
        alpha=chosen.alpha,
        color=chosen.color,
        color_tolerance=chosen.color_tolerance,
        threshold=chosen.threshold,
        chosen=bool(chosen.source),
    )
    if source.file is not None:
        _ = source.file_mask  # what is wrong with it is said before the first picture
    return source


def describe_unmatched(folder: MaskFolder, pictures: Sequence[InputPicture], *, output: Path) -> str:
    """Return one line about the files in a folder of masks that are the mask of no picture.

    Parameters
    ----------
    folder : MaskFolder
    pictures : sequence of InputPicture
        All pictures of the run, those of other shards included.
    output : Path
        Folder of the results, whose files do not count.

    Returns
    -------
    str
        Empty where each file belongs to a picture.
    """
    places = ((picture.root / picture.relative, picture.root) for picture in pictures)
    names = folder.unmatched(places, left_out=[output])
    if not names:
        return ""
    shown = names[:UNMATCHED_SHOWN]
    more = [f"{len(names) - len(shown):,} more"] if len(names) > len(shown) else []
    what = "1 file is the mask" if len(names) == 1 else f"{len(names):,} files are the masks"
    return f"{folder.folder}: {what} of none of the pictures: {', '.join(shown + more)}"

"""Pictures for people: the sheet of original, masked and completed pictures, and the film of a search."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import make_grid, resize_picture, to_uint8

__all__ = ["ComparisonSheet", "SearchFilm", "show_masked"]

Picture = npt.NDArray[np.uint8]
GREY = 128


def show_masked(picture: Picture, mask: npt.NDArray[np.bool_], *, blocks: int = 0) -> Picture:
    """Return the picture as the search sees it: the hole grey, or the block means where these are all that is known."""
    if blocks:
        shape = picture.shape[:2]
        means = resize_picture(picture, (min(blocks, shape[0]), min(blocks, shape[1])))
        rows = np.arange(shape[0]) * means.shape[0] // shape[0]
        columns = np.arange(shape[1]) * means.shape[1] // shape[1]
        return means[rows[:, None], columns]
    shown = picture.copy()
    shown[mask] = GREY
    return shown


class ComparisonSheet:
    """Collect original, masked and completed pictures and write them as one: a row for each picture.

    Parameters
    ----------
    side : of the square that each picture is fitted into, in pixels
    rows_max : further pictures are left out, so the sheet stays small for a large folder
    """

    def __init__(self, *, side: int = 128, rows_max: int = 32) -> None:
        self.side, self.rows_max = side, rows_max
        self._rows: list[list[Picture]] = []

    def tile(self, picture: Picture) -> Picture:
        """Return a picture, (H, W, 1 or 3) uint8, in the middle of a white square, (side, side, 3)."""
        height, width = picture.shape[:2]
        scale = self.side / max(height, width)
        shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        tile = np.full((self.side, self.side, 3), 255, np.uint8)
        top, left = (self.side - shape[0]) // 2, (self.side - shape[1]) // 2
        tile[top : top + shape[0], left : left + shape[1]] = resize_picture(picture, shape)
        return tile

    def add(self, tiles: list[Picture]) -> None:
        """Add a row of tiles, as many as the other rows have."""
        if len(self._rows) < self.rows_max:
            self._rows.append(tiles)

    def save(self, path: Path) -> None:
        """Write the sheet; nothing where nothing was added."""
        if self._rows:
            tiles = np.stack([tile for row in self._rows for tile in row])
            save_picture(path, make_grid(tiles, columns=len(self._rows[0]), margin_px=4))


class SearchFilm:
    """Collect the search's pictures of the first batch and write them as an animated GIF.

    Parameters
    ----------
    pictures_max : of the batch
    """

    def __init__(self, *, pictures_max: int = 16) -> None:
        self.pictures_max = pictures_max
        self._frames: list[Picture] = []

    def add(self, generated: npt.NDArray[np.float32]) -> None:
        """Add a frame, (B, H, W, C) float32 in [-1, 1]; one of fewer pictures is the first of a search begun anew."""
        frame = make_grid(to_uint8(generated[: self.pictures_max]))
        if self._frames and frame.shape != self._frames[0].shape:
            self._frames.clear()
        self._frames.append(frame)

    def save(self, path: Path, *, seconds: float = 4.0) -> None:
        """Write the film; nothing where there are no frames."""
        from dcgan.pictures.film import save_film

        if self._frames:
            save_film(path, self._frames, seconds=seconds)

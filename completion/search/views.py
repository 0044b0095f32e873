"""The views of a damaged picture that the encoder is shown: as it is, mirrored, moved by a pixel.

Beside known pixels there is one right answer, and the mean of several guesses is nearer to it than each of them. Far
from them the guesses are several faces, and their mean is a blur; there the first view speaks alone.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["VIEWS", "View", "nearness"]

#: Distances to the nearest known pixel, in parts of the picture's side, up to which all views count and from which on
#: only the first one does.
NEAR, FAR = 1 / 32, 1 / 8

Pictures = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class View:
    """A way to look at a picture.

    Attributes
    ----------
    mirrored : left and right are exchanged.
    down, right : by how many pixels it is moved, after that.
    """

    mirrored: bool = False
    down: int = 0
    right: int = 0

    def look(self, pictures: Pictures, *, edge: bool) -> Pictures:
        """Return pictures, (B, H, W, C), as the view has them; what comes in is the edge's pixels, or zeros."""
        turned = pictures[:, :, ::-1] if self.mirrored else pictures
        return _move(turned, self.down, self.right, edge=edge)

    def look_back(self, pictures: Pictures) -> tuple[Pictures, npt.NDArray[np.bool_]]:
        """Return pictures of the view as the first view has them, and (H, W) which of their pixels the view has."""
        seen = np.ones((1, *pictures.shape[1:3], 1), np.float32)
        back, valid = (_move(each, -self.down, -self.right, edge=False) for each in (pictures, seen))
        if self.mirrored:
            back, valid = back[:, :, ::-1], valid[:, :, ::-1]
        return back, valid[0, ..., 0] > 0.0


#: In the order in which they are taken.
VIEWS = (
    View(),
    View(mirrored=True),
    View(right=1),
    View(mirrored=True, down=1),
    View(down=1),
    View(mirrored=True, right=1),
    View(right=-1),
    View(mirrored=True, down=-1),
    View(down=-1),
    View(mirrored=True, right=-1),
)


def nearness(known: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return how much a pixel's neighbourhood says about it: 1 beside known pixels, 0 far from all.

    Parameters
    ----------
    known : (B, H, W) float32 in [0, 1], the known share of each pixel

    Returns
    -------
    (B, H, W) float32 in [0, 1]

    Examples
    --------
    >>> nearness(np.eye(1, 32, dtype=np.float32)[None])[0, 0, :5].tolist()
    [1.0, 1.0, 0.6666666865348816, 0.3333333432674408, 0.0]
    """
    side = max(known.shape[1:])
    near = np.zeros(known.shape, np.float32)
    for row, shares in enumerate(known):
        if shares.any():
            distance = ndimage.distance_transform_edt(shares <= 0.0) / side
            near[row] = np.clip((FAR - distance) / (FAR - NEAR), 0.0, 1.0)
    return near


def _move(pictures: Pictures, down: int, right: int, *, edge: bool) -> Pictures:
    """Return pictures moved by whole pixels."""
    height, width = pictures.shape[1:3]
    pad = ((0, 0), (abs(down),) * 2, (abs(right),) * 2, (0, 0))
    padded = np.pad(pictures, pad, mode="edge" if edge else "constant")
    top, left = abs(down) - down, abs(right) - right
    return padded[:, top : top + height, left : left + width]

"""Test-time augmentation of observations: mirrored, and shifted by one pixel.

Beside known pixels there is one right answer, and the mean of several answers is nearer to it than each of them. Far
from known pixels the answers are different faces, and their mean is blurred; there the answer to the observation itself
stands alone.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from completion.blending.distances import distance_to_known

__all__ = ["AUGMENTATIONS", "Augmentation", "nearness"]

#: Distances to the nearest known pixel, as shares of the picture's side, up to which all answers are averaged and from
#: which on only the first one counts.
NEAR, FAR = 1 / 32, 1 / 8

Pictures = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A reflection and a shift.

    Attributes
    ----------
    mirrored : bool
        Exchange left and right.
    down, right : int
        Shift in pixels, after that.
    """

    mirrored: bool = False
    down: int = 0
    right: int = 0

    def apply(self, pictures: Pictures, *, edge: bool) -> Pictures:
        """Return augmented pictures, (B, H, W, C).

        Parameters
        ----------
        pictures : float32 array (B, H, W, C)
        edge : bool
            What is shifted in repeats the border's pixels; otherwise it is 0.
        """
        turned = pictures[:, :, ::-1] if self.mirrored else pictures
        return _shift(turned, self.down, self.right, edge=edge)

    def undo(self, pictures: Pictures) -> tuple[Pictures, npt.NDArray[np.bool_]]:
        """Return augmented pictures as they were before, and which of their pixels are valid.

        Parameters
        ----------
        pictures : float32 array (B, H, W, C)

        Returns
        -------
        pictures : float32 array (B, H, W, C)
        valid : bool array (H, W)
            False where the shift moved pixels out of the picture.
        """
        ones = np.ones((1, *pictures.shape[1:3], 1), np.float32)
        back, valid = (_shift(each, -self.down, -self.right, edge=False) for each in (pictures, ones))
        if self.mirrored:
            back, valid = back[:, :, ::-1], valid[:, :, ::-1]
        return back, valid[0, ..., 0] > 0.0


#: In the order in which they are used; the first changes nothing.
AUGMENTATIONS = (
    Augmentation(),
    Augmentation(mirrored=True),
    Augmentation(right=1),
    Augmentation(mirrored=True, down=1),
    Augmentation(down=1),
    Augmentation(mirrored=True, right=1),
    Augmentation(right=-1),
    Augmentation(mirrored=True, down=-1),
    Augmentation(down=-1),
    Augmentation(mirrored=True, right=-1),
)


def nearness(known: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return how near each pixel is to known ones: 1 beside them, 0 far away.

    Parameters
    ----------
    known : float32 array (B, H, W)
        The share of each pixel that is known, in [0, 1].

    Returns
    -------
    float32 array (B, H, W)
        In [0, 1].

    Examples
    --------
    >>> nearness(np.eye(1, 32, dtype=np.float32)[None])[0, 0, :5].tolist()
    [1.0, 1.0, 0.6666666865348816, 0.3333333432674408, 0.0]
    """
    side = max(known.shape[1:])
    near = np.zeros(known.shape, np.float32)
    for row, shares in enumerate(known):
        if shares.any():
            distance = distance_to_known(shares <= 0.0) / side
            near[row] = np.clip((FAR - distance) / (FAR - NEAR), 0.0, 1.0)
    return near


def _shift(pictures: Pictures, down: int, right: int, *, edge: bool) -> Pictures:
    """Return pictures shifted by whole pixels."""
    height, width = pictures.shape[1:3]
    pad = ((0, 0), (abs(down),) * 2, (abs(right),) * 2, (0, 0))
    padded = np.pad(pictures, pad, mode="edge" if edge else "constant")
    top, left = abs(down) - down, abs(right) - right
    return padded[:, top : top + height, left : left + width]

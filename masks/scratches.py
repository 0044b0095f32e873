"""Scratches, spots and creases of old photographs, suggested by their look: to be looked at before they are filled."""

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from masks._checks import check_real
from masks._scratch_pieces import Pieces, find_pieces
from masks._scratch_weights import LINE_WEIGHTS, SPOT_WEIGHTS, ScoreWeights
from masks.operations import dilate, resize_mask
from masks.table import SURENESS

__all__ = ["suggest_scratches"]

WORK_PIXELS = 1_000_000  # larger pictures are reduced to this
LEAST_SIDE_PX = 16  # in a smaller picture nothing is long
EDGE_PX = 1  # soft edge of a scratch
CLIP = 4.0  # standard deviations

Mask = npt.NDArray[np.bool_]


def suggest_scratches(picture: npt.NDArray[Any], *, sureness: float = SURENESS) -> Mask:
    """Mark what looks like scratches, spots and creases of an old photograph.

    A suggestion to be looked at: whiskers, cables or the frames of glasses look like scratches too, and faint scratches
    are missed. Lines are found by oriented filters: a mean along a line that is brighter, or darker, than those on
    both its sides (compare Steger 1998); spots by a top-hat. Each connected piece is then measured: its length and
    width, its contrast and how that compares with other lines around, its colour, how steady it is along the line,
    and more. A network of one layer of 16 units turns these numbers into a sureness. It was fitted to scratches drawn
    on photographs; `scripts/bench_scratches.py` fits and measures it.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey or RGB; a fourth channel, alpha, is ignored. Pictures of more than a megapixel are looked at in a reduced
        size.
    sureness : float, default 0.9
        Mark pieces from this sureness on, 0 to 1. More marks less.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, True = missing; all False where nothing is found. Contains the scratches' soft edges.

    Raises
    ------
    TypeError
        `picture` is not uint8.
    ValueError
        `picture` has another shape, or `sureness` is out of its range.

    References
    ----------
    C. Steger, "An unbiased detector of curvilinear structures", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 20(2), 1998, doi:10.1109/34.659930

    Examples
    --------
    >>> ramp = np.tile(np.linspace(60, 120, 96).astype(np.uint8), (96, 1))
    >>> bool(suggest_scratches(ramp).any())
    False
    >>> ramp[10:80, 40:42] = 235
    >>> bool(suggest_scratches(ramp, sureness=0.5)[15:75, 40:42].all())
    True
    """
    sureness = check_real("sureness", sureness, minimum=0, maximum=1)
    color = _as_color(picture)
    height, width = color.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return np.zeros((height, width), np.bool_)
    scale = min(1.0, math.sqrt(WORK_PIXELS / (height * width)))
    if scale < 1.0:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        color = np.asarray(cv2.resize(color, size, interpolation=cv2.INTER_AREA), np.uint8)
    mask = mark_sure(find_pieces(color), color.shape[:2], sureness=sureness)
    return mask if scale == 1.0 else dilate(resize_mask(mask, (height, width)), math.ceil(0.5 / scale))


def mark_sure(found: tuple[Pieces, Pieces], shape: tuple[int, int], *, sureness: float) -> Mask:
    """Return the mask, of this shape, of the lines and spots that are sure enough, with their soft edges."""
    mask = np.zeros(shape, np.bool_)
    for pieces, weights in zip(found, (LINE_WEIGHTS, SPOT_WEIGHTS), strict=True):
        sure = score_pieces(pieces, weights) >= sureness
        mask.ravel()[pieces.pixels[sure[pieces.owners]]] = True
    return dilate(mask, EDGE_PX)


def score_pieces(pieces: Pieces, weights: ScoreWeights) -> npt.NDArray[np.float64]:
    """Return how sure it is that each piece is damage, in [0, 1]."""
    inputs = np.clip((pieces.features - weights.means) / weights.spreads, -CLIP, CLIP)  # (N, F)
    units = np.tanh(inputs @ weights.first + weights.first_bias)  # (N, 16)
    return np.asarray(1.0 / (1.0 + np.exp(-(units @ weights.second + weights.second_bias))), np.float64)


def _as_color(picture: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return a picture as uint8 (H, W, 3)."""
    array = np.asarray(picture)
    if array.dtype != np.uint8:
        raise TypeError(f"Expected `picture` of dtype uint8. Received: dtype={array.dtype}")
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.size == 0:
        raise ValueError(
            f"Expected `picture` of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not empty. Received: {array.shape}"
        )
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3]

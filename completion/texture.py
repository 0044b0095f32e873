"""What a completed face of a photograph has that is finer than the model's pixels: its other half's detail, and grain.

Detail is that of the face's other half as far as it agrees with what the model has drawn, see
`completion.blending.mirror`; where it does not, the texture of the known skin is continued, see
`completion.blending.grain`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from completion.blending.grain import grain_like
from completion.blending.holes import Window
from completion.blending.mirror import mirror_detail
from dcgan.faces.alignment import compose_transforms
from dcgan.faces.placement import Placement
from dcgan.pictures.values import to_float

__all__ = ["fine_texture"]

SKIN = 0.8  # grain is taken from this central share of the frame: farther out is background

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]


def fine_texture(
    picture: Picture,
    mask: Mask,
    placement: Placement,
    *,
    filled: Values,
    box: Window,
    own: Mask,
    neutral: Callable[[Values], Values],
    seed: int = 0,
) -> Values | None:
    """Return the fine texture for a box of a photograph.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
    mask : bool array (H, W)
        True = missing; what it hides is not read.
    placement : Placement
        Of the face in the picture.
    filled : float32 array (rows, columns, c)
        The box in [-1, 1], with the model's enlarged picture in the face's part of the hole.
    box : tuple of slice
        Its rows and columns of the picture.
    own : bool array (rows, columns)
        The face's part of the hole.
    neutral : callable
        From the picture's C channels to the c of `filled`; linear.
    seed : int, default 0
        Of the grain.

    Returns
    -------
    float32 array (rows, columns, c), or None
        To be added to `filled`. None where the picture is no finer than the model, or nothing is known.
    """
    frame = placement.window(mask.shape)
    known = ~mask[frame] & (placement.distance(frame) <= SKIN)
    grain = grain_like(picture[frame], known, scale=placement.scale, shape=own.shape, seed=seed)
    texture = None if grain is None else neutral(grain)
    rows, columns = (
        slice(min(side.start, inner.start), max(side.stop, inner.stop)) for side, inner in zip(frame, box, strict=True)
    )
    inside = tuple(
        slice(inner.start - side.start, inner.stop - side.start)
        for side, inner in zip((rows, columns), box, strict=True)
    )
    around = neutral(to_float(picture[rows, columns]))
    around[mask[rows, columns]] = 0.0  # parts of other faces, which are not compared
    around[inside][own] = filled[own]
    moved = np.array([[1.0, 0.0, columns.start], [0.0, 1.0, rows.start]])
    there = Placement(compose_transforms(placement.transform, moved), placement.size)
    mirrored = mirror_detail(127.5 * (around + 1.0), ~mask[rows, columns], there)
    if mirrored is not None:
        detail, weight = (each[inside] for each in mirrored)
        share = (weight * np.float32(min(placement.scale - 1.0, 1.0)))[..., None]
        texture = share * detail + (0.0 if texture is None else np.sqrt(1.0 - share**2) * texture)
    return None if texture is None else texture * np.float32(1.0 / 127.5)

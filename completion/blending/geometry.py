"""Blending by the mask's geometry: a hole is filled harmonically or biharmonically, by its depth.

A hole is a 4-connected part of the mask, and its depth the greatest distance from one of its pixels to the nearest
known pixel. A narrow hole (between dense known pixels, or a thin stroke) is filled with the biharmonic interpolation of
the residual ``original - generated``, a wide one with the harmonic; see `completion.blending.biharmonic`,
`completion.blending.poisson`.

The holes do not disturb each other. The harmonic equation looks no farther than a hole's own neighbours. The biharmonic
one looks two pixels far; narrow holes so near to each other are solved together, as one biharmonic surface, and the
pixels of wide holes are not looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from completion.blending.biharmonic import BiharmonicSolver
from completion.blending.holes import check_mask, hole_window
from completion.blending.poisson import PoissonSolver

__all__ = ["NARROW_PX", "NARROW_SHARE", "GeometrySolver", "geometry_blend", "hole_depths", "split_holes"]

#: A hole is narrow if its depth is at most this part of the picture's longer side, and at most `NARROW_PX`. On faces
#: of 64 and of 128 pixels the depth at which the two ways are equal is about the same part of the side; on photographs
#: of 512 pixels the biharmonic way gains from small discs alone, and nothing from a radius of 8 on: slopes are read off
#: two pixels, and their noise grows with the depth. The tables are in docs/benchmarks.md.
NARROW_SHARE = 1 / 10
NARROW_PX = 10.0


def hole_depths(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the holes, numbered, and the depth of each.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.

    Returns
    -------
    labels : int32 array (H, W)
        0 at known pixels, 1, 2, .. in the holes, which are the 4-connected parts of the mask.
    depths : float64 array (number of holes,)
        Greatest distance in a hole to the nearest known pixel, in pixels, between pixels' centres: at least 1, infinite
        where nothing is known.

    Examples
    --------
    >>> import numpy as np
    >>> labels, depths = hole_depths(np.array([[True, False, True, True, True]]))
    >>> labels.tolist(), depths.tolist()
    ([[1, 0, 2, 2, 2]], [1.0, 3.0])
    """
    check_mask(mask)
    labels = np.empty(mask.shape, np.int32)
    count = int(ndimage.label(mask, output=labels))
    if mask.all():
        return labels, np.full(count, np.inf)
    window = hole_window(mask)  # the nearest known pixel is never outside
    distance = ndimage.distance_transform_edt(mask[window])
    depths = np.zeros(count + 1)
    np.maximum.at(depths, labels[window], distance)
    return labels, depths[1:]


def split_holes(mask: NDArray[np.bool_], *, side_px: int | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell wide holes from narrow ones.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.
    side_px : int, optional
        The longer side of the picture, where the mask is a part cut out of it. By default the mask's own.

    Returns
    -------
    wide, narrow : bool array (H, W)
        Together they are the mask. No pixel of one is a 4-neighbour of the other's.
    """
    labels, depths = hole_depths(mask)
    limit = min(NARROW_SHARE * (side_px or max(mask.shape)), NARROW_PX)
    is_wide = np.concatenate([[False], depths > max(limit, 1.0)])  # a hole one pixel wide is narrow in any picture
    wide = is_wide[labels]
    return wide, mask & ~wide


class GeometrySolver:
    """Blend pictures that share one mask, wide holes harmonically and narrow ones biharmonically.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing. Empty and full masks are allowed.
    side_px : int, optional
        See `split_holes`.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for: all of them, or none where the whole picture is missing.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((32, 32), bool)
    >>> mask[8:24, 8:24] = mask[2, 2] = True  # a wide hole and a narrow one
    >>> original = np.full((32, 32, 1), 0.5, np.float32)
    >>> generated = original - 0.25  # right but for its brightness
    >>> bool(np.allclose(GeometrySolver(mask).blend(generated, original), original))
    True
    """

    def __init__(self, mask: NDArray[np.bool_], *, side_px: int | None = None) -> None:
        wide, narrow = split_holes(mask, side_px=side_px)
        self._solvers: list[PoissonSolver | BiharmonicSolver] = []
        if wide.any() or not narrow.any():  # one of them at least, to check and copy the pictures
            self._solvers.append(PoissonSolver(wide))
        if narrow.any():
            self._solvers.append(BiharmonicSolver(narrow, hidden=wide))
        self.n_unknowns = sum(solver.n_unknowns for solver in self._solvers)

    def blend(
        self, generated: NDArray[np.floating], original: NDArray[np.floating]
    ) -> NDArray[np.floating]:  # (H, W, C) or (B, H, W, C)
        """Fill the holes of each picture; arguments and result as those of `PoissonSolver.blend`."""
        result = original
        for solver in self._solvers:
            result = solver.blend(generated, result)
        return result


def geometry_blend(
    generated: NDArray[np.floating],
    original: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    side_px: int | None = None,
) -> NDArray[np.floating]:
    """Fill the holes with the generated picture, wide ones harmonically and narrow ones biharmonically.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, both in the same one.
    mask : bool array (H, W)
        True = missing; shared by all pictures.
    side_px : int, optional
        See `split_holes`.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `GeometrySolver.blend`; to blend more pictures with the same mask, keep a `GeometrySolver`.
    """
    return GeometrySolver(mask, side_px=side_px).blend(generated, original)

"""Blending by the mask's geometry: the depth of a hole decides between harmonic and biharmonic interpolation.

A hole is a 4-connected component of the mask. Its depth is the greatest distance from one of its pixels to the nearest
known pixel. A narrow hole, for example a thin stroke, adds the biharmonic interpolation of the residual ``original -
generated`` to the generated picture, a wide hole the harmonic one; see `completion.blending.biharmonic` and
`completion.blending.poisson`.

Holes are independent of each other. The harmonic equation reads values at most one pixel away, which are known. The
biharmonic equation reads values up to two pixels away: narrow holes that are so close are solved together, as one
biharmonic surface, and pixels of wide holes are never read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from completion.blending.biharmonic import BiharmonicSolver
from completion.blending.distances import distance_to_known, label_holes
from completion.blending.holes import check_mask, hole_window
from completion.blending.poisson import PoissonSolver

__all__ = ["NARROW_PX", "NARROW_SHARE", "GeometrySolver", "geometry_blend", "hole_depths", "split_holes"]

#: A hole is narrow if its depth is at most this fraction of the picture's longer side, and at most `NARROW_PX`. On
#: faces of 64 and of 128 pixels both methods are equally good at about this fraction of the side. On photographs of 512
#: pixels the biharmonic method is better only for discs of a radius below 8 pixels: it estimates slopes from two
#: pixels, and their noise grows with the depth. The tables are in docs/benchmarks.md.
NARROW_SHARE = 1 / 10
NARROW_PX = 10.0


def hole_depths(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the numbered holes of a mask and their depths.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.

    Returns
    -------
    labels : int32 array (H, W)
        0 at known pixels; 1, 2, .. in the holes, which are the 4-connected components of the mask.
    depths : float64 array (number of holes,)
        Greatest distance in each hole from the centre of a pixel to the centre of the nearest known pixel, in pixels:
        at least 1, infinite if no pixel is known.

    Raises
    ------
    ValueError
        The mask has a wrong shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> labels, depths = hole_depths(np.array([[True, False, True, True, True]]))
    >>> labels.tolist(), depths.tolist()
    ([[1, 0, 2, 2, 2]], [1.0, 3.0])
    """
    check_mask(mask)
    labels, count = label_holes(mask)
    if mask.all():
        return labels, np.full(count, np.inf)
    window = hole_window(mask)  # the nearest known pixel of every missing one lies in this window
    depths = np.zeros(count + 1)
    np.maximum.at(depths, labels[window], distance_to_known(mask[window]))
    return labels, depths[1:]


def split_holes(mask: NDArray[np.bool_], *, side_px: int | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Split a mask into its wide and its narrow holes.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.
    side_px : int, optional
        Longer side of the whole picture in pixels, where the mask is a crop. By default the mask's longer side.

    Returns
    -------
    wide, narrow : bool array (H, W)
        Two parts of the mask. No pixel of one is a 4-neighbour of a pixel of the other.

    Raises
    ------
    ValueError
        The mask has a wrong shape or dtype.
    """
    labels, depths = hole_depths(mask)
    limit = min(NARROW_SHARE * (side_px or max(mask.shape)), NARROW_PX)
    is_wide = np.concatenate([[False], depths > max(limit, 1.0)])  # a hole one pixel deep is narrow in any picture
    wide = is_wide[labels]
    return wide, mask & ~wide


class GeometrySolver:
    """Blend pictures that share one mask: wide holes harmonically, narrow holes biharmonically.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing. Empty and full masks are allowed.
    side_px : int, optional
        See `split_holes`.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for: all of them, or 0 if no pixel is known.

    Raises
    ------
    ValueError
        The mask has a wrong shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((32, 32), bool)
    >>> mask[8:24, 8:24] = mask[2, 2] = True  # a wide hole and a narrow one
    >>> original = np.full((32, 32, 1), 0.5, np.float32)
    >>> generated = original - 0.25  # correct except for the brightness
    >>> bool(np.allclose(GeometrySolver(mask).blend(generated, original), original))
    True
    """

    def __init__(self, mask: NDArray[np.bool_], *, side_px: int | None = None) -> None:
        wide, narrow = split_holes(mask, side_px=side_px)
        self._solvers: list[PoissonSolver | BiharmonicSolver] = []
        if wide.any() or not narrow.any():  # at least one solver, which checks and copies the pictures
            self._solvers.append(PoissonSolver(wide))
        if narrow.any():
            self._solvers.append(BiharmonicSolver(narrow, hidden=wide))
        self.n_unknowns = sum(solver.n_unknowns for solver in self._solvers)

    def blend(
        self, generated: NDArray[np.floating], original: NDArray[np.floating]
    ) -> NDArray[np.floating]:  # (H, W, C) or (B, H, W, C)
        """Fill the holes of each picture; see `PoissonSolver.blend` for the arguments and the result."""
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
    """Fill the holes with the generated picture: wide holes harmonically, narrow holes biharmonically.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, the same for both.
    mask : bool array (H, W)
        True = missing; shared by all pictures.
    side_px : int, optional
        See `split_holes`.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `GeometrySolver.blend`. To blend more pictures with the same mask, keep a `GeometrySolver`.

    Raises
    ------
    ValueError
        An array has a wrong shape or dtype.
    """
    return GeometrySolver(mask, side_px=side_px).blend(generated, original)

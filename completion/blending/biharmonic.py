"""Biharmonic blending: continue the known pixels at the hole's border in value and in slope.

Poisson blending adds to the generated picture the harmonic interpolation of the residual ``original - generated``. It
is continuous at the hole's border, but its slope is not: at a single known pixel within a hole it has a spike.
Biharmonic blending interpolates the residual r such that the sum of (L r)^2 over the picture is minimal, with r fixed
at the known pixels. L is the Laplacian of the picture, (L r)(p) = deg(p) r(p) - sum of r over p's 4-neighbours;
neighbours outside the picture are omitted, which is a reflecting boundary. In the hole r solves the biharmonic equation
(L^T L r)(p) = 0, which reads known values up to two pixels away. `skimage.restoration.inpaint_biharmonic` solves the
same equation, with the same boundary; this module assembles it from sparse products and factorises it once for all
pictures that share a mask.

Between dense known pixels the result is closer to the truth than harmonic interpolation; across a large hole it
extrapolates the slopes at the border too far. `completion.blending.geometry` chooses between the two.

The matrix of a hole of at most `DIRECT_LIMIT` pixels is factorised; a larger hole is solved by conjugate gradients,
preconditioned by two multigrid cycles of the Laplacian. They take 20 to 70 iterations; time and memory are linear in
the number of missing pixels. The blended picture is then within 2e-4 of the exact one, relative to the largest absolute
residual.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from completion.blending.distances import with_neighbours
from completion.blending.holes import check_mask, check_pictures, fill_hole, hole_window
from completion.blending.poisson import laplace_equation
from completion.blending.solvers import ConjugateGradients, Factors, Multigrid

__all__ = ["DIRECT_LIMIT", "BiharmonicSolver", "biharmonic_blend"]

#: Largest hole, in pixels, that is factorised; larger ones are solved iteratively. It is smaller than for the Poisson
#: equation, because the factors grow faster with the hole.
DIRECT_LIMIT = 16_384


class BiharmonicSolver:
    """Blend pictures that share one mask; everything that depends on the mask alone is computed once.

    Parameters
    ----------
    mask : bool array (H, W)
        Pixels to be filled, True = missing. Empty and full masks are allowed.
    hidden : bool array (H, W), optional
        True = missing as well, but filled elsewhere: these values are never read. No such pixel may be a 4-neighbour of
        a pixel of `mask`. By default none.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for: all of them, or 0 if no pixel is known.

    Raises
    ------
    ValueError
        The mask has a wrong shape or dtype.

    Notes
    -----
    A solver keeps up to 2 kB for each missing pixel of a factorised hole, and about 0.4 kB of a larger one; preparing
    it and solving temporarily take the same amount again.

    References
    ----------
    .. [1] S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic functions: numerical
       aspects", 2018. :DOI:`10.1155/2018/3950312`

    Examples
    --------
    A plane is reproduced exactly.

    >>> import numpy as np
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[2:6, 2:6] = True
    >>> y, x = np.mgrid[:8, :8]
    >>> original = (0.1 * x - 0.2 * y)[..., np.newaxis]
    >>> bool(np.allclose(BiharmonicSolver(mask).blend(np.zeros((8, 8, 1)), original), original))
    True
    """

    def __init__(
        self, mask: NDArray[np.bool_], hidden: NDArray[np.bool_] | None = None, *, _direct_limit: int = DIRECT_LIMIT
    ) -> None:
        check_mask(mask)
        self._shape = mask.shape
        self._window = hole_window(mask, reach=2)
        self._hole = mask[self._window].copy()
        hidden_part = np.zeros_like(self._hole) if hidden is None else hidden[self._window]
        self.n_unknowns = 0 if mask.all() else int(np.count_nonzero(mask))
        self._ring = np.zeros_like(self._hole)
        if self.n_unknowns:
            matrix, self._ring_to_hole, self._ring = _biharmonic_equation(self._hole, hidden_part)
            direct = self.n_unknowns <= _direct_limit
            self._linear_solver = Factors(matrix) if direct else _iterative_solver(matrix, self._hole)

    def blend(
        self, generated: NDArray[np.floating], original: NDArray[np.floating]
    ) -> NDArray[np.floating]:  # (H, W, C) or (B, H, W, C)
        """Fill the hole of each picture with the generated one, without a seam.

        Parameters
        ----------
        generated, original : float array (H, W, C) or (B, H, W, C)
            Pictures in any range, the same for both. The original's missing pixels are never read.

        Returns
        -------
        float array of the same shape and of `original`'s dtype
            Known pixels are copies of the original's. Missing pixels may leave the range of the two pictures, farther
            than with Poisson blending: clip them where this matters. If no pixel is known, the generated picture.

        Raises
        ------
        ValueError
            An array has a wrong shape or dtype.
        """
        check_pictures(generated, original, self._shape)
        return fill_hole(generated, original, window=self._window, hole=self._hole, ring=self._ring, solve=self._solve)

    def _solve(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the residual in the hole, (N, C), from the residual on the ring, (K, C)."""
        return self._linear_solver.solve(self._ring_to_hole @ residual)


def biharmonic_blend(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture; continue the known pixels in value and in slope.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, the same for both.
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `BiharmonicSolver.blend`. To blend more pictures with the same mask, keep a `BiharmonicSolver`.

    Raises
    ------
    ValueError
        An array has a wrong shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([[False, False, True, True, False, False]])
    >>> original = np.array([0.0, 1.0, 9.0, 9.0, 1.0, 0.0]).reshape(1, 6, 1)
    >>> biharmonic_blend(np.zeros((1, 6, 1)), original, mask).ravel().round(6).tolist()
    [0.0, 1.0, 1.5, 1.5, 1.0, 0.0]
    """
    return BiharmonicSolver(mask).blend(generated, original)


def _biharmonic_equation(
    hole: NDArray[np.bool_], hidden: NDArray[np.bool_]
) -> tuple[sparse.csr_array, sparse.csr_array, NDArray[np.bool_]]:  # (N, N), (N, K), the K known pixels
    """Return the matrix of the hole's equation, the map from the ring to its right-hand side, and the ring.

    Both masks are windows with a margin of two pixels around the hole, or less at the border of the picture. A pixel
    whose Laplacian reads a hidden pixel is omitted from the sum of squares. This never concerns a pixel of the hole, so
    the matrix stays positive definite.
    """
    rows = with_neighbours(hole) & ~with_neighbours(hidden)  # the summands (L r)(p)^2
    ring = with_neighbours(rows) & ~hole  # the known pixels that they read
    # L at the pixels of `rows`: its columns for these pixels, and for the pixels around them.
    around = with_neighbours(rows) & ~rows
    inner, minus_outer = laplace_equation(rows, around)
    hole_columns = inner[:, np.flatnonzero(hole[rows])]
    known_in_rows = ring[rows]
    ring_columns = sparse.hstack([inner[:, np.flatnonzero(known_in_rows)], -minus_outer], format="csr")
    # Sort the columns by the pixel's position in the picture.
    positions = np.concatenate([np.flatnonzero(ring & rows), np.flatnonzero(around)])
    ring_columns = ring_columns[:, np.argsort(positions)]
    transposed = hole_columns.T.tocsr()
    return (transposed @ hole_columns).tocsr(), (-(transposed @ ring_columns)).tocsr(), ring


def _iterative_solver(matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> ConjugateGradients:
    """Return the linear solver for a large hole."""
    ring = with_neighbours(hole) & ~hole
    multigrid = Multigrid(laplace_equation(hole, ring)[0], hole)
    return ConjugateGradients(matrix, lambda rhs: multigrid.cycle(multigrid.cycle(rhs)))

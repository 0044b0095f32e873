"""Biharmonic blending: meet the known pixels at the hole's border in value and in slope.

Poisson blending adds to the generated picture the harmonic interpolation of the residual ``original - generated``. Its
values meet at the hole's border, its slopes do not: at a single known pixel within a hole it has a spike. Here the
residual r is interpolated so that the sum of (L r)^2 over the picture is least, with r given at the known pixels. L is
the picture's Laplacian, (L r)(p) = deg(p) r(p) - sum of r over p's 4-neighbours; pixels beyond the picture's border are
left out, as if the picture were reflected there. In the hole r solves the biharmonic equation (L^T L r)(p) = 0, whose
known values lie up to two pixels away. `skimage.restoration.inpaint_biharmonic` solves the same equation, at the
border as well; ours is assembled from sparse products, and factorised once for all pictures that share a mask.

Where known pixels are dense this comes closer to the truth than harmonic interpolation; across a large hole it carries
the border's slopes too far. `completion.blending.geometry` chooses between the two.

A hole of at most `DIRECT_LIMIT` pixels is factorised, a larger one is solved by conjugate gradients. Their
preconditioner is the Laplacian's multigrid cycle, twice: it takes 20 to 70 iterations, in time and memory linear in the
number of missing pixels. The blended picture is then within 2e-4 of the exact one, in units of the residual's largest
value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from completion.blending.holes import check_mask, check_pictures, fill_hole, hole_window
from completion.blending.poisson import laplace_equation
from completion.blending.solvers import ConjugateGradients, Factors, Multigrid

__all__ = ["DIRECT_LIMIT", "BiharmonicSolver", "biharmonic_blend"]

#: Holes of more pixels than this are solved iteratively; the factors of the biharmonic equation grow faster with the
#: hole than those of Poisson's.
DIRECT_LIMIT = 16_384


class BiharmonicSolver:
    """Blend pictures that share one mask; whatever depends on the mask alone is computed once.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing, and to be filled. Empty and full masks are allowed.
    hidden : bool array (H, W), optional
        True = missing too, but filled by somebody else: not looked at. No such pixel may be a 4-neighbour of `mask`'s.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for: all of them, or none where the whole picture is missing.

    Notes
    -----
    A solver keeps up to 2 kB for each missing pixel up to `DIRECT_LIMIT` of them, and about 0.4 kB above; preparing and
    solving take as much again for a while.

    References
    ----------
    .. [1] S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic functions: numerical
       aspects", 2018. :DOI:`10.1155/2018/3950312`

    Examples
    --------
    A plane is continued as a plane.

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
        others = np.zeros_like(self._hole) if hidden is None else hidden[self._window]
        self.n_unknowns = 0 if mask.all() else int(np.count_nonzero(mask))
        self._ring = np.zeros_like(self._hole)
        if self.n_unknowns:
            matrix, self._ring_to_hole, self._ring = _biharmonic_equation(self._hole, others)
            direct = self.n_unknowns <= _direct_limit
            self._solver = Factors(matrix) if direct else _iterative(matrix, self._hole)

    def blend(
        self, generated: NDArray[np.floating], original: NDArray[np.floating]
    ) -> NDArray[np.floating]:  # (H, W, C) or (B, H, W, C)
        """Fill the hole of each picture, seamlessly, with the generated one.

        Parameters
        ----------
        generated, original : float array (H, W, C) or (B, H, W, C)
            Pictures in any range, both in the same one. The original's missing pixels are not looked at.

        Returns
        -------
        float array of the same shape and of `original`'s dtype
            Known pixels are copies of the original's. The others may leave the range of the two pictures, farther than
            with Poisson blending: clip them where this matters. Where nothing is known the generated picture is
            returned.
        """
        check_pictures(generated, original, self._shape)
        return fill_hole(generated, original, window=self._window, hole=self._hole, ring=self._ring, solve=self._solve)

    def _solve(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the hole's residual (N, C) for the ring's (K, C)."""
        return self._solver.solve(self._ring_to_hole @ residual)


def biharmonic_blend(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture, continuing the known pixels' values and slopes.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, both in the same one.
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `BiharmonicSolver.blend`; to blend more pictures with the same mask, keep a `BiharmonicSolver`.

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
    """Return the hole's equation, the matrix that turns the ring's values into its right-hand side, and that ring.

    Both arrays are of a window two pixels wider than the hole, less only where the picture ends. Where L would touch a
    hidden pixel its row is left out of the sum of squares; the rows of the hole's own pixels are never left out, so the
    matrix stays positive definite.
    """
    rows = ndimage.binary_dilation(hole) & ~ndimage.binary_dilation(hidden)  # where L r is made small
    ring = ndimage.binary_dilation(rows) & ~hole  # the known pixels that L r touches
    # The rows' equation, L r = 0 with r unknown in rows: its own columns and those of the pixels around.
    around = ndimage.binary_dilation(rows) & ~rows
    inner, minus_outer = laplace_equation(rows, around)
    hole_columns = inner[:, np.flatnonzero(hole[rows])]
    known_in_rows = ring[rows]
    ring_columns = sparse.hstack([inner[:, np.flatnonzero(known_in_rows)], -minus_outer], format="csr")
    # The columns in the picture's order.
    place = np.concatenate([np.flatnonzero(ring & rows), np.flatnonzero(around)])
    ring_columns = ring_columns[:, np.argsort(place)]
    transposed = hole_columns.T.tocsr()
    return (transposed @ hole_columns).tocsr(), (-(transposed @ ring_columns)).tocsr(), ring


def _iterative(matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> ConjugateGradients:
    """Return the solver of a large hole's equation."""
    ring = ndimage.binary_dilation(hole) & ~hole
    multigrid = Multigrid(laplace_equation(hole, ring)[0], hole)
    return ConjugateGradients(matrix, lambda rhs: multigrid.cycle(multigrid.cycle(rhs)))

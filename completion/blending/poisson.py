"""Poisson blending: keep the generated picture's gradients, meet the known pixels at the hole's border.

Poisson blending asks, in the hole, for the picture whose differences between 4-neighbours are those of the generated
picture, with the known pixels as Dirichlet boundary. Written for the residual r = result - generated, the gradients
drop out: r is the discrete harmonic function that equals ``original - generated`` at the known pixels around the hole,

    deg(p) r(p) - sum of r(q) over the hole's neighbours q of p = sum of (original - generated)(q) over the known ones,

where deg(p) counts the neighbours that exist: pixels beyond the picture's border do not, which is the natural (Neumann)
condition there. The left-hand side, a sparse symmetric positive definite matrix, depends on the mask alone.

Two ways lead to r. A hole of at most `DIRECT_LIMIT` pixels is factorised (SuperLU): exact, and each further picture
with the same mask costs two triangular solves. The factors grow faster than the hole, so a larger hole is solved by
conjugate gradients, preconditioned by one multigrid V-cycle. It takes up to 9 iterations, whatever the hole's size and
shape, and time and memory are linear in the number of missing pixels. The blended picture is then within 5e-6 of the
exact one, in units of the largest difference along the hole's border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from completion.blending.holes import check_mask, check_pictures, fill_hole, hole_window
from completion.blending.solvers import ConjugateGradients, Factors, Multigrid, row_starts

__all__ = ["DIRECT_LIMIT", "PoissonSolver", "laplace_equation", "poisson_blend"]

#: Holes of more pixels than this are solved iteratively. At this size the first picture takes up to twice as long
#: directly as iteratively, each further one an eighth to a quarter; well above, the factors take too much memory.
DIRECT_LIMIT = 32_768


class PoissonSolver:
    """Blend pictures that share one mask; whatever depends on the mask alone is computed once.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing. Empty and full masks are allowed.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for: all of them, or none where the whole picture is missing.

    Notes
    -----
    A solver keeps up to 0.6 kB for each missing pixel up to `DIRECT_LIMIT` of them, and about 0.16 kB above;
    preparing and solving take as much again for a while.

    References
    ----------
    .. [1] P. Perez, M. Gangnet, A. Blake, "Poisson image editing", 2003. :DOI:`10.1145/882262.882269`
    .. [2] R. Yeh et al., "Semantic image inpainting with deep generative models", 2017, eq. 6. :arXiv:`1607.07539`
    .. [3] O. Tatebe, "The multigrid preconditioned conjugate gradient method", 1993.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[2:6, 2:6] = True
    >>> original = np.full((8, 8, 1), 0.5, np.float32)
    >>> generated = original - 0.25  # right but for its brightness
    >>> bool(np.allclose(PoissonSolver(mask).blend(generated, original), original))
    True
    """

    def __init__(self, mask: NDArray[np.bool_], *, _direct_limit: int = DIRECT_LIMIT) -> None:
        check_mask(mask)
        self._shape = mask.shape
        self._window = hole_window(mask)
        self._hole = mask[self._window].copy()
        # The picture's pixels are connected, so a part of the hole without a known neighbour is the whole picture.
        self.n_unknowns = 0 if mask.all() else int(np.count_nonzero(mask))
        self._ring = np.zeros_like(self._hole)
        if self.n_unknowns:
            self._ring = ndimage.binary_dilation(self._hole) & ~self._hole
            matrix, self._ring_to_hole = laplace_equation(self._hole, self._ring)
            self._solver = Factors(matrix) if self.n_unknowns <= _direct_limit else _iterative(matrix, self._hole)

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
            Known pixels are copies of the original's. The others may leave the range of the two pictures: clip them
            where this matters. Where nothing is known the generated picture is returned.
        """
        check_pictures(generated, original, self._shape)
        return fill_hole(generated, original, window=self._window, hole=self._hole, ring=self._ring, solve=self._solve)

    def _solve(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the hole's residual (N, C) for the ring's (K, C)."""
        return self._solver.solve(self._ring_to_hole @ residual)


def poisson_blend(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture's gradients, continuing the known pixels without a seam.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, both in the same one.
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `PoissonSolver.blend`; to blend more pictures with the same mask, keep a `PoissonSolver`.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([[False, True, True, False]])
    >>> original = np.array([0.0, 9.0, 9.0, 3.0]).reshape(1, 4, 1)
    >>> poisson_blend(np.zeros((1, 4, 1)), original, mask).ravel().round(6).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    return PoissonSolver(mask).blend(generated, original)


def _iterative(matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> ConjugateGradients:
    """Return the solver of a large hole's Laplacian."""
    return ConjugateGradients(matrix, Multigrid(matrix, hole).cycle)


def laplace_equation(
    hole: NDArray[np.bool_], ring: NDArray[np.bool_]
) -> tuple[sparse.csr_array, sparse.csr_array]:  # (N, N), (N, K)
    """Return the hole's Laplacian, and the matrix that turns the ring's values into its right-hand side."""
    n_hole, n_ring = int(np.count_nonzero(hole)), int(np.count_nonzero(ring))
    # One number for each pixel: 0, 1, .. in the hole, -2, -3, .. in the ring, and -1 beyond the picture.
    numbers = np.full((hole.shape[0] + 2, hole.shape[1] + 2), -1, np.int32)
    inner = numbers[1:-1, 1:-1]
    inner[hole] = np.arange(n_hole, dtype=np.int32)
    inner[ring] = -2 - np.arange(n_ring, dtype=np.int32)

    height, width = hole.shape
    near = np.empty((n_hole, 5), np.int32)  # above, left, itself, right, below: ascending, as a CSR row wants it
    for k, (dy, dx) in enumerate([(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)]):
        near[:, k] = numbers[dy : dy + height, dx : dx + width][hole]

    in_hole, in_ring = near >= 0, near <= -2
    starts = row_starts(in_hole)
    values = np.full(starts[-1], -1.0)
    diagonal = starts[:-1] + in_hole[:, :2].sum(axis=1)
    values[diagonal] = (near != -1).sum(axis=1) - 1
    matrix = sparse.csr_array((values, near[in_hole], starts), shape=(n_hole, n_hole))

    columns = -2 - near[in_ring]
    ring_to_hole = sparse.csr_array((np.ones(columns.size), columns, row_starts(in_ring)), shape=(n_hole, n_ring))
    return matrix, ring_to_hole

"""Poisson blending: keep the generated picture's gradients, continue the known pixels at the hole's border.

In the hole, the differences between 4-neighbours of the result approximate those of the generated picture, in the least
squares sense, with the known pixels as Dirichlet boundary. For the residual r = result - generated the gradients
cancel: r is the discrete harmonic function that equals ``original - generated`` at the known pixels around the hole,

    deg(p) r(p) - sum of r(q) over the hole's neighbours q of p = sum of (original - generated)(q) over the known ones,

where deg(p) counts the neighbours inside the picture, which is a natural (Neumann) condition at the picture's border.
The matrix of the left-hand side is sparse, symmetric and positive definite, and depends on the mask alone.

The matrix of a hole of at most `DIRECT_LIMIT` pixels is factorised (SuperLU): the solution is exact, and each further
picture with the same mask costs two triangular solves. The factors grow faster than the hole, so a larger hole is
solved by conjugate gradients, preconditioned by one multigrid V-cycle. They take at most 9 iterations for holes of any
size and shape; time and memory are linear in the number of missing pixels. The blended picture is then within 5e-6 of
the exact one, relative to the largest absolute residual along the hole's border.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from completion.blending.distances import with_neighbours
from completion.blending.holes import check_mask, check_pictures, fill_hole, hole_window
from completion.blending.solvers import ConjugateGradients, Factors, Multigrid, row_starts

__all__ = ["DIRECT_LIMIT", "PoissonSolver", "laplace_equation", "poisson_blend"]

#: Largest hole, in pixels, that is factorised; larger ones are solved iteratively. At this size a factorisation takes
#: up to twice as long as the iteration for the first picture, and an eighth to a quarter as long for each further one;
#: for much larger holes the factors take too much memory.
DIRECT_LIMIT = 32_768


class PoissonSolver:
    """Blend pictures that share one mask; everything that depends on the mask alone is computed once.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing. Empty and full masks are allowed.

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
    A solver keeps up to 0.6 kB for each missing pixel of a factorised hole, and about 0.16 kB of a larger one;
    preparing it and solving temporarily take the same amount again.

    References
    ----------
    .. [1] P. Perez, M. Gangnet, A. Blake, "Poisson image editing", 2003. :DOI:`10.1145/882262.882269`
    .. [2] R. Yeh et al., "Semantic image inpainting with deep generative models", 2017, inpainting. :arXiv:`1607.07539`
    .. [3] O. Tatebe, "The multigrid preconditioned conjugate gradient method", 1993.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((8, 8), bool)
    >>> mask[2:6, 2:6] = True
    >>> original = np.full((8, 8, 1), 0.5, np.float32)
    >>> generated = original - 0.25  # correct except for the brightness
    >>> bool(np.allclose(PoissonSolver(mask).blend(generated, original), original))
    True
    """

    def __init__(self, mask: NDArray[np.bool_], *, _direct_limit: int = DIRECT_LIMIT) -> None:
        check_mask(mask)
        self._shape = mask.shape
        self._window = hole_window(mask)
        self._hole = mask[self._window].copy()
        # The picture is connected, so only a hole that is the whole picture has no known neighbour.
        self.n_unknowns = 0 if mask.all() else int(np.count_nonzero(mask))
        self._ring = np.zeros_like(self._hole)
        if self.n_unknowns:
            self._ring = with_neighbours(self._hole) & ~self._hole
            matrix, self._ring_to_hole = laplace_equation(self._hole, self._ring)
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
            Known pixels are copies of the original's. Missing pixels may leave the range of the two pictures: clip them
            where this matters. If no pixel is known, the generated picture.

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


def poisson_blend(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture's gradients; continue the known pixels without a seam.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, the same for both.
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        See `PoissonSolver.blend`. To blend more pictures with the same mask, keep a `PoissonSolver`.

    Raises
    ------
    ValueError
        An array has a wrong shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.array([[False, True, True, False]])
    >>> original = np.array([0.0, 9.0, 9.0, 3.0]).reshape(1, 4, 1)
    >>> poisson_blend(np.zeros((1, 4, 1)), original, mask).ravel().round(6).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    return PoissonSolver(mask).blend(generated, original)


def _iterative_solver(matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> ConjugateGradients:
    """Return the linear solver for a large hole."""
    return ConjugateGradients(matrix, Multigrid(matrix, hole).cycle)


def laplace_equation(
    hole: NDArray[np.bool_], ring: NDArray[np.bool_]
) -> tuple[sparse.csr_array, sparse.csr_array]:  # (N, N), (N, K)
    """Return the Laplacian of the N pixels of a hole, and the map from its K ring pixels to the right-hand side.

    Parameters
    ----------
    hole : bool array (H, W)
        The pixels whose values are unknown.
    ring : bool array (H, W)
        The known 4-neighbours of the hole.

    Returns
    -------
    matrix : sparse array (N, N)
        The Laplacian between pixels of the hole, in row-major order.
    ring_to_hole : sparse array (N, K)
        Sums the ring's values over the neighbours of each pixel of the hole.
    """
    n_hole, n_ring = int(np.count_nonzero(hole)), int(np.count_nonzero(ring))
    # Number the pixels: 0, 1, .. in the hole, -2, -3, .. in the ring, and -1 outside the picture.
    numbers = np.full((hole.shape[0] + 2, hole.shape[1] + 2), -1, np.int32)
    inner = numbers[1:-1, 1:-1]
    inner[hole] = np.arange(n_hole, dtype=np.int32)
    inner[ring] = -2 - np.arange(n_ring, dtype=np.int32)

    height, width = hole.shape
    near = np.empty((n_hole, 5), np.int32)  # above, left, itself, right, below: ascending column numbers, for CSR
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

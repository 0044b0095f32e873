"""Linear algebra for holes: a factorisation for small ones, preconditioned conjugate gradients for large ones.

All matrices are sparse, symmetric and positive definite, with a row for each missing pixel in the picture's order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

__all__ = ["ConjugateGradients", "Factors", "Multigrid", "row_starts"]

#: Relative error, in the preconditioned norm of the residual, at which the iteration stops.
TOLERANCE = 1e-6

MAX_ITERATIONS = (
    500  # a guard against an endless loop; up to 9 are needed for Poisson's equation, 70 for the biharmonic
)
COARSEST_LIMIT = 500  # unknowns that multigrid leaves to a factorisation


def row_starts(kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the CSR row pointer of a matrix with `kept` entries in each row."""
    starts = np.zeros(kept.shape[0] + 1, np.int32)
    np.cumsum(kept.sum(axis=1), out=starts[1:])
    return starts


class Factors:
    """A factorised symmetric positive definite matrix."""

    def __init__(self, matrix: sparse.csr_array) -> None:
        # The ordering and the options for symmetric matrices: half the fill of the defaults, no pivoting.
        self._factors = splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the solution for each column of `rhs`, (N,) or (N, C)."""
        return self._factors.solve(rhs)


class Multigrid:
    """One V-cycle for the hole's Laplacian: an approximate inverse, linear, symmetric and positive definite.

    Interpolation is bilinear, from every second pixel; the coarse matrices are Galerkin's, so that a hole of any shape
    is represented; smoothing is damped Jacobi. Time and memory are linear in the number of missing pixels.

    Parameters
    ----------
    matrix : sparse (N, N)
        The hole's Laplacian, see `completion.blending.poisson.laplace_equation`.
    hole : bool array (H, W)
        True at the N missing pixels.
    """

    def __init__(self, matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> None:
        self._levels = []
        places: tuple[NDArray[np.integer], ...] = np.nonzero(hole)
        shape: tuple[int, ...] = hole.shape
        while matrix.shape[0] > COARSEST_LIMIT:
            interpolation, places, shape = _interpolation(places, shape)
            self._levels.append((matrix, _smoothing_weights(matrix), interpolation))
            matrix = interpolation.T.tocsr() @ (matrix @ interpolation)
        # Where the hole is scattered, coarse places outnumber the missing pixels and the coarse matrix is singular.
        shift = sparse.diags_array(1e-8 * matrix.diagonal())
        self._coarsest = Factors((matrix + shift).tocsr())

    def cycle(self, rhs: NDArray[np.float64], level: int = 0) -> NDArray[np.float64]:  # (N,)
        """Return an approximate solution."""
        if level == len(self._levels):
            return self._coarsest.solve(rhs)
        matrix, damped_inverse, interpolation = self._levels[level]
        solution = damped_inverse * rhs
        coarse = self.cycle(interpolation.T @ (rhs - matrix @ solution), level + 1)
        solution += interpolation @ coarse
        solution += damped_inverse * (rhs - matrix @ solution)
        return solution


class ConjugateGradients:
    """Conjugate gradients for one matrix.

    Parameters
    ----------
    matrix : sparse (N, N)
    precondition : called with (N,)
        An approximate inverse of the matrix, linear, symmetric and positive definite.
    """

    def __init__(
        self, matrix: sparse.csr_array, precondition: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    ) -> None:
        self._matrix, self._precondition = matrix, precondition

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the solution for each column of `rhs`, (N, C), to `TOLERANCE`; each is solved on its own."""
        solutions = np.empty_like(rhs)
        for c in range(rhs.shape[1]):
            solutions[:, c] = self._solve_column(rhs[:, c])
        return solutions

    def _solve_column(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:  # (N,)
        residual = rhs.copy()
        solution = np.zeros_like(residual)
        direction = preconditioned = self._precondition(residual)
        error = np.vdot(residual, preconditioned)
        target = TOLERANCE**2 * error
        for _ in range(MAX_ITERATIONS):
            if not error > target:
                break
            image = self._matrix @ direction
            step = error / np.vdot(direction, image)
            solution += step * direction
            residual -= step * image
            preconditioned = self._precondition(residual)
            previous, error = error, np.vdot(residual, preconditioned)
            direction = preconditioned + (error / previous) * direction
        return solution


def _smoothing_weights(matrix: sparse.csr_array) -> NDArray[np.float64]:
    """Return the weights of damped Jacobi smoothing: 0.8 / diagonal within the hole, and stable for any matrix."""
    # By Gershgorin's theorem no eigenvalue of the weighted matrix exceeds 1.6; smoothing would diverge from 2 on.
    return 1.0 / np.maximum(abs(matrix).sum(axis=1) / 1.6, matrix.diagonal())


def _interpolation(
    places: tuple[NDArray[np.integer], ...], shape: tuple[int, ...]
) -> tuple[sparse.csr_array, tuple[NDArray[np.integer], ...], tuple[int, ...]]:
    """Return bilinear interpolation to `places` of a grid from every second place, those places, and their grid."""
    ys, xs = places
    coarse_shape = (shape[0] // 2 + 1, shape[1] // 2 + 1)
    # An even coordinate has one coarse neighbour, an odd one two, so a place has 1, 2 or 4, which count alike.
    columns = np.empty((len(ys), 4), np.int32)
    used = np.empty((len(ys), 4), np.bool_)
    for k, (dy, dx) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        columns[:, k] = (ys // 2 + dy) * coarse_shape[1] + xs // 2 + dx
        used[:, k] = (ys % 2 >= dy) & (xs % 2 >= dx)
    columns = columns[used]
    counts = used.sum(axis=1)

    present = np.zeros(coarse_shape, np.bool_)
    present.flat[columns] = True
    n_coarse = int(np.count_nonzero(present))
    numbers = np.empty(coarse_shape, np.int32)
    numbers[present] = np.arange(n_coarse, dtype=np.int32)
    weights = np.repeat(1.0 / counts, counts)
    matrix = sparse.csr_array((weights, numbers.flat[columns], row_starts(used)), shape=(len(ys), n_coarse))
    return matrix, np.nonzero(present), coarse_shape

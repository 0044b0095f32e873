"""Linear solvers: a factorisation for small holes, preconditioned conjugate gradients for large ones.

All matrices are sparse, symmetric and positive definite, with one row for each missing pixel in row-major order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from dcgan.errors import CompletionError

__all__ = ["ConjugateGradients", "Factors", "Multigrid", "row_starts"]

#: The iteration stops at this relative error, in the preconditioned norm of the residual.
TOLERANCE = 1e-6
#: Guard against an endless loop. The Poisson equation takes at most 9 iterations, the biharmonic one 70.
MAX_ITERATIONS = 500
#: Relative error, in the same norm, that is accepted after so many steps; more is an error. `bench_tolerance.py`
#: measures it: at 1e-5 the solution is right to 0.2 of a grey level where known pixels surround the hole, to 2.3 where
#: a corner alone is known. At 1e-4 the biharmonic equation errs by up to 8 grey levels, at 1e-3 by up to 70.
TOLERANCE_AT_LAST = 1e-5
#: Maximum number of unknowns on the coarsest level of multigrid, which is factorised.
COARSEST_LIMIT = 500


def row_starts(kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the CSR row pointer of a matrix from a bool array (rows, candidates), True at the entries that it has."""
    starts = np.zeros(kept.shape[0] + 1, np.int32)
    np.cumsum(kept.sum(axis=1), out=starts[1:])
    return starts


class Factors:
    """A factorised symmetric positive definite matrix.

    Parameters
    ----------
    matrix : sparse array (N, N)
        The matrix.
    """

    def __init__(self, matrix: sparse.csr_array) -> None:
        # Ordering and options for symmetric matrices: half the fill-in of the defaults, no pivoting.
        self._factors = splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the solution for each column of `rhs`, (N,) or (N, C)."""
        return self._factors.solve(rhs)


class Multigrid:
    """A multigrid V-cycle for the Laplacian of a hole: a linear, symmetric, positive definite approximate inverse.

    Interpolation is bilinear, from every second pixel. The coarse matrices are Galerkin products, which represent a
    hole of any shape. Smoothing is damped Jacobi. Time and memory are linear in the number of missing pixels.

    Parameters
    ----------
    matrix : sparse array (N, N)
        The Laplacian of the hole, see `completion.blending.poisson.laplace_equation`.
    hole : bool array (H, W)
        True at the N missing pixels.
    """

    def __init__(self, matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> None:
        self._levels = []
        points: tuple[NDArray[np.integer], ...] = np.nonzero(hole)
        shape: tuple[int, ...] = hole.shape
        while matrix.shape[0] > COARSEST_LIMIT:
            interpolation, points, shape = _interpolation(points, shape)
            self._levels.append((matrix, _smoothing_weights(matrix), interpolation))
            matrix = interpolation.T.tocsr() @ (matrix @ interpolation)
        # Where the missing pixels are scattered, there are more coarse points than pixels, and the coarse matrix is
        # singular.
        shift = sparse.diags_array(1e-8 * matrix.diagonal())
        self._coarsest = Factors((matrix + shift).tocsr())

    def cycle(self, rhs: NDArray[np.float64], level: int = 0) -> NDArray[np.float64]:  # (N,)
        """Return an approximate solution for one right-hand side, (N,), on a level of the hierarchy."""
        if level == len(self._levels):
            return self._coarsest.solve(rhs)
        matrix, damped_inverse, interpolation = self._levels[level]
        solution = damped_inverse * rhs
        coarse = self.cycle(interpolation.T @ (rhs - matrix @ solution), level + 1)
        solution += interpolation @ coarse
        solution += damped_inverse * (rhs - matrix @ solution)
        return solution


class ConjugateGradients:
    """Preconditioned conjugate gradients for one matrix.

    Parameters
    ----------
    matrix : sparse array (N, N)
        A symmetric positive definite matrix.
    precondition : callable
        Called with a vector (N,); applies a linear, symmetric, positive definite approximate inverse of the matrix.
    """

    def __init__(
        self, matrix: sparse.csr_array, precondition: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    ) -> None:
        self._matrix, self._precondition = matrix, precondition

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the solution for each column of `rhs`, (N, C), to `TOLERANCE`; columns are solved separately.

        Raises
        ------
        CompletionError
            The iteration does not converge.
        """
        solutions = np.empty_like(rhs)
        for c in range(rhs.shape[1]):
            solutions[:, c] = self._solve_column(rhs[:, c])
        return solutions

    def _solve_column(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:  # (N,)
        residual = rhs.copy()
        solution = np.zeros_like(residual)
        direction = preconditioned = self._precondition(residual)
        first = error = np.vdot(residual, preconditioned)
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
        if not error <= max(TOLERANCE_AT_LAST**2 * first, target):  # also where it is no number
            raise CompletionError(
                f"the equation over its hole of {len(rhs)} pixels was not solved in {MAX_ITERATIONS} steps; "
                "a method or --blend without an equation can fill it: telea, ns, feather, none"
            )
        return solution


def _smoothing_weights(matrix: sparse.csr_array) -> NDArray[np.float64]:
    """Return the weights of damped Jacobi smoothing: 0.8 / diagonal within the hole, and stable for any matrix."""
    # By Gershgorin's theorem no eigenvalue of the weighted matrix exceeds 1.6; smoothing diverges from 2 on.
    return 1.0 / np.maximum(abs(matrix).sum(axis=1) / 1.6, matrix.diagonal())


def _interpolation(
    points: tuple[NDArray[np.integer], ...], shape: tuple[int, ...]
) -> tuple[sparse.csr_array, tuple[NDArray[np.integer], ...], tuple[int, ...]]:
    """Return the matrix that interpolates from the coarse grid to `points`, the coarse points and the coarse shape.

    Points are coordinates (ys, xs) on a grid of `shape`; the coarse grid has every second point of it.
    """
    ys, xs = points
    coarse_shape = (shape[0] // 2 + 1, shape[1] // 2 + 1)
    # An even coordinate has one coarse neighbour, an odd one two: a point has 1, 2 or 4, with equal weights.
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

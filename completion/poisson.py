"""Poisson blending: keep the generated picture's gradients, meet the known pixels at the hole's border.

Poisson blending asks, in the hole, for the picture whose differences between 4-neighbours are those of the generated
picture, with the known pixels as Dirichlet boundary. Written for the residual r = result - generated, the gradients
drop out: r is the discrete harmonic function that equals ``original - generated`` at the known pixels around the hole,

    deg(p) r(p) - sum of r(q) over the hole's neighbours q of p = sum of (original - generated)(q) over the known ones,

where deg(p) counts the neighbours that exist: pixels beyond the picture's border do not, which is the natural (Neumann)
condition there. The left-hand side, a sparse symmetric positive definite matrix, depends on the mask alone.

Two ways lead to r. A hole of at most `DIRECT_LIMIT` pixels is factorised (SuperLU): exact, and each further picture
with the same mask costs two triangular solves. The factors grow faster than the hole, so a larger hole is solved by
conjugate gradients, preconditioned by one multigrid V-cycle: bilinear interpolation from every second pixel, Galerkin
coarse matrices (so that a hole of any shape is represented), damped Jacobi smoothing. It takes up to 9 iterations,
whatever the hole's size and shape, and time and memory are linear in the number of missing pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

__all__ = ["DIRECT_LIMIT", "PoissonSolver", "poisson_blend"]

#: Holes of more pixels than this are solved iteratively. At this size the first picture takes up to twice as long
#: directly as iteratively, each further one an eighth to a quarter; well above, the factors take too much memory.
DIRECT_LIMIT = 32_768

#: Relative error, in the preconditioned norm of the residual, at which the iteration stops. The blended picture is then
#: within 5e-6 of the exact one, in units of the largest difference along the hole's border.
TOLERANCE = 1e-6

MAX_ITERATIONS = 100  # a guard against an endless loop; up to 9 are needed
COARSEST_LIMIT = 500  # unknowns that multigrid leaves to a factorisation

Window = tuple[slice, slice]


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
        if self.n_unknowns:
            self._ring = ndimage.binary_dilation(self._hole) & ~self._hole
            matrix, self._ring_to_hole = _laplace_equation(self._hole, self._ring)
            self._solver = _Direct(matrix) if self.n_unknowns <= _direct_limit else _Multigrid(matrix, self._hole)

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
        result = original.copy()
        if not self._hole.any():
            return result
        batches = [array if array.ndim == 4 else array[np.newaxis] for array in (generated, original, result)]
        # One at a time, so that a picture's bytes do not depend on its neighbours in the batch.
        for new, old, out in zip(*(batch[:, *self._window] for batch in batches), strict=True):
            out[self._hole] = self._fill(new, old)
        return result

    def _fill(self, generated: NDArray[np.floating], original: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the hole's pixels of one picture, both arguments cropped to the window."""
        pixels = generated[self._hole]  # (N, C)
        if self.n_unknowns:
            residual = original[self._ring].astype(np.float64) - generated[self._ring]
            pixels = pixels + self._solver.solve(self._ring_to_hole @ residual)
        return pixels


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


def check_mask(mask: NDArray[np.bool_]) -> None:
    """Raise ValueError unless `mask` is a bool array (H, W)."""
    if mask.ndim != 2:
        raise ValueError(f"Expected `mask` of shape (H, W). Received: {mask.shape}.")
    if mask.dtype != np.bool_:
        raise ValueError(f"Expected `mask` of dtype bool. Received: {mask.dtype}.")


def check_pictures(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask_shape: tuple[int, ...]
) -> None:
    """Raise ValueError unless both are float arrays (H, W, C) or (B, H, W, C), alike, and of the mask's size."""
    for name, array in (("generated", generated), ("original", original)):
        if array.ndim not in (3, 4):
            raise ValueError(f"Expected `{name}` of shape (H, W, C) or (B, H, W, C). Received: {array.shape}.")
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"Expected `{name}` of a floating-point dtype. Received: {array.dtype}.")
    if generated.shape != original.shape:
        raise ValueError(f"Expected `generated` of `original`'s shape {original.shape}. Received: {generated.shape}.")
    if original.shape[-3:-1] != mask_shape:
        raise ValueError(f"Expected `mask` of shape {original.shape[-3:-1]}. Received: {mask_shape}.")


def hole_window(mask: NDArray[np.bool_]) -> Window:
    """Return the hole's bounding box and the ring of known pixels around it, as far as the picture has them."""
    bounds = []
    for axis in (0, 1):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        bounds.append(slice(max(int(used[0]) - 1, 0), int(used[-1]) + 2) if used.size else slice(0, 0))
    return bounds[0], bounds[1]


def _laplace_equation(
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
    starts = _row_starts(in_hole)
    values = np.full(starts[-1], -1.0)
    diagonal = starts[:-1] + in_hole[:, :2].sum(axis=1)
    values[diagonal] = (near != -1).sum(axis=1) - 1
    matrix = sparse.csr_array((values, near[in_hole], starts), shape=(n_hole, n_hole))

    columns = -2 - near[in_ring]
    ring_to_hole = sparse.csr_array((np.ones(columns.size), columns, _row_starts(in_ring)), shape=(n_hole, n_ring))
    return matrix, ring_to_hole


def _row_starts(kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the CSR row pointer of a matrix with `kept` entries in each row."""
    starts = np.zeros(kept.shape[0] + 1, np.int32)
    np.cumsum(kept.sum(axis=1), out=starts[1:])
    return starts


class _Direct:
    """A factorised symmetric positive definite matrix."""

    def __init__(self, matrix: sparse.csr_array) -> None:
        # The ordering and the options for symmetric matrices: half the fill of the defaults, no pivoting.
        self._factors = splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:  # (N,) or (N, C)
        return self._factors.solve(rhs)


class _Multigrid:
    """Conjugate gradients on the hole's Laplacian, preconditioned by a multigrid V-cycle."""

    def __init__(self, matrix: sparse.csr_array, hole: NDArray[np.bool_]) -> None:
        self._matrix = matrix
        self._levels = []
        places: tuple[NDArray[np.integer], ...] = np.nonzero(hole)
        shape: tuple[int, ...] = hole.shape
        while matrix.shape[0] > COARSEST_LIMIT:
            interpolation, places, shape = _interpolation(places, shape)
            self._levels.append((matrix, _smoothing_weights(matrix), interpolation))
            matrix = interpolation.T.tocsr() @ (matrix @ interpolation)
        # Where the hole is scattered, coarse places outnumber the missing pixels and the coarse matrix is singular.
        shift = sparse.diags_array(1e-8 * matrix.diagonal())
        self._coarsest = _Direct((matrix + shift).tocsr())

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:  # (N, C)
        solutions = np.empty_like(rhs)
        for c in range(rhs.shape[1]):
            solutions[:, c] = self._solve_channel(rhs[:, c])
        return solutions

    def _solve_channel(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve for one right-hand side (N,) by preconditioned conjugate gradients."""
        residual = rhs.copy()
        solution = np.zeros_like(residual)
        direction = preconditioned = self._cycle(residual)
        error = np.vdot(residual, preconditioned)
        target = TOLERANCE**2 * error
        for _ in range(MAX_ITERATIONS):
            if not error > target:
                break
            image = self._matrix @ direction
            step = error / np.vdot(direction, image)
            solution += step * direction
            residual -= step * image
            preconditioned = self._cycle(residual)
            previous, error = error, np.vdot(residual, preconditioned)
            direction = preconditioned + (error / previous) * direction
        return solution

    def _cycle(self, rhs: NDArray[np.float64], level: int = 0) -> NDArray[np.float64]:
        """Return an approximate solution; linear and symmetric in `rhs`, as a preconditioner must be."""
        if level == len(self._levels):
            return self._coarsest.solve(rhs)
        matrix, damped_inverse, interpolation = self._levels[level]
        solution = damped_inverse * rhs
        coarse = self._cycle(interpolation.T @ (rhs - matrix @ solution), level + 1)
        solution += interpolation @ coarse
        solution += damped_inverse * (rhs - matrix @ solution)
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
    matrix = sparse.csr_array((weights, numbers.flat[columns], _row_starts(used)), shape=(len(ys), n_coarse))
    return matrix, np.nonzero(present), coarse_shape

"""Distances between two sets of pictures, from their features: Fréchet and kernel distance."""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, svdvals

__all__ = ["KernelDistance", "frechet_distance", "kernel_distance"]

Features = npt.NDArray[np.float64]

BLOCK = 100  # rows of each block of the kernel distance
NORMAL_95 = 1.96


def frechet_distance(first: Features, second: Features) -> float:
    """Return the squared Fréchet distance between normal distributions fitted to two sets of features.

    The distance is biased: fewer rows give a greater one. Compare only distances of equal numbers of rows.

    Parameters
    ----------
    first : float array (N, D)
        N of at least 2.
    second : float array (M, D)
        M of at least 2.

    Returns
    -------
    float
        At least 0; lower is better, 0 for equal sets.

    Raises
    ------
    ValueError
        The numbers of columns differ, or a set has fewer than 2 rows.

    References
    ----------
    Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X, eq. 16; Heusel et al. 2017, arXiv:1706.08500, eq. 6.

    Examples
    --------
    >>> rows = np.array([[-1.0], [1.0]])
    >>> frechet_distance(rows, rows + 3.0)
    9.0
    """
    _check(first, second)
    shift = first.mean(axis=0) - second.mean(axis=0)
    roots = _covariance_root(first), _covariance_root(second)
    # trace((C1 C2)^(1/2)) is the sum of the singular values of C1^(1/2) C2^(1/2). Unlike the square root of the
    # product, they are real despite rounding errors, and exist for singular covariances (fewer rows than dimensions).
    trace_of_root = svdvals(roots[0] @ roots[1].T).sum()
    variances = (roots[0] ** 2).sum() + (roots[1] ** 2).sum()
    return max(0.0, float(shift @ shift + variances - 2 * trace_of_root))


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """A kernel distance with the 95% interval of its mean over blocks.

    Attributes
    ----------
    mean, low, high : float
        May be negative where the sets are alike, for the estimate has no bias.
    """

    mean: float
    low: float
    high: float


def kernel_distance(first: Features, second: Features) -> KernelDistance:
    """Return the kernel distance (KID): the squared maximum mean discrepancy under a polynomial kernel.

    The sets are cut into blocks of about 100 rows. Each pair of blocks gives an estimate without bias, so that sets
    of different sizes can be compared; the mean over the blocks has an interval.

    Parameters
    ----------
    first : float array (N, D)
        N of at least 4.
    second : float array (M, D)
        M of at least 4.

    Returns
    -------
    KernelDistance
        Lower is better.

    Raises
    ------
    ValueError
        The numbers of columns differ, or a set has too few rows.

    References
    ----------
    Bińkowski et al. 2018, "Demystifying MMD GANs", arXiv:1801.01401, section 4: the kernel (x y / D + 1) ** 3. Gretton
    et al. 2012, "A kernel two-sample test", equation 3.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(400, 5))
    >>> distance = kernel_distance(rows[:200], rows[200:] + 2.0)
    >>> distance.low > kernel_distance(rows[:200], rows[200:]).high
    True
    """
    _check(first, second, least=4)
    blocks = max(2, min(len(first), len(second)) // BLOCK)
    values = [
        _discrepancy(one, other)
        for one, other in zip(np.array_split(first, blocks), np.array_split(second, blocks), strict=True)
    ]
    mean = float(np.mean(values))
    half = NORMAL_95 * float(np.std(values, ddof=1)) / blocks**0.5
    return KernelDistance(mean, mean - half, mean + half)


def _discrepancy(first: Features, second: Features) -> float:
    """Return the estimate of the squared maximum mean discrepancy without bias."""

    def kernel(one: Features, other: Features) -> Features:
        return np.asarray((one @ other.T / one.shape[1] + 1.0) ** 3)

    def without_diagonal(rows: Features) -> float:
        values = kernel(rows, rows)
        return float((values.sum() - np.trace(values)) / (len(rows) * (len(rows) - 1)))

    return without_diagonal(first) + without_diagonal(second) - 2.0 * float(kernel(first, second).mean())


def _check(first: Features, second: Features, *, least: int = 2) -> None:
    """Raise ValueError unless two sets of features can be compared."""
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < least:
        received = f"{first.shape}, {second.shape}"
        raise ValueError(f"Expected (N, D) and (M, D) with at least {least} rows each. Received: {received}")


def _covariance_root(rows: Features) -> Features:
    """Return a matrix R, (D, D), such that R^T R is the covariance of the rows."""
    values, vectors = eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T)

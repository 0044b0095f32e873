"""Bootstrap confidence intervals of means (Efron 1979, doi:10.1214/aos/1176344552)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "mean_interval"]

CONFIDENCE = 0.95

Values = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A mean and its confidence interval: floats, or arrays (K,) for K columns of values.

    Attributes
    ----------
    mean : float or float64 array (K,)
        The mean of the values.
    low, high : float or float64 array (K,)
        The bounds of the interval.
    """

    mean: Values
    low: Values
    high: Values


def mean_interval(values: Values, *, resamples: int = 1000, seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of each column with its percentile bootstrap interval.

    Rows (pictures) are resampled with replacement. The resamples depend on the number of rows and on the seed alone, so
    they are the same for all columns, and for all tables with the same number of rows. To compare two methods, pass the
    paired differences of their rows: the difficulty of a picture, which both have in common, cancels out.

    Parameters
    ----------
    values : float array (N, K) or (N,)
        N of at least 1.
    resamples : int, default 1000
        Number of resamples of N rows, at least 1.
    seed : int, default 0
        Seed of the resamples, at least 0.
    confidence : float, default 0.95
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        Arrays (K,) or, for values (N,), floats.

    Raises
    ------
    ValueError
        There are no rows, or an option is out of its range.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", 1979, doi:10.1214/aos/1176344552.

    Examples
    --------
    >>> mean_interval(np.array([2.0, 2.0, 2.0]))
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    values = np.asarray(values, np.float64)
    if values.ndim not in (1, 2) or len(values) == 0:
        raise ValueError(f"Expected `values` as (N,) or (N, K) with N of at least 1. Received: {values.shape}")
    if resamples < 1 or not 0 < confidence < 1:
        received = f"resamples={resamples}, confidence={confidence}"
        raise ValueError(f"Expected `resamples` of at least 1 and `confidence` in (0, 1). Received: {received}")
    count = len(values)
    mean = values.mean(axis=0)
    # The mean of a resample depends on the multiplicity of each row only, so all means are one matrix product.
    multiplicities = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    means = mean + multiplicities @ (values - mean) / count  # centred, so that rounding errors scale with the spread
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0)
    if values.ndim == 1:
        return Interval(float(mean), float(low), float(high))  # type: ignore[arg-type]
    return Interval(mean, low, high)

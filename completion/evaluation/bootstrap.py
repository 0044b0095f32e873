"""Confidence intervals of means by resampling (Efron 1979, doi:10.1214/aos/1176344552)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "mean_interval"]

CONFIDENCE = 0.95

Values = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A mean and where it lies with the given confidence; floats, or arrays (K,) where there were K columns."""

    mean: Values
    low: Values
    high: Values


def mean_interval(values: Values, *, resamples: int = 1000, seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of each column with its percentile bootstrap interval.

    Rows (pictures) are drawn with replacement. The draws depend on the number of rows and on the seed alone, so all
    columns, and all tables of as many rows, see the same draws. For a paired difference of two methods give the
    differences of their rows: what makes a picture hard for both cancels out.

    Parameters
    ----------
    values : (N, K) or (N,) float, N of at least 1
    resamples : number of draws of N rows; at least 1
    seed : whole number of at least 0
    confidence : in (0, 1)

    Returns
    -------
    Interval
        Each of its parts is (K,) or, for (N,), a scalar.

    Raises
    ------
    ValueError
        There are no rows, or an option is out of its range.

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
    # A draw with replacement matters by how often it takes each row, so the means are one matrix product.
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)  # (resamples, N)
    means = mean + times @ (values - mean) / count  # centred: rounding is as small as the spread
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0)
    if values.ndim == 1:
        return Interval(float(mean), float(low), float(high))  # type: ignore[arg-type]
    return Interval(mean, low, high)

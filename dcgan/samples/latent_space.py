"""Latents for looking into a model: truncated ones, paths between them, and sums of averages."""

import re

import numpy as np
import numpy.typing as npt

from dcgan.config import check
from dcgan.errors import OptionError
from dcgan.sampling import draw_latents, latents_from

__all__ = ["combine", "draw_truncated", "interpolate", "parse_sum", "vary"]

Latents = npt.NDArray[np.float32]

TERM = re.compile(r"\s*([+-]?)\s*(\d+(?:\s*,\s*\d+)*)\s*")
NOISE = 0.25  # of the pictures around a sum, in latents: Radford et al. 2016, section 6.3.2


def draw_truncated(count: int, latent_dim: int, *, seed: int, distribution: str, limit: float | None) -> Latents:
    """Draw latents without their rarest values: fewer kinds of picture, fewer failures.

    Source: Brock et al. 2019, arXiv:1809.11096, section 3.1.

    Parameters
    ----------
    count, latent_dim : int
    seed : int
    distribution : {"uniform", "normal"}
    limit : float or None
        Largest magnitude of an entry, above 0: uniform ones are drawn from [-limit, limit], normal ones are drawn again
        where they are beyond. None: all as in the training.

    Returns
    -------
    float32 array (count, latent_dim)

    Examples
    --------
    >>> bool(np.abs(draw_truncated(4, 9, seed=0, distribution="normal", limit=0.5)).max() <= 0.5)
    True
    """
    if limit is None:
        return draw_latents(count, latent_dim, seed=seed, distribution=distribution)
    if distribution == "uniform":
        check(0.0 < limit <= 1.0, "a truncation above 0, at most 1 with uniform latents", truncation=limit)
        return draw_latents(count, latent_dim, seed=seed) * np.float32(limit)
    check(0.05 <= limit <= 10.0, "a truncation from 0.05 to 10 with normal latents", truncation=limit)
    rng = np.random.default_rng(seed)
    latents = latents_from(rng, (count, latent_dim), distribution)
    while (beyond := np.abs(latents) > limit).any():
        latents[beyond] = latents_from(rng, (int(beyond.sum()),), distribution)
    return latents


def interpolate(ends: Latents, steps: int, *, distribution: str) -> Latents:
    """Return latents on the way from each to the next.

    Parameters
    ----------
    ends : float32 array (N, latent_dim)
        At least two.
    steps : int
        Latents on each way, both ends included; at least 2.
    distribution : {"uniform", "normal"}
        The way is a line where latents are uniform. Normal ones have nearly the same length, which the middle of a line
        does not have, so their way is an arc of a great circle (White 2016, arXiv:1609.04468).

    Returns
    -------
    float32 array ((N - 1) * steps, latent_dim)

    Examples
    --------
    >>> interpolate(np.float32([[0.0], [1.0]]), 3, distribution="uniform").ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    shares = np.linspace(0.0, 1.0, steps)[:, None]
    ways = []
    for start, end in zip(ends[:-1].astype(np.float64), ends[1:].astype(np.float64), strict=True):
        lengths = np.linalg.norm(start), np.linalg.norm(end)
        angle = np.arccos(np.clip(start @ end / max(lengths[0] * lengths[1], 1e-12), -1.0, 1.0))
        if distribution == "normal" and np.sin(angle) > 1e-6:
            weights = np.sin((1.0 - shares) * angle) / np.sin(angle), np.sin(shares * angle) / np.sin(angle)
        else:
            weights = 1.0 - shares, shares
        ways.append(weights[0] * start + weights[1] * end)
    return np.concatenate(ways).astype(np.float32)


def parse_sum(text: str) -> list[tuple[int, tuple[int, ...]]]:
    """Return the terms of a sum of averages, each a sign and the numbers of samples.

    Raises
    ------
    OptionError
        The text is no such sum.

    Examples
    --------
    >>> parse_sum("3,7,12 - 4,9 + 20")
    [(1, (3, 7, 12)), (-1, (4, 9)), (1, (20,))]
    """
    terms, place = [], 0
    while place < len(text):
        match = TERM.match(text, place)
        if match is None or (place > 0 and not match[1]):
            raise OptionError(f"Expected numbers of samples as in '3,7,12 - 4,9 + 20,31'. Received: {text!r}")
        terms.append((-1 if match[1] == "-" else 1, tuple(int(number) for number in match[2].split(","))))
        place = match.end()
    if not terms:
        raise OptionError(f"Expected numbers of samples as in '3,7,12 - 4,9 + 20,31'. Received: {text!r}")
    return terms


def combine(latents: Latents, terms: list[tuple[int, tuple[int, ...]]], *, bound: float) -> tuple[Latents, Latents]:
    """Return the average of each term's latents, and the sum.

    Radford et al. 2016 (arXiv:1511.06434, section 6.3.2 and figure 7) average three samples for each concept, for
    single ones are unstable.

    Parameters
    ----------
    latents : float32 array (N, latent_dim)
        Of the samples, in their order.
    terms : list of (int, tuple of int)
        See `parse_sum`; samples are counted from 0.
    bound : float
        Largest magnitude of an entry of the sum, at which it is cut.

    Returns
    -------
    averages : float32 array (len(terms), latent_dim)
    total : float32 array (latent_dim,)

    Raises
    ------
    OptionError
        There is no sample of a number.
    """
    last = max(max(numbers) for _, numbers in terms)
    if last >= len(latents):
        raise OptionError(f"Expected numbers of samples from 0 to {len(latents) - 1}. Received: {last}")
    averages = np.stack([latents[list(numbers)].mean(axis=0) for _, numbers in terms])
    signs = np.array([sign for sign, _ in terms], np.float32)
    return averages, np.clip((signs[:, None] * averages).sum(axis=0), -bound, bound).astype(np.float32)


def vary(latent: Latents, count: int, *, seed: int, bound: float) -> Latents:
    """Return latents around one, itself in the middle, with uniform noise of a quarter (Radford et al. 2016).

    Parameters
    ----------
    latent : float32 array (latent_dim,)
    count : int
    seed : int
    bound : float
        Largest magnitude of an entry.

    Returns
    -------
    float32 array (count, latent_dim)
    """
    noise = draw_latents(count, len(latent), seed=seed) * np.float32(NOISE)
    noise[count // 2] = 0.0
    return np.clip(latent + noise, -bound, bound).astype(np.float32)

"""Random numbers from a seed that the caller sets."""

import numpy as np

from masks._checks import Seed


def make_generator(seed: Seed) -> np.random.Generator:
    """Return NumPy's generator for `seed`. None is refused, because it would draw other numbers in every run."""
    try:
        if seed is None or isinstance(seed, bool):
            raise TypeError
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise ValueError(
            f"Expected `seed` to be a whole number of at least 0, or a sequence of them. Received: seed={seed!r}"
        ) from None

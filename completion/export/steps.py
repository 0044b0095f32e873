"""The steps of the `fast` completion as one graph, written once for every format.

`Arithmetic` says what a format has to offer; its values also have the operators +, - and *. The steps are those of
`completion.search.encoder_input`, the model, and a harmonic blend, which solves by multigrid what
`completion.blending.poisson` solves exactly: a graph has no equations, and no loops whose length depends on its input.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["Arithmetic", "complete", "harmonic"]

Value = Any

#: The grids of multigrid end at this side: on the coarsest, `COARSEST_STEPS` steps are as good as a solution.
COARSEST_SIDE = 16
COARSEST_STEPS, COARSEST_LOW = 24, 0.01
STEPS, LOW = 4, 0.5  # of each smoothing on the other grids, for eigenvalues from LOW to 2
CYCLES = 4  # V-cycles; docs/exports.md has how close that is
SHARE_MIN = 1e-6  # as in `completion.search.encoder_input.push_pull`
WHOLE = 0.99  # share from which on all pixels of a coarser one are missing


class Arithmetic(Protocol):
    """What the steps need of a format; values are batches of square pictures with any number of channels."""

    def halve(self, values: Value, side: int) -> Value:
        """Return the means of 2x2 pixels; at the border of an odd side, of those that there are."""
        ...

    def double(self, values: Value, side: int) -> Value:
        """Interpolate bilinearly to a side."""
        ...

    def around(self, values: Value) -> Value:
        """Return the mean of each pixel's four neighbours minus the pixel; it is its own neighbour at the border."""
        ...

    def positive(self, values: Value) -> Value:
        """Return 1 where values are above 0, else 0."""
        ...

    def larger(self, values: Value, number: float) -> Value:
        """Return the larger of each value and a number."""
        ...

    def smaller(self, values: Value, number: float) -> Value:
        """Return the smaller of each value and a number."""
        ...

    def divide(self, values: Value, divisors: Value) -> Value:
        """Return quotients."""
        ...

    def rounded(self, values: Value) -> Value:
        """Round to whole numbers."""
        ...

    def stack(self, values: Value, share: Value) -> Value:
        """Return values with one more channel."""
        ...


def complete(
    arithmetic: Arithmetic, pictures: Value, hidden: Value, *, side: int, draw: Callable[[Value], Value]
) -> Value:
    """Return completed pictures.

    Parameters
    ----------
    arithmetic : Arithmetic
    pictures : value (B, C, side, side), or in the format's order
        In [0, 255].
    hidden : value (B, 1, side, side)
        0: known; above: missing.
    side : int
        Of the model's pictures.
    draw : callable
        From the encoder's input to the generator's pictures, in [-1, 1].

    Returns
    -------
    value (B, C, side, side)
        Whole numbers from 0 to 255; known pixels are those of `pictures`.
    """
    hole = arithmetic.positive(hidden)
    known = 1.0 - hole
    seen = (pictures * (1.0 / 127.5) - 1.0) * known
    drawn = draw(arithmetic.stack(_push_pull(arithmetic, seen, known, side), known))
    blended = drawn + harmonic(arithmetic, (seen - drawn) * known, known, side)
    filled = arithmetic.rounded((blended + 1.0) * 127.5)
    filled = arithmetic.larger(arithmetic.smaller(filled, 255.0), 0.0)
    return pictures * known + filled * hole


def _push_pull(arithmetic: Arithmetic, values: Value, share: Value, side: int) -> Value:
    """Return `completion.search.encoder_input.push_pull`."""
    if side == 1:
        return values * arithmetic.positive(share)
    weighed, mean = arithmetic.halve(values * share, side), arithmetic.halve(share, side)
    mean_share = arithmetic.smaller(mean * 4.0, 1.0)
    means = arithmetic.divide(weighed, arithmetic.larger(mean, SHARE_MIN))
    coarse = _push_pull(arithmetic, means, mean_share, -(-side // 2))
    return values * share + arithmetic.double(coarse, side) * (1.0 - share)


def harmonic(arithmetic: Arithmetic, values: Value, known: Value, side: int) -> Value:
    """Continue known values harmonically into the hole: each missing pixel is the mean of its four neighbours.

    Parameters
    ----------
    arithmetic : Arithmetic
    values : value (B, C, side, side)
        0 where they are not known.
    known : value (B, 1, side, side)
        1 or 0.
    side : int

    Returns
    -------
    value (B, C, side, side)
        Nearly harmonic; 0 where nothing is known of the whole picture.

    References
    ----------
    Briggs, Henson, McCormick 2000, "A multigrid tutorial", chapter 3; the start is the cascade of Bornemann and
    Deuflhard 1996, doi:10.1007/s002110050234.
    """
    holes = [1.0 - known]  # on ever coarser grids, whose pixels are missing where all of their pixels are
    sides = [side]
    while sides[-1] > COARSEST_SIDE:
        holes.append(arithmetic.positive(arithmetic.halve(holes[-1], sides[-1]) - WHOLE))
        sides.append(-(-sides[-1] // 2))
    result = _cascade(arithmetic, values, known, side)
    for _ in range(CYCLES):
        result = result + _cycle(arithmetic, arithmetic.around(result) * holes[0], holes=holes, sides=sides)
    return result


def _cascade(arithmetic: Arithmetic, values: Value, known: Value, side: int) -> Value:
    """Return a start: interpolated from coarser grids, where a pixel is known where one of its pixels is."""
    if side <= COARSEST_SIDE:
        start, factors = _push_pull(arithmetic, values, known, side), _factors(COARSEST_STEPS, COARSEST_LOW)
    else:
        mean = arithmetic.halve(known, side)
        means = arithmetic.divide(arithmetic.halve(values * known, side), arithmetic.larger(mean, SHARE_MIN))
        coarse = _cascade(arithmetic, means, arithmetic.positive(mean), -(-side // 2))
        start = values * known + arithmetic.double(coarse, side) * (1.0 - known)
        factors = _factors(STEPS, LOW)
    hole = 1.0 - known
    for factor in factors:
        start = start + arithmetic.around(start) * (hole * factor)
    return start


def _cycle(arithmetic: Arithmetic, excess: Value, *, holes: Sequence[Value], sides: Sequence[int]) -> Value:
    """Return a V-cycle's answer e to e - mean(neighbours of e) = excess in the hole, e = 0 elsewhere."""
    hole, side = holes[0], sides[0]
    factors = _factors(STEPS, LOW) if len(holes) > 1 else _factors(COARSEST_STEPS, COARSEST_LOW)
    steps = [hole * factor for factor in factors]
    error = excess * steps[0]
    for step in steps[1:]:
        error = error + (arithmetic.around(error) + excess) * step
    if len(holes) > 1:
        rest = arithmetic.halve((arithmetic.around(error) + excess) * hole, side) * holes[1]
        coarse = _cycle(arithmetic, rest * 4.0, holes=holes[1:], sides=sides[1:])
        error = error + arithmetic.double(coarse, side) * hole
        for step in steps[::-1]:
            error = error + (arithmetic.around(error) + excess) * step
    return error


def _factors(count: int, low: float) -> list[float]:
    """Return the factors of steps that damp eigenvalues from `low` to 2 equally (Chebyshev), in a stable order."""
    middle, half = (2.0 + low) / 2.0, (2.0 - low) / 2.0
    left = [middle + half * math.cos(math.pi * (k + 0.5) / count) for k in range(count)]
    values = [left.pop(0)]
    while left:  # Leja's order: each as far as possible from those before it
        farthest = max(left, key=lambda each: sum(math.log(abs(each - other)) for other in values))
        left.remove(farthest)
        values.append(farthest)
    return [1.0 / value for value in values]

"""Checks of options that the functions and `MaskSpec` share. Pure standard library."""

import math
import operator
from collections.abc import Sequence
from typing import Any

Shape = Sequence[int]  # (height, width)
Seed = int | Sequence[int]


def check_integer(name: str, value: Any, *, minimum: int | None = None) -> int:
    """Return `value` as an int, or raise ValueError unless it is a whole number of at least `minimum`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or (minimum is not None and number < minimum):
        bound = "" if minimum is None else f" of at least {minimum}"
        raise ValueError(f"Expected `{name}` to be a whole number{bound}. Received: {name}={value!r}")
    return number


def check_scale(scale: Any) -> float:
    """Return `scale` as a float in (0, 1]."""
    number = _to_float(scale)
    if not 0.0 < number <= 1.0:
        raise ValueError(f"Expected `scale` greater than 0 and at most 1. Received: scale={scale!r}")
    return number


def check_fraction(fraction: Any) -> float:
    """Return `fraction` as a float in [0, 1]."""
    number = _to_float(fraction)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"Expected `fraction` between 0 and 1. Received: fraction={fraction!r}")
    return number


def check_shape(shape: Any) -> tuple[int, int]:
    """Return `shape` as (height, width), both at least 1."""
    try:
        height, width = (operator.index(side) for side in shape)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            f"Expected `shape` to be (height, width), two whole numbers of at least 1. Received: shape={shape!r}"
        )
    return height, width


def _to_float(value: Any) -> float:
    """Return `value` as a float; NaN, which no range holds, where that cannot be done."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan

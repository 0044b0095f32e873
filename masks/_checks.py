"""Checks of values that the functions and the table of masks share. Pure standard library."""

import math
import operator
from collections.abc import Sequence
from typing import Any

Shape = Sequence[int]  # (height, width)
Seed = int | Sequence[int]


def check_integer(name: str, value: Any, *, minimum: float | None = None, maximum: float | None = None) -> int:
    """Return `value` as an int, or raise ValueError unless it is a whole number in the range, ends included."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not _is_within(number, minimum, maximum):
        words = " and ".join(_bounds(minimum, maximum))
        raise ValueError(
            f"Expected `{name}` to be a whole number{words and f' of {words}'}. Received: {name}={value!r}"
        )
    return number


def check_real(
    name: str, value: Any, *, minimum: float | None = None, maximum: float | None = None, min_open: bool = False
) -> float:
    """Return `value` as a float, or raise ValueError unless it is finite and in the range; see `MaskOption`."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number) and _is_within(number, minimum, maximum) and not (min_open and number == minimum):
        return number
    if min_open:
        words = " and ".join([f"greater than {minimum}", *_bounds(None, maximum)])
    elif minimum is not None and maximum is not None:
        words = f"between {minimum} and {maximum}"
    else:
        words = f"to be a number{''.join(f' of {bound}' for bound in _bounds(minimum, maximum))}"
    raise ValueError(f"Expected `{name}` {words}. Received: {name}={value!r}")


def check_shape(shape: Any) -> tuple[int, int]:
    """Return `shape` as (height, width), or raise ValueError unless both are whole numbers of at least 1."""
    try:
        height, width = (operator.index(side) for side in shape)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(
            f"Expected `shape` to be (height, width), two whole numbers of at least 1. Received: shape={shape!r}"
        )
    return height, width


def _is_within(number: float, minimum: float | None, maximum: float | None) -> bool:
    """Tell whether a number lies in a range, ends included; None is no bound."""
    return (minimum is None or number >= minimum) and (maximum is None or number <= maximum)


def _bounds(minimum: float | None, maximum: float | None) -> list[str]:
    """Return a range's bounds in words."""
    lower = [] if minimum is None else [f"at least {minimum}"]
    return lower + ([] if maximum is None else [f"at most {maximum}"])

"""Which numbers stand for black and white in a file of integers or floating-point values."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from dcgan.errors import ImageFileError

__all__ = ["ScaledValues", "eight_bits_note", "narrow", "scale_values"]

EIGHT, SIXTEEN = 255, 65535
ROUNDING = 1e-5  # by which a floating-point value may exceed its range
USED_MIN = 16  # a range is taken for a file's own where the largest value is at least this part of it


@dataclasses.dataclass(frozen=True, eq=False)
class ScaledValues:
    """A grey picture that was read out of numbers.

    Attributes
    ----------
    pixels : uint8 array (H, W)
    deep : uint16 array (H, W), optional
        The same with 16 bits; None where the file has no more than 8.
    note : str
        What was assumed, empty where the file itself says it.
    """

    pixels: npt.NDArray[np.uint8]
    deep: npt.NDArray[np.uint16] | None = None
    note: str = ""


def scale_values(values: npt.NDArray[Any], *, top: int | None = None) -> ScaledValues:
    """Scale the values of a file to 8 and 16 bits.

    Integers are scaled by the largest value of their type, or by 255 or 65,535 where none is larger than that.
    Floating-point values are scaled by the smallest of 1, 255 and 65,535 that none exceeds.

    Parameters
    ----------
    values : array (H, W) of integers or floating-point numbers
    top : int, optional
        The largest value of the file's type, for integers.

    Returns
    -------
    ScaledValues

    Raises
    ------
    ImageFileError
        The values are negative or not finite, or lie in no range that is known.

    Examples
    --------
    >>> scaled = scale_values(np.array([[0.0, 0.5, 1.0]]))
    >>> scaled.pixels.tolist(), scaled.deep.tolist(), scaled.note
    ([[0, 128, 255]], [[0, 32768, 65535]], 'floating-point values of 0 to 1 are read as black to white')
    """
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # also where any value is NaN
        wrong = np.count_nonzero(~np.isfinite(values))
        raise ImageFileError(f"expected finite values, found {wrong:,} that are NaN or infinite")
    if low < 0:
        raise ImageFileError(f"expected values from 0 on, found {_number(low)} to {_number(high)}")
    return _scale_floats(values, float(high)) if top is None else _scale_integers(values, int(high), top=top)


def _scale_floats(values: npt.NDArray[Any], high: float) -> ScaledValues:
    """Scale floating-point values from 0 on."""
    white = next((white for white in (1, EIGHT, SIXTEEN) if high <= white * (1 + ROUNDING)), None)
    if white is None or (white > 1 and high * USED_MIN < white):
        raise ImageFileError(
            f"expected floating-point values of 0 to 1, 0 to 255 or 0 to 65,535, found 0 to {_number(high)}"
        )
    deep = _rescale(values, white)
    note = f"floating-point values of 0 to {white:,} are read as black to white"
    return ScaledValues(narrow(deep), deep, note)


def _scale_integers(values: npt.NDArray[Any], high: int, *, top: int) -> ScaledValues:
    """Scale integers from 0 on whose type ends at `top`."""
    if high == 0:
        return ScaledValues(np.zeros(values.shape, np.uint8), np.zeros(values.shape, np.uint16))
    if high <= EIGHT:
        return ScaledValues(values.astype(np.uint8), None, eight_bits_note(top))
    if top == SIXTEEN or high <= SIXTEEN < top:
        note = "" if top == SIXTEEN else f"integers of 0 to {top:,} that end at {high:,} are read as 0 to 65,535"
        if high * USED_MIN <= SIXTEEN:
            note = f"integers that end at {high:,} are read as 0 to 65,535, which is dark"
        deep = values.astype(np.uint16)
        return ScaledValues(narrow(deep), deep, note)
    if high * USED_MIN < top:
        raise ImageFileError(f"expected integers of 0 to 255, 0 to 65,535 or 0 to {top:,}, found 0 to {high:,}")
    deep = _rescale(values, top)
    return ScaledValues(narrow(deep), deep, f"integers of 0 to {top:,} are read as black to white")


def eight_bits_note(top: int) -> str:
    """Return what is said of integers up to `top` of which none is larger than 255."""
    return f"integers of 0 to {top:,} that do not exceed 255 are read as 0 to 255"


def narrow(deep: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Return 16-bit values in 8 bits: divided by 257, rounded."""
    return ((deep.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _rescale(values: npt.NDArray[Any], white: int) -> npt.NDArray[np.uint16]:
    """Return values of 0 to `white` as 16 bits."""
    return np.clip(np.rint(values.astype(np.float64) * (SIXTEEN / white)), 0, SIXTEEN).astype(np.uint16)


def _number(value: Any) -> str:
    """Return a number as a message shows it."""
    return f"{float(value):,.6g}"

"""Colours written as text. Pure standard library."""

import re
from collections.abc import Iterable
from typing import SupportsInt

__all__ = ["format_color", "parse_color"]


def parse_color(text: str) -> tuple[int, int, int]:
    """Read a colour: "#ff00ff", "#f0f" or "255,0,255".

    Parameters
    ----------
    text : str
        Three or six hexadecimal digits after "#", in upper or lower case, or red, green and blue as whole numbers from
        0 to 255, separated by commas.

    Returns
    -------
    tuple of int
        (red, green, blue), each 0 to 255.

    Raises
    ------
    ValueError
        `text` is not a colour in one of these forms.

    Examples
    --------
    >>> parse_color("#ff8000"), parse_color("#F80"), parse_color("255, 128, 0")
    ((255, 128, 0), (255, 136, 0), (255, 128, 0))
    """
    if re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", text):
        digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
        return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    match = re.fullmatch(r"\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*", text)
    if match:
        red, green, blue = (int(number) for number in match.groups())
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise ValueError(f"Expected a colour like '#ff00ff', '#f0f' or '255,0,255'. Received: {text!r}")


def format_color(color: Iterable[SupportsInt]) -> str:
    """Write a colour as "#rrggbb".

    Parameters
    ----------
    color : iterable of int
        (red, green, blue), each 0 to 255.

    Returns
    -------
    str

    Examples
    --------
    >>> format_color((255, 128, 0))
    '#ff8000'
    """
    return "#" + "".join(f"{int(channel):02x}" for channel in color)

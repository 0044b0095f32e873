"""A mask as a name and its options.

Pure standard library, like the table behind it: the command line reads names and defaults without importing NumPy or
OpenCV.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from masks._checks import check_integer
from masks.table import MASKS

__all__ = ["MASK_NAMES", "MaskSpec"]

MASK_NAMES = tuple(MASKS)


@dataclasses.dataclass(frozen=True, init=False, repr=False)
class MaskSpec:
    """Which mask, with which options; then whether to invert it and how far to grow the hole.

    `masks.make_mask` turns a spec into an array.

    Parameters
    ----------
    name : str, default "center"
        One of `MASK_NAMES`.
    invert : bool, default False
        Swap missing and known.
    dilate_px : int, default 0
        Then grow the hole by this many pixels; at least 0.
    **options : int or float
        The mask's own options; those that are absent take their defaults. "center" has `scale`, "random" has
        `fraction`, "grid" has `step`, "lowres" has `blocks`, "scratches" has `sureness`;
        "rectangle" needs `x`, `y`, `width` and `height`. The mask's function says what they mean; `masks.table.MASKS`
        holds their defaults and ranges.

    Attributes
    ----------
    name : str
        The mask's name.
    options : mapping of str to int or float
        All options of the mask, defaults filled in.
    invert : bool
        Whether missing and known are swapped.
    dilate_px : int
        By how many pixels the hole grows.

    Raises
    ------
    TypeError
        The mask has no such option.
    ValueError
        The name is unknown, a value is out of its range, or an option without a default is absent.

    Examples
    --------
    >>> MaskSpec("random", fraction=0.5)
    MaskSpec('random', fraction=0.5)
    >>> MaskSpec("grid").options
    {'step': 4}
    """

    name: str
    options: Mapping[str, Any] = dataclasses.field(hash=False)  # a dict has no hash; equal specs share the other three
    invert: bool
    dilate_px: int

    def __init__(self, name: str = "center", *, invert: bool = False, dilate_px: int = 0, **options: Any) -> None:
        if name not in MASKS:
            raise ValueError(f"Expected `name` to be one of {', '.join(MASKS)}. Received: name={name!r}")
        if not isinstance(invert, bool):
            raise ValueError(f"Expected `invert` to be True or False. Received: invert={invert!r}")
        dilate_px = check_integer("dilate_px", dilate_px, minimum=0)
        # Frozen, but not yet handed out.
        vars(self).update(name=name, options=_fill_options(name, options), invert=invert, dilate_px=dilate_px)

    def __repr__(self) -> str:
        values = [f"{option}={value!r}" for option, value in self.options.items()]
        values += ["invert=True"] if self.invert else []
        values += [f"dilate_px={self.dilate_px}"] if self.dilate_px else []
        return f"MaskSpec({', '.join([repr(self.name), *values])})"


def _fill_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mask's options after checking those given, in the table's order, absent ones at their defaults."""
    options = {option.name: option for option in MASKS[name].options}
    received = ", ".join(f"{option}={value!r}" for option, value in given.items()) or "none"
    if not given.keys() <= options.keys():
        expected = f"only the options {', '.join(options)}" if options else "no options"
        raise TypeError(f"Expected {expected} for the mask {name!r}. Received: {received}")
    absent = [option.name for option in options.values() if option.default is None and option.name not in given]
    if absent:
        raise ValueError(f"Expected the options {', '.join(options)} for the mask {name!r}. Received: {received}")
    return {option.name: option.check(given.get(option.name, option.default)) for option in options.values()}

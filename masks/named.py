"""From a mask's name and options to the array."""

import importlib

import numpy as np
import numpy.typing as npt

from masks import operations
from masks._checks import Seed, Shape
from masks.spec import MaskSpec
from masks.table import MASKS

__all__ = ["make_mask"]


def make_mask(spec: MaskSpec | str, shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Make the mask that a spec describes: the named shape, then inverted, then dilated.

    Parameters
    ----------
    spec : MaskSpec or str
        Name and options, or a name alone for its default options.
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of a random mask, at least 0; masks without randomness ignore it.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    Raises
    ------
    ValueError
        The name is unknown, the spec's rectangle lies outside the picture, or `shape` or `seed` is wrong.

    Examples
    --------
    >>> make_mask("left", (1, 4)).tolist()
    [[True, True, False, False]]
    >>> make_mask(MaskSpec("left", invert=True), (1, 4)).tolist()
    [[False, False, True, True]]
    """
    if isinstance(spec, str):
        spec = MaskSpec(spec)
    named = MASKS[spec.name]
    module, function = named.function.split(".")
    make = getattr(importlib.import_module(f"masks.{module}"), function)
    mask = make(shape, **spec.options, **({"seed": seed} if named.takes_seed else {}))
    if spec.invert:
        mask = operations.invert(mask)
    return operations.dilate(mask, spec.dilate_px)

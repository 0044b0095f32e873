"""From a mask's name and options to the array."""

import importlib

import numpy as np
import numpy.typing as npt

from masks import operations
from masks._checks import Seed, Shape, check_shape
from masks.spec import MaskSpec
from masks.table import MASKS

__all__ = ["make_mask"]


def make_mask(
    spec: MaskSpec | str, shape: Shape, *, seed: Seed = 0, picture: npt.NDArray[np.uint8] | None = None
) -> npt.NDArray[np.bool_]:
    """Make the mask that a spec describes: the named shape, then inverted, then dilated.

    Parameters
    ----------
    spec : MaskSpec or str
        Name and options, or a name alone for its default options.
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of a random mask, at least 0; masks without randomness ignore it.
    picture : ndarray of uint8, shape (height, width, C), optional
        The picture itself, for "scratches", which depends on what is seen there; other masks ignore it.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    Raises
    ------
    ValueError
        The name is unknown, the spec's rectangle lies outside the picture, the mask needs a picture and there is none,
        or `shape`, `seed` or `picture` is wrong.

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
    if named.takes_picture:
        if picture is None or tuple(picture.shape[:2]) != check_shape(shape):
            received = None if picture is None else picture.shape
            raise ValueError(f"Expected `picture` of shape {shape} for the mask {spec.name!r}. Received: {received}")
        mask = make(picture, **spec.options)
    else:
        mask = make(shape, **spec.options, **({"seed": seed} if named.takes_seed else {}))
    if spec.invert:
        mask = operations.invert(mask)
    return operations.dilate(mask, spec.dilate_px)

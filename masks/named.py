"""From a mask's name and options to the array."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from masks import irregular, operations, shapes
from masks._checks import Seed, Shape
from masks.spec import MaskSpec

__all__ = ["make_mask"]

# name: the function, and those fields of MaskSpec that it takes besides the shape
_MAKERS: dict[str, tuple[Callable[..., npt.NDArray[np.bool_]], tuple[str, ...]]] = {
    "center": (shapes.center_mask, ("scale",)),
    "left": (shapes.left_mask, ()),
    "right": (shapes.right_mask, ()),
    "top": (shapes.top_mask, ()),
    "bottom": (shapes.bottom_mask, ()),
    "half": (shapes.half_mask, ("seed",)),
    "random": (shapes.random_mask, ("fraction", "seed")),
    "grid": (shapes.grid_mask, ("step",)),
    "full": (shapes.full_mask, ()),
    "lowres": (shapes.lowres_mask, ()),
    "rectangle": (shapes.rectangle_mask, ("x", "y", "width", "height")),
    "strokes": (irregular.strokes_mask, ("seed",)),
    "thin": (irregular.thin_mask, ("seed",)),
    "medium": (irregular.medium_mask, ("seed",)),
    "thick": (irregular.thick_mask, ("seed",)),
}


def make_mask(spec: MaskSpec | str, shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Make the mask that a spec describes: the named shape, then inverted, then dilated.

    Parameters
    ----------
    spec : name and options, or a name alone for its default options
    shape : (height, width) of the picture
    seed : whole number of at least 0, or a sequence of them; masks without randomness ignore it

    Returns
    -------
    (height, width) bool, True = missing

    Raises
    ------
    ValueError
        The spec's rectangle lies outside the picture, or `shape` or `seed` is wrong.

    Examples
    --------
    >>> make_mask("left", (1, 4)).tolist()
    [[True, True, False, False]]
    >>> make_mask(MaskSpec("left", invert=True), (1, 4)).tolist()
    [[False, False, True, True]]
    """
    if isinstance(spec, str):
        spec = MaskSpec(spec)
    function, options = _MAKERS[spec.name]
    values: dict[str, Any] = {option: seed if option == "seed" else getattr(spec, option) for option in options}
    mask = function(shape, **values)
    if spec.invert:
        mask = operations.invert(mask)
    return operations.dilate(mask, spec.dilate_px)

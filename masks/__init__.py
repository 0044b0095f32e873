"""What is missing: masks by name, from pictures and from folders, as bool arrays (H, W) with True = missing.

Importing this package imports neither NumPy nor OpenCV; the names below load what they need when first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from masks.table import MASKS

if TYPE_CHECKING:
    from masks.arrays import (
        mask_from_alpha,
        mask_from_array,
        mask_from_color,
        mask_from_picture,
        read_alpha_mask,
        read_color_mask,
    )
    from masks.color import format_color, parse_color
    from masks.drawn import DrawnMask, read_drawn_mask
    from masks.fitting import fit_mask
    from masks.irregular import medium_mask, strokes_mask, thick_mask, thin_mask
    from masks.matching import MaskFolder, MaskMatch, is_mask_name
    from masks.named import make_mask
    from masks.operations import dilate, hole_fraction, invert, resize_mask, validate_mask
    from masks.scratches import suggest_scratches
    from masks.shapes import (
        bottom_mask,
        center_mask,
        full_mask,
        grid_mask,
        half_mask,
        left_mask,
        lowres_mask,
        random_mask,
        rectangle_mask,
        right_mask,
        top_mask,
    )
    from masks.spec import MASK_NAMES, MaskSpec

_HOMES = {
    "DrawnMask": "drawn",
    "MASK_NAMES": "spec",
    "MaskFolder": "matching",
    "MaskMatch": "matching",
    "MaskSpec": "spec",
    "dilate": "operations",
    "fit_mask": "fitting",
    "format_color": "color",
    "hole_fraction": "operations",
    "invert": "operations",
    "is_mask_name": "matching",
    "make_mask": "named",
    "mask_from_alpha": "arrays",
    "mask_from_array": "arrays",
    "mask_from_color": "arrays",
    "mask_from_picture": "arrays",
    "parse_color": "color",
    "read_alpha_mask": "arrays",
    "read_color_mask": "arrays",
    "read_drawn_mask": "drawn",
    "resize_mask": "operations",
    "validate_mask": "operations",
    **{function: home for home, function in (mask.function.split(".") for mask in MASKS.values())},
}

__all__ = [
    "MASK_NAMES",
    "DrawnMask",
    "MaskFolder",
    "MaskMatch",
    "MaskSpec",
    "bottom_mask",
    "center_mask",
    "dilate",
    "fit_mask",
    "format_color",
    "full_mask",
    "grid_mask",
    "half_mask",
    "hole_fraction",
    "invert",
    "is_mask_name",
    "left_mask",
    "lowres_mask",
    "make_mask",
    "mask_from_alpha",
    "mask_from_array",
    "mask_from_color",
    "mask_from_picture",
    "medium_mask",
    "parse_color",
    "random_mask",
    "read_alpha_mask",
    "read_color_mask",
    "read_drawn_mask",
    "rectangle_mask",
    "resize_mask",
    "right_mask",
    "strokes_mask",
    "suggest_scratches",
    "thick_mask",
    "thin_mask",
    "top_mask",
    "validate_mask",
]
__all__ += sorted(_HOMES.keys() - set(__all__))  # the function of a mask of the table that is not written above


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"masks.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'masks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

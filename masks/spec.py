"""A mask as a name and its options, each default in one place.

Pure standard library: the command line reads its choices and defaults from here without importing NumPy or OpenCV.
"""

import dataclasses

from masks._checks import check_fraction, check_integer, check_scale

__all__ = ["MASK_NAMES", "MaskSpec"]

MASK_NAMES = (
    "center",
    "left",
    "right",
    "top",
    "bottom",
    "half",
    "random",
    "grid",
    "full",
    "lowres",
    "rectangle",
    "strokes",
    "thin",
    "medium",
    "thick",
)


@dataclasses.dataclass(frozen=True)
class MaskSpec:
    """Which mask, with which options; options of other masks are ignored.

    `masks.make_mask` turns it into an array.

    Attributes
    ----------
    name : one of `MASK_NAMES`.
    scale : sides of the "center" rectangle as a share of the picture's, in (0, 1].
    fraction : share of the pixels that "random" hides, in [0, 1].
    step : "grid" keeps every step-th pixel in both directions; at least 2.
    blocks : "lowres" hides every pixel; what is known is the mean of each of blocks x blocks rectangles. At least 1.
    x, y : left and top edge of "rectangle" in pixels; may lie outside the picture.
    width, height : size of "rectangle" in pixels; at least 1.
    invert : swap missing and known.
    dilate_px : then grow what is missing by this many pixels.

    Raises
    ------
    ValueError
        An option is out of its range, or the name is "rectangle" and one of x, y, width, height is absent.

    Examples
    --------
    >>> MaskSpec("random", fraction=0.5).fraction
    0.5
    """

    name: str = "center"
    scale: float = 0.5
    fraction: float = 0.8
    step: int = 4
    blocks: int = 8
    x: int | None = None
    y: int | None = None
    width: int | None = None
    height: int | None = None
    invert: bool = False
    dilate_px: int = 0

    def __post_init__(self) -> None:
        if self.name not in MASK_NAMES:
            raise ValueError(f"Expected `name` to be one of {', '.join(MASK_NAMES)}. Received: name={self.name!r}")
        check_scale(self.scale)
        check_fraction(self.fraction)
        check_integer("step", self.step, minimum=2)
        check_integer("blocks", self.blocks, minimum=1)
        check_integer("dilate_px", self.dilate_px, minimum=0)
        if not isinstance(self.invert, bool):
            raise ValueError(f"Expected `invert` to be True or False. Received: invert={self.invert!r}")
        self._check_rectangle()

    def _check_rectangle(self) -> None:
        """Check x, y, width and height: all there for a rectangle, of the right kind wherever given."""
        sides = {"x": self.x, "y": self.y, "width": self.width, "height": self.height}
        if self.name == "rectangle" and None in sides.values():
            received = ", ".join(f"{option}={value!r}" for option, value in sides.items())
            raise ValueError(f"Expected `x`, `y`, `width` and `height` for a rectangle. Received: {received}")
        for option, value in sides.items():
            if value is not None:
                check_integer(option, value, minimum=1 if option in ("width", "height") else None)

"""The table of named masks: of each mask its function and its options.

`MaskSpec`, `make_mask` and the options of complete-images read this table, and so do the functions themselves for their
defaults and ranges. A new mask is a function in `masks/shapes.py` or `masks/irregular.py` and an entry of `MASKS`.

Pure standard library: a function is written as its name, and `make_mask` imports it.
"""

import dataclasses
from typing import Any

from masks._checks import check_integer, check_real

__all__ = ["BOX", "MASKS", "SURENESS", "MaskOption", "NamedMask"]

SURENESS = 0.9  # see docs/photographs.md


@dataclasses.dataclass(frozen=True)
class MaskOption:
    """A number that a mask takes: a keyword of its function and of `MaskSpec`, and an option of complete-images.

    Attributes
    ----------
    name : str
        The keyword. The command line writes a hyphen for an underscore.
    number_type : type
        int or float.
    default : int or float, optional
        Value of the option where it is not given. An option without a default must be given.
    minimum, maximum : int or float, optional
        The range of allowed values; both ends belong to it.
    min_open : bool, default False
        Take `minimum` itself out of the range. For floats only.
    help : str, default ""
        What the option sets, for --help: with the unit, in lower case and without a full stop. The name of the mask
        and the default are added.
    """

    name: str
    number_type: type[int] | type[float]
    _: dataclasses.KW_ONLY
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    min_open: bool = False
    help: str = ""

    def check(self, value: Any) -> Any:
        """Return a value as this option's type of number.

        Parameters
        ----------
        value : int or float
            The value to check.

        Returns
        -------
        int or float
            The value, converted to `number_type`.

        Raises
        ------
        ValueError
            `value` is not such a number, or out of its range.

        Examples
        --------
        >>> MaskOption("step", int, minimum=2).check(1)
        Traceback (most recent call last):
        ...
        ValueError: Expected `step` to be a whole number of at least 2. Received: step=1
        """
        if self.number_type is int:
            return check_integer(self.name, value, minimum=self.minimum, maximum=self.maximum)
        return check_real(self.name, value, minimum=self.minimum, maximum=self.maximum, min_open=self.min_open)


@dataclasses.dataclass(frozen=True)
class NamedMask:
    """A mask that users ask for by name.

    Attributes
    ----------
    function : str
        Module in `masks` and name of the function, "shapes.center_mask". The function takes the shape of the picture,
        (height, width), and all options as keywords, and returns a bool array of that shape, True = missing.
    options : tuple of MaskOption, default ()
        The options of this mask. Masks may share an option.
    takes_seed : bool, default False
        Whether the function takes the keyword `seed`.
    takes_picture : bool, default False
        Whether the function takes the picture in place of its shape: the mask depends on what is seen there.
    box_help : str, default ""
        For a mask whose options are the four of `BOX`: the help of the one option of complete-images that sets them
        all, --NAME X,Y,WIDTH,HEIGHT. It implies --mask NAME. Empty where every option stands for itself.
    """

    function: str
    options: tuple[MaskOption, ...] = ()
    _: dataclasses.KW_ONLY
    takes_seed: bool = False
    takes_picture: bool = False
    box_help: str = ""


BOX = (
    MaskOption("x", int),
    MaskOption("y", int),
    MaskOption("width", int, minimum=1),
    MaskOption("height", int, minimum=1),
)

MASKS: dict[str, NamedMask] = {
    "center": NamedMask(
        "shapes.center_mask",
        options=(
            MaskOption(
                "scale",
                float,
                default=0.5,
                minimum=0,
                min_open=True,
                maximum=1,
                help="sides of the hole as a share of the picture's sides",
            ),
        ),
    ),
    "left": NamedMask("shapes.left_mask"),
    "right": NamedMask("shapes.right_mask"),
    "top": NamedMask("shapes.top_mask"),
    "bottom": NamedMask("shapes.bottom_mask"),
    "half": NamedMask("shapes.half_mask", takes_seed=True),
    "random": NamedMask(
        "shapes.random_mask",
        options=(
            MaskOption(
                "fraction",
                float,
                default=0.8,
                minimum=0,
                maximum=1,
                help="share of the pixels that are missing (Amos 2016: 0.2)",
            ),
        ),
        takes_seed=True,
    ),
    "grid": NamedMask(
        "shapes.grid_mask",
        options=(MaskOption("step", int, default=4, minimum=2, help="sampling step of the grid, in pixels"),),
    ),
    "full": NamedMask("shapes.full_mask"),
    "lowres": NamedMask(
        "shapes.lowres_mask",
        options=(
            MaskOption("blocks", int, default=8, minimum=1, help="number of block means per side that are known"),
        ),
    ),
    "rectangle": NamedMask(
        "shapes.rectangle_mask",
        options=BOX,
        box_help="left and top edge, width and height of the hole, in pixels of the picture",
    ),
    "strokes": NamedMask("irregular.strokes_mask", takes_seed=True),
    "thin": NamedMask("irregular.thin_mask", takes_seed=True),
    "medium": NamedMask("irregular.medium_mask", takes_seed=True),
    "thick": NamedMask("irregular.thick_mask", takes_seed=True),
    "scratches": NamedMask(
        "scratches.suggest_scratches",
        options=(
            MaskOption(
                "sureness",
                float,
                default=SURENESS,
                minimum=0,
                maximum=1,
                help="how sure a scratch or a spot must be to be hidden, 0 to 1",
            ),
        ),
        takes_picture=True,
    ),
}

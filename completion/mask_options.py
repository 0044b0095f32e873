"""The options of complete-images that say what is missing.

The options of the named masks come from `masks.table.MASKS`; nothing here knows a mask by its name. Pure standard
library and click, so that --help imports neither NumPy nor OpenCV.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from dcgan.command import FolderPath, as_options, shown_default, with_options
from masks.color import parse_color
from masks.spec import MaskSpec
from masks.table import BOX, MASKS, MaskOption

__all__ = ["ColorType", "MaskChoice", "RectangleType", "mask_options", "read_mask_options"]

MASK = MaskSpec()
DILATE_MAX_PX = 65_535
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class RectangleType(click.ParamType):
    """A rectangle written X,Y,WIDTH,HEIGHT."""

    name = "x,y,width,height"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse and check."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != 4:
            self.fail(f"expected four whole numbers {self.name}, received {value!r}", param, ctx)
        return numbers


class ColorType(click.ParamType):
    """A colour written #rrggbb or r,g,b."""

    name = "color"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int, int]:
        """Parse and check."""
        if isinstance(value, tuple):
            return value
        try:
            return parse_color(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclasses.dataclass(frozen=True)
class MaskChoice:
    """What the command line says about masks.

    Attributes
    ----------
    source : str
        The option that says what is missing: "--mask" (also for --rectangle and the like), "--mask-file", "--mask-dir",
        "--mask-from-alpha" or "--mask-color". Empty where the user gave none; then `spec` is the default mask.
    spec : MaskSpec
        The named mask, and the operations (invert, dilate) that apply to every source.
    file : Path, optional
        File of one mask for all pictures.
    folder : Path, optional
        Folder with a mask for each picture.
    alpha : bool
        Whether transparent pixels are missing.
    color : tuple of int, optional
        (red, green, blue), each 0 to 255: pixels of this colour are missing.
    color_tolerance : int, optional
        Largest difference in a channel at which a pixel still counts as this colour, 0 to 255.
    threshold : int, optional
        Of masks in files and of transparency: the value, 1 to 255, from which on a pixel is missing.
    """

    source: str
    spec: MaskSpec
    file: Path | None
    folder: Path | None
    alpha: bool
    color: tuple[int, int, int] | None
    color_tolerance: int | None
    threshold: int | None = None


def mask_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with the options that say what is missing; `read_mask_options` reads them.

    Parameters
    ----------
    command : callable
        The function behind the command.

    Returns
    -------
    callable
        The function with the options, among them one for each option of `masks.table.MASKS`.
    """
    options: tuple[Decorator, ...] = (
        click.option("--mask", type=click.Choice(tuple(MASKS)), help=f"A mask by name.  [default: {MASK.name}]"),
        click.option(
            "--mask-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="One mask for all pictures: white, or what is drawn on a black or clear ground, is missing.",
        ),
        click.option(
            "--mask-dir",
            type=FolderPath(exists=True),
            help="A mask for each picture: a_mask.png, a-mask.png, mask_a.png, a_mask001.png or a.png for a.jpg.",
        ),
        click.option("--mask-from-alpha", is_flag=True, help="Transparent pixels are missing."),
        click.option("--mask-color", type=ColorType(), help="Pixels of this colour are missing: #rrggbb or r,g,b."),
        click.option(
            "--mask-color-tolerance",
            type=click.IntRange(0, 255),
            help="Largest difference in a channel at which a pixel still counts as this colour.  [default: 0; in files "
            "with losses such as JPEG 32, and 4 px more around]",
        ),
        click.option(
            "--mask-threshold",
            type=click.IntRange(1, 255),
            help="Value from which on a pixel is missing: its brightness, 0 the mask's darkest and 255 its brightest, "
            "or its opacity or transparency.  [default: two values as they are, soft edges whole and 1 px more]",
        ),
        *_named_options(),
        click.option("--invert-mask", is_flag=True, help="Swap missing and known."),
        click.option(
            "--only-masks",
            is_flag=True,
            help="Write the masks alone, as OUTPUT/a_mask.png for a.jpg (OUTPUT: masks by default), to be looked at "
            "and corrected; --mask-dir OUTPUT completes with them.",
        ),
        click.option(
            "--dilate",
            type=click.IntRange(0, DILATE_MAX_PX),
            help="Grow the hole by this many pixels.",
            **shown_default(MASK.dilate_px),
        ),
    )
    return with_options(command, options)


def read_mask_options(options: Mapping[str, Any]) -> MaskChoice:
    """Return what the options of `mask_options` say, after checking that they go together.

    Parameters
    ----------
    options : mapping of str to object
        The parsed options of the command, by their Python names; those of other decorators are ignored.

    Returns
    -------
    MaskChoice
        The source of masks and its options.

    Raises
    ------
    click.UsageError
        Two options exclude each other, or one goes with another that was not given.
    ValueError
        An option of a named mask is out of its range.
    """
    name = _mask_name(options)
    sources = {
        "--mask": name is not None,
        "--mask-file": options["mask_file"] is not None,
        "--mask-dir": options["mask_dir"] is not None,
        "--mask-from-alpha": options["mask_from_alpha"],
        "--mask-color": options["mask_color"] is not None,
    }
    given = [source for source, is_given in sources.items() if is_given]
    if len(given) > 1:
        raise click.UsageError(f"Expected one source of masks, received {' and '.join(given)}.")
    if options["mask_color_tolerance"] is not None and given != ["--mask-color"]:
        raise click.UsageError("--mask-color-tolerance goes with --mask-color.")
    if options["mask_threshold"] is not None and not {*given} & {"--mask-file", "--mask-dir", "--mask-from-alpha"}:
        raise click.UsageError("--mask-threshold goes with --mask-file, --mask-dir or --mask-from-alpha.")
    numbers = _numbers(options, name if given else MASK.name)
    try:
        spec = MaskSpec(name or MASK.name, invert=options["invert_mask"], dilate_px=options["dilate"], **numbers)
    except ValueError as error:  # a number out of its range
        box = f"{_flag(spec_name)}: " if (spec_name := name or MASK.name) in _boxes() else ""
        raise click.UsageError(f"{box}{as_options(str(error))}") from error
    return MaskChoice(
        source=given[0] if given else "",
        spec=spec,
        file=options["mask_file"],
        folder=options["mask_dir"],
        alpha=options["mask_from_alpha"],
        color=options["mask_color"],
        color_tolerance=options["mask_color_tolerance"],
        threshold=options["mask_threshold"],
    )


def _named_options() -> Iterator[Decorator]:
    """Yield the options of the named masks in the table's order, boxes last."""
    for option, names in _single_options().items():
        default = "" if option.default is None else f"  [default: {option.default}]"
        text = f"{', '.join(names)}: {option.help}.{default}"
        yield click.option(_flag(option.name), type=option.number_type, help=text)
    for name in _boxes():
        text = f"{name}: {MASKS[name].box_help}; implies --mask {name}."
        yield click.option(_flag(name), type=RectangleType(), help=text)


def _single_options() -> dict[MaskOption, list[str]]:
    """Return each mask option that is an option of the command, with the names of its masks."""
    names: dict[MaskOption, list[str]] = {}
    for name, mask in MASKS.items():
        for option in () if mask.box_help else mask.options:
            names.setdefault(option, []).append(name)
    return names


def _boxes() -> list[str]:
    """Return the names of the masks whose options are one option of the command, X,Y,WIDTH,HEIGHT."""
    return [name for name, mask in MASKS.items() if mask.box_help]


def _mask_name(options: Mapping[str, Any]) -> str | None:
    """Return the mask that --mask names or a box such as --rectangle implies; None where neither is given."""
    name: str | None = options["mask"]
    for box in _boxes():
        if options[box] is not None:
            if name not in (None, box):
                raise click.UsageError(f"{_flag(box)} goes with --mask {box}, received --mask {name}.")
            name = box
        elif name == box:
            raise click.UsageError(f"--mask {box} needs {_flag(box)} {RectangleType.name}.")
    return name


def _numbers(options: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return the options of the mask of this name that are given; the name is None where masks come from files."""
    numbers: dict[str, Any] = {}
    for option, names in _single_options().items():
        value = options[option.name]
        if value is not None:
            if name not in names:
                raise click.UsageError(f"{_flag(option.name)} goes with --mask {' or '.join(names)}.")
            numbers[option.name] = value
        elif name in names and option.default is None:
            raise click.UsageError(f"--mask {name} needs {_flag(option.name)}.")
    if name in _boxes():
        numbers |= zip((option.name for option in BOX), options[name], strict=True)
    return numbers


def _flag(name: str) -> str:
    """Return an option as the command line writes it."""
    return f"--{name.replace('_', '-')}"

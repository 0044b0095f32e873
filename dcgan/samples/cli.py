"""The commands dcgan-sample and dcgan-inspect, which look into a model."""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dcgan.command import (
    DEFAULTS,
    common_errors,
    crop_option,
    device_option,
    echo_device,
    shown_default,
)
from dcgan.config import DEFAULT_MODEL, MODEL_HELP, PIPE, SEED_MAX
from dcgan.errors import OptionError
from dcgan.terminal import printable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dcgan.model_file import Prior

    Pictures = npt.NDArray[np.uint8]

OnLine = Callable[[str], None]

__all__ = ["inspect_command", "sample_command"]

SHEET_PIXELS_MAX, SHEET_SIDE_MAX = 2**26, 65_000  # beyond, no JPEG holds it
COUNT, STEPS, COMPARED, NEAREST = 64, 10, 8, 4  # pictures by default: of a grid, of a way, and beside their nearest
VARIED = 9


@click.command(
    "dcgan-sample",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-sample --model faces-128 --output faces.png",
)
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--model", **shown_default(DEFAULT_MODEL), help=MODEL_HELP)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="What TARGET says as well: the picture file to write, a film (.gif, .webp, .mp4), or a folder with "
    "--separate; - is stdout.  [default: samples.png]",
)
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    help="Number of pictures in the grid, or of each way of --interpolate.  [default: 64, 10 of a way, 8 with "
    "--nearest]",
)
@click.option("--seed", type=click.IntRange(0, SEED_MAX), help="Seed of the latents.", **shown_default(0))
@click.option(
    "--truncation",
    type=float,
    help="Largest magnitude of a latent's entries: below 1, fewer failures and less variety.  [default: no limit]",
)
@click.option(
    "--interpolate", metavar="SEEDS", help="Show the way from one seed's picture to the next's, as 3,8,20; or a film."
)
@click.option(
    "--arithmetic",
    metavar="SUM",
    help="Add and subtract averages of the grid's pictures, counted from 0 row by row, as '3,7,12 - 4,9,1 + 20,31,5'.",
)
@click.option(
    "--evolution",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Write the film of a run folder's sample grids.",
)
@click.option("--separate", is_flag=True, help="Write each picture to a file of its own, in a folder.")
@click.option(
    "--nearest",
    "datasets",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Show the nearest pictures of this dataset beside each sample, and say how near they are. Can be repeated.",
)
@crop_option
@device_option
@click.option("--overwrite", is_flag=True, help="Replace the output file if it is a picture.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("what was written is whole")
def sample_command(
    *, target: Path | None, output: Path | None, device: str, overwrite: bool, quiet: bool, **options: Any
) -> None:
    """Write a grid of pictures drawn from a model, or look into the model in another way."""
    ways = [f"--{name}" for name in ("interpolate", "arithmetic", "evolution") if options[name] is not None]
    ways += ["--nearest"] if options["datasets"] else []
    if len(ways) > 1:
        raise click.UsageError(f"{' and '.join(ways)} exclude each other.")
    if target is not None and output is not None:
        raise click.UsageError("The output is named twice: by TARGET and by --output.")
    path = target or output or Path("samples" if options["separate"] else "samples.png")
    if options["separate"] and set(ways) - {"--interpolate"}:
        raise click.UsageError(f"--separate and {ways[0]} exclude each other.")
    _check_belonging(options)
    if str(path) == PIPE:
        _send(options, device=device, quiet=quiet)
        return
    _check_suffix(path, options)
    if not options["separate"]:
        from dcgan.pictures.replacing import check_replaceable

        check_replaceable(path, overwrite=overwrite)
    on_line: OnLine = (lambda line: None) if quiet else _print
    _write(path, options, device=device, overwrite=overwrite, quiet=quiet, on_line=on_line)
    if not quiet:
        _print(str(path))


def _send(options: dict[str, Any], *, device: str, quiet: bool) -> None:
    """Write one picture, a PNG, to stdout."""
    for name in ("separate", "evolution"):
        if options[name]:
            raise click.UsageError(f"Expected one picture for {PIPE} (stdout). Received: --{name}")
    if sys.stdout.isatty():
        raise OptionError("Expected stdout to be a pipe or a file for the picture. Received: a terminal")
    with tempfile.TemporaryDirectory(prefix="dcgan-sample-") as folder:
        path = Path(folder, "samples.png")
        on_line: OnLine = (lambda line: None) if quiet else functools.partial(_print, err=True)
        _write(path, options, device=device, overwrite=False, quiet=quiet, on_line=on_line)
        sys.stdout.buffer.write(path.read_bytes())
        sys.stdout.flush()


def _write(path: Path, options: dict[str, Any], *, device: str, overwrite: bool, quiet: bool, on_line: OnLine) -> None:
    """Write what is asked for: a sheet, a film, or a folder of pictures."""
    from dcgan.pictures.film import FILMS, save_film
    from dcgan.pictures.saving import save_picture

    if options["evolution"]:
        from dcgan.samples.evolution import read_evolution

        save_film(path, read_evolution(options["evolution"]))
        return
    from dcgan.device import find_device
    from dcgan.model_file import load_model

    found = find_device(device)
    prior = load_model(options["model"])
    if not quiet:
        echo_device(found)
    drawn = _Drawn(prior, found.name, options, on_line=on_line)
    if options["separate"]:
        _save_each(path, drawn.pictures(), overwrite=overwrite)
    elif path.suffix.lower() in FILMS and options["arithmetic"] is None:
        save_film(path, list(drawn.pictures()))
    else:
        save_picture(path, drawn.sheet())


def _check_belonging(options: dict[str, Any]) -> None:
    """Raise UsageError where an option is given that the others leave without effect."""
    context = click.get_current_context()
    given = {name for name in options if context.get_parameter_source(name) != ParameterSource.DEFAULT}
    useless = {"crop"} if not options["datasets"] else set()
    useless |= {"seed"} if options["interpolate"] is not None else set()
    useless |= {"count", "seed", "truncation", "model"} if options["evolution"] is not None else set()
    if wrong := sorted(given & useless):
        raise click.UsageError(f"--{wrong[0]} has no effect on what the other options ask for.")


def _check_suffix(path: Path, options: dict[str, Any]) -> None:
    """Raise where nothing of the asked kind can be written under a name, before there is any work."""
    from dcgan.pictures.film import FILMS
    from dcgan.pictures.saving import check_suffix

    if options["separate"] or (path.suffix.lower() in FILMS and options["interpolate"] is not None):
        return
    if options["evolution"] is None:
        check_suffix(path)
    elif path.suffix.lower() not in FILMS:
        raise click.UsageError(f"Expected a film's suffix, {', '.join(FILMS)}. Received: {path.name}")


def _print(line: str, *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr, made printable."""
    click.echo(printable(line), err=err)


class _Drawn:
    """What dcgan-sample draws."""

    def __init__(self, prior: Prior, device: str, options: dict[str, Any], *, on_line: OnLine) -> None:
        from dcgan.inference import GeneratorNetwork

        self.prior, self.options, self.on_line = prior, options, on_line
        self._network = GeneratorNetwork(prior, device=device)
        compared = COMPARED if options["datasets"] else COUNT
        is_way = options["interpolate"] is not None
        self.count = options["count"] or (STEPS if is_way else compared)
        ways = max(1, len(self._seeds()) - 1) if is_way else 1
        if is_way and self.count * (prior.config.size + 2) > SHEET_SIDE_MAX:
            most = SHEET_SIDE_MAX // (prior.config.size + 2)
            raise OptionError(
                f"Expected --count of at most {most} with a way of these pictures. Received: {self.count}"
            )
        beside = 1 + NEAREST if options["datasets"] else 1
        most = SHEET_PIXELS_MAX // (prior.config.size**2 * ways * beside)
        if self.count > most:
            raise OptionError(f"Expected --count of at most {most} with pictures of this size. Received: {self.count}")

    def pictures(self) -> Pictures:
        """Return samples, or those of a way, uint8 (B, S, S, C)."""
        from dcgan.pictures.values import to_uint8

        return to_uint8(self._network(self._latents()))

    def sheet(self) -> Pictures:
        """Return all of it as one picture."""
        from dcgan.pictures.values import make_grid

        if self.options["arithmetic"] is not None:
            return self._sum()
        if self.options["datasets"]:
            return self._beside_nearest()
        return make_grid(self.pictures(), columns=self.count if self.options["interpolate"] is not None else None)

    def _seeds(self) -> list[int]:
        """Return the seeds of --interpolate."""
        text = self.options["interpolate"]
        parts = [part.strip() for part in text.split(",")]
        if len(parts) < 2 or not all(part.isdecimal() and int(part) <= SEED_MAX for part in parts):
            raise OptionError(f"Expected two or more seeds as in 3,8,20. Received: {text!r}")
        return [int(part) for part in parts]

    def _latents(self) -> npt.NDArray[np.float32]:
        """Return the latents of the samples, or of the way."""
        import numpy as np

        from dcgan.samples.latent_space import draw_truncated, interpolate

        config = self.prior.config
        settings = {"distribution": config.latent, "limit": self.options["truncation"]}
        if self.options["interpolate"] is None:
            return draw_truncated(self.count, config.latent_dim, seed=self.options["seed"], **settings)
        if self.count < 2:
            raise OptionError(f"Expected --count of at least 2 with --interpolate. Received: {self.count}")
        ends = [draw_truncated(1, config.latent_dim, seed=seed, **settings) for seed in self._seeds()]
        return interpolate(np.concatenate(ends), self.count, distribution=config.latent)

    def _sum(self) -> Pictures:
        """Return the averages of a sum in a row, and below them the sum, in the middle of pictures around it."""
        import numpy as np

        from dcgan.pictures.values import make_grid, to_uint8
        from dcgan.samples.latent_space import combine, parse_sum, vary

        config = self.prior.config
        terms = parse_sum(self.options["arithmetic"])
        averages, total = combine(self._latents(), terms, bound=config.latent_bound)
        around = vary(total, VARIED, seed=self.options["seed"], bound=config.latent_bound)
        made = to_uint8(self._network(np.concatenate([averages, around])))
        side = round(VARIED**0.5)
        columns = max(len(terms), side)
        white = np.full_like(made[:1], 255)
        rows = [made[: len(terms)], *(made[len(terms) + side * row :][:side] for row in range(side))]
        full = [np.concatenate([row, *[white] * (columns - len(row))]) for row in rows]
        return make_grid(np.concatenate(full), columns=columns)

    def _beside_nearest(self) -> Pictures:
        """Return each sample and the nearest pictures of the datasets in a row, and say how near they are."""
        import numpy as np

        from dcgan.pictures.values import make_grid
        from dcgan.samples.nearest import DESCRIBED_PX, PictureIndex
        from dcgan.training.sources import open_source

        config = self.prior.config
        index = PictureIndex(
            [open_source(path) for path in self.options["datasets"]],
            channels=config.channels,
            crop=self.options["crop"],
        )
        samples = self.pictures()
        found = index.find(samples, count=NEAREST)
        for number, each in enumerate(found):
            self.on_line(f"sample {number}: {each.distances[0]:.1f} grey levels from {index.name(each.rows[0])}")
        closest, typical = min(each.distances[0] for each in found), index.typical()
        line = (
            f"the nearest of {len(index):,} pictures, at {DESCRIBED_PX} pixels, are {closest:.1f} or more grey levels "
        )
        line += "away"
        if len(index) > 1:
            line += f"; half of the pictures themselves have another one within {typical:.1f}"
        self.on_line(line)
        if index.unreadable:
            self.on_line(f"{index.unreadable:,} pictures cannot be read and are left out")
        rows = []
        for sample, each in zip(samples, found, strict=True):
            near = [index.read(row, config.size) for row in each.rows]
            rows += [sample, *near, *[np.full_like(sample, 255)] * (NEAREST - len(near))]
        return make_grid(np.stack(rows), columns=1 + NEAREST)


def _save_each(folder: Path, pictures: Pictures, *, overwrite: bool) -> None:
    """Write each picture to FOLDER/NUMBER.png; none where one of them would replace what is to stay."""
    from dcgan.errors import ImageFileError
    from dcgan.pictures.replacing import check_replaceable
    from dcgan.pictures.saving import save_picture

    paths = [folder / f"{number:04d}.png" for number in range(len(pictures))]
    for path in paths:
        check_replaceable(path, overwrite=overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageFileError(f"{folder}: cannot make this folder: {error.strerror or error}") from error
    for path, picture in zip(paths, pictures, strict=True):
        save_picture(path, picture)


@click.command("dcgan-inspect", context_settings=DEFAULTS, epilog="Example:  dcgan-inspect faces-128")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_errors("nothing was written")
def inspect_command(*, model: str, as_json: bool) -> None:
    """Print what a model file says of itself: networks, recipe, data, figures, sizes, terms."""
    from dcgan.samples.description import describe_model, lines_of

    description = describe_model(model)
    if as_json:
        click.echo(json.dumps(description, indent=2))
    else:
        for line in lines_of(description):
            _print(line)

"""Shared by all commands: context settings, errors and exit codes, the options of a run folder."""

import contextlib
import dataclasses
import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from dcgan import __version__
from dcgan.config import RunConfig
from dcgan.device import DEVICES, Device
from dcgan.errors import FaceCompletionError, OptionError
from dcgan.pictures.pixel_limit import MEGAPIXELS, MEGAPIXELS_MAX, limited_pixels
from dcgan.signals import Ended, ending_signals, exit_code
from dcgan.terminal import EXIT_BUG, EXIT_OUTPUT_LOST, printable, tolerant_output

__all__ = [
    "DEFAULTS",
    "FolderPath",
    "RunOptions",
    "as_options",
    "common_errors",
    "crop_option",
    "device_option",
    "echo_device",
    "end_at_once",
    "max_megapixels_option",
    "read_run_options",
    "read_settings",
    "run_options",
    "shown_default",
]

Settings = TypeVar("Settings")

RUN = RunConfig()
DEFAULTS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What a training command says about its run.

    Attributes
    ----------
    folder : Path, optional
        The run folder; by default named after the data or the model.
    config : RunConfig
        How often the files in the run folder are written.
    cache_dir : Path, optional
        Folder for decoded pictures; see `dcgan.training.dataset.default_cache_dir` for the default.
    start_from : str, optional
        Name of a bundled model or path of a model file whose weights a new run starts from.
    overwrite : bool
        Delete the run in the run folder and start over.
    quiet : bool
        Print neither progress nor reports.
    """

    folder: Path | None = None
    config: RunConfig = RUN
    cache_dir: Path | None = None
    start_from: str | None = None
    overwrite: bool = False
    quiet: bool = False


def common_errors(after_interrupt: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that turns errors of a command into a message and an exit code.

    The project's named errors and a lack of memory give one line and exit code 1, an `OptionError` exit code 2, Ctrl-C,
    SIGTERM and SIGHUP exit codes 130, 143 and 129. Any other exception is a bug of the command: its traceback is
    printed with the request to report it, and the exit code is 70. Where stdout or stderr cannot be written to, the
    work goes on, and the exit code is then 74.

    Parameters
    ----------
    after_interrupt : str
        How to continue after Ctrl-C, for the message "Interrupted; ...".

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
            with tolerant_output() as output, ending_signals():
                try:
                    result = command(*args, **kwargs)
                except FaceCompletionError as error:
                    raise click.ClickException(printable(error)) from error
                except OptionError as error:
                    raise click.UsageError(printable(as_options(str(error)))) from error
                except MemoryError as error:
                    raise click.ClickException("not enough memory") from error
                except (click.ClickException, click.exceptions.Exit, click.Abort):
                    raise
                except Exception:
                    _report_bug()
                    sys.exit(EXIT_BUG)
                except KeyboardInterrupt as interrupt:
                    what = f"Ended by {interrupt}" if isinstance(interrupt, Ended) else "Interrupted"
                    click.echo(f"{what}; {after_interrupt}.", err=True)
                    sys.exit(exit_code(interrupt))
            if output.lost:
                sys.exit(EXIT_OUTPUT_LOST)
            return result

        return wrapped

    return decorate


def end_at_once(reason: str) -> None:
    """End the process with an error's line and exit code 1, from any thread: its main thread may wait for ever.

    Parameters
    ----------
    reason : str
        Of the end.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"Error: {printable(reason)}\n".encode())
    os._exit(1)


class FolderPath(click.Path):
    """A path of a folder, which may have to exist; a file is refused."""

    def __init__(self, *, exists: bool = False) -> None:
        super().__init__(exists=exists, file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check and return the path."""
        if os.path.exists(value) and not os.path.isdir(value):
            self.fail(f"{printable(value)} is a file, expected a folder", param, ctx)
        return super().convert(value, param, ctx)


def as_options(message: str) -> str:
    """Return an error's message with the options of the present command in place of Python's names.

    Parameters
    ----------
    message : str
        For instance "Expected `sample_steps` of at least 1. Received: sample_steps=0".

    Returns
    -------
    str
        For instance "Expected --sample-steps of at least 1. Received: --sample-steps 0".
    """
    context = click.get_current_context(silent=True)
    expected, received, values = message.rpartition("Received: ")
    for parameter in context.command.params if context is not None else ():
        if isinstance(parameter, click.Option) and parameter.name:
            option = max(parameter.opts, key=len)
            expected = expected.replace(f"`{parameter.name}`", option)
            if "(" not in values:  # of an object, the names are those of its fields
                values = re.sub(rf"(?<![^ ]){re.escape(parameter.name)}=", f"{option} ", values)
    return f"{expected}{received}{values}"


def _report_bug() -> None:
    """Print the traceback of the present exception, and what the user can do with it."""
    for line in traceback.format_exc().splitlines():
        click.echo(printable(line), err=True)
    name = click.get_current_context().info_name
    click.echo(
        f"This is a bug of {name} {__version__}: please report it to its maintainers, with the lines above and the "
        "command.",
        err=True,
    )


def shown_default(value: object) -> dict[str, Any]:
    """Return click's keywords for an option whose help shows its default.

    Parameters
    ----------
    value : object
        The default.

    Returns
    -------
    dict of str to object
        Keywords for `click.option`.
    """
    return {"default": value, "show_default": True}


def _limit_pixels(context: click.Context, parameter: click.Parameter, value: int) -> int:
    """Set the limit on pictures while the command runs; where it is not given, Pillow's stays."""
    if parameter.name and context.get_parameter_source(parameter.name) != ParameterSource.DEFAULT:
        context.with_resource(limited_pixels(value))
    return value


def max_megapixels_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option for the largest picture to a command that reads pictures; the command need not look at it.

    Parameters
    ----------
    command : callable
        The command's function.

    Returns
    -------
    callable
        The same function, decorated.
    """
    return click.option(
        "--max-megapixels",
        type=click.IntRange(1, MEGAPIXELS_MAX),
        callback=_limit_pixels,
        expose_value=False,
        help="Largest picture that is read, in millions of pixels; see docs/limits.md for the memory that it takes.",
        **shown_default(MEGAPIXELS),
    )(command)


def crop_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --crop, the share of the training pictures that is used, to a training command."""
    option = click.option(
        "--crop",
        type=click.FloatRange(0.0, 1.0, min_open=True),
        help="Use the middle of each picture, this share of its shorter side: 0.667 of faces with a margin of 0.25 is "
        "what faces without one show.",
        **shown_default(1.0),
    )
    return option(command)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --device to a command; `dcgan.device.find_device` finds the device."""
    option = click.option(
        "--device",
        type=click.Choice(DEVICES),
        help="What computes the encoder's answers and samples: the processor, or a GPU, which needs onnxruntime-gpu; "
        "auto: a GPU where one starts.",
        **shown_default("auto"),
    )
    return option(command)


def echo_device(device: Device) -> None:
    """Print a line about the device to stderr where it is a GPU, or one did not start."""
    if device.note:
        click.echo(f"device: {printable(device.note)}", err=True)
    elif device.name != "cpu":
        click.echo(f"device: {device.name}", err=True)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the run folder to a training command; `read_run_options` reads them.

    Parameters
    ----------
    command : callable
        The command's function.

    Returns
    -------
    callable
        The same function, decorated.
    """
    options = (
        click.option(
            "--run-dir",
            type=FolderPath(),
            help="The run folder.  [default: runs/NAME, after the data or the model]",
        ),
        click.option(
            "--sample-steps",
            type=int,
            help="Training steps between two sample grids.",
            **shown_default(RUN.sample_steps),
        ),
        click.option(
            "--checkpoint-seconds",
            type=float,
            help="Shortest time between two checkpoints, in seconds.",
            **shown_default(RUN.checkpoint_seconds),
        ),
        click.option(
            "--snapshot-epochs",
            type=int,
            help="Passes between two snapshots of the model; 0: no snapshots.",
            **shown_default(RUN.snapshot_epochs),
        ),
        click.option(
            "--cache-dir",
            type=FolderPath(),
            help="Folder for decoded pictures, reused by later runs; see dcgan-cache.  [default: ~/.cache/dcgan]",
        ),
        click.option(
            "--start-from",
            metavar="MODEL",
            help="Start a new run from the weights of a model: a bundled model's name or the path of a model file. "
            "dcgan-train: also of half the size, twice the filters and half the widening: it makes the inner levels.",
        ),
        max_megapixels_option,
        click.option("--overwrite", is_flag=True, help="Delete the run that the run folder contains, and start over."),
        click.option("--quiet", is_flag=True, help="Print nothing but errors and the model's path."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_run_options(options: Mapping[str, Any]) -> RunOptions:
    """Return the run folder's part of a command's options.

    Parameters
    ----------
    options : mapping of str to object
        The parsed options of a command with `run_options`; others are ignored.

    Returns
    -------
    RunOptions
    """
    return RunOptions(
        folder=options["run_dir"],
        config=read_settings(RunConfig, options),
        cache_dir=options["cache_dir"],
        start_from=options["start_from"],
        overwrite=options["overwrite"],
        quiet=options["quiet"],
    )


def read_settings(settings: type[Settings], options: Mapping[str, Any]) -> Settings:
    """Return a dataclass of settings from the options that have its fields' names.

    Parameters
    ----------
    settings : type
        A dataclass with a default for every field.
    options : mapping of str to object
        The parsed options of a command; others are ignored.
    """
    names = [field.name for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    return settings(**{name: options[name] for name in names if name in options})

"""Shared by all commands: context settings, errors and exit codes, the options of a run folder."""

import contextlib
import dataclasses
import functools
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from dcgan import __version__
from dcgan.config import RunConfig
from dcgan.config_file import config_options, write_config
from dcgan.device import Device, check_device_name
from dcgan.errors import FaceCompletionError, FallbackWarning, OptionError
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
    "version_option",
    "with_options",
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
    device : str
        What computes; see `dcgan.device.check_device_name`.
    """

    folder: Path | None = None
    config: RunConfig = RUN
    cache_dir: Path | None = None
    start_from: str | None = None
    overwrite: bool = False
    quiet: bool = False
    device: str = "auto"


def common_errors(after_interrupt: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: a command has --version and --config, and its errors become a message and an exit code.

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
            with tolerant_output() as output, ending_signals(), _told_warnings(quiet=bool(kwargs.get("quiet"))):
                try:
                    if write_config(click.get_current_context()):
                        return None
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

        return version_option(config_options(wrapped))

    return decorate


@contextmanager
def _told_warnings(*, quiet: bool) -> Iterator[None]:
    """Print warnings that something else is done than what was asked for as notes, a line each."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
            if not issubclass(category, FallbackWarning):
                shown(message, category, *args, **kwargs)
            elif not quiet:
                from tqdm import tqdm

                tqdm.write(f"note: {printable(message)}", file=sys.stderr)  # above a bar

        warnings.simplefilter("always", FallbackWarning)
        warnings.showwarning = show
        yield


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
    context.meta["max_megapixels"] = value  # for --write-config
    return value


class _Version(click.Option):
    """The flag --version, which ends the command, whichever other options there are."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Print the version, and with -v what was found here."""
        if opts.get("version") and not ctx.resilient_parsing:
            click.echo(f"{ctx.info_name} (dcgan-face-completion) {__version__}")
            if opts.get("verbose_version"):
                from dcgan.found import describe_found

                for line in describe_found():
                    click.echo(printable(line))
            ctx.exit()
        if opts.get("verbose_version") and not ctx.resilient_parsing:
            raise click.UsageError("Expected -v beside --version. Received: -v alone", ctx)
        return super().handle_parse_result(ctx, opts, args)


def version_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options --version and -v to a command."""
    verbose = click.option(
        "-v", "verbose_version", is_flag=True, expose_value=False, help="With --version: and what was found here."
    )
    version = click.option(
        "--version", cls=_Version, is_flag=True, is_eager=True, expose_value=False, help="Print the version and end."
    )
    return version(verbose(command))


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


class DeviceName(click.ParamType):
    """The name of a device: cpu, gpu, gpu:1 and so on, or auto."""

    name = "device"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return what --help shows for the value."""
        return "[auto|cpu|gpu|gpu:N]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check and return the name."""
        try:
            return check_device_name(str(value).lower())
        except OptionError:
            self.fail(f"expected auto, cpu, gpu or gpu:N with N from 0 to 99, received {value!r}", param, ctx)


def device_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option --device to a command; see `dcgan.device` and `dcgan.engine_device`."""
    option = click.option(
        "--device",
        type=DeviceName(),
        help="What computes: the processor, the first GPU, or gpu:1, the second; auto: a GPU where one starts. "
        "docs/gpu.md says what each engine needs for that.",
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
            help="Start a new run from the weights of a model: a bundled model's name, a path, or hf://OWNER/NAME. "
            "dcgan-train: also of half the size, twice the filters and half the widening: it makes the inner levels.",
        ),
        device_option,
        max_megapixels_option,
        click.option("--overwrite", is_flag=True, help="Delete the run that the run folder contains, and start over."),
        click.option("--quiet", is_flag=True, help="Print nothing but errors and the model's path."),
    )
    return with_options(command, options)


def with_options(command: Callable[..., Any], options: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """Return a command with options added, which its help shows in this order.

    Parameters
    ----------
    command : callable
        The command's function.
    options : sequence of callable
        What `click.option` returns.
    """
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
        device=options["device"],
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

"""Shared by all commands: context settings, errors and exit codes, the options of a run folder."""

import dataclasses
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dcgan.config import RunConfig
from dcgan.errors import FaceCompletionError

__all__ = ["DEFAULTS", "common_errors", "run_options", "shown_default", "take_run_config"]

RUN = RunConfig()
EXIT_INTERRUPTED = 130
DEFAULTS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def common_errors(after_interrupt: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that turns errors of a command into a message and an exit code.

    The project's named errors give one line and exit code 1, a ValueError exit code 2, Ctrl-C exit code 130.

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
            try:
                return command(*args, **kwargs)
            except FaceCompletionError as error:
                raise click.ClickException(str(error)) from error
            except ValueError as error:
                raise click.UsageError(str(error)) from error
            except KeyboardInterrupt:
                click.echo(f"Interrupted; {after_interrupt}.", err=True)
                sys.exit(EXIT_INTERRUPTED)

        return wrapped

    return decorate


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


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the run folder to a training command; see `take_run_config`.

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
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder for decoded pictures, reused by later runs.  [default: ~/.cache/dcgan]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_run_config(options: dict[str, Any]) -> RunConfig:
    """Move the settings of the run folder out of a command's options; `cache_dir` stays.

    Parameters
    ----------
    options : dict of str to object
        The command's options by name. The settings are removed from it.

    Returns
    -------
    RunConfig
        The settings.
    """
    names = ("sample_steps", "checkpoint_seconds", "snapshot_epochs")
    return dataclasses.replace(RUN, **{name: options.pop(name) for name in names})

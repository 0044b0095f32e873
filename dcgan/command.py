"""What the commands share: context settings, errors and exit codes, the options of a run's folder."""

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
    """Decorate a command: our errors become one line and exit code 1, wrong values 2, Ctrl-C 130.

    Parameters
    ----------
    after_interrupt : what the user is told to do after Ctrl-C
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
    """Return click's keywords for an option with a default that its help shows."""
    return {"default": value, "show_default": True}


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a training command with the options of its run's folder; `take_run_config` takes them out again."""
    options = (
        click.option(
            "--sample-steps", type=int, help="Steps between two sample grids.", **shown_default(RUN.sample_steps)
        ),
        click.option(
            "--checkpoint-seconds",
            type=float,
            help="Shortest time between two checkpoints.",
            **shown_default(RUN.checkpoint_seconds),
        ),
        click.option(
            "--snapshot-epochs",
            type=int,
            help="Keep a model every so many passes; 0: only the last.",
            **shown_default(RUN.snapshot_epochs),
        ),
        click.option(
            "--cache-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="For decoded pictures.  [default: ~/.cache/dcgan]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def take_run_config(options: dict[str, Any]) -> RunConfig:
    """Remove a run's settings from the options of a command and return them; the cache's folder stays."""
    names = ("sample_steps", "checkpoint_seconds", "snapshot_epochs")
    return dataclasses.replace(RUN, **{name: options.pop(name) for name in names})

"""`python -m dcgan` and `python -m completion`: all commands under one name; each is imported when it is asked for."""

import importlib
from collections.abc import Mapping

import click

from dcgan.command import DEFAULTS

__all__ = ["make_group"]


def make_group(name: str, help_text: str, commands: Mapping[str, tuple[str, str]]) -> click.Group:
    """Return a group of commands.

    Parameters
    ----------
    name : str
        For instance "python -m dcgan".
    help_text : str
    commands : mapping of str to (str, str)
        From the name within the group to where the command is, "module:function", and a line about it.

    Returns
    -------
    click.Group
    """
    return _Group(name, help=help_text, context_settings=DEFAULTS, lazy=commands)


class _Group(click.Group):
    """A group that lists its commands without importing them."""

    def __init__(self, name: str, *, lazy: Mapping[str, tuple[str, str]], **settings: object) -> None:
        super().__init__(name, **settings)  # type: ignore[arg-type]
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._lazy:
            return None
        module, _, function = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the lines in the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])

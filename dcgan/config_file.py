"""Options of a command from a TOML file, and a TOML file from a command's options."""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from dcgan.terminal import printable

__all__ = ["config_options", "read_config", "write_config"]

OWN = ("config", "write_config", "help", "version", "verbose_version")
SECRETS = ("auth",)  # never written
SHARD = "i/n"  # name of the type of --shard
WANTED = "dcgan.write_config"  # in a context's meta: where the file goes


def config_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config and --write-config to a command; `write_config` is called before its work.

    Parameters
    ----------
    command : callable
        The command's function.

    Returns
    -------
    callable
        The same function, decorated.
    """
    write = click.option(
        "--write-config",
        metavar="FILE",
        type=click.Path(path_type=str),
        expose_value=False,
        callback=_want,
        help="Write the options that the command would run with to a TOML file (-: to stdout), and do nothing else.",
    )
    read = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path),
        expose_value=False,
        is_eager=True,
        callback=_read,
        help='Options from a TOML file, for instance method = "best"; those on the command line override it.',
    )
    return read(write(command))


def _want(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Note where the file goes."""
    if value is not None:
        context.meta[WANTED] = value


def _read(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Make the values of the file the defaults of the options."""
    if value is not None:
        context.default_map = {**(context.default_map or {}), **read_config(value, context)}


def read_config(path: Path, context: click.Context) -> dict[str, Any]:
    """Return the values for a command in a TOML file, by the names of its parameters.

    Keys are the names of options without the dashes in front. A table with the command's name holds for this command
    alone; tables of other commands are left out.

    Parameters
    ----------
    path : Path
    context : click.Context
        Of the command.

    Returns
    -------
    dict of str to object
        For `Context.default_map`.

    Raises
    ------
    click.UsageError
        The file cannot be read, is no TOML, or has a key or a value that the command does not know.
    """
    name = context.command.name or ""
    tables = _load(path)
    own = tables.pop(name, {})
    if not isinstance(own, dict):
        raise _wrong(path, f"[{name}]", "expected a table of options", own)
    plain = {key: value for key, value in tables.items() if not isinstance(value, dict)}
    options = _options(context.command)
    values: dict[str, Any] = {}
    for key, value in {**plain, **own}.items():
        option = options.get(key.replace("_", "-"))
        if option is None:
            near = difflib.get_close_matches(key.replace("_", "-"), options, n=1)
            meant = f", did you mean {near[0]}?" if near else f"; {name} --help lists them"
            raise click.UsageError(
                f"{printable(path)}: expected options of {name}{meant} Received: {printable(key)}", context
            )
        assert option.name
        typed = _typed(path, key, value, option=option)
        _check(path, key, typed, option=option, context=context)
        values[option.name] = typed
    return values


def _load(path: Path) -> dict[str, Any]:
    """Read a TOML file."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise click.UsageError(f"--config {printable(path)}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--config {printable(path)}: expected a TOML file ({printable(error)})") from error


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options that a file may set, by their long names without dashes."""
    options = [each for each in command.params if isinstance(each, click.Option) and each.name not in OWN]
    return {word.lstrip("-"): each for each in options for word in each.opts if word.startswith("--")}


def _typed(path: Path, key: str, value: Any, *, option: click.Option) -> Any:
    """Return a value as it would have been typed; numbers as text, so that nothing is rounded in silence."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise _wrong(path, key, "expected true or false", value)
        return value
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        return [_word(path, key, each) for each in values]
    return _word(path, key, value)


def _word(path: Path, key: str, value: Any) -> str:
    """Return a value as a word of the command line."""
    if isinstance(value, list) and not any(isinstance(each, (list, dict, bool)) for each in value):
        return ",".join(str(each) for each in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _wrong(path, key, "expected a text or a number", value)
    return str(value)


def _wrong(path: Path, key: str, expected: str, value: Any) -> click.UsageError:
    return click.UsageError(f"{printable(path)}: {printable(key)}: {expected}. Received: {printable(value)}")


def _check(path: Path, key: str, value: Any, *, option: click.Option, context: click.Context) -> None:
    """Refuse a value that the option does not take, and say where it stands."""
    try:
        option.type_cast_value(context, value)
    except click.BadParameter as error:
        raise click.UsageError(f"{printable(path)}: {printable(key)}: {error.message}", context) from error


def write_config(context: click.Context) -> bool:
    """Write the options of a command to the file that --write-config named.

    Parameters
    ----------
    context : click.Context
        Of the command, with its parsed options.

    Returns
    -------
    bool
        Whether there was one: then the command does nothing else.

    Raises
    ------
    click.UsageError
        The file exists, or cannot be written.
    """
    wanted = context.meta.get(WANTED)
    if wanted is None:
        return False
    text = "".join(_lines(context))
    if wanted == "-":
        click.echo(text, nl=False)
        return True
    try:
        with open(wanted, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"--write-config {printable(wanted)} exists; choose another name") from None
    except OSError as error:
        raise click.UsageError(f"--write-config {printable(wanted)}: {error.strerror or error}") from error
    click.echo(
        f"{printable(wanted)} written: {context.command.name} --config {printable(wanted)} runs with it", err=True
    )
    return True


def _lines(context: click.Context) -> Iterator[str]:
    """Yield the lines of the file: each option under its help; those that were not given as comments."""
    import tomli_w

    name = context.command.name
    yield f"# Options of {name}. What stands behind a # was not given; a value there is the default.\n\n[{name}]\n"
    for option in dict.fromkeys(_options(context.command).values()):
        assert option.name
        long = max(option.opts, key=len).lstrip("-")
        value = context.params.get(option.name, context.meta.get(option.name))
        is_given = context.get_parameter_source(option.name) != ParameterSource.DEFAULT
        yield f"\n# {' '.join((option.help or '').split())}\n"
        if option.name in SECRETS or value is None or value == ():
            yield f"# {long} =\n"
        else:
            line = tomli_w.dumps({long: _plain(value, option.type, multiple=option.multiple)})
            yield line if is_given else "".join(f"# {each}" for each in line.splitlines(keepends=True))


def _plain(value: Any, kind: click.ParamType[Any], *, multiple: bool = False) -> Any:
    """Return a parsed value as TOML has it, in the form in which it is typed."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (tuple, list)):
        if multiple:
            return [_plain(each, kind) for each in value]
        return ("/" if kind.name == SHARD else ",").join(map(str, value))
    return value

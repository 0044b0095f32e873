"""The command dcgan-models, with its commands list, show, download, path and remove."""

from __future__ import annotations

import json
from typing import Any

import click

from dcgan.command import DEFAULTS, common_errors, version_option
from dcgan.terminal import printable

__all__ = ["models_command"]


@click.group(
    "dcgan-models", context_settings=DEFAULTS, epilog="Example:  dcgan-models download hf://OWNER/NAME@REVISION"
)
@version_option
def models_command() -> None:
    """List, describe and download models: those of the package, and those of the Hugging Face hub.

    Only `download`, and --model of other commands with hf://, open a connection. Downloaded models are kept in
    ~/.cache/dcgan/models (XDG_CACHE_HOME; on other systems where caches are kept).
    """


@models_command.command("list", context_settings=DEFAULTS, epilog="Example:  dcgan-models list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_errors("nothing was written")
def list_command(*, as_json: bool) -> None:
    """List bundled and downloaded models: name, size, recipe, terms."""
    from dcgan.errors import ModelFileError
    from dcgan.hub.cache import cached_models, models_folder
    from dcgan.model_tensors import bundled_models
    from dcgan.samples.description import describe_model

    described: list[dict[str, Any]] = []
    for name in [*bundled_models(), *(str(each.reference) for each in cached_models())]:
        try:
            described.append(describe_model(name))
        except ModelFileError as error:
            click.echo(f"not a model: {printable(error)}", err=True)
    shown = ("name", "bytes", "recipe", "terms", "path", "sha256")
    if as_json:
        click.echo(json.dumps([{key: each[key] for key in shown} for each in described], indent=2))
        return
    width = max((len(each["name"]) for each in described), default=0)
    for each in described:
        size, side, recipe = f"{each['bytes'] / 1e6:.1f} MB", f"{each['model']['size']} px", each["recipe"] or "own"
        line = f"{each['name']:{width}}  {size:>9}  {side:>7}  {recipe:14}  {each['terms']}"
        click.echo(printable(line))
    click.echo(f"downloaded models lie in {printable(models_folder())}", err=True)


@models_command.command("show", context_settings=DEFAULTS, epilog="Example:  dcgan-models show faces-128")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_errors("nothing was written")
def show_command(*, model: str, as_json: bool) -> None:
    """Print what a model says of itself, as dcgan-inspect does; nothing is downloaded."""
    from dcgan.samples.description import describe_model, lines_of

    described = describe_model(_local(model))
    for line in [json.dumps(described, indent=2)] if as_json else lines_of(described):
        click.echo(line if as_json else printable(line))


@models_command.command("download", context_settings=DEFAULTS, epilog="Example:  dcgan-models download hf://OWNER/NAME")
@click.argument("model")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("what was downloaded is kept; the same command goes on")
def download_command(*, model: str, quiet: bool) -> None:
    """Download a model of the hub, verify it, and print the name under which --model takes it from then on."""
    from dcgan.errors import OptionError
    from dcgan.hub.download import find_hub_model
    from dcgan.hub.reference import is_hub_reference
    from dcgan.model_tensors import read_header

    if not is_hub_reference(model):
        raise OptionError(f"Expected hf://OWNER/NAME[@REVISION][/FILE]. Received: {model}")
    found = find_hub_model(model)
    read_header(found.path)  # says so where it is another safetensors file
    if not quiet:
        click.echo(printable(found.reference))


@models_command.command("path", context_settings=DEFAULTS, epilog="Example:  dcgan-models path faces-128")
@click.argument("model")
@common_errors("nothing was written")
def path_command(*, model: str) -> None:
    """Print where a model's file lies; nothing is downloaded."""
    from dcgan.model_tensors import find_model

    click.echo(printable(find_model(_local(model))))


@models_command.command("remove", context_settings=DEFAULTS, epilog="Example:  dcgan-models remove hf://OWNER/NAME")
@click.argument("model")
@common_errors("what was removed stays removed")
def remove_command(*, model: str) -> None:
    """Remove what was downloaded of a repository of the hub, all revisions of it."""
    from dcgan.errors import OptionError
    from dcgan.hub.cache import remove_repository
    from dcgan.hub.reference import is_hub_reference, parse_reference

    if not is_hub_reference(model):
        raise OptionError(f"Expected hf://OWNER/NAME. Received: {model}")
    removed = remove_repository(parse_reference(model))
    click.echo(
        f"removed {len(removed)} model{'s' * (len(removed) != 1)}, {sum(each.size for each in removed) / 1e6:.1f} MB"
    )


def _local(model: str) -> str:
    """Return a model's name after it was found without a connection: that of the hub with its commit."""
    from dcgan.hub.download import find_hub_model
    from dcgan.hub.reference import is_hub_reference

    return str(find_hub_model(model, local=True).reference) if is_hub_reference(model) else model

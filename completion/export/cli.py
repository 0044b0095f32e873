"""The command dcgan-export: parses its options and calls a function."""

from pathlib import Path

import click

from completion.export.config import FORMATS, PARTS, SUFFIXES
from dcgan.command import DEFAULTS, common_errors, shown_default
from dcgan.terminal import printable

__all__ = ["export_command"]


@click.command(
    "dcgan-export",
    context_settings=DEFAULTS,
    epilog="Example:  dcgan-export faces-128 --format onnx --output completion.onnx",
)
@click.argument("model")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What is written.")
@click.option(
    "--part",
    type=click.Choice(PARTS),
    help="What of the model: completion is all that --method fast does with an aligned face of the model's size, "
    "picture and mask in, picture out; see docs/exports.md.",
    **shown_default("completion"),
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write, with savedmodel the folder.  [default: MODEL-PART, .onnx or .keras]",
)
@click.option("--overwrite", is_flag=True, help="Replace an export of the same format.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@common_errors("nothing was written")
def export_command(*, model: str, form: str, part: str, output: Path | None, overwrite: bool, quiet: bool) -> None:
    """Write a model, or a part of it, for other programs: ONNX, SavedModel or Keras.

    MODEL is as in --model of the other commands. Prints the path; names, shapes and types go to stderr.
    """
    from completion.export.signatures import signature_of
    from completion.export.write import check_engine, check_target, export_model
    from dcgan.model_file import load_model
    from dcgan.model_tensors import find_model

    path = output or Path(f"{find_model(model).stem}-{part}{SUFFIXES[form]}")
    check_target(path, form=form, overwrite=overwrite)
    check_engine(form)
    prior = load_model(model)
    if form != "onnx":
        from dcgan.quiet import quiet_import

        with quiet_import():
            import completion.export.keras_parts  # noqa: F401
    export_model(prior, path, form=form, part=part, overwrite=overwrite)
    if not quiet:
        click.echo(f"{part}: {signature_of(prior.config, part)}", err=True)
        click.echo(printable(path))

"""Write docs/cli.md from the commands' --help, or check that it is up to date (--check)."""

import sys
from pathlib import Path

import click

from completion.cli import complete_command
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from completion.export.cli import export_command
from completion.web.cli import web_command
from dcgan.faces.cli import align_command
from dcgan.cli import cache_command, train_command
from dcgan.hub.cli import models_command
from dcgan.samples.cli import inspect_command, sample_command

COMMANDS = (
    complete_command,
    web_command,
    evaluate_command,
    align_command,
    train_command,
    train_encoder_command,
    sample_command,
    inspect_command,
    export_command,
    models_command,
    cache_command,
)
TARGET = Path(__file__).parent.parent / "docs" / "cli.md"


def reference() -> str:
    """Return the commands' help as Markdown."""
    parts = ["# Command line\n\nWritten by `make reference` from the commands' `--help`; do not edit by hand.\n"]
    for command in COMMANDS:
        own = getattr(command, "commands", {}).values()  # of a command that has others
        names = [(command, command.name), *((each, f"{command.name} {each.name}") for each in own)]
        for each, name in names:
            context = click.Context(each, info_name=name, terminal_width=110, **each.context_settings)
            parts.append(f"## {name}\n\n```text\n{each.get_help(context)}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Write the reference, or with --check exit with an error if it is stale."""
    text = reference()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET.name} is stale; make reference writes it anew")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()

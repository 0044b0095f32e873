"""No number on a command line is without an upper bound: 10**15 is refused before anything is read or written."""

import click
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from completion.web.cli import web_command
from dcgan.cli import train_command
from dcgan.samples.cli import sample_command
from dcgan.faces.cli import align_command

COMMANDS = {
    complete_command: ["in", "--output", "out"],
    evaluate_command: ["in", "--output", "out"],
    train_command: ["--dataset", "in", "--run-dir", "out"],
    train_encoder_command: ["--dataset", "in", "--run-dir", "out"],
    align_command: ["in", "out"],
    sample_command: ["--output", "out/a.png"],
    web_command: ["--no-browser"],
}
NUMBERS = (click.INT, click.FLOAT)
#: What is harmless however large it is: shares of nothing, limits that leave out, times to wait between two writes.
HARMLESS = {
    "--min-face",
    "--step",
    "--blocks",
    "--sample-steps",
    "--snapshot-epochs",
    "--measure-epochs",
    "--checkpoint-seconds",
    "--count",
}
#: What options of complete-images, and some of others, count with.
WITH = {
    "--iterations": ["--method", "latent"],
    "--learning-rate": ["--method", "latent"],
    "--perceptual-weight": ["--method", "latent"],
    "--candidates": ["--method", "latent"],
    "--fraction": ["--mask", "random"],
    "--min-score": ["--faces", "--mask", "center"],
    "--sureness": ["--mask", "scratches"],
    ("dcgan-train", "--r1-interval"): ["--r1", "1"],
}
#: Real numbers, which bound nothing but themselves: the largest is infinity.
REAL = {
    *("--learning-rate", "--discriminator-learning-rate", "--perceptual-weight"),
    *("--hole-weight", "--log-weight", "--latent-weight", "--adversarial-weight", "--feature-weight"),
    *("--patch-weight", "--gradient-penalty"),
}


def options_with_numbers():
    for command in COMMANDS:
        for parameter in command.params:
            kind, name = parameter.type, parameter.opts[0]
            is_number = isinstance(kind, click.IntRange | click.FloatRange) or kind in NUMBERS
            if is_number and (name not in HARMLESS or (command, name) == (sample_command, "--count")):
                yield pytest.param(command, parameter.opts[0], id=f"{command.name} {parameter.opts[0]}")


@pytest.mark.parametrize(("command", "option"), list(options_with_numbers()))
def test_every_number_has_an_upper_bound(command, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    value = "inf" if option in REAL else str(10**15)
    with_it = WITH.get((command.name, option), WITH.get(option, []) if command is complete_command else [])
    result = CliRunner().invoke(command, [*COMMANDS[command], *with_it, option, value])
    assert result.exit_code == 2, result.output
    assert value in result.stderr.replace(",", "") or "1000000000000000" in result.stderr.replace(",", "")
    assert not (tmp_path / "out").exists()

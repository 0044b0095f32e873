"""--config and --write-config of every command."""

import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from completion.cli import complete_command
from dcgan.command import common_errors
from dcgan.config_file import read_config
from tests.dcgan.test_command import COMMANDS


@click.command("some-command")
@click.option("--count", type=click.IntRange(1, 10), default=3)
@click.option("--name", "names", multiple=True)
@click.option("--fast/--slow", default=False)
@click.option("--path", type=click.Path())
@common_errors("nothing was done")
def some_command(count, names, fast, path):
    source = click.get_current_context().get_parameter_source("count")
    click.echo(f"{count} {names} {fast} {path} {source.name}")


def run(*words):
    return CliRunner().invoke(some_command, words, prog_name="some-command")


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "run.toml").write_text(text, encoding="utf-8")
        return str(tmp_path / "run.toml")

    return write


def test_a_file_gives_options(file):
    path = file('count = 5\nname = ["a", "b"]\nfast = true\n[other-command]\nanything = 1\n')
    assert run("--config", path).stdout == "5 ('a', 'b') True None DEFAULT_MAP\n"


def test_the_command_line_overrides_it(file):
    path = file('count = 5\nname = "a"\nfast = true')
    assert run("--count", "7", "--config", path, "--slow", "--name", "c").stdout == "7 ('c',) False None COMMANDLINE\n"


def test_its_own_table_comes_before_the_rest(file):
    assert run("--config", file("count = 5\n[some-command]\ncount = 6")).stdout.startswith("6 ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cuont = 5", "did you mean count? Received: cuont"),
        ("xyzzy = 5", "expected options of some-command; some-command --help lists them Received: xyzzy"),
        ("count = 2.5", "count: '2.5' is not a valid integer"),
        ("count = 11", "count: 11 is not in the range 1<=x<=10"),
        ("count = true", "count: expected a text or a number. Received: True"),
        ("fast = 'yes'", "fast: expected true or false. Received: yes"),
        ("config = 'other.toml'", "Received: config"),
        ("count =", "expected a TOML file"),
        ("some-command = 5", "[some-command]: expected a table of options. Received: 5"),
    ],
)
def test_what_is_wrong_is_told(file, text, told):
    result = run("--config", file(text))
    assert result.exit_code == 2
    assert told in result.stderr
    assert "run.toml" in result.stderr


def test_a_file_that_is_not_there(tmp_path):
    result = run("--config", str(tmp_path / "none.toml"))
    assert result.exit_code == 2
    assert "none.toml: No such file or directory" in result.stderr


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe\x00")
    assert "expected a TOML file" in run("--config", str(tmp_path / "run.toml")).stderr


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "new.toml"
    words = ("--count", "4", "--name", "a b", "--name", 'c"', "--fast", "--path", str(tmp_path))
    written = run(*words, "--write-config", str(path))
    assert written.exit_code == 0
    assert written.stdout == ""
    assert run("--config", str(path)).stdout == run(*words).stdout.replace("COMMANDLINE", "DEFAULT_MAP")


def test_defaults_are_comments(tmp_path):
    text = run("--fast", "--write-config", "-").stdout
    assert "\n# count = 3\n" in text
    assert tomllib.loads(text) == {"some-command": {"fast": True}}


def test_no_file_is_replaced(file):
    path = file("count = 5")
    result = run("--write-config", path)
    assert result.exit_code == 2
    assert "exists; choose another name" in result.stderr
    assert Path(path).read_text(encoding="utf-8") == "count = 5"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_both(name, tmp_path):
    """Nothing but the file is written, and the file says what was given."""
    command, words = COMMANDS[name]
    (tmp_path / "empty").mkdir()
    words = [word.format(empty=tmp_path / "empty") for word in words]
    path = tmp_path / "run.toml"
    result = CliRunner().invoke(command, [*words, "--write-config", str(path)], prog_name=name)
    assert result.exit_code == 0, result.stderr
    assert list((tmp_path / "empty").iterdir()) == []
    with click.Context(command, info_name=name) as context:
        read_config(path, context)  # knows every key


def test_options_of_complete_images_come_back(tmp_path):
    """Also those whose values are not written as they are typed: places, parts, colours."""
    words = ["x.png", "--face-box", "1,2,3,4", "--shard", "1/2", "--mask-color", "#ff0000", "--min-score", "0.5"]
    words += ["--no-grain", "--max-megapixels", "20", "--output", "some folder"]
    path = tmp_path / "run.toml"
    assert CliRunner().invoke(complete_command, [*words, "--write-config", str(path)]).exit_code == 0
    again = tmp_path / "again.toml"
    result = CliRunner().invoke(complete_command, ["x.png", "--config", str(path), "--write-config", str(again)])
    assert result.exit_code == 0, result.stderr
    assert again.read_text() == path.read_text()
    given = tomllib.loads(path.read_text())["complete-images"]
    assert given["face-box"] == ["1,2,3,4"]
    assert (given["shard"], given["grain"], given["max-megapixels"]) == ("1/2", False, 20)


def test_secrets_are_not_written():
    from completion.web.cli import web_command

    result = CliRunner().invoke(web_command, ["--auth", "anna:secret", "--write-config", "-"])
    assert result.exit_code == 0
    assert "secret" not in result.stdout


def test_a_file_decides_as_the_command_line_does(file):
    """What was given in a file counts as given: options that exclude each other are refused."""
    path = file("faces = true\naligned = true")
    result = CliRunner().invoke(complete_command, ["x.png", "--config", path])
    assert result.exit_code == 2
    assert "--faces and --aligned exclude each other" in result.stderr

"""python -m dcgan and python -m completion."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import completion.__main__
import dcgan.__main__

ROOT = Path(__file__).parents[2]
GROUPS = {"dcgan": dcgan.__main__, "completion": completion.__main__}


@pytest.mark.parametrize("package", GROUPS)
def test_the_list_of_commands_imports_none_of_them(package):
    code = (
        f"import sys; from {package}.__main__ import group\n"
        "try: group(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.endswith('.cli') or name in ('numpy', 'tensorflow')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package, each in GROUPS.items() for name in each.COMMANDS]
)
def test_every_command_is_there(package, name):
    result = CliRunner().invoke(GROUPS[package].group, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_all_commands_are_in_one_of_them():
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    grouped = {place for each in GROUPS.values() for place, _ in each.COMMANDS.values()}
    assert grouped == set(scripts.values())
    for place in grouped:
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_a_command_runs(tmp_path):
    result = CliRunner().invoke(GROUPS["dcgan"].group, ["cache", "--cache-dir", str(tmp_path)])
    assert result.exit_code == 0


def test_unknown_commands_are_told():
    result = CliRunner().invoke(GROUPS["dcgan"].group, ["trian"])
    assert result.exit_code == 2
    assert "No such command 'trian'" in result.stderr

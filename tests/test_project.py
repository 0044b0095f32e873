"""What holds for the project as a whole: layering, references, metadata."""

import ast
import importlib
import pkgutil
import re
import sys
import tomllib
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parent.parent
PACKAGES = ("completion", "dcgan", "masks")
ALLOWED = {"completion": {"completion", "dcgan", "masks"}, "dcgan": {"dcgan"}, "masks": {"masks"}}


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        own = set(_imports(path)) & set(PACKAGES)
        assert own <= ALLOWED[package], f"{path.name} imports {own - ALLOWED[package]}"


def test_masks_use_numpy_and_opencv_only():
    allowed = {"numpy", "cv2", "masks"} | set(sys.stdlib_module_names)
    for path in (ROOT / "masks").rglob("*.py"):
        assert set(_imports(path)) <= allowed, path.name


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    for info in pkgutil.walk_packages(module.__path__, f"{package}."):
        part = importlib.import_module(info.name)
        for name in getattr(part, "__all__", []):
            assert hasattr(part, name), f"{info.name}.{name}"


def test_command_line_reference_is_not_stale(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    reference = importlib.import_module("write_cli_reference")
    assert reference.TARGET.read_text() == reference.reference(), "make docs writes it anew"


def test_packages_are_listed_with_their_data():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = setuptools.find_packages(str(ROOT), **settings["tool"]["setuptools"]["packages"]["find"])
    assert {name.split(".")[0] for name in found} == set(PACKAGES)
    for package in PACKAGES:
        folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
        assert folders <= {name.replace(".", "/") for name in found}
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").exists()
        assert "py.typed" in settings["tool"]["setuptools"]["package-data"][package]


def test_readme_leads_to_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target

"""What holds for the project as a whole: layering, references, metadata."""

import ast
import importlib
import itertools
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import dcgan
from tests.conftest import pytest_xdist_auto_num_workers

ROOT = Path(__file__).parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
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
    found = setuptools.find_packages(str(ROOT), **SETTINGS["tool"]["setuptools"]["packages"]["find"])
    assert {name.split(".")[0] for name in found} == set(PACKAGES)
    data = SETTINGS["tool"]["setuptools"]["package-data"]
    for package in PACKAGES:
        paths = {path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        folders = {path.parent.relative_to(ROOT).as_posix() for path in paths if path.suffix == ".py"}
        assert folders <= {name.replace(".", "/") for name in found}
        listed = {path for pattern in data[package] for path in (ROOT / package).glob(pattern)}
        assert ROOT / package / "py.typed" in listed
        assert listed == {path for path in paths if path.suffix != ".py"}, "all that is no code is listed as data"


def test_the_version_stands_in_one_place():
    """In dcgan/__init__.py, as a plain string, so that a build reads it without an import."""
    assignment = re.search(r'^__version__ = "(.+)"$', (ROOT / "dcgan" / "__init__.py").read_text(), re.MULTILINE)
    assert assignment[1] == dcgan.__version__
    assert SETTINGS["project"]["dynamic"] == ["version"]
    assert SETTINGS["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "dcgan.__version__"}
    for name in ("pyproject.toml", "setup.py", "CITATION.cff"):
        assert dcgan.__version__ not in (ROOT / name).read_text(), name
    releases = re.findall(r"^## \[(.+)\](?: - \d{4}-\d\d-\d\d)?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == "Unreleased"
    version, newest = Version(dcgan.__version__), Version(releases[1])
    assert newest < version if version.is_devrelease else newest == version


def test_code_and_weights_have_their_own_terms():
    project = SETTINGS["project"]
    code, weights = project["license"].split(" AND ")
    texts = [(ROOT / path).read_text() for path in project["license-files"]]
    assert texts[0].startswith(f"{code} License")
    assert f"`{weights}`" in texts[1]
    assert f"`{weights}`" in (ROOT / "MODEL_CARD.md").read_text()
    assert project["authors"] == [{"name": "the dcgan-face-completion developers"}]
    assert all(f"(c) 2026 {project['authors'][0]['name']}" in text for text in texts)


def test_constraints_pin_every_dependency_within_its_range():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            assert [each.operator for each in requirement.specifier] == ["=="], line
            pins[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    groups = [SETTINGS["project"]["dependencies"], *SETTINGS["project"]["optional-dependencies"].values()]
    for requirement in map(Requirement, itertools.chain(*groups)):
        if requirement.name != SETTINGS["project"]["name"]:
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_opens_a_network_connection_or_unpickles(package):
    """SECURITY.md promises it; NumPy's own pickles are refused by `allow_pickle=False`."""
    barred = {
        "ftplib",
        "http",
        "httpx",
        "marshal",
        "pickle",
        "requests",
        "shelve",
        "socket",
        "ssl",
        "urllib",
        "urllib3",
    }
    exceptions = {
        "completion/web/server.py": {"socket", "urllib"},  # it listens, and opens no connection
        "completion/cluster/cluster.py": {"socket"},  # it asks whether a cluster that the user names is there
    }
    for path in (ROOT / package).rglob("*.py"):
        allowed = exceptions.get(path.relative_to(ROOT).as_posix(), set())
        assert not set(_imports(path)) & (barred - allowed), path
        assert "allow_pickle=True" not in path.read_text(), path


WARNING_SOURCE = """
import warnings

def own():
    warnings.warn("old", DeprecationWarning)

def of_the_caller():
    warnings.warn("old", DeprecationWarning, stacklevel=2)
"""
WARNING_TESTS = """
import warnings

import dcgan.deep.module
import dcgan_dependency

def test_package(): dcgan.own()
def test_module(): dcgan.deep.module.own()
def test_test(): warnings.warn("old", DeprecationWarning)
def test_called(): dcgan_dependency.of_the_caller()
def test_dependency(): dcgan_dependency.own()
"""


def test_warnings_about_our_modules_alone_are_errors(tmp_path):
    """In a project of these settings; the name of the dependency begins as ours do."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    sources = ["dcgan/__init__.py", "dcgan/deep/__init__.py", "dcgan/deep/module.py", "dcgan_dependency.py"]
    texts = dict.fromkeys(sources, WARNING_SOURCE) | {
        "tests/unit/test_them.py": WARNING_TESTS,
        "README.md": ">>> import warnings; warnings.warn('old', DeprecationWarning)\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "tests", "README.md"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    outcomes = {test: outcome for outcome, test in re.findall(r"^(FAILED|PASSED) \S+::(\S+)", result.stdout, re.M)}
    expected = dict.fromkeys(["test_package", "test_module", "test_test", "test_called", "README.md"], "FAILED")
    assert outcomes == expected | {"test_dependency": "PASSED"}, result.stdout


def test_workers_fit_into_the_memory(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    workers = {}
    for gibibytes in (1, 4, 7, 512):
        values = {"SC_PHYS_PAGES": gibibytes * 2**18, "SC_PAGE_SIZE": 2**12}
        monkeypatch.setattr(os, "sysconf", values.__getitem__)
        workers[gibibytes] = pytest_xdist_auto_num_workers()
    assert workers == {1: 1, 4: 2, 7: 3, 512: 4}


def test_readme_leads_to_files_that_exist():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target

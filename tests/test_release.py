"""The files around the code: workflows, containers, licences, dependencies."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.scripts import imported

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github").rglob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_and_forms_are_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)


JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
    for name, job in yaml.safe_load(path.read_text())["jobs"].items()
]


@pytest.mark.parametrize("job", JOBS)
def test_jobs_end_and_call_what_is_there(job):
    assert job["timeout-minutes"] <= 60
    for step in job["steps"]:
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
            assert target in TARGETS
        assert re.fullmatch(r"[\w/.-]+@(v\d+|release/v1)", step.get("uses", "a@v1"))


def test_the_tests_run_on_every_python_that_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    supported = [line.rpartition(" ")[2] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.gpu"])
def test_what_containers_copy_is_there_and_not_ignored(name):
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    with imported("try_dockerfile") as script:
        found = list(script.instructions((ROOT / name).read_text()))
    for instruction, rest in found:
        if instruction == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert any(fnmatch.fnmatch(source, pattern) for pattern in kept), source
    assert [rest for instruction, rest in found if instruction == "USER"] == ["1000"]
    assert found[-1][0] == "CMD"


def test_every_dependency_has_a_reason_and_stands_on_the_page():
    script = ROOT / "scripts" / "write_dependencies.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_licences_that_are_named_are_there():
    named = set(re.findall(r'SPDX-License-Identifier = "(.+)"', (ROOT / "REUSE.toml").read_text()))
    for licence in {each for line in named for each in line.split(" AND ")}:
        assert (ROOT / "LICENSES" / f"{licence}.txt").read_text().strip()


def test_what_a_wheel_may_have_is_what_the_package_data_are():
    with imported("try_dist") as script:
        allowed = script.DATA
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, each in patterns.items():
        for pattern in each:
            for path in (ROOT / package).glob(pattern):
                assert allowed.fullmatch(path.relative_to(ROOT).as_posix())


def versions(text):
    """Return the versions in a list of requirements, by the packages' normal names."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\n]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def test_the_hashes_are_of_the_pinned_versions():
    text = (ROOT / "requirements-ci.txt").read_text()
    hashed, pinned = versions(text), versions((ROOT / "constraints.txt").read_text())
    assert {name: version for name, version in hashed.items() if pinned.get(name, version) != version} == {}
    assert len(set(hashed) & set(pinned)) > 0.9 * len(pinned)
    assert text.count("--hash=sha256:") > len(hashed)

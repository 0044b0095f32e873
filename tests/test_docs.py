"""The documentation: what its pages tell to type is typed, in a copy of the examples, and the site is built.

A page's commands are its fences of ``sh`` and ``python``. A comment before a fence says what the test does otherwise:

- ``<!-- not run: why -->`` leaves the fence out.
- ``<!-- run with: --epochs=1 +--size=16 mask.png=examples/a.png -->`` gives an option another value, adds one to the
  project's own commands, or brings a file of the examples under the page's name for it. Trainings are cut short so.
- ``<!-- prepare: command -->`` is run before it; ``<!-- exit code: 1 -->`` is that of the fence's last command.
"""

import glob
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.scripts import imported

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = ["start.md", *(f"{part}/{page.name}" for part in ("tutorials", "how-to", "reference") for page in
         sorted((DOCS / part).glob("*.md")))]  # fmt: skip
FENCE = re.compile(r"(?P<comments>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>sh|python)\n(?P<code>.*?)^```$", re.M | re.S)
SHELL = {"<", ">", ">>", "|", "&&", "||", "&", ";"}  # words of a line that only a shell understands
COMMENT = re.compile(r"^<!-- (?P<what>[a-z ]+): (?P<text>.*) -->$", re.M)


def fences(page):
    """Yield the language, the code and the comments of a page's fences."""
    for match in FENCE.finditer((DOCS / page).read_text()):
        comments = {each["what"]: each["text"] for each in COMMENT.finditer(match["comments"])}
        assert comments.keys() <= {"not run", "run with", "prepare", "exit code"}, comments
        yield match["language"], match["code"], comments


def changed(words, changes):
    """Return a command's words with other values of its options, and with more options."""
    words = list(words)
    for change in changes:
        name, value = change.lstrip("+").split("=", 1)
        if change.startswith("--") and name in words:
            words[words.index(name) + 1] = value
        elif change.startswith("+") and is_own(words[0]):
            words += [name, value]
    return words


def is_own(name):
    """Tell whether a word is a command of this project."""
    return name in SETTINGS["scripts"]


def run(words):
    """Return the exit code and the output of a command; those of the project run in this process."""
    if is_own(words[0]):
        module, function = SETTINGS["scripts"][words[0]].split(":")
        pictures = [path for word in words[1:] for path in (sorted(glob.glob(word)) if "*" in word else [word])]
        result = CliRunner().invoke(getattr(importlib.import_module(module), function), pictures)
        return result.exit_code, result.output
    program = [sys.executable, *words[1:]] if words[0] == "python" else ["bash", "-c", shlex.join(words)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def run_line(line):
    """Run a line of the shell, with globs, pipes and redirections where it has them; our commands run as processes."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def run_page(page):
    """Run a page's fences in the working directory, and return how many ran."""
    count = 0
    for language, code, comments in fences(page):
        if "not run" in comments:
            continue
        changes = comments.get("run with", "").split()
        for each in changes:
            name, _, source = each.partition("=")
            if not each.startswith(("-", "+")):
                shutil.copy(source, name)
        if "prepare" in comments:
            code_of, told = run_line(comments["prepare"].replace("python ", f"{sys.executable} ", 1))
            assert code_of == 0, told
        if language == "python":
            exec(compile(code, page, "exec"), {})
        else:
            lines = [line for line in code.splitlines() if line]
            for number, line in enumerate(lines, start=1):
                words = shlex.split(line)
                expected = int(comments.get("exit code", "0")) if number == len(lines) else 0
                here = (is_own(words[0]) or words[0] == "python") and not SHELL & set(words)
                found, told = run(changed(words, changes)) if here else run_line(line)
                assert found == expected, f"{page}: {line}\n{told}"
        count += 1
    return count


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """A folder with a copy of the examples, as the working directory."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def manifest_fields(folder):
    """Return the names of the fields in the manifests below a folder."""
    found = set()
    for path in folder.rglob("manifest*.jsonl"):
        for line in map(json.loads, path.read_text().splitlines()):
            found |= set(line.get("settings", line))
            for face in line.get("faces", []):
                found |= set(face)
    return found


LONG = ("tutorials/own-faces.md", "tutorials/digits.md", "how-to/several-answers.md")  # they train or search


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.exhaustive if page in LONG else ()) for page in PAGES]
)
def test_what_a_page_tells_to_type(page, examples):
    if all("not run" in comments for _, _, comments in fences(page)):
        pytest.skip("the page has nothing to type that can be tried")
    assert run_page(page)
    documented = set(re.findall(r"`([a-z_0-9]+)`", (DOCS / "reference" / "manifest.md").read_text()))
    assert manifest_fields(examples) <= documented, "docs/reference/manifest.md has every field"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built strictly: what the generator warns of is an error."""
    pytest.importorskip("zensical", reason="the site's generator is not installed (extra docs)")
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")  # the generator builds inside the folder of its settings
    settings = (ROOT / "zensical.toml").read_text()
    assert 'paths = ["."]' in settings
    (folder / "zensical.toml").write_text(settings.replace('paths = ["."]', f'paths = ["{ROOT}"]'))
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(folder / "zensical.toml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "site"


def test_links_and_anchors_of_the_site_lead_somewhere_and_nothing_comes_from_other_hosts(site):
    with imported("check_site") as check:
        assert check.problems(site) == []


def test_formulas_includes_and_lists_of_pages_are_built(site):
    method = (site / "explanation" / "method.html").read_text()
    assert method.count("<math ") > 20
    assert "$`" not in method
    formulas = [
        part for page in site.rglob("*.html") for part in re.findall(r"<math.*?</math>", page.read_text(), re.S)
    ]
    assert not [part for part in formulas if "\\" in part], "a command of LaTeX that was not understood"
    assert "faces-128" in (site / "reference" / "model-card.html").read_text()
    decisions = (site / "adr" / "index.html").read_text()
    assert all(f'/{page.stem}.html"' in decisions for page in DOCS.glob("adr/0*.md"))
    python = (site / "reference" / "python.html").read_text()
    assert all(f'id="{name}"' in python for name in ("completion.complete", "masks.make_mask", "dcgan.train"))
    assert not re.search(r'href="[^"]*\.(py|jsonl)"', python + (site / "photographs.html").read_text())


def test_every_page_is_in_the_navigation_and_every_command_in_the_reference():
    navigation = (ROOT / "zensical.toml").read_text()
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {
        "scale.md"
    }  # the cluster's page has it
    decisions = {page for page in pages if page.startswith("adr/0")}  # adr/index.md lists them
    assert sorted(page for page in pages - decisions if f'"{page}"' not in navigation) == []
    commands = (DOCS / "cli.md").read_text()
    assert all(f"\n## {name}\n" in commands for name in SETTINGS["scripts"])


def test_what_is_wrong_with_a_site_is_found(tmp_path):
    (tmp_path / "other.html").write_text('<h1 id="there">Other</h1>')
    (tmp_path / "index.html").write_text(
        '<script src="https://example.org/a.js"></script><img src="no.png"><a href="other.html#there">good</a>'
        '<a href="other.html#gone">anchor</a><a href="gone.html">file</a><a href="https://example.org/">link</a>'
    )
    (tmp_path / "site.css").write_text("@import url(//example.org/font.css);")
    with imported("check_site") as check:
        assert check.problems(tmp_path) == [
            "index.html: loads https://example.org/a.js from another host",
            "index.html: other.html#gone: no such anchor",
            "index.html: gone.html: no such file",
            "index.html: no.png: no such file",
            "site.css: loads from another host",
        ]


def test_gallery_names_the_commands_of_its_pictures():
    with imported("make_gallery") as gallery:
        entries = gallery.entries(gallery.PAGE.read_text())
    pictures = set(re.findall(r"\(images/gallery/\w+\.jpg\)", gallery.PAGE.read_text()))
    assert {f"({picture})" for _, picture in entries} == pictures
    for options, picture in entries:
        assert (DOCS / picture).exists()
        assert all((ROOT / word).exists() for word in options if word.startswith("examples/"))


def test_parts_of_the_manifest_that_few_runs_have_are_documented():
    text = (DOCS / "reference" / "manifest.md").read_text()
    rare = ("acceptance", "detector", "error", "moved", "perceptual_loss", "spread", "tone", "turn", "shift", "factor")
    assert all(f"`{name}`" in text for name in rare)


@pytest.mark.slow
def test_the_notebook_runs_and_is_small(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="notebooks cannot be run here (extra docs)")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    path = ROOT / "examples" / "quickstart.ipynb"
    assert path.stat().st_size < 1_000_000
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("QUICKSTART_EPOCHS", "1")
    monkeypatch.setenv("QUICKSTART_STEPS", "2")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    assert all(cell.outputs for cell in notebook.cells if "show(" in cell.source and "def show" not in cell.source)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    output = tmp_path / "examples" / "quickstart-output"
    assert (output / "search" / "search.gif").exists()
    assert (output / "digits" / "model.safetensors").exists()

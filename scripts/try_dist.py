"""Check the wheel and the source archive in dist/, install the wheel into a clean environment, and use it from there.

`make dist` builds them and calls this.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("completion", "dcgan", "masks")
DATA = re.compile(
    r"(completion|dcgan|masks)/py\.typed|dcgan/models/[a-z0-9-]+\.safetensors|dcgan/models/TERMS\.md"
    r"|dcgan/faces/[a-z0-9-]+\.safetensors|completion/folder/manifest\.schema\.json"
)
IN_SOURCE = {"README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "pyproject.toml", "setup.py", "constraints.txt"}


def one(folder: Path, pattern: str) -> Path:
    """Return the one file that a pattern finds."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"Expected one {pattern} in {folder}. Received: {[path.name for path in found]}")
    return found[0]


def check_wheel(path: Path) -> None:
    """Refuse a wheel that lacks a module or data, or has something else."""
    with zipfile.ZipFile(path) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {each.relative_to(ROOT).as_posix() for package in PACKAGES for each in (ROOT / package).rglob("*.py")}
    data = {name for name in names - modules if DATA.fullmatch(name)}
    if missing := modules - names:
        sys.exit(f"{path.name} lacks {sorted(missing)}")
    if others := names - modules - data:
        sys.exit(f"{path.name} has what does not belong there: {sorted(others)}")
    own = {each.relative_to(ROOT).as_posix() for package in PACKAGES for each in (ROOT / package).rglob("*")}
    if missing := {name for name in own if DATA.fullmatch(name)} - data:
        sys.exit(f"{path.name} lacks {sorted(missing)}")
    print(f"{path.name}: {len(modules)} modules, {len(data)} files of data, {path.stat().st_size / 1e6:.1f} MB")


def check_source(path: Path) -> None:
    """Refuse a source archive without what building and reading need."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    if missing := IN_SOURCE - names:
        sys.exit(f"{path.name} lacks {sorted(missing)}")
    print(f"{path.name}: {len(names)} files, {path.stat().st_size / 1e6:.1f} MB")


def use(wheel: Path) -> None:
    """Install the wheel into a clean environment, and run all commands outside the repository."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "venv", with_pip=True)
        programs = folder / "venv" / "bin"
        pip = [programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", wheel], check=True)
        shutil.copy(ROOT / "examples" / "astronaut.png", folder)
        for command in [*([script] for script in scripts), ["python", "-m", "dcgan"], ["python", "-m", "completion"]]:
            run = [programs / command[0], *command[1:], "--help"]
            subprocess.run(run, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([programs / "complete-images", "--mask", "center", "astronaut.png"], cwd=folder, check=True)
        if not (folder / "completed" / "astronaut.png").is_file():
            sys.exit("the installed complete-images wrote no picture")
        subprocess.run([programs / "dcgan-sample", "--output", "faces.png"], cwd=folder, check=True)
    print(f"installed and used: {len(scripts)} commands")


def main() -> None:
    """Check, install and use what lies in dist/."""
    wheel, source = one(ROOT / "dist", "*.whl"), one(ROOT / "dist", "*.tar.gz")
    check_wheel(wheel)
    check_source(source)
    use(wheel)


if __name__ == "__main__":
    main()

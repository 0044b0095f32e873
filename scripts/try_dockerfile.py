"""Run the steps of a Dockerfile in fresh Debian roots, where there is no Docker daemon, then a command in the result.

Every stage is a root made by debootstrap, its RUN lines run by chroot, COPY copies, USER and ENV hold for the command.
Needs root and Debian's package debootstrap. It shows that the steps work on a bare Debian; it is no container: layers,
limits and networks are not tried.
"""

import json
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile with their arguments."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.strip().partition(" ")
        yield name.upper(), rest.strip()


class Stage:
    """A root folder with what the instructions have set so far."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root, self.environment, self.folder, self.user = root, environment, "/", "0"
        self.command = ["/bin/sh"]

    def run(self, words: list[str], *, user: str = "0") -> None:
        """Run a command inside."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        environment |= {"HOME": "/root" if user == "0" else "/tmp"} | self.environment
        inside = ["sh", "-c", f'cd {shlex.quote(self.folder)} && exec "$@"', "sh", *words]
        chroot = shutil.which("chroot") or "/usr/sbin/chroot"  # the PATH inside is another one
        subprocess.run([chroot, f"--userspec={user}", str(self.root), *inside], env=environment, check=True)

    def path(self, inside: str) -> Path:
        """Return where a path of the stage lies."""
        return self.root / str(Path(self.folder, inside)).lstrip("/")


def copy(sources: list[Path], target: Path, *, into: bool) -> None:
    """Copy files and folders as COPY does."""
    for source in sources:
        place = target / source.name if into and source.is_file() else target
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True, symlinks=True)
        else:
            shutil.copy2(source, place)


def build(text: str, *, folder: Path, mirror: str, also: tuple[str, ...], environment: dict[str, str]) -> Stage:
    """Build all stages; return the last."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder, {})
    for name, rest in instructions(text):
        click.echo(f"{name} {rest[:100]}", err=True)
        if name == "FROM":
            words = rest.split()
            suite = words[0].partition(":")[2].removesuffix("-slim")
            stage = Stage(folder / f"stage-{len(stages)}", dict(environment))
            stages[words[2] if len(words) > 2 else str(len(stages))] = stage
            base = folder / f"base-{suite}"
            if not base.exists():
                part = base.with_suffix(".part")  # of a run that was stopped, nothing is taken
                shutil.rmtree(part, ignore_errors=True)
                subprocess.run(["debootstrap", "--variant=minbase", suite, str(part), mirror], check=True)
                for pair in also:
                    source, _, target = pair.partition(":")
                    copy([Path(source)], part / (target or source).lstrip("/"), into=False)
                part.rename(base)
            shutil.rmtree(stage.root, ignore_errors=True)
            subprocess.run(["cp", "-a", str(base), str(stage.root)], check=True)
        elif name == "RUN":
            stage.run(["sh", "-c", rest])
        elif name == "COPY":
            words = rest.split()
            origin = stages[words.pop(0).partition("=")[2]].root if words[0].startswith("--from=") else ROOT
            copy(
                [origin / word.lstrip("/") for word in words[:-1]], stage.path(words[-1]), into=words[-1].endswith("/")
            )
        elif name == "ENV":
            key, _, value = rest.partition("=")
            stage.environment[key] = value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
        elif name == "WORKDIR":
            stage.folder = rest
            stage.path(".").mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            stage.user = rest
        elif name == "CMD":
            stage.command = json.loads(rest)
    return stage


@click.command()
@click.argument("dockerfile", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("words", nargs=-1)
@click.option("--mirror", default="http://deb.debian.org/debian", show_default=True)
@click.option(
    "--also", multiple=True, help="File of this machine that every root has as well, SOURCE or SOURCE:TARGET."
)
@click.option("--env", "variables", multiple=True, help="NAME=VALUE in every step and in the command.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the roots; removed at the end by default.")
def main(
    dockerfile: Path,
    words: tuple[str, ...],
    mirror: str,
    also: tuple[str, ...],
    variables: tuple[str, ...],
    keep: Path | None,
) -> None:
    """Build DOCKERFILE in fresh roots and run WORDS in the result, or its own command."""
    environment = dict(pair.split("=", 1) for pair in variables)
    folder = keep or Path(tempfile.mkdtemp(prefix="dockerfile-"))
    try:
        stage = build(
            dockerfile.read_text(encoding="utf-8"), folder=folder, mirror=mirror, also=also, environment=environment
        )
        size = subprocess.run(
            ["du", "-sm", str(stage.root)], capture_output=True, text=True, check=True
        ).stdout.split()[0]
        click.echo(f"built: {size} MB", err=True)
        stage.run(list(words) or stage.command, user=stage.user)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

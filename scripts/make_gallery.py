"""Run the commands of docs/gallery.md and write its pictures: what was hidden in red, and what was filled in.

python scripts/make_gallery.py
"""

import re
import shlex
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from completion.cli import complete_command

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "gallery.md"
ENTRY = re.compile(
    r"```sh\ncomplete-images (?P<options>.+)\n```\n\n\[!\[[^\]]*\]\((?P<picture>images/gallery/\w+\.jpg)\)"
)
SMALL, SCALE = 256, 3  # smaller pictures are shown enlarged, pixel by pixel
RED = (220, 40, 40)


def entries(text: str) -> list[tuple[list[str], str]]:
    """Return the options of each command and the picture that it makes, as docs/gallery.md names it."""
    return [(shlex.split(match["options"]), match["picture"]) for match in ENTRY.finditer(text)]


def beside(source: Path, result: Path) -> Image.Image:
    """Return the original with what was changed in red, and the result beside it."""
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (source, result))
    hidden = (before != after).any(axis=2, keepdims=True)
    masked = np.where(hidden, np.uint8(RED), before)
    pair = np.concatenate([masked, np.full((before.shape[0], 6, 3), 255, np.uint8), after], axis=1)
    picture = Image.fromarray(pair)
    if before.shape[0] <= SMALL:
        return picture.resize((picture.width * SCALE, picture.height * SCALE), Image.Resampling.NEAREST)
    return picture


@click.command()
def main() -> None:
    """Write the pictures."""
    for options, name in entries(PAGE.read_text(encoding="utf-8")):
        with tempfile.TemporaryDirectory() as folder:
            changed = [*options, "--quiet"]
            changed[changed.index("--output") + 1] = folder
            complete_command(changed, standalone_mode=False)
            source = ROOT / options[-1]
            target = ROOT / "docs" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            beside(source, Path(folder, f"{source.stem}.png")).save(target, quality=88)
            click.echo(name)


if __name__ == "__main__":
    main()

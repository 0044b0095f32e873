"""Draw the figures of docs/explanation: the steps of the method, the encoder's offset, the ways of blending.

python scripts/plot_method.py
"""

from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from completion import SearchConfig, complete
from completion.config import EncoderConfig
from completion.search.weights import contextual_weights
from dcgan.inference import GeneratorNetwork
from dcgan.model_file import load_model
from dcgan.pictures.files import read_picture
from masks import make_mask

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
FACE = ROOT / "examples" / "hopper.png"
TILE = 192
STEPS = (1, 30, 300)

Picture = npt.NDArray[np.uint8]


def to_picture(generated: npt.NDArray[np.float32]) -> Picture:
    """Return a generated face, in [-1, 1], as a picture."""
    return np.uint8(np.clip((generated + 1.0) * 127.5, 0, 255).round())


def save_row(name: str, pictures: list[Picture]) -> None:
    """Write pictures side by side, enlarged pixel by pixel where they are small."""
    tiles = [Image.fromarray(each).convert("RGB").resize((TILE, TILE), Image.Resampling.NEAREST) for each in pictures]
    row = Image.new("RGB", (len(tiles) * (TILE + 6) - 6, TILE), "white")
    for place, tile in enumerate(tiles):
        row.paste(tile, (place * (TILE + 6), 0))
    (IMAGES / "explanation").mkdir(exist_ok=True)
    row.save(IMAGES / "explanation" / f"{name}.png", optimize=True)
    click.echo(name)


@click.command()
def main() -> None:
    """Write the figures."""
    face = read_picture(str(FACE))
    mask = make_mask("center", face.shape[:2])
    masked = np.where(mask[..., None], np.uint8(255), face)
    prior = load_model("faces-128")

    fills = {
        blend: complete(face, mask, model=prior, blend=blend) for blend in ("none", "feather", "poisson", "biharmonic")
    }
    save_row("blending", [masked, *(each.pictures[0] for each in fills.values())])

    one = complete(face, mask, model=prior, method=EncoderConfig())
    drawn = to_picture(GeneratorNetwork(prior)(one.latents)[0])
    save_row("encoder", [masked, drawn, to_picture(one.generated[0]), fills["poisson"].pictures[0]])

    weights, _ = contextual_weights((~mask).astype(np.float32))
    shown = np.repeat(np.uint8(255 * weights / weights.max())[..., None], 3, axis=2)
    found = [
        complete(face, mask, model=prior, method=SearchConfig(iterations=steps), framing="tight") for steps in STEPS
    ]
    steps = [to_picture(each.generated[0]) for each in found]
    save_row("method", [masked, shown, *steps, found[-1].pictures[0]])


if __name__ == "__main__":
    main()

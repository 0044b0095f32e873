"""Names, shapes and types of what an exported part takes and returns."""

from __future__ import annotations

import dataclasses

from dcgan.config import ModelConfig

__all__ = ["Signature", "signature_of"]

Shape = tuple[int | str, ...]


@dataclasses.dataclass(frozen=True)
class Signature:
    """What an exported part takes and returns.

    Attributes
    ----------
    inputs, outputs : dict of str to tuple
        Shapes by name; the first side is "B", any number of pictures.
    dtype : str
        Of all inputs and outputs, "uint8" or "float32".
    """

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    dtype: str = "float32"

    def __str__(self) -> str:
        parts = [", ".join(f"{name} {_shown(shape)}" for name, shape in each.items()) for each in self._both]
        return f"{' -> '.join(parts)}, {self.dtype}"

    @property
    def _both(self) -> tuple[dict[str, Shape], dict[str, Shape]]:
        return self.inputs, self.outputs


def signature_of(config: ModelConfig, part: str) -> Signature:
    """Return the signature of a part.

    Parameters
    ----------
    config : ModelConfig
    part : str
        One of `completion.export.config.PARTS`.

    Examples
    --------
    >>> print(signature_of(ModelConfig(), "completion"))
    pictures (B, 64, 64, 3), masks (B, 64, 64) -> completed (B, 64, 64, 3), uint8
    """
    square = ("B", config.size, config.size)
    pictures, latents = (*square, config.channels), ("B", config.latent_dim)
    if part == "completion":
        return Signature({"pictures": pictures, "masks": square}, {"completed": pictures}, "uint8")
    if part == "generator":
        return Signature({"latents": latents}, {"pictures": pictures})
    if part == "discriminator":
        return Signature({"pictures": pictures}, {"logits": ("B",)})
    offsets: dict[str, Shape] = {}
    for level in range(config.offset_maps):
        side = config.size >> (level + 1)
        offsets[f"offset{level}"] = ("B", side, side, config.widths[level])
    return Signature({"masked": (*square, config.channels + 1)}, {"latents": latents, **offsets})


def _shown(shape: Shape) -> str:
    """Return a shape as it is written."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"

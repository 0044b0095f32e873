"""Masks for the encoder's training: all kinds, with random sizes, positions and densities."""

import dataclasses

import numpy as np
import numpy.typing as npt

from masks import MaskSpec, make_mask

__all__ = ["Damage", "draw_damage"]

#: Probability of each kind. Large holes and the kinds that resemble a user's masks are the most frequent.
PROBABILITIES = {
    "center": 0.10,
    "rectangle": 0.08,
    "half": 0.14,
    "random": 0.20,
    "grid": 0.14,
    "strokes": 0.08,
    "medium": 0.12,
    "thick": 0.06,
    "thin": 0.04,
    "lowres": 0.04,
}
NAMES, CUMULATIVE = tuple(PROBABILITIES), np.cumsum(list(PROBABILITIES.values()))


@dataclasses.dataclass(frozen=True)
class Damage:
    """The missing part of one picture.

    Attributes
    ----------
    mask : bool array (size, size)
        True = missing.
    blocks : int, default 0
        If not 0, only the means of blocks x blocks equal squares are known, and `mask` is True everywhere.
    """

    mask: npt.NDArray[np.bool_]
    blocks: int = 0


def draw_damage(size: int, *, seed: tuple[int, ...], lowres: bool = True) -> Damage:
    """Draw a mask of a random kind.

    Parameters
    ----------
    size : int
        Side of the picture in pixels.
    seed : tuple of int
        Numbers of at least 0. The same seed draws the same mask.
    lowres : bool, default True
        False draws a central hole where all but block means would be missing.

    Returns
    -------
    Damage
        The missing part.

    Examples
    --------
    >>> damage = draw_damage(64, seed=(0, 1))
    >>> damage.mask.shape, bool(0 < damage.mask.mean() <= 1)
    ((64, 64), True)
    """
    rng = np.random.default_rng(seed)
    name = NAMES[min(int(np.searchsorted(CUMULATIVE, rng.random())), len(NAMES) - 1)]
    if name == "lowres" and not lowres:
        name = "center"
    if name == "lowres":
        choices = [blocks for blocks in (4, 8, 16) if size % blocks == 0 and blocks < size]
        blocks = int(rng.choice(choices)) if choices else 1
        return Damage(np.ones((size, size), np.bool_), blocks)
    mask = make_mask(_draw_spec(name, size, rng), (size, size), seed=(*seed, 1))
    return Damage(mask[:, ::-1] if rng.random() < 0.5 else mask)  # completion encodes mirrored views as well


def _draw_spec(name: str, size: int, rng: np.random.Generator) -> MaskSpec:
    """Return the specification of a kind of mask with random options."""
    if name == "center":
        return MaskSpec(name, scale=float(rng.uniform(0.3, 0.65)))
    if name == "random":
        return MaskSpec(name, fraction=float(rng.uniform(0.1, 0.95)))
    if name == "grid":
        return MaskSpec(name, step=int(rng.integers(2, 7)))
    if name == "rectangle":
        width, height = (int(side) for side in rng.integers(max(1, size // 6), max(2, size * 2 // 3), 2))
        x, y = int(rng.integers(0, size - width + 1)), int(rng.integers(0, size - height + 1))
        return MaskSpec(name, x=x, y=y, width=width, height=height)
    return MaskSpec(name)

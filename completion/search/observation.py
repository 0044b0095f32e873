"""What is known of pictures, at the model's size: known pixels, or block means."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from completion.search.encoder_input import spread_block_means
from dcgan.faces.placement import Placement
from dcgan.pictures.tones import SKIN_TONE, Tone
from dcgan.errors import OptionError

__all__ = ["Observation", "Observations", "observe"]


@dataclasses.dataclass(frozen=True, eq=False)
class Observation:
    """What is known of one face.

    Attributes
    ----------
    target : float32 array (size, size, C)
        Known values in [-1, 1]: means of known pixels, or each block's mean in all of its pixels; 0 elsewhere.
    known : float32 array (size, size)
        The share of each pixel that is known, in [0, 1]; 0 everywhere where block means are known.
    blocks : int
        Number of blocks a side whose means are known; 0 where pixels are known.
    """

    target: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    blocks: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Observations:
    """A batch of observations of the same kind.

    Attributes
    ----------
    targets : float32 array (B, size, size, C)
    known : float32 array (B, size, size)
    blocks : int
        As in `Observation`.
    """

    targets: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    blocks: int = 0

    @classmethod
    def stack(cls, observations: Sequence[Observation]) -> Observations:
        """Return a batch of one row for each observation; all have the same `blocks`."""
        first = observations[0]
        if any(each.blocks != first.blocks for each in observations):
            raise ValueError("Expected observations of one kind. Received: different numbers of blocks")
        return cls(
            np.stack([each.target for each in observations]),
            np.stack([each.known for each in observations]),
            first.blocks,
        )


def observe(
    picture: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    placement: Placement,
    *,
    blocks: int = 0,
    tone: Tone | None = None,
) -> Observation:
    """Return what is known of a face.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
    mask : bool array (H, W)
        True = missing; not used where block means are known.
    placement : Placement
        Of the face in the picture.
    blocks : int, optional
        If not 0, all that is known are the means of blocks x blocks equal parts.
    tone : Tone, optional
        Of a picture of one tone. The model, which has learned coloured faces, is shown it in `SKIN_TONE`.

    Raises
    ------
    ValueError
        `blocks` does not divide the model's size.
    """
    if not blocks:
        target, known = placement.view(picture, mask)
        return Observation(_in_skin_tone(target, known, tone), known)
    size = placement.size
    if blocks < 0 or size % blocks:
        raise OptionError(f"Expected `blocks` to divide the model's size {size}. Received: blocks={blocks}")
    target, known = placement.view(picture, np.zeros_like(mask))  # block means are means of the whole picture
    target = spread_block_means(_in_skin_tone(target, known, tone), blocks)
    return Observation(target, np.zeros_like(known), blocks)


def _in_skin_tone(
    target: npt.NDArray[np.float32], known: npt.NDArray[np.float32], tone: Tone | None
) -> npt.NDArray[np.float32]:
    """Return known values, (size, size, 3); where they are of one tone, with the colour of skin instead."""
    if tone is None:
        return target
    return np.where(known[..., None] > 0.0, SKIN_TONE.colors(tone.brightness(target)), np.float32(0.0))

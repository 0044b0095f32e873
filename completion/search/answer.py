"""What a model answers to observations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Answers", "OnFrame", "OnProgress"]

OnFrame = Callable[[npt.NDArray[np.float32]], None]
OnProgress = Callable[[float], None]


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """Generated faces, a row for each observation (or for each of its candidates).

    Attributes
    ----------
    latents : float32 array (B, latent_dim)
        In [-1, 1].
    generated : float32 array (B, size, size, C)
        In [-1, 1]: G(latents), for the encoder's answers with its offset and the average over augmentations.
    contextual : float32 array (B,)
        Contextual loss.
    perceptual : float32 array (B,), optional
        Perceptual loss, where a search evaluated it; the encoder's answers are not judged by the discriminator.
    score : float32 array (B,)
        The whole loss, by which candidates are ranked; lower is better.
    acceptance : float32 array (B,), optional
        Share of accepted transitions, where Hamiltonian Monte Carlo drew the answers.
    """

    latents: npt.NDArray[np.float32]
    generated: npt.NDArray[np.float32]
    contextual: npt.NDArray[np.float32]
    perceptual: npt.NDArray[np.float32] | None
    score: npt.NDArray[np.float32]
    acceptance: npt.NDArray[np.float32] | None = None

    def take(self, rows: Sequence[int] | slice | npt.NDArray[np.intp]) -> Answers:
        """Return some of the rows."""
        columns: dict[str, Any] = {name: None if part is None else part[rows] for name, part in vars(self).items()}
        return Answers(**columns)

    @staticmethod
    def join(answers: Sequence[Answers]) -> Answers:
        """Return the rows of several answers, all with `acceptance` or all without, as one."""
        columns: dict[str, Any] = {
            name: None if first is None else np.concatenate([getattr(each, name) for each in answers])
            for name, first in vars(answers[0]).items()
        }
        return Answers(**columns)

"""What `completion.complete` returns, and how far several completions lie apart."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from completion.search.answer import Answers
    from dcgan.faces.locate import LocatedFace

__all__ = ["CompletionResult", "spread"]


@dataclasses.dataclass(frozen=True, eq=False)
class CompletionResult:
    """Completed pictures, a row for each input; with ``keep="all"``, a row for each candidate of each input.

    Attributes
    ----------
    pictures : list of uint8 arrays (H, W, C)
        Known pixels are the input's own.
    methods : list of str
        What filled each picture: the method, or the one in its place.
    faces : list of tuples of LocatedFace
        The faces that were completed; empty where no model was asked.
    answers : list of Answers or None
        The model's answers, a row for each face; None where no model was asked.
    """

    pictures: list[npt.NDArray[np.uint8]]
    methods: list[str]
    faces: list[tuple[LocatedFace, ...]]
    answers: list[Answers | None]

    @property
    def latents(self) -> npt.NDArray[np.float32]:
        """Latents of each picture's first face, (N, latent_dim) in [-1, 1]; 0 where no model was asked."""
        return self._column("latents")

    @property
    def generated(self) -> npt.NDArray[np.float32]:
        """Generated first face of each picture before blending, (N, size, size, C) in [-1, 1]; 0 likewise."""
        return self._column("generated")

    @property
    def contextual(self) -> npt.NDArray[np.float32]:
        """Contextual loss of each picture's first face, (N,); 0 likewise."""
        return self._column("contextual")

    @property
    def perceptual(self) -> npt.NDArray[np.float32]:
        """Perceptual loss of each picture's first face, (N,), where a search evaluated it; 0 elsewhere."""
        return self._column("perceptual")

    @property
    def score(self) -> npt.NDArray[np.float32]:
        """Loss by which candidates are ranked, of each picture's first face, (N,); 0 likewise."""
        return self._column("score")

    @property
    def acceptance(self) -> npt.NDArray[np.float32] | None:
        """Share of accepted transitions, (N,), where Hamiltonian Monte Carlo drew the answers; otherwise None."""
        if any(answers is not None and answers.acceptance is not None for answers in self.answers):
            return self._column("acceptance")
        return None

    def _column(self, name: str) -> npt.NDArray[np.float32]:
        """Return a field of each picture's first answer; zeros where there is none."""
        rows = [None if answers is None else getattr(answers, name) for answers in self.answers]
        known = [row[0] for row in rows if row is not None]
        empty = (
            np.zeros_like(known[0]) if known else np.zeros(0 if name in ("latents", "generated") else (), np.float32)
        )
        return np.stack([empty if row is None else row[0] for row in rows])


def spread(pictures: Sequence[npt.NDArray[np.uint8]]) -> float:
    """Return the spread of several completions of one picture: the mean absolute difference over all pairs.

    Parameters
    ----------
    pictures : sequence of uint8 array
        At least one; all of the same shape. Pass the pixels of the hole to measure the spread in the hole.

    Returns
    -------
    float
        In grey levels; 0 if all completions are equal.

    Examples
    --------
    >>> spread([np.uint8([0, 10]), np.uint8([0, 20])])
    5.0
    """
    pairs = list(itertools.combinations(pictures, 2))
    return float(np.mean([np.abs(one.astype(np.int16) - other).mean() for one, other in pairs])) if pairs else 0.0

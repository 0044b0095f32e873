"""What a completion returns, and how results of several methods become one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from completion.blending.classical import ClassicalFiller

__all__ = ["CompletionResult", "fill_each", "insert_filled"]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class CompletionResult:
    """Completed pictures, a row for each input; with ``keep="all"``, a row for each candidate of each input.

    Attributes
    ----------
    pictures : list of (H, W, C) uint8
        Known pixels are the input's own.
    latents : (N, latent_dim) float32 in [-1, 1]
        What was found; 0 where nothing was searched: the mask hides nothing, or a classical method filled the picture.
        Where no model was needed at all, latent_dim and size are 0.
    generated : (N, size, size, channels) float32 in [-1, 1]
        G(latents), before blending; 0 where nothing was searched.
    contextual, perceptual : (N,) float32
        The losses of what was found; 0 where nothing was searched.
    score : (N,) float32
        By which candidates are compared; lower is better.
    acceptance : (N,) float32 or None
        The share of accepted transitions, where the search was Hamiltonian Monte Carlo.
    methods : list of str
        What filled each picture: "dcgan" or the name of a classical method.
    """

    pictures: list[Picture]
    latents: npt.NDArray[np.float32]
    generated: npt.NDArray[np.float32]
    contextual: npt.NDArray[np.float32]
    perceptual: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    acceptance: npt.NDArray[np.float32] | None = None
    methods: list[str] = dataclasses.field(default_factory=list)


def fill_each(pictures: Sequence[Picture], masks: Sequence[Mask], method: str) -> CompletionResult:
    """Fill pictures of any sizes by a classical method; see `completion.blending.classical.fill_classical`."""
    filler = ClassicalFiller(method)
    filled = [filler(np.asarray(picture)[None], mask[None])[0] for picture, mask in zip(pictures, masks, strict=True)]
    count, channels = len(filled), filled[0].shape[2]
    empty, none = np.zeros((count, 0), np.float32), np.zeros(count, np.float32)
    generated = np.zeros((count, 0, 0, channels), np.float32)
    return CompletionResult(filled, empty, generated, none, none.copy(), none.copy(), None, [method] * count)


def insert_filled(searched: CompletionResult, filled: CompletionResult, chosen: Sequence[bool]) -> CompletionResult:
    """Put two results into one.

    Parameters
    ----------
    searched : of the pictures that the model completed, a row for each
    filled : of the others
    chosen : for each picture of the whole, in order, whether the model completed it
    """
    rows = np.flatnonzero(chosen)

    def spread(part: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        whole = np.zeros((len(chosen), *part.shape[1:]), np.float32)
        whole[rows] = part
        return whole

    sources = [(iter(filled.pictures), iter(filled.methods)), (iter(searched.pictures), iter(searched.methods))]
    pairs = [(next(sources[is_searched][0]), next(sources[is_searched][1])) for is_searched in chosen]
    return CompletionResult(
        pictures=[picture for picture, _ in pairs],
        latents=spread(searched.latents),
        generated=spread(searched.generated),
        contextual=spread(searched.contextual),
        perceptual=spread(searched.perceptual),
        score=spread(searched.score),
        acceptance=None if searched.acceptance is None else spread(searched.acceptance),
        methods=[method for _, method in pairs],
    )

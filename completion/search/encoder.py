"""The encoder's answer to observations: one forward pass, or the mean over augmented observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from completion.config import EncoderConfig
from completion.search.answer import Answers
from completion.search.augment import AUGMENTATIONS, nearness
from completion.search.encoder_input import encoder_input, spread_block_means
from completion.search.observation import Observations
from completion.search.weights import contextual_weights
from completion.workers import side_by_side
from dcgan.cores import available_cores
from dcgan.inference import CompletionNetwork

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["EncoderAnswerer"]

Array = npt.NDArray[np.float32]


class EncoderAnswerer:
    """Ask a model's encoder, with ONNX Runtime. May be asked by several threads at once.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    config : EncoderConfig
        Number of augmentations, and where they are looked at.
    device : str, optional
        "cpu" or "gpu", as `dcgan.device.find_device` has found it.

    Raises
    ------
    ModelFileError
        The model has no encoder.
    """

    def __init__(self, prior: Prior, config: EncoderConfig, *, device: str = "cpu") -> None:
        self.prior, self.config = prior, config
        self._network = CompletionNetwork(prior, device=device)

    def encode(self, observations: Observations) -> tuple[Array, Array]:
        """Return what the encoder makes of observations.

        Returns
        -------
        latents : float32 array (B, latent_dim)
            In [-1, 1].
        pictures : float32 array (B, size, size, C)
            Drawn by the generator, in [-1, 1].
        """
        blocks = observations.blocks
        rows = zip(observations.targets, observations.known, strict=True)
        return self._network(np.stack([encoder_input(target, known, blocks=blocks) for target, known in rows]))

    def answer(self, observations: Observations) -> Answers:
        """Return the encoder's answers, a row for each observation; rows are answered side by side."""
        rows = list(zip(observations.targets, observations.known, strict=True))
        workers = min(available_cores(), len(rows))
        found = side_by_side(lambda row: self._answer_one(*row, blocks=observations.blocks), rows, workers=workers)
        latents, drawn, contextual = (np.stack(column) for column in zip(*found, strict=True))
        return Answers(latents, drawn, contextual, None, contextual)

    def _answer_one(self, target: Array, known: Array, *, blocks: int) -> tuple[Array, Array, np.float32]:
        """Return the latents, the picture and the contextual loss of the answer to one observation."""
        latents, drawn = self.encode(Observations(target[None], known[None], blocks))
        picture = drawn[0]
        if self.config.augmentations > 1 and not blocks:
            picture = self._averaged(target, known, picture)
        return latents[0], picture, np.float32(_contextual(picture, target, known, blocks=blocks))

    def _averaged(self, target: Array, known: Array, drawn: Array) -> Array:
        """Return an answer, averaged near known pixels with those to augmented observations."""
        near = nearness(known[None])[0, ..., None]
        missing = known < 1.0
        if not missing.any() or not near.any() or near[missing].mean() < self.config.nearness_min:
            return drawn
        total, count = np.zeros_like(drawn), np.zeros((*known.shape, 1), np.float32)
        for augmentation in AUGMENTATIONS[1 : self.config.augmentations]:
            shares = augmentation.apply(known[None, ..., None], edge=False)[..., 0]
            _, others = self.encode(Observations(augmentation.apply(target[None], edge=True), shares))
            back, valid = augmentation.undo(others)
            total += back[0]
            count[..., 0] += valid
        weight = near * (count / (count + 1.0))
        return np.asarray(drawn + weight * (total / np.maximum(count, 1.0) - drawn), np.float32)


def _contextual(drawn: Array, target: Array, known: Array, *, blocks: int) -> float:
    """Return the contextual loss of one picture (Yeh et al. 2017, eq. 5); see `completion.search.losses`."""
    if blocks:
        return float(np.abs(spread_block_means(drawn, blocks) - target).mean())
    weights, _ = contextual_weights(known)
    return float((weights * np.abs(drawn - target).mean(axis=2)).sum())

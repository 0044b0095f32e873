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

    Raises
    ------
    ModelFileError
        The model has no encoder.
    """

    def __init__(self, prior: Prior, config: EncoderConfig) -> None:
        self.prior, self.config = prior, config
        self._network = CompletionNetwork(prior)

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
        """Return the encoder's answers, a row for each observation."""
        latents, drawn = self.encode(observations)
        if self.config.augmentations > 1 and not observations.blocks:
            rows = zip(observations.targets, observations.known, drawn, strict=True)
            drawn = np.stack([self._averaged(*row) for row in rows])
        contextual = np.array(
            [
                _contextual(*row, blocks=observations.blocks)
                for row in zip(drawn, observations.targets, observations.known, strict=True)
            ],
            np.float32,
        )
        return Answers(latents, drawn, contextual, None, contextual)

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

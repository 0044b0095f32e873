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
        The name that `dcgan.device.find_device` has found.

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
        rows = list(zip(observations.targets, observations.known, strict=True))
        inputs = side_by_side(
            lambda row: encoder_input(*row, blocks=observations.blocks), rows, workers=min(available_cores(), len(rows))
        )
        return self._network(np.stack(list(inputs)))

    def answer(self, observations: Observations) -> Answers:
        """Return the encoder's answers, a row for each observation.

        On the processor rows are answered side by side, on a GPU together.
        """
        targets, known, blocks = observations.targets, observations.known, observations.blocks
        if self._network.takes_batches:
            latents, drawn, contextual = self._answer_rows(observations)
        else:
            rows = [Observations(targets[row : row + 1], known[row : row + 1], blocks) for row in range(len(targets))]
            found = side_by_side(self._answer_rows, rows, workers=min(available_cores(), len(rows)))
            latents, drawn, contextual = (np.concatenate(column) for column in zip(*found, strict=True))
        return Answers(latents, drawn, contextual, None, contextual)

    def _answer_rows(self, observations: Observations) -> tuple[Array, Array, Array]:
        """Return the latents, the pictures and the contextual losses of the answers to observations."""
        targets, known, blocks = observations.targets, observations.known, observations.blocks
        latents, drawn = self.encode(observations)
        if self.config.augmentations > 1 and not blocks:
            near = nearness(known)
            chosen = np.flatnonzero([self._is_averaged(*row) for row in zip(known, near, strict=True)])
            if chosen.size:
                drawn[chosen] = self._averaged(targets[chosen], known[chosen], near[chosen], drawn[chosen])
        rows = zip(drawn, targets, known, strict=True)
        return latents, drawn, np.array([_contextual(*row, blocks=blocks) for row in rows], np.float32)

    def _is_averaged(self, known: Array, near: Array) -> bool:
        """Tell whether enough of what is missing in a picture is near known pixels."""
        missing = known < 1.0
        return bool(missing.any() and near.any() and near[missing].mean() >= self.config.nearness_min)

    def _averaged(self, targets: Array, known: Array, near: Array, drawn: Array) -> Array:
        """Return answers, averaged near known pixels with those to augmented observations."""
        total, count = np.zeros_like(drawn), np.zeros((*known.shape[1:], 1), np.float32)
        for augmentation in AUGMENTATIONS[1 : self.config.augmentations]:
            shares = augmentation.apply(known[..., None], edge=False)[..., 0]
            _, others = self.encode(Observations(augmentation.apply(targets, edge=True), shares))
            back, valid = augmentation.undo(others)
            total += back
            count[..., 0] += valid
        weight = near[..., None] * (count / (count + 1.0))
        return np.asarray(drawn + weight * (total / np.maximum(count, 1.0) - drawn), np.float32)


def _contextual(drawn: Array, target: Array, known: Array, *, blocks: int) -> float:
    """Return the contextual loss of one picture (Yeh et al. 2017, context loss); see `completion.search.losses`."""
    if blocks:
        return float(np.abs(spread_block_means(drawn, blocks) - target).mean())
    weights, _ = contextual_weights(known)
    return float((weights * np.abs(drawn - target).mean(axis=2)).sum())

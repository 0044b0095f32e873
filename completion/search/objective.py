"""The loss that the search minimises and by which candidates are ranked: the one place where its terms are added up.

Source: Yeh et al. 2017, arXiv:1607.07539: contextual loss plus lambda times perceptual loss.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.config import SearchConfig
from completion.search.losses import LOSSES, LossInput
from completion.search.observation import Observations
from completion.search.weights import contextual_weights
from dcgan.model_file import Prior

__all__ = ["Data", "Objective"]

Tensor = Any
Data = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]


class Objective:
    """The weighted sum of the terms in `completion.search.losses.LOSSES`, for each picture its own.

    Parameters
    ----------
    prior : Prior
        Gives the discriminator.
    config : SearchConfig
        Weights and forms of the losses.
    """

    def __init__(self, prior: Prior, config: SearchConfig) -> None:
        self.prior, self.config = prior, config

    def prepare(self, observations: Observations) -> Data:
        """Return what the losses need of each picture.

        Returns
        -------
        targets : float32 array (B, H, W, C)
        weights : float32 array (B, H, W, 1)
            Of the pixels in the contextual loss; their sum is 1.
        scale : float32 array (B,)
            Factor of all terms but the contextual loss.
        """
        config = self.config
        weighted = [
            contextual_weights(known, weighting=config.weighting, window=config.window, floor=config.weight_floor)
            for known in observations.known
        ]
        weights = np.stack([weights for weights, _ in weighted])[..., None]
        scale = np.ones(len(weighted), np.float32)
        if config.loss_scale == "sum":  # the papers' sum over its number of terms is our mean: Adam's path is the same
            blocks, channels = observations.blocks, observations.targets.shape[3]
            terms = np.array([blocks**2 if blocks else total for _, total in weighted]) * channels
            scale = (scale / np.where(terms > 0.0, terms, 1.0)).astype(np.float32)
        return observations.targets, weights, scale

    def weight(self, name: str) -> float:
        """Return the weight of a loss: NAME_weight of the settings, 1 where there is no such setting."""
        return getattr(self.config, f"{name}_weight", 1.0)

    def judge(self, generated: Tensor, data: tuple[Tensor, ...], *, blocks: int = 0) -> tuple[Tensor, ...]:
        """Return generated pictures with their contextual loss, perceptual loss and score, as `Answers` has them."""
        score, parts = self(generated, data, blocks=blocks, complete=True)
        return generated, parts["contextual"], parts["perceptual"], score

    def __call__(
        self, generated: Tensor, data: tuple[Tensor, ...], *, blocks: int = 0, complete: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of generated pictures.

        Parameters
        ----------
        generated : tensor (B, H, W, C)
            In [-1, 1].
        data : tuple of tensors
            What `prepare` returns.
        blocks : int, optional
            Of the observations.
        complete : bool, optional
            Evaluate the losses of weight 0 as well.

        Returns
        -------
        total : tensor (B,)
        parts : dict of str to tensor (B,)
            Each loss, without its weight.
        """
        targets, weights, scale = data
        seen = LossInput(generated, targets, weights, self.prior.discriminator, self.config, blocks)
        parts = {name: loss(seen) for name, loss in LOSSES.items() if complete or self.weight(name)}
        total = parts["contextual"]
        extra = [self.weight(name) * part for name, part in parts.items() if name != "contextual" and self.weight(name)]
        if extra:
            total = total + ops.cast(scale, "float32") * sum(extra[1:], start=extra[0])
        return total, parts

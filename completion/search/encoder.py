"""The encoder's answer to observations: one forward pass, or the mean over augmented observations."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.config import EncoderConfig, SearchConfig
from completion.search.answer import Answers
from completion.search.augment import AUGMENTATIONS, nearness
from completion.search.encoder_input import encoder_input
from completion.search.objective import Objective
from completion.search.observation import Observations
from dcgan.autodiff import compile_function
from dcgan.encoder import decode
from dcgan.errors import ModelFileError
from dcgan.model_file import Prior

__all__ = ["EncoderAnswerer"]

Tensor = Any
Array = npt.NDArray[np.float32]


class EncoderAnswerer:
    """Ask a model's encoder.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    config : EncoderConfig
        Number of augmentations.

    Raises
    ------
    ModelFileError
        The model has no encoder.
    """

    def __init__(self, prior: Prior, config: EncoderConfig) -> None:
        encoder = prior.encoder
        if encoder is None:
            raise ModelFileError("expected a model with an encoder, this one has none; dcgan-train-encoder trains it")
        self.prior, self.config = prior, config
        self._objective = Objective(prior, SearchConfig(perceptual_weight=0.0))
        self._encode = compile_function(lambda seen: encoder(seen, training=False))
        self._decode = compile_function(self._draw)
        self._judges: dict[int, Any] = {}

    def encode(self, observations: Observations) -> tuple[Array, Array]:
        """Return what the encoder makes of observations.

        Returns
        -------
        latents : float32 array (B, latent_dim)
            In [-1, 1].
        offset : float32 array (B, *dcgan.encoder.offset_shape(config))
            Added to the generator's last feature map.
        """
        targets, known = observations.targets, observations.known
        means = targets if observations.blocks else np.zeros_like(targets)
        latents, offset = self._encode(encoder_input(targets, known[..., None], means))
        return ops.convert_to_numpy(latents), ops.convert_to_numpy(offset)

    def answer(self, observations: Observations) -> Answers:
        """Return the encoder's answers, a row for each observation."""
        latents, offset = self.encode(observations)
        others = self._others(observations) if self.config.augmentations > 1 and not observations.blocks else None
        data = self._objective.prepare(observations)
        found = self._judge(observations.blocks)(latents, offset, others, data)
        return Answers(latents, *(ops.convert_to_numpy(part) for part in found))

    def _others(self, observations: Observations) -> Array | None:
        """Return the mean answer to augmented observations, (B, H, W, C), and its weight in a last channel.

        None where no pixel is known, and the answer to the observation itself stands alone.
        """
        near = nearness(observations.known)[..., None]
        if not near.any():
            return None
        targets = observations.targets
        total, count = np.zeros_like(targets), np.zeros((*targets.shape[1:3], 1), np.float32)
        for augmentation in AUGMENTATIONS[1 : self.config.augmentations]:
            known = augmentation.apply(observations.known[..., None], edge=False)[..., 0]
            latents, offset = self.encode(Observations(augmentation.apply(targets, edge=True), known))
            drawn, valid = augmentation.undo(ops.convert_to_numpy(self._decode(latents, offset, None)))
            total += drawn
            count[..., 0] += valid
        return np.concatenate([total / np.maximum(count, 1.0), near * (count / (count + 1.0))], axis=3)

    def _draw(self, latents: Tensor, offset: Tensor, others: Tensor | None) -> Tensor:
        """Return the generator's pictures, averaged with the other answers by these answers' weight."""
        drawn = decode(self.prior.generator, self.prior.config, latents, offset=offset)
        return drawn if others is None else drawn + others[..., -1:] * (others[..., :-1] - drawn)

    def _judge(self, blocks: int) -> Any:
        """Return a compiled function that draws answers and evaluates their losses."""

        def judge(latents: Tensor, offset: Tensor, others: Tensor | None, data: tuple[Tensor, ...]) -> Any:
            return self._objective.judge(self._draw(latents, offset, others), data, blocks=blocks)

        if blocks not in self._judges:
            self._judges[blocks] = compile_function(judge)
        return self._judges[blocks]

"""The losses of the search, one value for each picture. `LOSSES` is the table of those that the search adds up.

Source: Yeh, Chen, Lim, Schwing, Hasegawa-Johnson and Do 2017, "Semantic image inpainting with deep generative models",
arXiv:1607.07539, section 3.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import ops

from completion.config import SearchConfig
from dcgan.errors import OptionError

__all__ = ["LOSSES", "LossInput", "block_means", "contextual_loss", "perceptual_loss"]

Tensor = Any


def contextual_loss(generated: Tensor, target: Tensor, weights: Tensor, *, blocks: int = 0) -> Tensor:
    """Return the weighted mean absolute difference to the known pixels (Yeh et al. 2017, context loss).

    Parameters
    ----------
    generated, target : tensor (B, H, W, C)
        In [-1, 1].
    weights : tensor (B, H, W, 1)
        With sum 1 for each picture.
    blocks : int, optional
        If not 0, the means of blocks x blocks equal parts are compared, and `weights` is not used.

    Returns
    -------
    tensor (B,)
        In units of the [-1, 1] range.
    """
    if blocks:
        difference = ops.abs(block_means(generated, blocks) - block_means(target, blocks))
        return ops.mean(difference, axis=(1, 2, 3))
    return ops.sum(weights * ops.mean(ops.abs(generated - target), axis=3, keepdims=True), axis=(1, 2, 3))


def block_means(pictures: Tensor, blocks: int) -> Tensor:
    """Return the means of blocks x blocks equal parts, (B, H, W, C) to (B, blocks, blocks, C).

    Raises
    ------
    ValueError
        The picture's side is no multiple of `blocks`.
    """
    size = pictures.shape[1]
    if size % blocks:
        raise OptionError(f"Expected `blocks` to divide the model's size {size}. Received: blocks={blocks}")
    return ops.average_pool(pictures, size // blocks)


def perceptual_loss(logits: Tensor, *, form: str = "nonsaturating") -> Tensor:
    """Return the discriminator's loss of each picture: lower is more real.

    Parameters
    ----------
    logits : tensor (B,)
        Of the discriminator.
    form : str
        "nonsaturating", -log D = softplus(-logit), or "saturating", log(1 - D) = -softplus(logit) (Yeh et al. 2017,
        prior loss).

    Returns
    -------
    tensor (B,)
    """
    return ops.softplus(-logits) if form == "nonsaturating" else -ops.softplus(logits)


@dataclasses.dataclass(frozen=True)
class LossInput:
    """What a loss may use.

    Attributes
    ----------
    generated : tensor (B, H, W, C)
        Generated pictures in [-1, 1].
    targets : tensor (B, H, W, C)
        Known values.
    weights : tensor (B, H, W, 1)
        Of the known pixels, with sum 1 for each picture.
    discriminator : callable
        Pictures to logits (B,).
    config : SearchConfig
        Forms of the losses.
    blocks : int
        Of the observations.
    """

    generated: Tensor
    targets: Tensor
    weights: Tensor
    discriminator: Callable[..., Tensor]
    config: SearchConfig
    blocks: int


def _contextual(seen: LossInput) -> Tensor:
    """Return the contextual loss of each picture."""
    return contextual_loss(seen.generated, seen.targets, seen.weights, blocks=seen.blocks)


def _perceptual(seen: LossInput) -> Tensor:
    """Return the perceptual loss of each picture."""
    return perceptual_loss(seen.discriminator(seen.generated, training=False), form=seen.config.perceptual_form)


#: Each loss by name, a function of a `LossInput` that returns one value for each picture. The weight of NAME is the
#: setting NAME_weight of `completion.config.SearchConfig`, or 1 where there is none.
LOSSES: dict[str, Callable[[LossInput], Tensor]] = {"contextual": _contextual, "perceptual": _perceptual}

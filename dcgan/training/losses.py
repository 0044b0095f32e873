"""The adversarial losses, computed from logits.

Sources: Goodfellow et al. 2014, arXiv:1406.2661, section 3 (the non-saturating generator loss); Salimans et al. 2016,
arXiv:1606.03498, section 3.4 (one-sided label smoothing).
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

from keras import ops

__all__ = ["cross_entropy", "discriminator_loss", "generator_loss"]

Tensor = Any


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the discriminator's mean loss on real and generated pictures.

    Parameters
    ----------
    real_logits : tensor of float32, shape (B,)
        Logits of real pictures.
    fake_logits : tensor of float32, shape (B,)
        Logits of generated pictures.
    label_smoothing : float, default 0.0
        The target for real pictures is 1 - label_smoothing. The target for generated pictures is 0.

    Returns
    -------
    tensor of float32, shape ()
        The loss, non-negative.
    """
    return ops.mean(cross_entropy(real_logits, 1.0 - label_smoothing)) + ops.mean(cross_entropy(fake_logits, 0.0))


def cross_entropy(logits: Tensor, target: float) -> Tensor:
    """Return the cross entropy of each logit with a target.

    Parameters
    ----------
    logits : tensor of float32, any shape
    target : float
        The probability, in [0, 1].

    Returns
    -------
    tensor of float32, of the same shape
        Non-negative.
    """
    return ops.softplus(logits) - target * logits


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return the generator's mean non-saturating loss, -log D(G(z)).

    Parameters
    ----------
    fake_logits : tensor of float32, shape (B,)
        Logits of generated pictures.

    Returns
    -------
    tensor of float32, shape ()
        The loss, non-negative.
    """
    return ops.mean(ops.softplus(-fake_logits))

"""The adversarial losses, computed from logits.

Sources: Goodfellow et al. 2014, arXiv:1406.2661, section 3 (the non-saturating generator loss); Salimans et al. 2016,
arXiv:1606.03498, section 3.4 (one-sided label smoothing); Mao et al. 2017, arXiv:1611.04076, equation 9 (least
squares); Lim and Ye 2017, arXiv:1705.02894 (hinge); Jolicoeur-Martineau 2019, arXiv:1807.00734, and in pairs Huang et
al. 2024, arXiv:2501.05441 (relativistic).
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

from keras import ops

__all__ = ["cross_entropy", "discriminator_loss", "generator_loss"]

Tensor = Any


def discriminator_loss(
    real_logits: Tensor, fake_logits: Tensor, *, label_smoothing: float = 0.0, kind: str = "minimax"
) -> Tensor:
    """Return the discriminator's mean loss on real and generated pictures.

    Parameters
    ----------
    real_logits : tensor of float32, shape (B,)
        Logits of real pictures.
    fake_logits : tensor of float32, shape (B,)
        Logits of generated pictures.
    label_smoothing : float, default 0.0
        The target for real pictures is 1 - label_smoothing. The target for generated pictures is 0. The hinge and the
        relativistic loss have no targets.
    kind : str, default "minimax"
        See `dcgan.config.TrainConfig.loss`.

    Returns
    -------
    tensor of float32, shape ()
        The loss, non-negative.
    """
    target = 1.0 - label_smoothing
    if kind == "minimax":
        return ops.mean(cross_entropy(real_logits, target)) + ops.mean(cross_entropy(fake_logits, 0.0))
    if kind == "least-squares":
        return 0.5 * (ops.mean(ops.square(real_logits - target)) + ops.mean(ops.square(fake_logits)))
    if kind == "hinge":
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))
    return ops.mean(ops.softplus(fake_logits - real_logits))


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


def generator_loss(fake_logits: Tensor, real_logits: Tensor | None = None, *, kind: str = "minimax") -> Tensor:
    """Return the generator's mean loss.

    Parameters
    ----------
    fake_logits : tensor of float32, shape (B,)
        Logits of generated pictures.
    real_logits : tensor of float32, shape (B,), optional
        Logits of real pictures; only the relativistic loss needs them.
    kind : str, default "minimax"
        See `dcgan.config.TrainConfig.loss`; for "minimax" it is the non-saturating -log D(G(z)).

    Returns
    -------
    tensor of float32, shape ()
        The loss; non-negative but for the hinge loss.
    """
    if kind == "least-squares":
        return 0.5 * ops.mean(ops.square(fake_logits - 1.0))
    if kind == "hinge":
        return -ops.mean(fake_logits)
    if kind == "relativistic":
        return ops.mean(ops.softplus(real_logits - fake_logits))
    return ops.mean(ops.softplus(-fake_logits))

"""Figures of a training that its losses do not show, measured now and then on the same latents and pictures."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from dcgan.autodiff import compile_function, value_and_grad
from dcgan.pictures.values import to_float, to_uint8
from dcgan.training.features import RandomFeatures
from dcgan.training.gan import DCGAN

__all__ = ["Figures", "Probe", "spread"]

SATURATED = 0.99  # magnitude of a pixel, in [-1, 1], from which on the output activation hardly moves

Tensor = Any
Values = npt.NDArray[np.floating]


@dataclasses.dataclass(frozen=True, eq=False)
class Figures:
    """What a probe has measured at one step.

    Attributes
    ----------
    real_logits, fake_logits : float array (B,)
        The discriminator's answers to pictures of the dataset and to generated ones.
    real_gradient, fake_gradient : float
        Mean norm of the discriminator's gradient at pictures of the dataset, and of the gradient that the generator
        receives at its pictures.
    spread : float
        Mean distance of samples from one another, divided by that of pictures of the dataset, in `RandomFeatures`.
    saturated : float
        By how much the share of generated values at either end of the range is above that of the dataset's, in [-1, 1].
    dead : float
        Largest share of the generator's channels, over its feature maps, that are 0 for all samples.
    """

    real_logits: Values
    fake_logits: Values
    real_gradient: float
    fake_gradient: float
    spread: float
    saturated: float
    dead: float

    @property
    def margin(self) -> float:
        """How far the answers are apart: the difference of their means in standard deviations."""
        variance = (np.var(self.real_logits) + np.var(self.fake_logits)) / 2.0
        return float((np.mean(self.real_logits) - np.mean(self.fake_logits)) / max(float(np.sqrt(variance)), 1e-6))

    def scalars(self) -> dict[str, float]:
        """Return the single numbers by name, for a log."""
        names = ("real_gradient", "fake_gradient", "spread", "saturated", "dead", "margin")
        return {name: float(getattr(self, name)) for name in names}


class Probe:
    """Measures a DCGAN that is being trained; changes nothing of it.

    Parameters
    ----------
    gan : DCGAN
    pictures : uint8 array (B, H, W, C)
        Of the dataset, at least two.
    latents : float32 array (B, latent_dim)
    """

    def __init__(self, gan: DCGAN, pictures: npt.NDArray[np.uint8], latents: npt.NDArray[np.float32]) -> None:
        self._real, self._latents = to_float(pictures), latents
        self._describe = RandomFeatures(pictures.shape[1], pictures.shape[3])
        self._real_spread = spread(self._describe(pictures))
        self._real_saturated = _saturated(self._real)
        maps = [layer.output for layer in gan.generator.layers if layer.name.startswith("relu")]
        seen = keras.Model(gan.generator.inputs, [gan.generator.outputs[0], *maps])
        self._networks = seen, gan.discriminator

        # The weights are arguments: JAX compiles what a function reads otherwise into it, as it is at the first call.
        def draw(latents: Tensor, *weights: Tensor) -> tuple[Tensor, list[Tensor]]:
            (made, *active), _ = seen.stateless_call(*weights, latents, training=False)
            dead = [ops.mean(ops.cast(ops.max(ops.abs(each), axis=(0, 1, 2)) <= 0.0, "float32")) for each in active]
            return made, dead

        def logits_of(pictures: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
            logits, _ = gan.discriminator.stateless_call(*weights, pictures, training=False)
            return logits, logits

        def loss_of(pictures: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
            logits, _ = gan.discriminator.stateless_call(*weights, pictures, training=False)
            return ops.softplus(-logits), logits

        self._draw = compile_function(draw)
        self._at_real = compile_function(value_and_grad(logits_of))
        self._at_fake = compile_function(value_and_grad(loss_of))

    def __call__(self) -> Figures:
        """Return the figures of the networks as they are."""
        of_generator, of_discriminator = ([_values(part) for part in _parts(each)] for each in self._networks)
        made, dead = self._draw(self._latents, *of_generator)
        fake = ops.convert_to_numpy(made)
        (_, real_logits), at_real = self._at_real(self._real, *of_discriminator)
        (_, fake_logits), at_fake = self._at_fake(fake, *of_discriminator)
        return Figures(
            real_logits=ops.convert_to_numpy(real_logits),
            fake_logits=ops.convert_to_numpy(fake_logits),
            real_gradient=_norm(ops.convert_to_numpy(at_real)),
            fake_gradient=_norm(ops.convert_to_numpy(at_fake)),
            spread=spread(self._describe(to_uint8(fake))) / max(self._real_spread, 1e-12),
            saturated=_saturated(fake) - self._real_saturated,
            dead=max((float(ops.convert_to_numpy(each)) for each in dead), default=0.0),
        )


def spread(features: npt.NDArray[np.float64]) -> float:
    """Return the mean distance of different rows from one another.

    Examples
    --------
    >>> spread(np.array([[0.0], [3.0]]))
    3.0
    """
    differences = np.linalg.norm(features[:, None] - features[None], axis=2)
    return float(differences.sum() / (len(features) * (len(features) - 1)))


def _parts(network: keras.Model) -> tuple[list[keras.Variable], list[keras.Variable]]:
    """Return the variables that `stateless_call` wants."""
    return network.trainable_variables, network.non_trainable_variables


def _values(variables: list[keras.Variable]) -> list[npt.NDArray[Any]]:
    """Return the values of variables; those of several processes are computed with in this one alone."""
    return [np.asarray(variable.numpy()) for variable in variables]


def _norm(gradients: Values) -> float:
    """Return the mean norm of gradients, one for each picture."""
    return float(np.linalg.norm(gradients.reshape(len(gradients), -1).astype(np.float64), axis=1).mean())


def _saturated(pictures: Values) -> float:
    """Return the share of values at either end of the range."""
    return float((np.abs(pictures) >= SATURATED).mean())

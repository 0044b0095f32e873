"""Hamiltonian Monte Carlo in the latent space: several plausible completions of one picture.

Sources: Neal 2011, "MCMC using Hamiltonian dynamics", arXiv:1206.1901, sections 3 and 5.1 (walls); Andrieu and Thoms
2008, "A tutorial on adaptive MCMC", DOI 10.1007/s11222-008-9110-y, section 5 (step size).
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.search.adam import LatentSearch
from completion.search.answer import Answers
from completion.search.observation import Observations
from dcgan.config import ModelConfig
from dcgan.autodiff import compile_function, value_and_grad

__all__ = ["HamiltonianSampler", "leapfrog"]

Tensor = Any

TARGET_ACCEPTANCE = 0.65  # the optimum of Neal's section 4.4
ADAPTATION_DECAY = 0.6  # the n-th change of a step size's logarithm is multiplied by n to minus this power
MOMENTUM_STREAM = 2  # keeps these draws apart from those of the starts


class HamiltonianSampler:
    """Draw from the posterior of a search: the energy is its loss over the temperature, z has its own prior.

    Parameters
    ----------
    search : LatentSearch
        Gives the loss, the temperature and the length of the chains.
    model : ModelConfig, optional
        Says how z is distributed; by default uniform in [-1, 1].
    """

    def __init__(self, search: LatentSearch, model: ModelConfig | None = None) -> None:
        self.search, self._model = search, model or ModelConfig()
        self._transitions: dict[int, Callable[..., Any]] = {}

    def draw(
        self,
        observations: Observations,
        latents: npt.NDArray[np.float32],
        *,
        chains: npt.NDArray[np.intp],
        seed: int = 0,
        on_transition: Callable[[int], None] | None = None,
    ) -> Answers:
        """Run one chain for each picture and return its last state.

        Every picture accepts or rejects on its own and has a step size of its own, which is adapted in the first half
        of the chain and fixed in the second.

        Parameters
        ----------
        observations : Observations
            What is known of B pictures.
        latents : float32 array (B, latent_dim)
            Where the chains start, of magnitude at most the model's `latent_bound`.
        chains : int array (B,)
            The number of each row's chain. Rows with the same number share their random draws, so that a picture's
            result does not depend on its place in the batch; several chains of one picture need different numbers.
        seed : int, optional
            Of the momenta and the acceptances.
        on_transition : callable, optional
            Called with the number of transitions done.

        Returns
        -------
        Answers
            The last states of the chains; their `acceptance` is that of the second half of each chain.
        """
        config = self.search.config
        data = self.search.objective.prepare(observations)
        transition = self._transition(observations.blocks)
        z = latents.astype(np.float32)
        # The curvature of the energy is inverse to the temperature, so the stable step is proportional to its root.
        step_size = np.full(len(z), min(np.sqrt(config.hmc_temperature), 1.0), np.float32)
        acceptance = np.zeros(len(z), np.float32)
        numbers, row_of = np.unique(chains, return_inverse=True)
        generators = [np.random.default_rng((seed, int(number), MOMENTUM_STREAM)) for number in numbers]
        half = config.hmc_samples // 2
        for index in range(config.hmc_samples):
            momentum = np.stack([rng.standard_normal(z.shape[1], np.float32) for rng in generators])[row_of]
            chance = 1.0 - np.array([rng.random() for rng in generators])[row_of]  # in (0, 1]
            proposal, log_ratio = (
                ops.convert_to_numpy(part) for part in transition(z, momentum, step_size[:, None], *data)
            )
            probability = np.exp(np.minimum(np.nan_to_num(log_ratio, nan=-np.inf), 0.0))  # (B,)
            accepted = chance <= probability
            z = np.where(accepted[:, None], proposal, z)
            if index < half:
                gain = (index + 1.0) ** -ADAPTATION_DECAY
                step_size = (step_size * np.exp(gain * (probability - TARGET_ACCEPTANCE))).astype(np.float32)
            else:
                acceptance += accepted / np.float32(config.hmc_samples - half)
            if on_transition:
                on_transition(index + 1)
        return dataclasses.replace(self.search.judge(z, data, blocks=observations.blocks), acceptance=acceptance)

    def warm_up(self, observations: Observations) -> None:
        """Compile what batches like this one need, so that a measurement does not count it."""
        data = self.search.objective.prepare(observations)
        zeros = np.zeros((len(observations.targets), self.search.prior.config.latent_dim), np.float32)
        self._transition(observations.blocks)(zeros, zeros, np.ones((len(zeros), 1), np.float32), *data)

    def _transition(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled proposal: (z, momentum, step size, ...) to the end of a trajectory and the log ratio."""
        if blocks in self._transitions:
            return self._transitions[blocks]
        config, model = self.search.config, self._model

        def energy(z: Tensor, *data: Tensor) -> tuple[Tensor, Tensor]:
            value = self.search.losses(z, data, blocks=blocks) / config.hmc_temperature
            return (value + 0.5 * ops.sum(ops.square(z), axis=1) if model.latent == "normal" else value), ()

        def transition(z: Tensor, momentum: Tensor, step_size: Tensor, *data: Tensor) -> tuple[Tensor, Tensor]:
            gradient_of = value_and_grad(energy)
            end, last_momentum = leapfrog(
                lambda z: gradient_of(z, *data)[1],
                z,
                momentum,
                step_size=step_size,
                steps=config.hmc_leapfrog_steps,
                bound=model.latent_bound,
            )
            kinetic = 0.5 * ops.sum(ops.square(momentum) - ops.square(last_momentum), axis=1)
            return end, energy(z, *data)[0] - energy(end, *data)[0] + kinetic

        self._transitions[blocks] = compile_function(transition)
        return self._transitions[blocks]


def leapfrog(
    gradient_of: Callable[[Tensor], Tensor],
    z: Tensor,
    momentum: Tensor,
    *,
    step_size: Tensor,
    steps: int,
    bound: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Integrate Hamilton's equations inside the box [-bound, bound]; trajectories are reflected at its walls.

    Reversible: from the result, with the momentum's sign changed, it returns to its start.

    Parameters
    ----------
    gradient_of : callable
        z to the gradient of the energy, both (B, latent_dim).
    z, momentum : tensor (B, latent_dim)
    step_size : tensor (B, 1)
    steps : int
    bound : float, default 1

    Returns
    -------
    z, momentum : tensor (B, latent_dim)
    """

    def leap(_: Tensor, state: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        z, momentum, gradient = state
        momentum = momentum - 0.5 * step_size * gradient
        z, momentum = _reflect(z + step_size * momentum, momentum, bound)
        gradient = gradient_of(z)
        return z, momentum - 0.5 * step_size * gradient, gradient

    z, momentum, _ = ops.fori_loop(0, steps, leap, (z, momentum, gradient_of(z)))
    return z, momentum


def _reflect(z: Tensor, momentum: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    """Fold what is beyond a wall back into the box, through as many walls as it has passed."""
    beyond = ops.abs(z) > bound
    folded = ops.mod(z + bound, 4.0 * bound)  # the way there and back is 4 bounds long
    mirrored = ops.clip(bound - ops.abs(folded - 2.0 * bound), -bound, bound)
    backwards = ops.logical_and(beyond, folded > 2.0 * bound)
    return ops.where(beyond, mirrored, z), ops.where(backwards, -momentum, momentum)

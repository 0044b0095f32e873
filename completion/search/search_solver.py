"""Answers of a search of the latent space, for a batch of observations. Needs TensorFlow or JAX."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import numpy as np
import numpy.typing as npt

from completion.config import EncoderConfig, SearchConfig
from completion.search.adam import LatentSearch, start_latents
from completion.search.answer import Answers, OnFrame, OnProgress
from completion.search.encoder import EncoderAnswerer
from completion.search.hmc import HamiltonianSampler
from completion.search.observation import Observations
from dcgan.model_file import Prior

__all__ = ["SearchSolver"]

ENCODER_SPREAD = 0.5  # largest distance of further starts from the encoder's z, in each dimension


class SearchSolver:
    """Adam from random starts or from around the encoder's z, and then, if asked for, a Markov chain.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    config : SearchConfig
    seed : int
        Of the starts and of Hamiltonian Monte Carlo.
    """

    def __init__(self, prior: Prior, config: SearchConfig, seed: int) -> None:
        model = prior.config
        self.config, self.seed, self._bound = config, seed, model.latent_bound
        self._search = LatentSearch(prior, config)
        self._sampler = HamiltonianSampler(self._search, prior.config)
        self._encoder = EncoderAnswerer(prior, EncoderConfig()) if config.start == "encoder" else None
        self._starts = np.concatenate(
            [
                start_latents(1, model.latent_dim, seed=seed, candidate=c, distribution=model.latent)
                for c in range(config.candidates)
            ]
        )

    def solve(
        self,
        observations: Observations,
        *,
        chains: npt.NDArray[np.intp],
        on_frame: OnFrame | None,
        on_progress: OnProgress | None,
    ) -> Answers:
        """Answer a batch; `chains` has each row's candidate number."""
        config = self.config
        transitions = config.hmc_samples if config.sampler == "hmc" else 0
        transition_steps = config.hmc_leapfrog_steps + 1  # a gradient at the start and one after every step
        steps = config.iterations + transitions * transition_steps

        def on_chunk(done: int, best: npt.NDArray[np.float32]) -> None:
            if on_frame:
                on_frame(self._search.generate(best))
            if on_progress:
                on_progress(done / steps)

        def on_transition(done: int) -> None:
            if on_progress:
                on_progress((config.iterations + done * transition_steps) / steps)

        callback = on_chunk if on_frame or on_progress else None
        answers = self._search.search(observations, self._start(observations, chains), on_chunk=callback)
        if not transitions:
            return answers
        return self._sampler.draw(
            observations, answers.latents, chains=chains, seed=self.seed, on_transition=on_transition
        )

    def warm_up(self, observations: Observations) -> None:
        """Compile."""
        self._start(observations, np.zeros(len(observations.targets), np.intp))
        self._search.warm_up(observations)
        if self.config.sampler == "hmc":
            self._sampler.warm_up(observations)

    def _start(self, observations: Observations, chains: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Return the start of each row's search."""
        starts = self._starts[chains]
        if self._encoder is None:
            return starts
        latents, _ = self._encoder.encode(observations)
        spread = np.where(chains > 0, np.float32(ENCODER_SPREAD), np.float32(0.0))[
            :, None
        ]  # the first is the encoder's
        return np.clip(latents + spread * starts, -self._bound, self._bound)

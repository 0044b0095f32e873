"""Adam in the latent space: the z whose generated picture agrees best with what is known.

Sources: Yeh et al. 2017, arXiv:1607.07539, section 3.3; Adam: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.config import SearchConfig
from completion.search.answer import Answers
from completion.search.objective import Data, Objective
from completion.search.observation import Observations
from dcgan.config import NORMAL_BOUND
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.encoder import decode
from dcgan.model_file import Prior
from dcgan.sampling import latents_from

__all__ = ["LatentSearch", "start_latents"]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
CHUNK_STEPS = 10  # most steps in one call of the compiled loop: between calls progress is shown and Ctrl-C is heard
CHUNK_ROWS = 128  # most rows times steps in one call

Tensor = Any
Latents = npt.NDArray[np.float32]
OnChunk = Callable[[int, Latents], None]


def start_latents(
    count: int, latent_dim: int, *, seed: int = 0, candidate: int = 0, distribution: str = "uniform"
) -> Latents:
    """Return the start of the search, the same for every picture.

    One start serves all pictures, so a picture's result depends neither on its place in the batch nor on its shard.

    Parameters
    ----------
    count, latent_dim : int
    seed, candidate : int
        Of the draw.
    distribution : str, default "uniform"
        See `dcgan.config.ModelConfig.latent`.

    Returns
    -------
    float32 array (count, latent_dim)
        Inside the box that a search looks at.
    """
    z = latents_from(np.random.default_rng((seed, candidate)), (latent_dim,), distribution)
    return np.broadcast_to(np.clip(z, -NORMAL_BOUND, NORMAL_BOUND), (count, latent_dim)).copy()


class LatentSearch:
    """Adam in the latent space.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    config : SearchConfig
        Iterations, learning rate, losses and their weights.

    Notes
    -----
    Every loss is a picture's own and BatchNorm runs in inference mode, so a batch gives what its members would give one
    at a time, up to the rounding of matrix products, which depends on the number of rows (see
    `completion.search.batches.plan_rows`). The loop is compiled once for each number of rows.
    """

    def __init__(self, prior: Prior, config: SearchConfig) -> None:
        self.prior, self.config = prior, config
        self.objective = Objective(prior, config)
        self._loops: dict[int, Callable[..., Any]] = {}
        self._judges: dict[int, Callable[..., Any]] = {}
        self._draw = compile_function(self._decode)

    def search(self, observations: Observations, starts: Latents, *, on_chunk: OnChunk | None = None) -> Answers:
        """Search from the given starts.

        Parameters
        ----------
        observations : Observations
            What is known of B pictures.
        starts : float32 array (B, latent_dim)
            Of magnitude at most the model's `latent_bound`.
        on_chunk : callable, optional
            Called with (steps done, best latents so far), first with the start, then after every few steps.

        Returns
        -------
        Answers
            The best iterate of each picture, the last one included.
        """
        data, iterations = self.objective.prepare(observations), self.config.iterations
        state = _first_state(starts)
        if on_chunk:
            on_chunk(0, state[BEST])
        done, most = 0, min(CHUNK_STEPS, max(1, CHUNK_ROWS // len(starts)))
        while done <= iterations:
            # One evaluation more than there are steps: the last iterate is a candidate as well.
            left = iterations + 1 - done
            steps = left if left <= most + 1 else most
            loop = self._loop(observations.blocks)
            state = [ops.convert_to_numpy(part) for part in loop(np.int32(steps), tuple(state), data)]
            done += steps
            if on_chunk:
                on_chunk(min(done, iterations), state[BEST])
        return self.judge(state[BEST], data, blocks=observations.blocks)

    def judge(self, latents: Latents, data: Data, *, blocks: int = 0) -> Answers:
        """Return the pictures and losses of latents, (B, latent_dim); `data` is the objective's."""
        return Answers(latents, *(ops.convert_to_numpy(part) for part in self._judge(blocks)(latents, data)))

    def generate(self, latents: Latents) -> npt.NDArray[np.float32]:
        """Return the pictures of latents, (B, latent_dim), as (B, size, size, C) float32 in [-1, 1]."""
        return ops.convert_to_numpy(self._draw(latents))

    def warm_up(self, observations: Observations) -> None:
        """Compile what batches like this one need, so that a measurement does not count it."""
        starts = start_latents(len(observations.targets), self.prior.config.latent_dim)
        data = self.objective.prepare(observations)
        self._loop(observations.blocks)(np.int32(1), tuple(_first_state(starts)), data)
        self.judge(starts, data, blocks=observations.blocks)

    def losses(self, z: Tensor, data: tuple[Tensor, ...], *, blocks: int = 0) -> Tensor:
        """Return the loss of latents, (B, latent_dim), for each picture, (B,); `data` is the objective's."""
        return self.objective(self._decode(z), data, blocks=blocks)[0]

    def _decode(self, latents: Tensor) -> Tensor:
        """Return G(z)."""
        return decode(self.prior.generator, self.prior.config, latents)

    def _judge(self, blocks: int) -> Callable[..., Any]:
        """Return a compiled function that draws pictures and evaluates their losses."""

        def judge(latents: Tensor, data: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return self.objective.judge(self._decode(latents), data, blocks=blocks)

        if blocks not in self._judges:
            self._judges[blocks] = compile_function(judge)
        return self._judges[blocks]

    def _loop(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled loop of Adam's steps."""
        if blocks in self._loops:
            return self._loops[blocks]
        config, bound = self.config, self.prior.config.latent_bound
        gradient_of = value_and_grad(lambda z, *data: (self.losses(z, data, blocks=blocks), ()))

        def step(state: tuple[Tensor, ...], data: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            z, m, v, best, lowest, t = state
            (loss, _), gradient = gradient_of(z, *data)
            better = ops.logical_and(loss < lowest, t <= config.iterations)  # (B,)
            best = ops.where(better[:, None], z, best)
            lowest = ops.where(better, loss, lowest)
            rate: Any = np.float32(config.learning_rate)
            if config.schedule == "cosine":
                share = ops.minimum(t / config.iterations, 1.0)[:, None]
                rate = rate * 0.5 * (1.0 + ops.cos(np.pi * share))
            m = BETA_1 * m + (1.0 - BETA_1) * gradient
            v = BETA_2 * v + (1.0 - BETA_2) * ops.square(gradient)
            t = t + 1.0
            corrected_m = m / (1.0 - ops.power(BETA_1, t[:, None]))
            corrected_v = v / (1.0 - ops.power(BETA_2, t[:, None]))
            z = ops.clip(z - rate * corrected_m / (ops.sqrt(corrected_v) + EPSILON), -bound, bound)
            return z, m, v, best, lowest, t

        def loop(steps: Tensor, state: tuple[Tensor, ...], data: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return ops.fori_loop(0, steps, lambda _, state: step(state, data), tuple(state))

        self._loops[blocks] = compile_function(loop)
        return self._loops[blocks]


BEST = 3  # place in the state


def _first_state(starts: Latents) -> list[npt.NDArray[np.float32]]:
    """Return the state before the first step: z, Adam's moments, the best z, its loss, and the number of steps."""
    zeros, worst = np.zeros_like(starts), np.full(len(starts), np.inf, np.float32)
    return [starts.copy(), zeros, zeros.copy(), starts.copy(), worst, np.zeros_like(worst)]

"""Search the latent space for the picture that agrees with what is known.

Source: Yeh et al. 2017, arXiv:1607.07539, section 3.3; Adam: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.config import SearchConfig
from completion.encoding import encoder_input, spread_block_means
from completion.losses import contextual_loss, contextual_weights, perceptual_loss
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.encoder import build_decoder
from dcgan.errors import ModelFileError
from dcgan.model_file import Prior

__all__ = ["LatentSearch", "Problem", "SearchResult", "start_latents"]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
CHUNK_STEPS = 10  # steps a call of the compiled loop, at most: between calls progress is shown and Ctrl-C is heard

Tensor = Any
Rows = Sequence[int] | slice | npt.NDArray[np.intp]
OnChunk = Callable[[int, npt.NDArray[np.float32]], None]


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is known of a batch of pictures, at the model's size.

    Attributes
    ----------
    targets : (B, H, W, C) float32 in [-1, 1]; anything where nothing is known.
    known : (B, H, W) float32 in [0, 1], the known share of each pixel.
    blocks : 0, or the number of blocks a side whose means are all that is known.
    """

    targets: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    blocks: int = 0


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found, a row for each picture.

    Attributes
    ----------
    latents : (B, latent_dim) float32 in [-1, 1], the best iterate.
    generated : (B, H, W, C) float32 in [-1, 1], G(latents), with the encoder's offset where the search began there.
    contextual : (B,) float32, the contextual loss of the best iterate.
    perceptual : (B,) float32, its perceptual loss.
    acceptance : (B,) float32 or None, the share of accepted transitions where the search was Hamiltonian Monte Carlo.
    """

    latents: npt.NDArray[np.float32]
    generated: npt.NDArray[np.float32]
    contextual: npt.NDArray[np.float32]
    perceptual: npt.NDArray[np.float32]
    acceptance: npt.NDArray[np.float32] | None = None

    def take(self, rows: Rows) -> "SearchResult":
        """Return some of the rows."""
        acceptance = None if self.acceptance is None else self.acceptance[rows]
        return SearchResult(
            self.latents[rows], self.generated[rows], self.contextual[rows], self.perceptual[rows], acceptance
        )

    @staticmethod
    def join(results: "Sequence[SearchResult]") -> "SearchResult":
        """Return the rows of several results, all with acceptance or all without, as one."""
        columns: dict[str, Any] = {
            name: None if first is None else np.concatenate([getattr(result, name) for result in results])
            for name, first in vars(results[0]).items()
        }
        return SearchResult(**columns)


def start_latents(count: int, latent_dim: int, *, seed: int = 0, candidate: int = 0) -> npt.NDArray[np.float32]:
    """Return the start of the search, the same for every picture, (count, latent_dim) float32 uniform in [-1, 1].

    One start serves all pictures, so a picture's result depends neither on its place in the batch nor on its shard.
    """
    z = np.random.default_rng((seed, candidate)).uniform(-1.0, 1.0, latent_dim).astype(np.float32)
    return np.broadcast_to(z, (count, latent_dim)).copy()


class LatentSearch:
    """Adam in the latent space, compiled once for each batch size.

    Parameters
    ----------
    prior : a loaded model
    config : iterations, rate, losses and their weight

    Notes
    -----
    Every loss is a picture's own and BatchNorm runs in inference mode, so a batch is searched as its members would be
    one at a time, up to the rounding of matrix products, which depends on the number of rows (see
    `completion.batches.plan_rows`).
    """

    def __init__(self, prior: Prior, config: SearchConfig) -> None:
        if config.start == "encoder" and prior.encoder is None:
            raise ModelFileError("expected a model with an encoder, this one has none; dcgan-train-encoder trains it")
        self.prior, self.config = prior, config
        self._loops: dict[int, Callable[..., Any]] = {}
        self._judges: dict[int, Callable[..., Any]] = {}
        if prior.encoder is not None and config.start == "encoder":
            encoder = prior.encoder
            self._encode = compile_function(lambda seen: encoder(seen, training=False))
            self._decoder = build_decoder(prior.generator, prior.config)

    def encode(self, problem: Problem) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return what the encoder makes of damaged pictures.

        Parameters
        ----------
        problem : what is known, B pictures

        Returns
        -------
        latents : (B, latent_dim) float32 in [-1, 1]
        offset : (B, *dcgan.encoder.offset_shape(config)) float32
        """
        blocks, targets = problem.blocks, problem.targets
        means = spread_block_means(targets, blocks) if blocks else np.zeros_like(targets)
        seen = encoder_input(targets, problem.known[..., None], means)
        latents, offset = (ops.convert_to_numpy(part) for part in self._encode(seen))
        return latents, offset

    def run(
        self,
        problem: Problem,
        latents: npt.NDArray[np.float32],
        *,
        offset: npt.NDArray[np.float32] | None = None,
        on_chunk: OnChunk | None = None,
    ) -> SearchResult:
        """Search from the given starts.

        Parameters
        ----------
        problem : what is known, B pictures
        latents : (B, latent_dim) float32 in [-1, 1]
        offset : to the generator's features, as `encode` gives it, or None
        on_chunk : called with (steps done, best latents so far), first with (0, latents), then after every few steps
        """
        config = self.config
        data = self.prepare(problem, offset)
        if not config.iterations:
            if on_chunk:
                on_chunk(0, latents)
            parts = self._judge(problem.blocks)(ops.convert_to_tensor(latents), *data)
            return SearchResult(latents, *(ops.convert_to_numpy(part) for part in parts))
        loop = self._loop(problem.blocks)
        state = _first_state(latents)
        done = 0
        while done < config.iterations:
            if on_chunk:
                on_chunk(done, ops.convert_to_numpy(state[3]))
            steps = min(CHUNK_STEPS, config.iterations - done)
            state = loop(np.float32(done), np.int32(steps), *state, *data)
            done += steps
        state = loop(np.float32(done), np.int32(1), *state, *data)  # judges the last iterate as well
        _, _, _, best, _, contextual, perceptual = (ops.convert_to_numpy(part) for part in state)
        if on_chunk:
            on_chunk(done, best)
        return SearchResult(best, self.generate(best, offset), contextual, perceptual)

    def warm_up(self, count: int, *, blocks: int = 0) -> None:
        """Compile what batches of `count` pictures need, so that a measurement does not count it."""
        config = self.prior.config
        shape = (count, config.size, config.size, config.channels)
        problem = Problem(np.zeros(shape, np.float32), np.ones(shape[:3], np.float32), blocks)
        starts, offset = start_latents(count, config.latent_dim), None
        if self.config.start == "encoder":
            starts, offset = self.encode(problem)
        data = self.prepare(problem, offset)
        if self.config.iterations:
            self._loop(blocks)(np.float32(0), np.int32(1), *_first_state(starts), *data)
        else:
            self._judge(blocks)(ops.convert_to_tensor(starts), *data)

    def generate(
        self, latents: npt.NDArray[np.float32], offset: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Return G(latents), with an offset where there is one, (B, H, W, C) float32 in [-1, 1]."""
        return ops.convert_to_numpy(self._decode(latents, offset))

    def _decode(self, latents: Tensor, offset: Tensor | None) -> Tensor:
        """Return the generator's pictures."""
        if offset is None:
            return self.prior.generator(latents, training=False)
        return self._decoder([latents, offset], training=False)

    def prepare(self, problem: Problem, offset: npt.NDArray[np.float32] | None = None) -> tuple[Tensor, ...]:
        """Return targets, normalised weights, each picture's perceptual weight and the offset (or None) as tensors."""
        config = self.config
        weighed = [
            contextual_weights(known, weighting=config.weighting, window=config.window, floor=config.weight_floor)
            for known in problem.known
        ]
        weights = np.stack([weights for weights, _ in weighed])[..., None]  # (B, H, W, 1)
        lambdas = np.full(len(weighed), config.perceptual_weight, np.float32)
        if config.loss_scale == "sum":  # the papers' sum over its number of terms is our mean: Adam's path is the same
            pixels = np.array([problem.blocks**2 if problem.blocks else total for _, total in weighed])
            terms = pixels * problem.targets.shape[3]
            lambdas = (lambdas / np.where(terms > 0.0, terms, 1.0)).astype(np.float32)
        tensors = tuple(ops.convert_to_tensor(part) for part in (problem.targets, weights, lambdas))
        return (*tensors, None if offset is None else ops.convert_to_tensor(offset))

    def losses(self, z: Tensor, *data: Tensor, blocks: int = 0) -> Any:
        """Return the total loss of each picture, (B,), and (contextual, perceptual), each (B,); data is `prepare`'s."""
        _, contextual, perceptual = self._evaluate(z, *data, blocks=blocks)
        return contextual + data[2] * perceptual, (contextual, perceptual)

    def _evaluate(
        self, z: Tensor, targets: Tensor, weights: Tensor, _: Tensor, offset: Tensor | None, *, blocks: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the generated pictures and their two losses."""
        generated = self._decode(z, offset)
        contextual = contextual_loss(generated, targets, weights, blocks=blocks)
        logits = self.prior.discriminator(generated, training=False)
        return generated, contextual, perceptual_loss(logits, form=self.config.perceptual_form)

    def _judge(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled `_evaluate`."""
        if blocks not in self._judges:
            self._judges[blocks] = compile_function(lambda z, *data: self._evaluate(z, *data, blocks=blocks))
        return self._judges[blocks]

    def _loop(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled loop of Adam's steps."""
        if blocks in self._loops:
            return self._loops[blocks]
        config = self.config
        gradient_of = value_and_grad(lambda z, *data: self.losses(z, *data, blocks=blocks))

        def step(t: Tensor, state: tuple[Tensor, ...], data: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            z, m, v, best, best_loss, best_contextual, best_perceptual = state
            (loss, (contextual, perceptual)), gradient = gradient_of(z, *data)
            better = loss < best_loss  # (B,)
            best = ops.where(better[:, None], z, best)
            best_loss = ops.where(better, loss, best_loss)
            best_contextual = ops.where(better, contextual, best_contextual)
            best_perceptual = ops.where(better, perceptual, best_perceptual)
            rate = config.learning_rate
            if config.schedule == "cosine":
                share = ops.minimum(t / config.iterations, 1.0)
                rate = rate * 0.5 * (1.0 + ops.cos(np.pi * share))
            m = BETA_1 * m + (1.0 - BETA_1) * gradient
            v = BETA_2 * v + (1.0 - BETA_2) * ops.square(gradient)
            corrected_m = m / (1.0 - ops.power(BETA_1, t + 1.0))
            corrected_v = v / (1.0 - ops.power(BETA_2, t + 1.0))
            z = ops.clip(z - rate * corrected_m / (ops.sqrt(corrected_v) + EPSILON), -1.0, 1.0)
            return z, m, v, best, best_loss, best_contextual, best_perceptual

        def loop(done: Tensor, steps: Tensor, *arguments: Tensor) -> tuple[Tensor, ...]:
            state, data = arguments[:7], arguments[7:]
            return ops.fori_loop(
                0, steps, lambda i, state: step(done + ops.cast(i, "float32"), state, data), tuple(state)
            )

        self._loops[blocks] = compile_function(loop)
        return self._loops[blocks]


def _first_state(latents: npt.NDArray[np.float32]) -> list[Tensor]:
    """Return z, Adam's two moments, the best z, and the best total, contextual and perceptual loss before any step."""
    zeros, worst = np.zeros_like(latents), np.full(len(latents), np.inf, np.float32)
    return [ops.convert_to_tensor(part) for part in (latents, zeros, zeros, latents, worst, worst, worst)]

"""Search for the generator's picture that agrees with what is known.

Sources: Yeh et al. 2017, arXiv:1607.07539, section 3.3; Adam: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; beyond
z, in the generator's first feature map: Daras et al. 2021, "Intermediate layer optimization for inverse problems using
deep generative models", arXiv:2102.07364.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from completion.config import SearchConfig
from completion.search.encoder_input import encoder_input, spread_block_means
from completion.search.losses import contextual_loss, contextual_weights, perceptual_loss
from completion.search.views import VIEWS, nearness
from dcgan.autodiff import compile_function, value_and_grad
from dcgan.encoder import decode, feature_shape
from dcgan.errors import ModelFileError
from dcgan.model_file import Prior

__all__ = ["Guess", "LatentSearch", "Problem", "SearchResult", "start_latents"]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
CHUNK_STEPS = 10  # steps a call of the compiled loop, at most: between calls progress is shown and Ctrl-C is heard
SLOTS = 16  # rows that are searched at once where a row that is done makes room for the next
HELD_OUT_STREAM = 7  # keeps the draw of the held-out pixels apart from other draws

Tensor = Any
Points = npt.NDArray[np.float32]
Data = tuple[npt.NDArray[np.float32] | None, ...]
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
class Guess:
    """What the encoder makes of damaged pictures; the search leaves it as it is, but for the latents it begins at.

    Attributes
    ----------
    latents : (B, latent_dim) float32 in [-1, 1].
    offset : (B, *dcgan.encoder.offset_shape(config)) float32, added to the generator's last features, or None where
        the search begins at z alone.
    others : (B, H, W, C + 1) float32, the mean picture in [-1, 1] of what was made of further views and, in the last
        channel, its share of the result (see `completion.search.views`); None where there are none.
    """

    latents: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32] | None = None
    others: npt.NDArray[np.float32] | None = None


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """What a search found, a row for each picture.

    Attributes
    ----------
    latents : (B, latent_dim) float32 in [-1, 1], the best iterate's.
    generated : (B, H, W, C) float32 in [-1, 1], the best iterate's picture: G(latents), with what the search added to
        the generator's features and, where it began at the encoder's guess, that guess's offset and other views.
    contextual : (B,) float32, the contextual loss of the best iterate.
    perceptual : (B,) float32, its perceptual loss.
    score : (B,) float32, by which it was chosen and candidates are compared; lower is better.
    acceptance : (B,) float32 or None, the share of accepted transitions where the search was Hamiltonian Monte Carlo.
    """

    latents: npt.NDArray[np.float32]
    generated: npt.NDArray[np.float32]
    contextual: npt.NDArray[np.float32]
    perceptual: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]
    acceptance: npt.NDArray[np.float32] | None = None

    def take(self, rows: Rows) -> "SearchResult":
        """Return some of the rows."""
        columns: dict[str, Any] = {name: None if part is None else part[rows] for name, part in vars(self).items()}
        return SearchResult(**columns)

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
    """Adam in the latent space and, where the configuration says so, in the generator's first feature map.

    Parameters
    ----------
    prior : a loaded model
    config : iterations, rates, losses and their weights

    Notes
    -----
    Every loss is a picture's own and BatchNorm runs in inference mode, so a batch is searched as its members would be
    one at a time, up to the rounding of matrix products, which depends on the number of rows (see
    `completion.search.batches.plan_rows`). The loop is compiled once for each number of rows.

    What is searched is a row of numbers for each picture, a point: z and, after it, what is added to the features.
    """

    def __init__(self, prior: Prior, config: SearchConfig) -> None:
        if config.start != "random" and prior.encoder is None:
            raise ModelFileError("expected a model with an encoder, this one has none; dcgan-train-encoder trains it")
        self.prior, self.config = prior, config
        self._loops: dict[int, Callable[..., Any]] = {}
        self._judges: dict[int, Callable[..., Any]] = {}
        shape = feature_shape(prior.config)
        self._features = int(np.prod(shape)) if config.feature_rate else 0
        if prior.encoder is not None and config.start != "random":
            encoder = prior.encoder
            self._encode = compile_function(lambda seen: encoder(seen, training=False))
        self._draw = compile_function(self._decode)

    def guess(self, problem: Problem) -> Guess:
        """Return what the encoder makes of damaged pictures, B of them."""
        latents, offset = self._look(problem.targets, problem.known, problem.blocks)
        if self.config.start != "encoder":
            return Guess(latents)
        return Guess(latents, offset, self._others(problem) if self.config.views > 1 else None)

    def _look(
        self, targets: npt.NDArray[np.float32], known: npt.NDArray[np.float32], blocks: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return z and offset of pictures (B, H, W, C) of which the shares `known`, (B, H, W), are known."""
        means = spread_block_means(targets, blocks) if blocks else np.zeros_like(targets)
        seen = encoder_input(targets, known[..., None], means)
        latents, offset = (ops.convert_to_numpy(part) for part in self._encode(seen))
        return latents, offset

    def _others(self, problem: Problem) -> npt.NDArray[np.float32] | None:
        """Return `Guess.others`, or None where no pixel is known and so no view is better than another."""
        near = nearness(problem.known)[..., None]
        if not near.any():
            return None
        total, count = np.zeros_like(problem.targets), np.zeros((*problem.targets.shape[1:3], 1), np.float32)
        for view in VIEWS[1 : self.config.views]:
            known = view.look(problem.known[..., None], edge=False)[..., 0]
            latents, offset = self._look(view.look(problem.targets, edge=True), known, 0)
            drawn, valid = view.look_back(self.generate(latents, Guess(latents, offset)))
            total += drawn
            count[..., 0] += valid
        return np.concatenate([total / np.maximum(count, 1.0), near * (count / (count + 1.0))], axis=3)

    def run(
        self,
        problem: Problem,
        latents: npt.NDArray[np.float32],
        *,
        guess: Guess | None = None,
        on_chunk: OnChunk | None = None,
    ) -> SearchResult:
        """Search from the given starts.

        Parameters
        ----------
        problem : what is known, B pictures
        latents : (B, latent_dim) float32 in [-1, 1]
        guess : where the starts are the encoder's or around them; its own latents are not looked at
        on_chunk : called with (steps done, best points so far), first with the start, then after every few steps;
            points are what `generate` takes
        """
        data = self.prepare(problem, guess)
        points = self._points(latents)
        best = contextual = perceptual = score = points
        for found in self._descend(points, data, blocks=problem.blocks):
            done, best, contextual, perceptual, score = found
            if on_chunk:
                on_chunk(done, best)
        if self._judges_each_step:
            generated = self.generate(best, guess)
        else:
            generated, _, contextual, perceptual, score = (
                ops.convert_to_numpy(part) for part in self._judge(problem.blocks)(best, *data)
            )
        return SearchResult(best[:, : latents.shape[1]], generated, contextual, perceptual, score)

    def _descend(
        self, points: Points, data: Data, *, blocks: int
    ) -> Iterator[tuple[int, Points, Points, Points, Points]]:
        """Yield the mean number of steps done, the best points so far, their two losses and score; first, before any.

        Rows that have come to their end make room for rows that wait, so that no step is spent on them.
        """
        count, iterations = len(points), self.config.iterations
        best, done = points.copy(), np.zeros(count)
        contextual, perceptual, score = (np.zeros(count, np.float32) for _ in range(3))
        yield 0, best, contextual, perceptual, score
        if not iterations:
            return
        slots = self._slots(count)
        rows, waiting = np.arange(slots), slots  # the row in each slot, and the first row that waits
        busy = np.ones(slots, np.bool_)
        state, part = _first_state(points[:slots]), _take(data, np.arange(slots))
        while busy.any():
            # One evaluation more than there are steps: the last iterate is judged as well.
            left = iterations + 1 - int(state[STEP][busy].min())
            steps = left if left <= CHUNK_STEPS + 1 else CHUNK_STEPS
            starts = points[rows]
            state = [np.array(each) for each in self._loop(blocks)(np.int32(steps), tuple(state), starts, *part)]
            best[rows[busy]] = state[BEST][busy]
            for kept, place in ((contextual, CONTEXTUAL), (perceptual, PERCEPTUAL), (score, SCORE)):
                kept[rows[busy]] = state[place][busy]
            done[rows[busy]] = np.minimum(state[STEP][busy], iterations)
            ended = state[STEP] > iterations
            if self.config.patience:
                ended |= state[STEP] - state[IMPROVED] > self.config.patience
            for slot in np.flatnonzero(busy & ended):
                done[rows[slot]] = iterations
                if waiting == count:
                    busy[slot] = False
                    continue
                rows[slot] = waiting
                for kept, fresh in zip(state, _first_state(points[waiting : waiting + 1]), strict=True):
                    kept[slot] = fresh[0]
                for held, whole in zip(part, data, strict=True):
                    if held is not None and whole is not None:
                        held[slot] = whole[waiting]
                waiting += 1
            yield int(done.mean()), best, contextual, perceptual, score

    def _slots(self, count: int) -> int:
        """Return how many of so many rows are searched at once."""
        return min(count, SLOTS) if self.config.patience else count

    def warm_up(self, count: int, *, blocks: int = 0) -> None:
        """Compile what batches of `count` pictures need, so that a measurement does not count it."""
        config = self.prior.config
        shape = (count, config.size, config.size, config.channels)
        problem = Problem(np.zeros(shape, np.float32), np.ones(shape[:3], np.float32), blocks)
        starts: Points = start_latents(count, config.latent_dim)
        guess = None
        if self.config.start != "random":
            guess = self.guess(problem)
            starts = guess.latents
        data = self.prepare(problem, guess)
        points = self._points(starts)
        for _ in itertools.islice(self._descend(points, data, blocks=blocks), 2):  # the start and one chunk
            pass
        if self._judges_each_step:
            self.generate(points, guess)
        else:
            self._judge(blocks)(points, *data)

    def generate(self, points: Points, guess: Guess | None = None) -> npt.NDArray[np.float32]:
        """Return the pictures of points (or of latents alone), with a guess's offset and other views.

        Parameters
        ----------
        points : (B, latent_dim), or more columns, what is added to the features
        guess : of the same pictures, or None; its own latents are not looked at

        Returns
        -------
        (B, H, W, C) float32 in [-1, 1]
        """
        offset, others = (guess.offset, guess.others) if guess else (None, None)
        return ops.convert_to_numpy(self._draw(*self._split(points), offset, others))

    @property
    def _judges_each_step(self) -> bool:
        """Tell whether the search asks the discriminator at every step; where not, it is asked at the end."""
        return self.config.iterations > 0 and self.config.perceptual_weight > 0.0

    def _points(self, latents: Points) -> Points:
        """Return where a search begins: the latents, and nothing added to the features."""
        return np.concatenate([latents, np.zeros((len(latents), self._features), np.float32)], axis=1)

    def _split(self, points: Any) -> tuple[Any, Any]:
        """Return z, and what is added to the features or None."""
        latent_dim = self.prior.config.latent_dim
        if points.shape[1] == latent_dim:
            return points, None
        return points[:, :latent_dim], ops.reshape(points[:, latent_dim:], (-1, *feature_shape(self.prior.config)))

    def _decode(self, latents: Tensor, features: Tensor | None, offset: Tensor | None, others: Tensor | None) -> Tensor:
        """Return the generator's pictures, averaged with those of other views."""
        drawn = decode(self.prior.generator, self.prior.config, latents, features=features, offset=offset)
        return drawn if others is None else drawn + others[..., -1:] * (others[..., :-1] - drawn)

    def prepare(self, problem: Problem, guess: Guess | None = None) -> Data:
        """Return what the losses need of each picture.

        Returns
        -------
        targets : (B, H, W, C) float32
        weights : (B, H, W, 1) float32, of sum 1
        lambdas : (B,) float32, the weight of the perceptual loss
        offset, others : of the guess, or None
        held_out : (B, H, W, 1) float32, 1 where a known pixel is not shown to the search, or None
        """
        config = self.config
        weighed = [
            contextual_weights(known, weighting=config.weighting, window=config.window, floor=config.weight_floor)
            for known in problem.known
        ]
        weights = np.stack([weights for weights, _ in weighed])[..., None]
        lambdas = np.full(len(weighed), config.perceptual_weight, np.float32)
        if config.loss_scale == "sum":  # the papers' sum over its number of terms is our mean: Adam's path is the same
            pixels = np.array([problem.blocks**2 if problem.blocks else total for _, total in weighed])
            terms = pixels * problem.targets.shape[3]
            lambdas = (lambdas / np.where(terms > 0.0, terms, 1.0)).astype(np.float32)
        held_out = None
        if config.held_out and not problem.blocks:
            rng = np.random.default_rng(HELD_OUT_STREAM)  # the same pixels of every picture
            hidden = rng.random((1, *problem.known.shape[1:], 1)) < config.held_out
            held_out = np.repeat(hidden.astype(np.float32), len(weights), axis=0)
        offset, others = (guess.offset, guess.others) if guess else (None, None)
        return problem.targets, weights, lambdas, offset, others, held_out

    def losses(self, z: Tensor, *data: Tensor, blocks: int = 0) -> Any:
        """Return the total loss of each picture, (B,), and (contextual, perceptual), each (B,); data is `prepare`'s."""
        _, total, contextual, perceptual, _ = self._evaluate(z, *data, blocks=blocks)
        return total, (contextual, perceptual)

    def _evaluate(
        self,
        points: Tensor,
        targets: Tensor,
        weights: Tensor,
        lambdas: Tensor,
        offset: Tensor | None,
        others: Tensor | None,
        held_out: Tensor | None,
        *,
        blocks: int,
        judged: bool = True,
    ) -> tuple[Tensor, ...]:
        """Return the pictures, the loss to descend, both its parts, and the score by which the best is chosen.

        Where pixels are held out, the loss is without them and the score is theirs alone; the contextual loss that is
        returned is always that of all known pixels.
        """
        generated = self._decode(*self._split(points), offset, others)
        contextual = contextual_loss(generated, targets, weights, blocks=blocks)
        fitted = score = contextual
        if held_out is not None:
            share = ops.sum(weights * held_out, axis=(1, 2, 3))
            held = contextual_loss(generated, targets, weights * held_out)
            fitted = (contextual - held) / ops.maximum(1.0 - share, 1e-6)
            score = ops.where(share > 0.0, held / ops.maximum(share, 1e-6), fitted)
        perceptual = ops.zeros_like(contextual)
        if judged:
            logits = self.prior.discriminator(generated, training=False)
            perceptual = perceptual_loss(logits, form=self.config.perceptual_form)
        opinion = lambdas * perceptual
        return generated, fitted + opinion, contextual, perceptual, score + opinion

    def _judge(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled `_evaluate`."""
        if blocks not in self._judges:
            self._judges[blocks] = compile_function(lambda z, *data: self._evaluate(z, *data, blocks=blocks))
        return self._judges[blocks]

    def _loop(self, blocks: int) -> Callable[..., Any]:
        """Return the compiled loop of Adam's steps."""
        if blocks in self._loops:
            return self._loops[blocks]
        config, latent_dim = self.config, self.prior.config.latent_dim
        searched = np.arange(latent_dim + self._features) < latent_dim
        rates = np.where(searched, config.learning_rate, config.feature_rate).astype(np.float32)
        bound = np.where(searched, 1.0, np.inf).astype(np.float32)  # z stays in its box
        shares = np.where(searched, 1.0 / latent_dim, 1.0 / max(self._features, 1)).astype(np.float32)
        judged = self._judges_each_step

        def objective(points: Tensor, starts: Tensor, *data: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            _, total, *others = self._evaluate(points, *data, blocks=blocks, judged=judged)
            distance = ops.sum(shares * ops.square(points - starts), axis=1)
            return total + config.proximity * distance, tuple(others)

        gradient_of = value_and_grad(objective)

        def step(state: tuple[Tensor, ...], starts: Tensor, data: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            points, m, v, best, lowest, best_contextual, best_perceptual, t, improved = state
            (_, (contextual, perceptual, score)), gradient = gradient_of(points, starts, *data)
            better = ops.logical_and(score < lowest, t <= config.iterations)  # (B,)
            best = ops.where(better[:, None], points, best)
            lowest = ops.where(better, score, lowest)
            best_contextual = ops.where(better, contextual, best_contextual)
            best_perceptual = ops.where(better, perceptual, best_perceptual)
            improved = ops.where(better, t, improved)
            rate = rates
            if config.schedule == "cosine":
                share = ops.minimum(t / config.iterations, 1.0)[:, None]
                rate = rates * 0.5 * (1.0 + ops.cos(np.pi * share))
            m = BETA_1 * m + (1.0 - BETA_1) * gradient
            v = BETA_2 * v + (1.0 - BETA_2) * ops.square(gradient)
            t = t + 1.0
            corrected_m = m / (1.0 - ops.power(BETA_1, t[:, None]))
            corrected_v = v / (1.0 - ops.power(BETA_2, t[:, None]))
            points = ops.clip(points - rate * corrected_m / (ops.sqrt(corrected_v) + EPSILON), -bound, bound)
            return points, m, v, best, lowest, best_contextual, best_perceptual, t, improved

        def loop(steps: Tensor, state: tuple[Tensor, ...], starts: Tensor, *data: Tensor) -> tuple[Tensor, ...]:
            return ops.fori_loop(0, steps, lambda _, state: step(state, starts, data), tuple(state))

        self._loops[blocks] = compile_function(loop)
        return self._loops[blocks]


BEST, SCORE, CONTEXTUAL, PERCEPTUAL, STEP, IMPROVED = range(3, 9)  # places in the state


def _first_state(points: Points) -> list[npt.NDArray[np.float32]]:
    """Return the state before any step.

    That is the points, Adam's two moments, the best points, their score, contextual and perceptual loss, the number of
    steps done, and at which of them the best was found.
    """
    zeros, worst = np.zeros_like(points), np.full(len(points), np.inf, np.float32)
    none = np.zeros_like(worst)
    return [part.copy() for part in (points, zeros, zeros, points, worst, worst, worst, none, none)]


def _take(data: Data, rows: Any) -> Data:
    """Return some rows of each part."""
    return tuple(None if part is None else part[rows] for part in data)

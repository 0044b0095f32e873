"""Answers of a model to observations, for every method that needs a model: candidates, batches, ranking."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from completion.config import EncoderConfig, SearchConfig
from completion.search.answer import Answers, OnFrame, OnProgress
from completion.search.encoder import EncoderAnswerer
from completion.search.observation import Observation, Observations
from dcgan.out_of_memory import RowLimit

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["Finder"]


class _Solver(Protocol):
    """Answers a batch of observations."""

    def solve(
        self,
        observations: Observations,
        *,
        chains: npt.NDArray[np.intp],
        on_frame: OnFrame | None,
        on_progress: OnProgress | None,
    ) -> Answers: ...

    def warm_up(self, observations: Observations) -> None: ...


class Finder:
    """A loaded model with its encoder or search made ready.

    Parameters
    ----------
    prior : Prior
        A loaded model.
    config : EncoderConfig or SearchConfig
        How answers are found.
    seed : int, optional
        Of the starts and of Hamiltonian Monte Carlo.
    device : str, optional
        Of the encoder's answers, as `dcgan.device.find_device` has found it; a search runs where Keras runs.

    Raises
    ------
    ModelFileError
        The settings need an encoder, and the model has none.
    """

    def __init__(
        self, prior: Prior, config: EncoderConfig | SearchConfig, *, seed: int = 0, device: str = "cpu"
    ) -> None:
        self.prior, self.config = prior, config
        self._limit = RowLimit()
        self._solver: _Solver
        if isinstance(config, EncoderConfig):
            self._solver = _EncoderSolver(prior, config, device)
        else:
            from completion.search.search_solver import SearchSolver  # brings in TensorFlow

            self._solver = SearchSolver(prior, config, seed)

    def find(
        self,
        observations: Sequence[Observation],
        *,
        keep: str = "best",
        rows: int | None = None,
        on_frame: OnFrame | None = None,
        on_progress: OnProgress | None = None,
    ) -> Answers:
        """Answer every observation from every start.

        Parameters
        ----------
        observations : sequence of Observation
            All of one kind.
        keep : str, optional
            "best", one row for each observation, or "all", an observation's candidates one after the other, ranked.
        rows : int, optional
            Number of rows of every call of a search; the last row is repeated where there are fewer. By default one
            call for all. A search's answers agree to the last bit between calls with the same number of rows; see
            `completion.search.batches.plan_rows`. The encoder's do not depend on it, and it answers all at once.
        on_frame : callable, optional
            Called repeatedly during the first call's search with G(best latents so far), (B, size, size, C).
        on_progress : callable, optional
            Called repeatedly with the share of the work that is done.

        Raises
        ------
        ValueError
            `keep` is unknown.
        EngineError
            The memory of the device does not suffice for one row.

        Warns
        -----
        FallbackWarning
            The memory of the device does not suffice for the rows of a call: this one and later ones have half of them.
        """
        if keep not in ("best", "all"):
            raise ValueError(f"Expected `keep` to be 'best' or 'all'. Received: {keep!r}")
        candidates = self.config.candidates
        count = len(observations) * candidates
        rows = count if isinstance(self.config, EncoderConfig) else rows or count
        parts: list[Answers] = []
        first = 0
        while first < count:
            rows = self._limit.of(rows)
            part = self._limit.attempt(
                functools.partial(
                    self._solve,
                    observations,
                    first=first,
                    rows=rows,
                    on_frame=on_frame if first == 0 else None,
                    on_progress=on_progress,
                ),
                rows,
            )
            if part is not None:
                parts.append(part)
                first += rows
        answers = Answers.join(parts)
        if candidates > 1:
            order = answers.score.reshape(len(observations), candidates).argsort(axis=1, kind="stable")
            order = order[:, :1] if keep == "best" else order
            answers = answers.take((np.arange(len(observations))[:, None] * candidates + order).ravel())
        return answers

    def _solve(
        self,
        observations: Sequence[Observation],
        *,
        first: int,
        rows: int,
        on_frame: OnFrame | None,
        on_progress: OnProgress | None,
    ) -> Answers:
        """Return the answers of one call, with so many rows from row `first` on."""
        candidates = self.config.candidates
        count = len(observations) * candidates
        filled = min(rows, count - first)
        row_numbers = first + np.minimum(np.arange(rows), filled - 1)  # the last row is repeated
        batch = Observations.stack([observations[number // candidates] for number in row_numbers])
        answers = self._solver.solve(
            batch,
            chains=row_numbers % candidates,
            on_frame=_first_rows(on_frame, filled),
            on_progress=_share_of(on_progress, done=first / count, more=filled / count),
        )
        return answers.take(slice(0, filled))

    def warm_up(self, rows: int) -> None:
        """Compile what calls with so many rows need, so that a measurement does not count it."""
        config = self.prior.config
        done = None
        while done is None:
            rows = self._limit.of(rows)
            shape = (rows, config.size, config.size, config.channels)
            blank = Observations(np.zeros(shape, np.float32), np.ones(shape[:3], np.float32))
            done = self._limit.attempt(functools.partial(self._warmed_up, blank), rows)

    def _warmed_up(self, observations: Observations) -> bool:
        """Compile, and return True."""
        self._solver.warm_up(observations)
        return True


class _EncoderSolver:
    """The encoder's answers."""

    def __init__(self, prior: Prior, config: EncoderConfig, device: str) -> None:
        self._answerer = EncoderAnswerer(prior, config, device=device)

    def solve(
        self,
        observations: Observations,
        *,
        chains: npt.NDArray[np.intp],
        on_frame: OnFrame | None,
        on_progress: OnProgress | None,
    ) -> Answers:
        """Answer a batch; there is one candidate and no search to show."""
        return self._answerer.answer(observations)

    def warm_up(self, observations: Observations) -> None:
        """Build the graph."""
        self._answerer.answer(observations)


def _first_rows(on_frame: OnFrame | None, count: int) -> OnFrame | None:
    """Return a callback that passes on the first rows."""
    return on_frame and (lambda generated: on_frame(generated[:count]))


def _share_of(on_progress: OnProgress | None, *, done: float, more: float) -> OnProgress | None:
    """Return a callback that converts the progress of a part into that of the whole."""
    return on_progress and (lambda share: on_progress(done + more * share))

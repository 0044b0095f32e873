"""Complete pictures: search, upscale, blend. What a Python user calls, and what complete-images is made of."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from completion.search.batches import plan_rows
from completion.blending.blender import Blender
from completion.blending.classical import choose_method
from completion.config import BLEND_NAMES, CLASSICAL_METHODS, METHODS, SearchConfig, choose_search
from completion.framing import fit_frame, model_view, place_generated
from completion.search.hmc import HamiltonianSampler
from completion.blending.holes import hole_window
from completion.result import CompletionResult, fill_each, insert_filled
from completion.search.adam import Guess, LatentSearch, Problem, SearchResult, start_latents
from dcgan.model_file import Prior, load_model
from dcgan.pictures.values import is_grey, to_float, to_uint8
from masks import validate_mask

__all__ = ["Completer", "CompletionResult", "complete"]

DEFAULT_BATCH_SIZE = 64
ENCODER_SPREAD = 0.5  # how far from the encoder's z further candidates begin, at most, in each direction

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
View = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]  # target (size, size, C), known (size, size)
OnFrame = Callable[[npt.NDArray[np.float32]], None]
OnProgress = Callable[[float], None]


def complete(
    images: Sequence[Picture] | Picture,
    masks: Sequence[Mask] | Mask,
    *,
    model: str | Path | Prior = "faces-64",
    config: SearchConfig | str = "balanced",
    method: str = "dcgan",
    blend: str = "auto",
    blocks: int = 0,
    keep: str = "best",
    batch_size: int = DEFAULT_BATCH_SIZE,
    seed: int = 0,
) -> CompletionResult:
    """Fill the missing regions of face pictures.

    Parameters
    ----------
    images : sequence of (H, W, C) uint8, or (B, H, W, C) uint8
        Aligned faces of any size; C is the model's number of channels, without a model 1 or 3.
    masks : sequence of (H, W) bool, or (B, H, W) bool, or one (H, W) bool for all
        True = missing.
    model : name of a bundled model, path of a model file, or a loaded `dcgan.Prior`
    config : SearchConfig, or the name of a quality, "fast", "balanced" or "best", or of a preset, "latent", "yeh2017"
        or "amos2016"; see `completion.config.choose_search`
    method : "dcgan"; "telea", "ns", "biharmonic" or "harmonic", which need no model (it is not loaded, and the options
        below and `config` are not looked at) but a known pixel in every picture; or "auto", for each picture "dcgan" or
        "biharmonic", as `completion.blending.classical.choose_method` says
    blend : "auto" (by each hole's depth "poisson" or "biharmonic", see `completion.blending.geometry`), "poisson",
        "biharmonic",
        "feather" or "none"
    blocks : if not 0, all that is known of a picture are the means of blocks x blocks equal parts
    keep : "best", the candidate with the lowest score, or "all", ranked by it
    batch_size : rows (pictures times candidates) that are searched at once
    seed : of the starts and of Hamiltonian Monte Carlo

    Returns
    -------
    CompletionResult

    Raises
    ------
    ValueError, TypeError
        A picture or mask of the wrong shape or dtype.
    ModelFileError
        The model cannot be loaded.

    Notes
    -----
    A picture's result does not depend on the other pictures nor on its place among them. It depends on how many there
    are by rounding alone, which the search amplifies: completed in a list and on its own, a picture was seen to differ
    by 3 grey levels at most and by 0.4 on average.

    References
    ----------
    Yeh et al. 2017, "Semantic image inpainting with deep generative models", arXiv:1607.07539.

    Examples
    --------
    >>> import numpy as np
    >>> from masks import make_mask, MaskSpec
    >>> photo = np.full((64, 64, 3), 128, np.uint8)
    >>> result = complete([photo], make_mask(MaskSpec("center"), (64, 64)), config=SearchConfig(iterations=2))
    >>> result.pictures[0].shape, bool((result.pictures[0][0] == 128).all())
    ((64, 64, 3), True)
    """
    if isinstance(images, np.ndarray) and images.ndim != 4:
        raise ValueError(f"Expected `images` as a sequence of pictures or (B, H, W, C). Received: {images.shape}")
    pictures = list(images)
    own_masks = [masks] * len(pictures) if isinstance(masks, np.ndarray) and masks.ndim == 2 else list(masks)
    if not pictures:
        raise ValueError("Expected at least one picture. Received: none")
    if len(pictures) != len(own_masks):
        raise ValueError(f"Expected a mask for each of {len(pictures)} pictures. Received: {len(own_masks)}")
    if method not in METHODS:
        raise ValueError(f"Expected `method` to be one of {', '.join(METHODS)}. Received: {method!r}")
    if method != "dcgan" and (blocks or keep == "all"):
        raise ValueError(f"Expected `method` 'dcgan' with `blocks` or keep='all'. Received: {method!r}")
    if method in CLASSICAL_METHODS:
        return fill_each(pictures, own_masks, method)
    chosen = [method == "dcgan" or choose_method(mask) == "dcgan" for mask in own_masks]
    if not any(chosen):
        return fill_each(pictures, own_masks, "biharmonic")
    prior = model if isinstance(model, Prior) else load_model(model)
    searched = _search_all(
        Completer(prior, config, blend=blend, seed=seed),
        list(itertools.compress(pictures, chosen)),
        list(itertools.compress(own_masks, chosen)),
        batch_size=batch_size,
        blocks=blocks,
        keep=keep,
    )
    if all(chosen):
        return searched
    others = [not is_searched for is_searched in chosen]
    pairs = [list(itertools.compress(each, others)) for each in (pictures, own_masks)]
    return insert_filled(searched, fill_each(pairs[0], pairs[1], "biharmonic"), chosen)


def _found(result: CompletionResult) -> SearchResult:
    """Return a result without its pictures."""
    return SearchResult(**{name: part for name, part in vars(result).items() if name not in ("pictures", "methods")})


class Completer:
    """A loaded model with its compiled search and the solvers of masks that come again.

    `complete_batch` does the whole job for a few pictures. A program that cannot hold them all takes its three steps:
    `look` at every picture, `find` what is missing, `compose` every result.

    Parameters
    ----------
    prior : a loaded model
    config : SearchConfig or the name of a quality or preset
    blend : "auto", "poisson", "biharmonic", "feather" or "none"
    seed : of the starts and of Hamiltonian Monte Carlo
    """

    def __init__(
        self, prior: Prior, config: SearchConfig | str = "balanced", *, blend: str = "auto", seed: int = 0
    ) -> None:
        if isinstance(config, str):
            config = choose_search(config, has_encoder=prior.encoder is not None)
        if blend not in BLEND_NAMES:
            raise ValueError(f"Expected `blend` to be one of {', '.join(BLEND_NAMES)}. Received: {blend!r}")
        self.prior, self.config, self.seed = prior, config, seed
        self.search = LatentSearch(prior, config)
        self.sampler = HamiltonianSampler(self.search)
        self.blender = Blender(blend)

    def complete_batch(
        self,
        pictures: Sequence[Picture],
        masks: Sequence[Mask],
        *,
        blocks: int = 0,
        keep: str = "best",
        rows: int | None = None,
    ) -> CompletionResult:
        """Complete a few pictures; see `complete` and, for `rows`, `find`."""
        views = [self.look(picture, mask, blocks=blocks) for picture, mask in zip(pictures, masks, strict=True)]
        found = self.find(views, blocks=blocks, keep=keep, rows=rows)
        each = self.config.candidates if keep == "all" else 1
        untouched = np.repeat([not mask.any() for mask in masks], each)
        for part in vars(found).values():
            if part is not None:
                part[untouched] = 0.0
        completed = [
            self.compose(picture, mask, generated, blocks=blocks)
            for index, (picture, mask) in enumerate(zip(pictures, masks, strict=True))
            for generated in found.generated[index * each : (index + 1) * each]
        ]
        return CompletionResult(completed, **vars(found), methods=["dcgan"] * len(completed))

    def look(self, picture: Picture, mask: Mask, *, blocks: int = 0) -> View:
        """Return what the search needs of a picture: target and known shares at the model's size.

        Raises
        ------
        ValueError, TypeError
            The picture or its mask has a wrong shape or dtype.
        """
        self.check(picture, mask)
        size = self.prior.config.size
        if blocks < 0 or (blocks and size % blocks):
            raise ValueError(f"Expected `blocks` to divide the model's size {size}. Received: blocks={blocks}")
        height, width = picture.shape[:2]
        hidden = np.zeros_like(mask) if blocks else mask  # block means are means of the whole picture
        target, known = model_view(picture, hidden, fit_frame(height, width, size))
        return target, np.zeros_like(known) if blocks else known

    def check(self, picture: Picture, mask: Mask) -> None:
        """Raise ValueError or TypeError where a picture or its mask has a wrong shape or dtype."""
        channels = self.prior.config.channels
        if np.ndim(picture) != 3 or picture.shape[2] != channels or min(picture.shape) < 1:
            raise ValueError(f"Expected pictures of shape (H, W, {channels}). Received: {np.shape(picture)}")
        if picture.dtype != np.uint8:
            raise TypeError(f"Expected pictures of dtype uint8. Received: {picture.dtype}")
        validate_mask(mask, picture.shape[:2])

    def find(
        self,
        views: Sequence[View],
        *,
        blocks: int = 0,
        keep: str = "best",
        rows: int | None = None,
        on_frame: OnFrame | None = None,
        on_progress: OnProgress | None = None,
    ) -> SearchResult:
        """Search for every picture from every start.

        Parameters
        ----------
        views : what `look` returned for each picture
        blocks : the same as for `look`
        keep : "best", one row for each picture, or "all", a picture's candidates one after the other, the best first
        rows : number of rows of every call of the search, filled up where there are fewer; by default one call for
            all. Two searches agree to the last bit if they have the same number of rows; see
            `completion.search.batches.plan_rows`.
        on_frame : called now and then during the first call's Adam with G(best latents so far), a row for each
            searched picture or candidate
        on_progress : called now and then with the share of the work that is done
        """
        if keep not in ("best", "all"):
            raise ValueError(f"Expected `keep` to be 'best' or 'all'. Received: {keep!r}")
        candidates, latent_dim = self.config.candidates, self.prior.config.latent_dim
        starts = np.concatenate([start_latents(1, latent_dim, seed=self.seed, candidate=c) for c in range(candidates)])
        count = len(views) * candidates
        rows = rows or count
        parts: list[SearchResult] = []
        for first in range(0, count, rows):
            filled = min(rows, count - first)
            row_numbers = first + np.minimum(np.arange(rows), filled - 1)  # the last row fills up
            chains = row_numbers % candidates
            parts.append(
                self._search(
                    _problem([views[number // candidates] for number in row_numbers], blocks),
                    starts,
                    chains=chains,
                    on_frame=_first_rows(on_frame, filled) if first == 0 else None,
                    on_progress=_share_of(on_progress, done=first / count, more=filled / count),
                ).take(slice(0, filled))
            )
        found = SearchResult.join(parts)
        if candidates > 1:
            order = found.score.reshape(len(views), candidates).argsort(axis=1, kind="stable")
            order = order[:, :1] if keep == "best" else order
            found = found.take((np.arange(len(views))[:, None] * candidates + order).ravel())
        return found

    def _search(
        self,
        problem: Problem,
        starts: npt.NDArray[np.float32],
        *,
        chains: npt.NDArray[np.intp],
        on_frame: OnFrame | None,
        on_progress: OnProgress | None,
    ) -> SearchResult:
        """Run Adam and, where it is asked for, a Markov chain from where Adam ends."""
        config = self.config
        latents, guess = self._start(problem, starts, chains)
        transitions = config.hmc_samples if config.search == "hmc" else 0
        transition_steps = config.hmc_leapfrog_steps + 1  # a gradient at the start and one after every step
        steps = config.iterations + transitions * transition_steps

        def on_chunk(done: int, best: npt.NDArray[np.float32]) -> None:
            if on_frame:
                on_frame(self.search.generate(best, guess))
            if on_progress and steps:
                on_progress(done / steps)

        def on_transition(done: int) -> None:
            if on_progress:
                on_progress((config.iterations + done * transition_steps) / steps)

        callback = on_chunk if on_frame or on_progress else None
        found = self.search.run(problem, latents, guess=guess, on_chunk=callback)
        if not transitions:
            return found
        return self.sampler.draw(
            problem, found.latents, chains=chains, guess=guess, seed=self.seed, on_transition=on_transition
        )

    def _start(
        self, problem: Problem, starts: npt.NDArray[np.float32], chains: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.float32], Guess | None]:
        """Return where each row's search begins: its candidate's start, or near where the encoder sees it."""
        if self.config.start == "random":
            return starts[chains], None
        guess = self.search.guess(problem)
        spread = np.where(chains > 0, np.float32(ENCODER_SPREAD), np.float32(0.0))[:, None]  # the first one stays
        return np.clip(guess.latents + spread * starts[chains], -1.0, 1.0), guess

    def compose(self, picture: Picture, mask: Mask, generated: npt.NDArray[np.float32], *, blocks: int = 0) -> Picture:
        """Put the generated hole into the picture at the picture's own size.

        Parameters
        ----------
        picture : (H, W, C) uint8
        mask : (H, W) bool, True = missing
        generated : (size, size, C) float32 in [-1, 1]
        blocks : the same as for `look`

        Returns
        -------
        (H, W, C) uint8
            Known pixels are the picture's own. Where all that is known of an RGB picture is grey, so is the rest.
        """
        result = picture.copy()
        if not mask.any():
            return result
        box = hole_window(mask, reach=2)  # what biharmonic blending looks at
        hole = mask[box]
        height, width = mask.shape
        patch = place_generated(generated, fit_frame(height, width, self.prior.config.size), box)
        if is_grey(picture if blocks else picture[~mask]):
            patch = np.broadcast_to(patch.mean(axis=2, keepdims=True), patch.shape)
        original = to_float(picture[box])
        original[hole] = 0.0  # what the mask hides takes no part, whatever the blender does
        blended = self.blender(patch[None], original[None], hole[None], side_px=max(height, width))[0]
        result[box][hole] = to_uint8(blended[hole])
        return result


def _search_all(
    completer: Completer, pictures: list[Picture], masks: list[Mask], *, batch_size: int, blocks: int, keep: str
) -> CompletionResult:
    """Complete pictures with the model, batch by batch."""
    share, rows = plan_rows(len(pictures), batch_size=batch_size, candidates=completer.config.candidates)
    parts = [
        completer.complete_batch(
            pictures[start : start + share], masks[start : start + share], blocks=blocks, keep=keep, rows=rows
        )
        for start in range(0, len(pictures), share)
    ]
    found = SearchResult.join([_found(part) for part in parts])
    completed = [picture for part in parts for picture in part.pictures]
    return CompletionResult(completed, **vars(found), methods=["dcgan"] * len(completed))


def _problem(views: Sequence[View], blocks: int) -> Problem:
    """Return a problem of one row for each view."""
    return Problem(np.stack([target for target, _ in views]), np.stack([known for _, known in views]), blocks)


def _first_rows(on_frame: OnFrame | None, count: int) -> OnFrame | None:
    """Return a callback that passes the first rows on."""
    return on_frame and (lambda generated: on_frame(generated[:count]))


def _share_of(on_progress: OnProgress | None, *, done: float, more: float) -> OnProgress | None:
    """Return a callback that reports its share of a part of the work as a share of the whole."""
    return on_progress and (lambda share: on_progress(done + more * share))

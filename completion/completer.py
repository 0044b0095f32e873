"""Complete pictures that are in memory: what a Python user calls."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from completion.config import BEYOND, DEFAULT_METHOD, METHODS, MethodConfig, needs_model, resolve_method, is_search
from completion.inputs import read_masks, read_pictures
from completion.methods import Method, MethodOptions, Work, candidates_of, make_method
from completion.result import CompletionResult
from completion.search.batches import DEFAULT_BATCH_SIZE, PHOTOGRAPH_ROWS, answer_in_batches, plan_rows
from dcgan.config import DEFAULT_MODEL
from dcgan.device import Device, find_device
from dcgan.errors import FallbackWarning
from dcgan.faces.locate import GivenFaces

if TYPE_CHECKING:
    from completion.search.observation import Observation
    from dcgan.faces.detector import FaceDetector
    from dcgan.model_file import Prior

__all__ = ["Completer", "complete"]

Faces = str | GivenFaces | Sequence[GivenFaces]


def complete(
    images: Any,
    masks: Any,
    *,
    method: str | MethodConfig = DEFAULT_METHOD,
    model: str | Path | Prior = DEFAULT_MODEL,
    faces: Faces = "aligned",
    blend: str = "auto",
    blocks: int = 0,
    keep: str = "best",
    variations: int | None = None,
    beyond: str = BEYOND,
    grain: bool = True,
    batch_size: int = DEFAULT_BATCH_SIZE,
    seed: int = 0,
    device: str = "auto",
    framing: str = "auto",
) -> CompletionResult:
    """Fill the missing regions of face pictures.

    Parameters
    ----------
    images : picture, sequence of pictures, or uint8 array (B, H, W, C)
        Aligned faces, or photographs with `faces`, of any size: uint8 arrays (H, W, C) or (H, W), or Pillow images of
        mode RGB or L. C is the model's number of channels, or 1; see `completion.inputs`.
    masks : mask, sequence of masks, or array (B, H, W)
        Arrays (H, W) or Pillow images: True, 1 or 255 = missing; or names of masks, or `masks.MaskSpec`. One mask
        serves all pictures.
    method : str or MethodConfig, optional
        What fills the holes: a name in `completion.config.METHODS`, or settings, e.g. ``SearchConfig(iterations=50)``.
        "balanced", "fast" and "best" ask the model's encoder; "latent", "yeh2017", "amos2016" and "hmc" search the
        latent space; "telea", "ns", "biharmonic" and "harmonic" use no model; "auto" takes "balanced" or "biharmonic"
        for each picture, by its mask.
    model : str, Path or Prior, optional
        Name of a bundled model, path of a model file, "hf://OWNER/NAME", or a loaded model. Not used by methods without
        a model.
    faces : str, GivenFaces or sequence of GivenFaces, optional
        "aligned": every picture is an aligned face. "detect": pictures are photographs, and their faces are detected.
        "auto": what each picture is, is found out; the `source` of its faces says it.
        `GivenFaces`, for all pictures or for each: photographs with these boxes or landmarks; where there are none,
        faces are detected.
    blend : str, optional
        "auto" (by each hole's depth "poisson" or "biharmonic", see `completion.blending.geometry`), "poisson",
        "biharmonic", "feather" or "none".
    blocks : int, optional
        If not 0, all that is known of a picture are the means of blocks x blocks equal parts.
    keep : str, optional
        "best", the candidate with the lowest score, or "all", ranked by score.
    variations : int, optional
        Number of different completions of each picture, all of which are kept, the likeliest first.
    beyond : str, optional
        For photographs: the classical method for the part of a hole that lies in no face's frame.
    grain : bool, optional
        For photographs: continue the fine detail of the face's other half and of the known skin.
    batch_size : int, optional
        Largest number of rows (faces times candidates) that the model answers at once.
    seed : int, optional
        Of the starts, of Hamiltonian Monte Carlo and of the grain.
    device : str, optional
        What computes: "cpu", "gpu", "gpu:1" and so on, or "auto", a GPU where one starts. The encoder's answers need
        onnxruntime-gpu for that; for a search the whole process's Keras is steered, see `dcgan.engine_device`.
    framing : str, optional
        Of aligned faces: "tight", from the brows to the chin, "wide", with hair, ears and neck, or "auto", which finds
        it out where the model is a wide one; see `completion.framing.Framer`.

    Returns
    -------
    CompletionResult

    Raises
    ------
    TypeError
        A picture or mask is something else, or its dtype is wrong.
    ValueError
        A picture or mask has a wrong shape or wrong values, or an option is unknown.
    CompletionError
        The method cannot complete a picture.
    NoFaceError
        No face is found in a photograph.
    ModelFileError
        The model cannot be loaded.

    Warns
    -----
    FallbackWarning
        The method needs an encoder and the model has none: the latent space is searched instead. Or there is a GPU
        that does not start: the processor is used.

    Notes
    -----
    A picture's result does not depend on the other pictures nor on its place among them. It depends on their number,
    and on processors without AVX-512 on its place, by rounding alone, which a search amplifies: completed in a list and
    on its own, a picture was seen to differ by at
    most 3 grey levels, 0.4 on average.

    References
    ----------
    Yeh et al. 2017, "Semantic image inpainting with deep generative models", arXiv:1607.07539.

    Examples
    --------
    >>> import numpy as np
    >>> photo = np.full((64, 64, 3), 128, np.uint8)
    >>> result = complete(photo, "center", method="harmonic")
    >>> result.pictures[0].shape, bool((result.pictures[0] == 128).all())
    ((64, 64, 3), True)
    """
    prior = None
    if not isinstance(method, str) or method not in METHODS or needs_model(method):
        prior = _load(model) if isinstance(model, str | Path) else model
    options = {
        "variations": variations,
        "blend": blend,
        "beyond": beyond,
        "grain": grain,
        "seed": seed,
        "device": device,
        "framing": framing,
    }
    completer = _kept_completer(prior, method, **options)
    keep = keep if variations is None else "all"
    return completer.complete(images, masks, faces=faces, blocks=blocks, keep=keep, batch_size=batch_size)


class Completer:
    """A method made ready: the loaded model with its compiled encoder or search, and the solvers of repeated masks.

    The function `complete` keeps the latest one, for calls with the same options.

    Parameters
    ----------
    prior : Prior or None
        A loaded model; None for methods without one.
    method : str or MethodConfig, optional
        See `complete`.
    variations : int, optional
        Number of different completions of each picture; then `complete` takes ``keep="all"``.
    blend, beyond, grain, seed, device, framing : optional
        See `complete`.
    detector : FaceDetector, optional
        For photographs; by default loaded when the first photograph is completed.

    Warns
    -----
    FallbackWarning
        See `complete`.
    """

    def __init__(
        self,
        prior: Prior | None,
        method: str | MethodConfig = DEFAULT_METHOD,
        *,
        variations: int | None = None,
        blend: str = "auto",
        beyond: str = BEYOND,
        grain: bool = True,
        seed: int = 0,
        device: str = "auto",
        framing: str = "auto",
        detector: FaceDetector | None = None,
    ) -> None:
        chosen: str | MethodConfig | tuple[str, MethodConfig] = method
        if isinstance(method, str):
            chosen = _resolve(method, prior, variations)
        elif variations is not None:
            raise ValueError(f"Expected a method's name with `variations`. Received: {method}")
        found = Device() if prior is None else _find_device(device, chosen)
        if found.note:
            warnings.warn(found.note, FallbackWarning, stacklevel=2)
        options = MethodOptions(prior, blend, seed, detector, beyond, grain, device=found.name, framing=framing)
        self.prior, self._seed = prior, seed
        self._working = threading.Lock()  # the solvers that are kept belong to one call at a time
        self.method: Method = make_method(chosen, options)

    @property
    def _channels(self) -> int | None:
        """Number of channels of the model that the method asks; None where it asks none."""
        return None if self.method.finder is None else self.method.finder.prior.config.channels

    def warm_up(self, rows: int) -> None:
        """Compile what calls of so many rows need, so that a measurement does not count it."""
        if self.method.finder is not None:
            self.method.finder.warm_up(rows)

    def complete(
        self,
        pictures: Any,
        masks: Any,
        *,
        faces: Faces = "aligned",
        blocks: int = 0,
        keep: str = "best",
        batch_size: int = DEFAULT_BATCH_SIZE,
        rows: int | None = None,
    ) -> CompletionResult:
        """Complete pictures.

        Parameters
        ----------
        pictures, masks, faces, blocks, keep, batch_size
            See the function `complete`.
        rows : int, optional
            Number of rows of every call of the model, in place of what `batch_size` gives.

        Returns
        -------
        CompletionResult
        """
        if keep not in ("best", "all"):
            raise ValueError(f"Expected `keep` to be 'best' or 'all'. Received: {keep!r}")
        inputs = read_pictures(pictures, channels=self._channels)
        own_masks = read_masks(masks, [each.pixels for each in inputs], seed=self._seed)
        candidates = candidates_of(self.method)
        each = candidates if keep == "all" else 1
        given = _faces_of(faces, len(inputs))
        share, planned = plan_rows(len(inputs), batch_size=batch_size, candidates=candidates)

        def prepared() -> Iterator[tuple[tuple[int, Work], Sequence[Observation], int]]:
            for index, (source, mask, photograph) in enumerate(zip(inputs, own_masks, given, strict=True)):
                work = self.method.prepare(source.pixels, mask, blocks=blocks, photograph=photograph)
                yield (index, work), work.observations, np.size(mask)

        few = plan_rows(PHOTOGRAPH_ROWS, batch_size=batch_size, candidates=candidates)
        answered = answer_in_batches(
            prepared(),
            self.method.finder,
            share=share,
            rows=rows or planned,
            plan_of=lambda item: few if not rows and len(inputs) > 1 and item[1].mode == "photograph" else None,
            keep=keep,
        )
        result = CompletionResult([], [], [], [])
        with self._working:
            for (index, work), answers, _ in sorted(answered, key=lambda item: item[0][0]):
                for candidate in range(each):
                    own = None if answers is None else answers.take(slice(candidate, None, each))
                    completed = work.compose(np.empty(0, np.float32) if own is None else own.generated)
                    result.pictures.append(inputs[index].finish(completed))
                    result.methods.append(work.method)
                    result.faces.append(work.faces if own is not None else ())
                    result.answers.append(own)
        return result


def _find_device(wanted: str, method: MethodConfig | tuple[str, MethodConfig] | str) -> Device:
    """Return the device for what ONNX Runtime has to do; for a search, have Keras compute on the one that is wanted."""
    config = method[1] if isinstance(method, tuple) else method
    if isinstance(config, str) or not is_search(config):
        return find_device(wanted)
    from dcgan.engine_device import engine_device, steer_engine
    from dcgan.onnx_runtime import has_runtime

    steer_engine(wanted)
    return Device() if has_runtime() else engine_device()


def _resolve(method: str, prior: Prior | None, variations: int | None) -> tuple[str, MethodConfig]:
    """Return the method that runs and its settings; warn where that is another one, for want of an encoder."""
    wanted = resolve_method(method, variations=variations)
    if prior is None or prior.has_encoder:
        return wanted
    chosen = resolve_method(method, has_encoder=False, variations=variations)
    if chosen != wanted:
        message = f"the model has no encoder, which the method {method} needs: the latent space is searched instead"
        warnings.warn(message, FallbackWarning, stacklevel=3)
    return chosen


_kept: dict[str, tuple[Any, Any]] = {}  # the latest model and completer, each with what it was made from
_keeping = threading.Lock()


def _keep(name: str, made_from: Any, make: Callable[[], Any]) -> Any:
    """Return what was made last time from the same, or make it anew and keep it."""
    with _keeping:
        kept = _kept.get(name)
        if kept is None or kept[0] != made_from:
            kept = _kept[name] = made_from, make()
        return kept[1]


def _load(model: str | Path) -> Prior:
    """Return a model, which brings in TensorFlow; the latest one is kept until its file changes."""
    from dcgan.model_file import load_model
    from dcgan.model_tensors import find_model

    path = find_model(model)
    status = path.stat()
    return _keep("model", (path.resolve(), status.st_mtime_ns, status.st_size), lambda: load_model(model))


def _kept_completer(prior: Prior | None, method: str | MethodConfig, **options: Any) -> Completer:
    """Return a completer; the latest one is kept, so that `complete` in a loop compiles once."""
    made_from = (id(prior), method, METHODS.get(method) if isinstance(method, str) else None, tuple(options.items()))
    return _keep("completer", made_from, lambda: Completer(prior, method, **options))


def _faces_of(faces: Faces, count: int) -> list[GivenFaces | None]:
    """Return for each picture None, where it is aligned, or the places of faces given by the user."""
    if isinstance(faces, str):
        known = {"aligned": None, "detect": GivenFaces(), "auto": GivenFaces(mode="auto")}
        if faces not in known:
            raise ValueError(f"Expected `faces` as 'aligned', 'detect', 'auto' or places of faces. Received: {faces!r}")
        return [known[faces]] * count
    if isinstance(faces, GivenFaces):
        return [faces] * count
    if len(faces) != count:
        raise ValueError(f"Expected the faces of each of {count} pictures. Received: {len(faces)}")
    return list(faces)

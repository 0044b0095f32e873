"""The methods made ready: each prepares the work that a picture is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from completion.blending.blender import BLENDERS
from completion.blending.classical import ClassicalFiller, has_narrow_holes
from completion.blending.quick_fill import QuickFiller, unknowns_limit
from completion.config import (
    BEYOND,
    METHODS,
    AutoConfig,
    ClassicalConfig,
    EncoderConfig,
    MethodConfig,
    SearchConfig,
    resolve_method,
)
from completion.face_notes import describe_faces, describe_size
from dcgan.config import check
from dcgan.errors import CompletionError, NoFaceError, OptionError
from masks import validate_mask

if TYPE_CHECKING:
    from completion.search.finder import Finder
    from completion.search.observation import Observation
    from completion.framing_points import PointsFraming
    from dcgan.faces.detector import FaceDetector
    from dcgan.faces.locate import GivenFaces, LocatedFace
    from dcgan.model_file import Prior

__all__ = ["MAKERS", "Method", "MethodOptions", "Work", "candidates_of", "make_method"]

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Generated = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Work:
    """What a method has to do for one picture.

    Attributes
    ----------
    method : str
        What fills the hole: the method's name, or the classical method in its place.
    compose : callable
        Generated faces, (len(observations), size, size, C) float32 in [-1, 1], to the completed picture, (H, W, C)
        uint8, whose known pixels are the input's.
    observations : tuple of Observation
        What the model is asked about, one for each face; empty where no model is needed.
    faces : tuple of LocatedFace
        The faces that are completed.
    fields : dict
        Of the manifest.
    notes : tuple of str
        What the user should know, a sentence each.
    mode : str
        What the picture was taken as: "aligned" or "photograph"; empty where that makes no difference.
    """

    method: str
    compose: Callable[[Generated], Picture]
    observations: tuple[Observation, ...] = ()
    faces: tuple[LocatedFace, ...] = ()
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mode: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class MethodOptions:
    """What a method is made from.

    Attributes
    ----------
    prior : Prior, optional
        The loaded model; classical methods need none.
    blend : str
        One of `completion.config.BLEND_NAMES`.
    seed : int
        Of the search's starts, of Hamiltonian Monte Carlo and of the grain.
    detector : FaceDetector, optional
        For photographs: dlib's detector and landmarks; by default loaded when the first photograph is prepared.
    beyond : str
        For photographs: the classical method for the part of a hole that lies in no face's frame.
    grain : bool
        For photographs: continue the fine detail of the face's other half and of the known skin.
    in_place : bool
        Fill the array of the picture itself, which saves the memory of a second one. `Work.compose` may be called
        again: missing pixels are not read.
    device : str
        Of the encoder's answers, as `dcgan.device.find_device` has found it; searches run where Keras runs.
    framing : str
        Of aligned faces, one of `completion.config.FRAMINGS`; see `completion.framing.Framer`.
    """

    prior: Prior | None = None
    blend: str = "auto"
    seed: int = 0
    detector: FaceDetector | None = None
    beyond: str = BEYOND
    grain: bool = True
    in_place: bool = False
    device: str = "cpu"
    framing: str = "auto"

    def __post_init__(self) -> None:
        check(self.blend in BLENDERS, f"`blend` to be one of {', '.join(BLENDERS)}", blend=self.blend)


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What a picture is.

    Attributes
    ----------
    mode : str
        "aligned" (the picture is an aligned face) or "photograph".
    faces : tuple of LocatedFace
        Those that are completed.
    fields : dict
        Of the manifest.
    notes : tuple of str
        What was guessed, a clause each.
    """

    mode: str
    faces: tuple[LocatedFace, ...]
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Method(Protocol):
    """A way to fill holes.

    Attributes
    ----------
    name : str
    finder : Finder or None
        Answers the observations of the work that is prepared; None where there never are any.
    """

    name: str
    finder: Finder | None

    def prepare(self, picture: Picture, mask: Mask, *, blocks: int = 0, photograph: GivenFaces | None = None) -> Work:
        """Return what is to be done for a picture.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        mask : bool array (H, W)
            True = missing.
        blocks : int, optional
            If not 0, all that is known of the picture are the means of blocks x blocks equal parts.
        photograph : GivenFaces, optional
            None where the picture is an aligned face; otherwise what is known of its faces, and whether it is a
            photograph.

        Raises
        ------
        ValueError, TypeError
            The picture or mask has a wrong shape or dtype.
        CompletionError
            The method cannot complete this picture.
        NoFaceError
            No face is found in a photograph.
        """
        ...


class ClassicalMethod:
    """A classical method: fills the hole from the known pixels, without a model."""

    def __init__(self, name: str, *, in_place: bool = False) -> None:
        self.name, self._in_place = name, in_place
        self.finder: Finder | None = None
        self._filler = ClassicalFiller(name)

    def prepare(self, picture: Picture, mask: Mask, *, blocks: int = 0, photograph: GivenFaces | None = None) -> Work:
        """Return the work; see `Method.prepare`."""
        _check_picture(picture, mask, channels=(1, 3))
        if blocks:
            raise OptionError(f"Expected a method with a model for block means. Received: {self.name!r}")
        if mask.all():
            raise CompletionError(f"nothing of it is known, which the method {self.name} needs")
        limit = unknowns_limit(self.name, mask)
        if np.count_nonzero(mask) > limit:
            quick = QuickFiller(self.name, unknowns_max=limit)
            return Work(self.name, lambda _: self._filled(picture, lambda result: quick.fill(result, mask)))
        return Work(
            self.name, lambda _: self._filled(picture, lambda result: self._filler.fill(result[None], mask[None]))
        )

    def _filled(self, picture: Picture, fill: Callable[[Picture], None]) -> Picture:
        """Return a picture, itself or a copy, after it was filled."""
        result = picture if self._in_place else picture.copy()
        fill(result)
        return result


class ModelMethod:
    """A method that asks a model: its encoder, or a search of its latent space."""

    def __init__(self, name: str, config: EncoderConfig | SearchConfig, options: MethodOptions) -> None:
        from completion.composition import Composer
        from completion.framing import Framer
        from completion.search.finder import Finder

        if options.prior is None:
            raise ValueError(f"Expected a model for the method {name!r}. Received: none")
        self.name, self.prior, self._options = name, options.prior, options
        self.finder: Finder | None = Finder(options.prior, config, seed=options.seed, device=options.device)
        self._finder = self.finder
        self.composer = Composer(blend=options.blend, beyond=options.beyond, grain=options.grain, seed=options.seed)
        self._framer = Framer(options.prior, options.framing, device=options.device)
        self._detector = options.detector
        self._placer: Any = None

    def prepare(self, picture: Picture, mask: Mask, *, blocks: int = 0, photograph: GivenFaces | None = None) -> Work:
        """Return the work; see `Method.prepare`."""
        _check_picture(picture, mask, channels=(self.prior.config.channels,))
        if blocks and photograph is not None and not photograph.undecided:
            raise OptionError("Expected an aligned face where block means are known. Received: a photograph")
        if not mask.any():
            return Work(self.name, lambda _: picture if self._options.in_place else picture.copy())
        seen = self._aligned(picture, mask, blocks=blocks) if blocks else self.see(picture, mask, photograph)
        return self.complete_seen(picture, mask, seen, blocks=blocks)

    def complete_seen(self, picture: Picture, mask: Mask, seen: Seen, *, blocks: int = 0) -> Work:
        """Return the work for a picture of which is known what it is."""
        from completion.search.observation import observe

        in_place = self._options.in_place
        hidden = np.zeros_like(mask) if blocks else mask
        tones = [self.composer.tone(picture, face, hidden) for face in seen.faces]
        fields = dict(seen.fields)
        if any(tones):
            fields["tone"] = "/".join(dict.fromkeys(tone.name if tone else "coloured" for tone in tones))

        def compose(generated: Generated) -> Picture:
            return self.composer.compose(picture, mask, seen.faces, generated=generated, tones=tones, in_place=in_place)

        observations = tuple(
            observe(picture, mask, face.placement, blocks=blocks, tone=tone)
            for face, tone in zip(seen.faces, tones, strict=True)
        )
        name = self.name if seen.faces else self._options.beyond
        notes = seen.notes + describe_size(mask.shape)
        return Work(name, compose, observations, seen.faces, fields, notes, seen.mode)

    def see(self, picture: Picture, mask: Mask, given: GivenFaces | None) -> Seen:
        """Return whether a picture, some of which is missing, is an aligned face or a photograph, and its faces.

        Parameters
        ----------
        picture, mask
            See `Method.prepare`.
        given : GivenFaces or None
            None where the picture is an aligned face.

        Raises
        ------
        NoFaceError
            No face is found in a photograph, or a picture with a named mask is evidently a photograph.
        CompletionError
            Nothing is known of a photograph.
        """
        from completion import modes

        size, margins = self.prior.config.size, self._framer.seen
        if given is None:
            return self._aligned(picture, mask)
        if not given.undecided:
            return self._search(picture, mask, given)
        points = self._framer.points(picture, mask) if modes.is_square(picture.shape) else None
        if self._framer.is_filled(points):
            return self._aligned(picture, mask, points=points)
        if given.mode in ("aligned", "default"):
            chosen = given.mode == "aligned"
            notes = modes.check_named(picture, size, lambda: self.detector, chosen=chosen, margins=margins)
            return self._aligned(picture, mask, notes=notes, points=points)
        if mask.all():
            return self._aligned(picture, mask)
        small = modes.is_small(picture.shape, size)
        hidden = float(mask.mean()) > modes.HIDDEN_TOLD
        scores = modes.filling_scores(picture, mask, self.detector, margins=margins)
        if modes.is_filled(scores):
            return self._aligned(picture, mask, scores=scores, points=points)
        try:
            seen = self._search(picture, mask, given, turned=not small)
        except NoFaceError as error:
            if not small:
                faint = modes.faint_scores(picture, mask, self.detector, margins=margins)
                if not modes.is_filled(faint):
                    raise NoFaceError(f"{error}; an aligned face: --aligned; no face at all: --method telea") from error
                return self._aligned(picture, mask, notes=(modes.FAINTLY_SEEN,), scores=faint, points=points)
            return self._aligned(
                picture, mask, notes=() if hidden else (modes.NONE_SEEN,), scores=scores, points=points
            )
        # A face that the hole does not touch is a part of the picture: an aligned one's frame holds every hole.
        parts = seen.fields["others"] > 0 or any(
            modes.is_part(face, picture.shape, small=small, margin=self._framer.margin) for face in seen.faces
        )
        return seen if parts else self._aligned(picture, mask, scores=scores, points=points)

    def _aligned(
        self,
        picture: Picture,
        mask: Mask,
        *,
        blocks: int = 0,
        notes: tuple[str, ...] = (),
        scores: Mapping[float, float] | None = None,
        points: PointsFraming | None = None,
    ) -> Seen:
        """Return a picture as an aligned face, which lies in the model's frame as it is framed.

        `scores` are those of `completion.modes.filling_scores`, and `points` what `Framer.points` says; by default
        they are found where they are needed.
        """
        from completion import modes
        from completion.realigning import realign
        from dcgan.faces.locate import LocatedFace

        def look() -> Mapping[float, float]:
            margins = self._framer.seen
            return modes.filling_scores(picture, mask, self.detector, margins=margins) if scores is None else scores

        framing = self._framer.find(picture, mask, scores=look, points=points, pixels=not blocks)
        face = LocatedFace.aligned(picture.shape, self.prior.config.size, share=framing.share)
        moved = None
        if self._framer.realigns and not blocks:
            moved = realign(picture, mask, face, margin=self._framer.margin, framing=framing.name)
        if moved is None:
            return Seen("aligned", (face,), framing.fields, notes + framing.notes)
        faces = (moved.face,) if self.composer.is_within(mask, moved.face) else (face, moved.face)
        return Seen("aligned", faces, {**framing.fields, **moved.fields}, notes + framing.notes + moved.notes)

    def _search(self, picture: Picture, mask: Mask, given: GivenFaces, *, turned: bool = True) -> Seen:
        """Return the faces of a photograph that the hole touches."""
        if mask.all():
            raise CompletionError("nothing of it is known, so no face can be found in it")
        faces, others = self.placer.place(picture, mask, given=given, turned=turned)
        beyond = self.composer.beyond_share(mask, faces)
        fields = {"faces": [face.record() for face in faces], "others": len(others), "beyond": round(beyond, 4)}
        notes = describe_faces(faces, others, beyond=beyond, method=self._options.beyond)
        return Seen("photograph", faces, fields, notes)

    @property
    def detector(self) -> FaceDetector:
        """The detector and landmarks of dlib, loaded when they are first used."""
        if self._detector is None:
            from dcgan.faces.detector import FaceDetector

            self._detector = FaceDetector()
        return self._detector

    @property
    def placer(self) -> Any:
        """The `completion.placing.FacePlacer`, made when it is first used."""
        if self._placer is None:
            from completion.placing import FacePlacer

            self._placer = FacePlacer(self.detector, self._finder, self.composer, in_place=self._options.in_place)
        return self._placer


class AutoMethod:
    """The model for pictures with a wide hole, a classical method for the others."""

    def __init__(self, name: str, config: AutoConfig, options: MethodOptions) -> None:
        self.name = name
        self._model = ModelMethod(config.model, config.config, options)
        self._classical = ClassicalMethod(config.classical, in_place=options.in_place)
        self.finder = self._model.finder

    def prepare(self, picture: Picture, mask: Mask, *, blocks: int = 0, photograph: GivenFaces | None = None) -> Work:
        """Return the work; see `Method.prepare`."""
        if blocks or (photograph is not None and photograph.mode == "photograph"):
            raise OptionError("Expected the pixels of an aligned face for the method 'auto'. Received: something else")
        validate_mask(mask, picture.shape[:2])
        if not has_narrow_holes(mask) or (photograph is not None and not photograph.undecided):
            return self._model.prepare(picture, mask, photograph=photograph)
        if photograph is not None and photograph.mode == "auto" and mask.any():
            seen = self._model.see(picture, mask, photograph)
            if seen.mode == "photograph":
                return self._model.complete_seen(picture, mask, seen)
        return self._classical.prepare(picture, mask)


#: What makes a method of each kind of settings ready.
MAKERS: dict[type, Callable[[str, Any, MethodOptions], Method]] = {
    ClassicalConfig: lambda name, config, options: ClassicalMethod(name, in_place=options.in_place),
    EncoderConfig: ModelMethod,
    SearchConfig: ModelMethod,
    AutoConfig: AutoMethod,
}


def make_method(method: str | MethodConfig | tuple[str, MethodConfig], options: MethodOptions) -> Method:
    """Make a method ready.

    Parameters
    ----------
    method : str, MethodConfig or (str, MethodConfig)
        A name in `completion.config.METHODS`, settings, or what `completion.config.resolve_method` returns.
    options : MethodOptions
        The model, blending and faces.

    Raises
    ------
    ValueError
        There is no such method, or it needs a model and there is none.
    ModelFileError
        The method needs an encoder, and the model has none.
    """
    if isinstance(method, str):
        prior = options.prior
        method = resolve_method(method, has_encoder=prior is None or prior.has_encoder)
    elif not isinstance(method, tuple):
        named = [name for name, config in METHODS.items() if config is method]
        if not named and isinstance(method, ClassicalConfig):
            raise ValueError("Expected the name of a classical method. Received: ClassicalConfig()")
        named += [name for name, config in METHODS.items() if config == method]
        method = (named[0] if named else "custom", method)
    name, config = method
    return MAKERS[type(config)](name, config, options)


def candidates_of(method: Method) -> int:
    """Return how many candidates a method has for each observation, of which one or all are kept."""
    return method.finder.config.candidates if method.finder is not None else 1


def _check_picture(picture: Picture, mask: Mask, *, channels: tuple[int, ...]) -> None:
    """Raise ValueError or TypeError where a picture or its mask has a wrong shape or dtype."""
    if np.ndim(picture) != 3 or picture.shape[2] not in channels or min(picture.shape) < 1:
        expected = " or ".join(str(number) for number in channels)
        raise ValueError(f"Expected pictures of shape (H, W, {expected}). Received: {np.shape(picture)}")
    if picture.dtype != np.uint8:
        raise TypeError(f"Expected pictures of dtype uint8. Received: {picture.dtype}")
    validate_mask(mask, picture.shape[:2])

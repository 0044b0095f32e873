"""How an aligned picture is framed: tight, from the brows to the chin, or wide, with hair, ears and neck.

OpenFace's square is the tight framing; a wide picture has a margin around it. A model sees one of the two. A picture
of the other is placed in the model's frame so that the face lies where the model expects it: a tight one in the middle,
with its surroundings unknown; a wide one beyond the frame of a tight model.

Which it is, is found out for a wide model. The points of a face decide where one is clearly seen. Else the generator
does: the better placement is that whose face, drawn from the latents alone, agrees better with the known pixels, for a
generator draws faces at one place, and one that lies elsewhere it cannot draw. Where the two are close, both are drawn
mirrored as well, with the points as a hint. How often this is right: scripts/bench_framing.py and docs/photographs.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from completion.config import FRAMINGS
from completion.framing_points import FITTED_MARGIN, PointsFraming, framing_by_points
from dcgan.config import check
from dcgan.faces.placement import Placement
from dcgan.onnx_runtime import has_runtime
from dcgan.pictures.values import to_float

if TYPE_CHECKING:
    from dcgan.model_file import Prior

__all__ = ["WIDE_MARGIN", "Framer", "Framing"]

WIDE_MARGIN = 0.25  # of wide pictures, where the model does not say another: dcgan-align's --margin 0.25
COMPARED_SIDE_PX = 32  # of the pictures that are compared; finer detail is not drawn from latents alone
KNOWN_LEAST = 0.05  # known share of a small pixel that is compared
POINTS_WEIGHT, POINTS_MOST = 0.02, 4.0  # what the points of a face count that do not decide
SURE = 0.15  # difference of the two errors, which are logarithms, below which the choice is told
CLEAR = 0.2  # and at which the first two decide

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Framing:
    """How an aligned picture lies in the model's frame.

    Attributes
    ----------
    name : str
        "tight" or "wide".
    share : float
        The picture's longer side as a share of the frame's; see `dcgan.faces.placement.Placement.whole`.
    fields : dict
        Of the manifest.
    notes : tuple of str
        Where it is a guess.
    """

    name: str
    share: float
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Framer:
    """Find out how aligned pictures are framed.

    Parameters
    ----------
    prior : Prior
        The model whose frame they are placed in.
    choice : str, default "auto"
        "tight" or "wide": what all pictures are. "auto": it is found out for each by a model with a margin, and a model
        without one takes all as tight.
    device : str, default "cpu"
        See `dcgan.inference.CompletionNetwork`.
    """

    def __init__(self, prior: Prior, choice: str = "auto", *, device: str = "cpu") -> None:
        check(choice in FRAMINGS, f"`framing` to be one of {', '.join(FRAMINGS)}", framing=choice)
        self._prior, self._choice, self._device = prior, choice, device
        self.margin = prior.config.margin
        self._margins = {"tight": 0.0, "wide": self.margin or WIDE_MARGIN}

    @property
    def realigns(self) -> bool:
        """Whether faces may lie elsewhere than aligned ones: where neither framing nor place was given."""
        return self._choice == "auto" and self.margin > 0.0 and has_runtime()  # which computes the aligner

    @property
    def seen(self) -> tuple[float, ...]:
        """The margins of pictures that a detected face may fill, the model's own first."""
        return (self.margin, 0.0) if self.margin else (0.0,)

    def points(self, picture: Picture, mask: Mask) -> PointsFraming | None:
        """Return what the points of a face say, if the margin of wide pictures is the usual one and one is seen."""
        if abs(self._margins["wide"] - FITTED_MARGIN) > 0.01:
            return None
        return framing_by_points(picture, mask, margin=self._margins["wide"])

    def is_filled(self, points: PointsFraming | None) -> bool:
        """Tell whether the points are those of an aligned face that the model's frame has or can place in it."""
        return points is not None and points.fills and self._margins[points.name] in self.seen

    def find(
        self,
        picture: Picture,
        mask: Mask,
        *,
        scores: Callable[[], Mapping[float, float]],
        points: PointsFraming | None = None,
        pixels: bool = True,
    ) -> Framing:
        """Return how a picture is framed.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        mask : bool array (H, W)
            True = missing; what it hides is not seen.
        scores : callable
            Returns the scores of the faces that fill the picture, by the margin as which they do; see
            `completion.modes.filling_scores`. Called only for a model without an encoder.
        points : PointsFraming, optional
            What `points` has said of it, where that is known already.
        pixels : bool, default True
            False: block means are known, which are those of the model's own frame.
        """
        own = "wide" if self.margin else "tight"
        if not pixels:
            return self._framing(own)
        if self._choice != "auto":
            return self._framing(self._choice, told=True)
        if not self.margin:
            return self._framing(own)
        if mask.all():
            return self._framing(own, told=True)
        points = points or self.points(picture, mask)
        if points is not None and points.sure:
            return self._framing(points.name, told=True)
        if not self._prior.has_encoder:
            seen_scores = scores()
            found = {name: seen_scores.get(margin, -math.inf) for name, margin in self._margins.items()}
            name = max(found, key=lambda each: found[each])
            seen = found[name] > -math.inf
            return self._framing(name if seen else "wide", told=True, doubtful=not seen)
        drawn = {name: self._drawn(picture, mask, share=self._share(name)) for name in self._margins}
        errors = {name: _error(picture, mask, each) for name, each in drawn.items()}
        if abs(errors["tight"] - errors["wide"]) >= CLEAR:
            return self._framing(min(errors, key=lambda each: errors[each]), told=True)
        hint = POINTS_WEIGHT * min(max(points.linear, -POINTS_MOST), POINTS_MOST) if points else 0.0
        for name, each in drawn.items():
            mirrored = self._drawn(picture[:, ::-1], mask[:, ::-1], share=self._share(name))[:, ::-1]
            errors[name] = _error(picture, mask, (each + mirrored) / 2.0) + (-hint if name == "tight" else hint)
        name = min(errors, key=lambda each: errors[each])
        return self._framing(name, told=True, doubtful=abs(errors["tight"] - errors["wide"]) < SURE)

    def _share(self, name: str) -> float:
        """Return a framing's side of the picture as a share of the model's frame."""
        return (1.0 + 2.0 * self._margins[name]) / (1.0 + 2.0 * self.margin)

    def _framing(self, name: str, *, told: bool = False, doubtful: bool = False) -> Framing:
        """Return a framing by its name; `told` where the manifest should have it."""
        other = "wide" if name == "tight" else "tight"
        note = (
            f"taken as a {name} aligned face, but too little of it is seen to be sure (--framing {other} if it is not)"
        )
        return Framing(name, self._share(name), {"framing": name} if told else {}, (note,) if doubtful else ())

    def _drawn(self, picture: Picture, mask: Mask, *, share: float) -> npt.NDArray[np.float32]:
        """Return the face that the latents alone draw, brought to the picture's own size: float32 (H, W, C)."""
        from completion.search.encoder_input import encoder_input
        from completion.search.observation import observe
        from dcgan.inference import CompletionNetwork, GeneratorNetwork

        placement = Placement.whole(picture.shape, self._prior.config.size, share=share)
        observation = observe(picture, mask, placement)
        asked = encoder_input(observation.target, observation.known)
        latents, _ = CompletionNetwork(self._prior, device=self._device)(asked[None])
        drawn = GeneratorNetwork(self._prior, device=self._device)(latents)[0]
        window = (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
        return placement.place(drawn, window, picture.shape)


def _error(picture: Picture, mask: Mask, drawn: npt.NDArray[np.float32]) -> float:
    """Return how far the known pixels are from a drawn face: a sum of two logarithms.

    These are of the mean absolute differences of the pixels and of their gradients, both of small pictures.
    """
    scale = min(1.0, COMPARED_SIDE_PX / max(picture.shape[:2]))
    sides = tuple(max(2, round(scale * side)) for side in picture.shape[1::-1])

    def small(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        return cv2.resize(values, sides, interpolation=cv2.INTER_AREA).reshape(sides[1], sides[0], -1)

    shares = small((~mask).astype(np.float32))  # of each small pixel that is known: (h, w, 1)
    known = shares[..., 0] > KNOWN_LEAST
    away = np.where(mask[..., None], np.float32(0.0), to_float(picture) - drawn)
    difference = small(away) / np.maximum(shares, KNOWN_LEAST)
    brightness = difference.mean(axis=2)
    along = (np.diff(brightness, axis=1)[:-1], np.diff(brightness, axis=0)[:, :-1])
    both = known[:-1, :-1] & known[1:, :-1] & known[:-1, 1:]
    parts = [np.abs(difference).mean(axis=2)[known], np.abs(np.stack(along))[:, both]]
    return sum(math.log(float(part.mean()) + 1e-6) if part.size else 0.0 for part in parts)

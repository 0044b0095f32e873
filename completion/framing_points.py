"""Tell tight from wide aligned faces by the points that BlazeFace finds in them, in ten milliseconds.

Two views must agree: a linear discriminant of the points (Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x), and
which of the two framings has them where those of faces are, by a normal distribution. `scripts/fit_framing.py` has
fitted both on training faces, whole and partly hidden; scripts/bench_framing.py measures how often they are right.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from completion.small import small_filled
from dcgan.faces.behind import PLACES
from dcgan.faces.blaze import BlazeFace, find_weights

__all__ = ["FITTED_MARGIN", "PointsFraming", "View", "face_points", "framing_by_points", "in_tight_square"]

#: The sides at which a picture is seen, and how much of its border is repeated around it: 128 in all.
VIEWS = ((128, 0), (102, 13), (84, 22), (72, 28))
LEAST_SCORE, SEEN_SCORE = 0.3, 0.5  # of a face that counts in a view, and of the surest one
CLEAR = 2.0, 3.0  # of the discriminant and of the logarithm of the ratio of likelihoods, from which on they decide
KNOWN_SHARE = 0.4  # of the picture that must be known for that
USUAL = 20.1  # squared distance from the usual places: the 99% quantile of chi-squared with 8 degrees of freedom
FITTED_MARGIN = 0.25

WEIGHTS = np.array([-61.16, -117.89, 9.88, 38.63, -61.66, -1.66, 94.38, 31.18])
BIAS = -5.83
MEAN = PLACES.ravel()
COVARIANCE = 1e-4 * np.array(
    [
        [18.08, -0.51, 8.78, 4.96, 5.21, -2.41, 4.67, -6.31],
        [-0.51, 14.18, -5.3, 7.25, -0.81, 10.03, 3.99, 6.39],
        [8.78, -5.3, 18.31, -2.47, 10.33, -2.17, 9.37, 3.82],
        [4.96, 7.25, -2.47, 14.92, -2.4, 6.51, -6.4, 2.31],
        [5.21, -0.81, 10.33, -2.4, 64.5, 2.83, 40.95, 2.14],
        [-2.41, 10.03, -2.17, 6.51, 2.83, 32.65, 3.78, 20.42],
        [4.67, 3.99, 9.37, -6.4, 40.95, 3.78, 34.41, 3.91],
        [-6.31, 6.39, 3.82, 2.31, 2.14, 20.42, 3.91, 21.79],
    ]
)

Points = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class PointsFraming:
    """What the points of a face say about an aligned picture.

    Attributes
    ----------
    linear : float
        The discriminant; above 0: tight. 0 where the two views contradict each other.
    sure : bool
        Whether it is right nearly always.
    fills : bool
        Whether the face is the only one and lies as those of aligned pictures do.
    """

    linear: float
    sure: bool
    fills: bool

    @property
    def name(self) -> str:
        """The framing, "tight" or "wide"."""
        return "tight" if self.linear > 0.0 else "wide"


def framing_by_points(
    picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], *, margin: float
) -> PointsFraming | None:
    """Return what the points of the surest face say; None where none is seen.

    Parameters
    ----------
    picture : uint8 array (H, W, 1 or 3)
    mask : bool array (H, W)
        True = missing; what it hides is not seen.
    margin : float
        Of wide pictures; the discriminant is that of a quarter.
    """
    found = face_points(picture, mask)
    best = max(found, key=lambda view: view.score, default=None)
    if best is None or best.score < SEEN_SCORE:
        return None
    weights = np.array([view.score - LEAST_SCORE for view in found])
    away = np.array([[_distance(view.points), _distance(in_tight_square(view.points, margin))] for view in found])
    linears = np.array([view.points.ravel() @ WEIGHTS + BIAS for view in found])
    linear = float(np.average(linears, weights=weights))
    ratios = (away[:, 1] - away[:, 0]) / 2.0 - 8.0 * math.log1p(2.0 * margin)
    ratio = float(np.average(ratios, weights=weights))
    agree = (linear > 0.0) == (ratio > 0.0)
    clear = agree and abs(linear) >= CLEAR[0] and abs(ratio) >= CLEAR[1]
    sure = clear and float(mask.mean()) <= 1.0 - KNOWN_SHARE
    usual = float(away[found.index(best)].min()) <= USUAL
    return PointsFraming(linear if agree else 0.0, sure, sure and usual and best.alone)


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """What is seen of an aligned picture.

    Attributes
    ----------
    score : float
        Of the surest face.
    points : float64 array (4, 2)
        Its eyes, nose and mouth, in sides of the picture's square, from its upper left corner.
    alone : bool
        Whether no other face is seen.
    """

    score: float
    points: Points
    alone: bool


def face_points(
    picture: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    *,
    views: Sequence[tuple[int, int]] = VIEWS,
    min_score: float = LEAST_SCORE,
) -> list[View]:
    """Return what BlazeFace sees of an aligned picture, in the views in which it sees a face; none without it."""
    side = max(side for side, _ in views)
    filled = small_filled(picture, mask, side=side, around=0) if find_weights() else None
    found = []
    for inner, around in views if filled is not None else ():
        seen = cv2.resize(filled, (inner, inner), interpolation=cv2.INTER_AREA)
        seen = cv2.copyMakeBorder(seen, around, around, around, around, cv2.BORDER_REPLICATE)
        faces = _detector().find(seen, min_score=min_score)
        if faces:
            alone = sum(face.score >= SEEN_SCORE for face in faces) <= 1
            found.append(View(faces[0].score, (faces[0].points[:4] + 0.5 - around) / inner, alone))
    return found


def in_tight_square(points: Points, margin: float) -> Points:
    """Return points in sides of the tight square, from those in sides of a picture with a margin."""
    return 0.5 + (points - 0.5) * (1.0 + 2.0 * margin)


def _distance(points: Points) -> float:
    """Return the squared Mahalanobis distance of points in the tight square from where those of faces are."""
    away = points.ravel() - MEAN
    return float(away @ np.linalg.solve(COVARIANCE, away))


@functools.cache
def _detector() -> BlazeFace:
    """Return the detector, loaded once."""
    return BlazeFace()

"""Take fine detail for a hole from the other half of the face: teeth, lashes, wrinkles and pores.

A model of 128 pixels draws nothing finer than its pixels, so in a larger face what it draws is soft. The photograph,
mirrored at the face's vertical axis, is laid over the hole and shifted locally until its coarse picture lies on what
the model has drawn. Its fine detail is added as far as the two coarse pictures agree once their brightness is set
aside: a feature that the model has not drawn there is not drawn a second time.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.holes import Window, hole_window
from dcgan.faces.alignment import compose_transforms, invert_transform
from dcgan.faces.placement import Placement
from dcgan.pictures.values import resize_picture

__all__ = ["mirror_detail"]

SIGMA = 0.7  # standard deviation of the Gaussian that separates fine from coarse detail, in the model's pixels
KNOWN_SIGMAS = 1.5  # distance from the hole, in such deviations, from which on fine detail is that of known pixels
WINDOW = 2.0  # standard deviation of the window in which coarse pictures are compared, in the model's pixels
OPPOSITE_MIN = 0.05  # share of the hole opposite to known pixels from which on it is worth the time
SEEN_MIN = 0.3  # known share of a window from which on it is compared
#: Grid on which shifts are looked for, in its pixels for one of the model's, and how far, in pixels of the grid.
SEARCHES = ((1.0, 6), (2.0, 2))
AGREEMENT_FINER = 2.0  # pixels, for one of the model's, of the grid on which the two pictures are compared
SHIFT_COST = 0.25  # of a shift by one of the model's pixels, in squared grey levels
SHIFT_SURE = 5.0  # disagreement, in grey levels, at which a shift counts half
SHIFT_SIGMA = 3.0  # standard deviation over which shifts are averaged, in the model's pixels
#: The weight is 1 / e where the coarse pictures differ by so many grey levels or by this share of their contrast, and
#: where their colours do. That is the lower contrast of the two: with the mirrored picture's own, and 14 levels, the
#: outlines of ears and collars were drawn a second time.
LEVELS, CONTRAST, COLOR = 6.0, 0.8, 20.0
GAIN = (0.6, 1.6)  # limits of the factor by which detail is adapted to the brightness of the hole

Array = npt.NDArray[np.float32]


def mirror_detail(
    filled: Array, known: npt.NDArray[np.bool_], placement: Placement, *, pixels_max: int = 4_000_000
) -> tuple[Array, Array] | None:
    """Return the fine detail of the mirrored face, and how far it agrees with the picture at each pixel.

    Parameters
    ----------
    filled : float32 array (H, W, C)
        The face's surroundings in grey levels, the hole filled with the enlarged picture of the model.
    known : bool array (H, W)
        False in the hole. Only known pixels are mirrored.
    placement : Placement
        Of the face in these surroundings; the middle of its frame is the face's axis.
    pixels_max : int, optional
        Pixels beyond which nothing is mirrored, which bounds the memory.

    Returns
    -------
    tuple of (float32 array (H, W, C), float32 array (H, W)), or None
        The detail in grey levels, of mean 0, and its weight in [0, 1]. None if hardly any missing pixel has a
        known one opposite, or if the picture is no finer than the model.
    """
    scale = placement.scale
    if scale <= 1.0 or known.size > pixels_max:
        return None
    sigma = SIGMA * scale
    depth = cv2.distanceTransform(known.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    source = (depth > KNOWN_SIGMAS * sigma).astype(np.float32)
    across = _reflection(placement)
    opposite = _reflect(source, across, known.shape)[~known]
    if not opposite.size or opposite.mean() < OPPOSITE_MIN:
        return None
    coarse = cv2.GaussianBlur(filled, (0, 0), sigma).reshape(filled.shape)
    x, y = _shifted(across, _shifts(coarse.mean(axis=2), (source, ~known), across, scale))

    def fetch(values: Array, method: int) -> Array:
        return cv2.remap(values, x, y, method, borderMode=cv2.BORDER_CONSTANT).reshape(values.shape)

    share = fetch(source, cv2.INTER_LINEAR)
    gain, weight = _agreement(coarse, fetch(coarse, cv2.INTER_LINEAR), share, scale=scale)
    return gain[..., None] * fetch(filled - coarse, cv2.INTER_CUBIC), weight * share


def _reflection(placement: Placement) -> npt.NDArray[np.float64]:
    """Return the affine map, float64 (2, 3), of each pixel to the one opposite."""
    flip = np.array([[-1.0, 0.0, placement.size - 1.0], [0.0, 1.0, 0.0]])
    return compose_transforms(invert_transform(placement.transform), compose_transforms(flip, placement.transform))


def _reflect(values: Array, across: npt.NDArray[np.float64], shape: tuple[int, int]) -> Array:
    """Return the mirrored picture on a grid of some shape, (h, w), on which `values`, of this shape, are."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values, across, shape[::-1], flags=flags, borderMode=cv2.BORDER_CONSTANT)


def _shifted(across: npt.NDArray[np.float64], shifts: Array) -> tuple[Array, Array]:
    """Return the places, x and y, that are opposite to each pixel shifted."""
    rows, columns = np.mgrid[: shifts.shape[0], : shifts.shape[1]].astype(np.float32)
    right, down = columns + shifts[..., 0], rows + shifts[..., 1]
    (a, b, x), (c, d, y) = across.astype(np.float32)
    return a * right + b * down + x, c * right + d * down + y


def _shifts(
    grey: Array, places: tuple[Array, npt.NDArray[np.bool_]], across: npt.NDArray[np.float64], scale: float
) -> Array:
    """Return, float32 (H, W, 2), how far in x and y the mirrored picture is to be read beside each pixel.

    `places` are those that are mirrored, and those of the hole, around which alone shifts are found.
    """
    height, width = grey.shape
    shifts = np.zeros((height, width, 2), np.float32)
    for finer, reach in SEARCHES:
        zoom = min(finer / scale, 1.0)
        shape = max(1, round(zoom * height)), max(1, round(zoom * width))
        steps = width / shape[1], height / shape[0]
        back = np.array([[steps[0], 0.0, (steps[0] - 1.0) / 2.0], [0.0, steps[1], (steps[1] - 1.0) / 2.0]])
        own = compose_transforms(invert_transform(back), compose_transforms(across, back))
        small, there, start = (
            cv2.resize(each, shape[::-1], interpolation=cv2.INTER_AREA) for each in (grey, places[0], shifts)
        )
        hole = cv2.resize(places[1].astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA) > 0.0
        window = hole_window(hole, reach=math.ceil(3.0 * SHIFT_SIGMA * scale * zoom))
        found = np.zeros((*shape, 2), np.float32)
        found[window] = _align(
            (small, _reflect(small, own, shape), _reflect(there, own, shape)),
            start[window] / np.array(steps, np.float32),
            window,
            reach=reach,
            finer=scale * zoom,
        )
        shifts = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR) * np.array(steps, np.float32)
    return shifts


def _align(pictures: tuple[Array, Array, Array], start: Array, window: Window, *, reach: int, finer: float) -> Array:
    """Return the smooth shifts at which a window of a picture is most like another one, looked for around `start`.

    `pictures` are the one that is kept, the one that is shifted and the share of it that is known; `finer` is the
    number of their pixels along one of the model's.
    """
    kept, moving, known = pictures
    rows, columns = np.mgrid[window].astype(np.float32)
    best, found = np.full(rows.shape, np.inf, np.float32), start.copy()
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            own = start + np.array([right, down], np.float32)
            x, y = columns + own[..., 0], rows + own[..., 1]
            moved, share = (cv2.remap(each, x, y, cv2.INTER_LINEAR) for each in (moving, known))
            cost, seen = _variance(kept[window] - moved, share, WINDOW * finer)
            cost += SHIFT_COST * (own**2).sum(axis=2) / finer**2
            better = (cost < best) & (seen >= SEEN_MIN)
            best[better], found[better] = cost[better], own[better]
    sure = 1.0 / (1.0 + best / np.float32(SHIFT_SURE**2)) + np.float32(1e-4)  # 1e-4 where nothing is known
    totals = cv2.GaussianBlur(sure, (0, 0), SHIFT_SIGMA * finer)
    return cv2.GaussianBlur(found * sure[..., None], (0, 0), SHIFT_SIGMA * finer) / totals[..., None]


def _variance(values: Array, share: Array, sigma: float) -> tuple[Array, Array]:
    """Return the variance of known values in a Gaussian window around each pixel, and their share of it."""
    sums = cv2.GaussianBlur(np.dstack([share, share * values, share * values**2]), (0, 0), sigma)
    totals = np.maximum(sums[..., 0], 1e-3)
    return np.maximum(sums[..., 2] / totals - (sums[..., 1] / totals) ** 2, 0.0), sums[..., 0]


def _agreement(coarse: Array, opposite: Array, share: Array, *, scale: float) -> tuple[Array, Array]:
    """Return the local brightness of a picture over another one's, and how far they agree, in [0, 1]; both (H, W)."""
    zoom = min(AGREEMENT_FINER / scale, 1.0)
    sigma, sides = WINDOW * zoom * scale, [max(1, round(zoom * side)) for side in share.shape]
    mine, other = (resize_picture(each, (sides[0], sides[1])) for each in (coarse, opposite))
    known = cv2.resize(share, sides[::-1], interpolation=cv2.INTER_AREA)
    first, second = mine.mean(axis=2), other.mean(axis=2)
    difference, seen = _variance(first - second, known, sigma)
    contrast = np.minimum(_variance(first, known, sigma)[0], _variance(second, known, sigma)[0])
    totals = np.maximum(seen, 1e-3)[..., None]
    means = [
        cv2.GaussianBlur(each * known[..., None], (0, 0), sigma).reshape(each.shape) / totals for each in (mine, other)
    ]
    gain = np.clip((means[0].mean(axis=2) + 8.0) / (means[1].mean(axis=2) + 8.0), *GAIN)
    color = ((means[0] - gain[..., None] * means[1]) ** 2).mean(axis=2)
    weight = np.exp(-difference / (LEVELS**2 + CONTRAST**2 * contrast) - color / COLOR**2)
    weight[seen < SEEN_MIN] = 0.0
    gain, weight = (cv2.resize(each, share.shape[::-1], interpolation=cv2.INTER_LINEAR) for each in (gain, weight))
    return gain, weight

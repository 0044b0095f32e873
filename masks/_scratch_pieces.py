"""Pieces of a picture that may be damage, lines and spots, each with what can be measured of it."""

import dataclasses
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["LINE_FEATURES", "SPOT_FEATURES", "Pieces", "find_pieces"]

ORIENTATIONS, BANDS = 24, 8
LINE_PX = 21  # of the oriented means
PROFILES = ((0, 2), (0, 3), (1, 5), (2, 7))  # half of a line's core, and how far from its middle its sides are seen
PAD_PX = 8
AROUND_PX, NEAR_PX = 41, 15  # windows in which other lines are counted
FLOOR = 6.0  # grey levels: less is no line at all
LEAST_RATIO = 0.7  # of a line's contrast to the mean contrast of lines around it
SIDELOBE = 0.35  # of a line's largest contrast: less beside it is its flank
BRIDGED_PX = 11
LINE_LEAST_PX, SPOT_LEAST_PX, SPOT_MOST_PX = 30, 4, 250  # areas
HAT_PX = 13

LINE_FEATURES = (
    *("length", "elongation", "thickness", "contrast", "contrast_spread", "apart", "apart_near", "around"),
    *("uneven", "beyond_ratio", "beyond", "chroma_more", "chroma_ratio", "picture_chroma", "steadiness"),
    *("scale", "scale_spread", "polarity"),
)
SPOT_FEATURES = (
    *("length", "elongation", "area", "contrast", "contrast_spread", "apart", "apart_near", "around"),
    *("roughness", "beyond_ratio", "beyond", "chroma_more", "chroma_ratio", "picture_chroma", "steadiness"),
    *("line_contrast", "fullness", "polarity"),
)

Grey = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Connected sets of pixels that may be damage; they may overlap.

    Attributes
    ----------
    pixels : int array (M,)
        Flat indices of pixels.
    owners : int array (M,)
        The piece that each of them belongs to, 0 to N - 1.
    features : float64 array (N, F)
        `LINE_FEATURES` or `SPOT_FEATURES` of each piece.
    """

    pixels: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]
    features: Values

    @classmethod
    def joined(cls, parts: list["Pieces"], *, features: int) -> "Pieces":
        """Return the pieces of several lists as one."""
        starts = np.cumsum([0, *(len(part.features) for part in parts)])
        empty = np.zeros(0, np.int64)
        return cls(
            np.concatenate([empty, *(part.pixels for part in parts)]),
            np.concatenate([empty, *(part.owners + start for part, start in zip(parts, starts, strict=False))]),
            np.concatenate([np.zeros((0, features)), *(part.features for part in parts)]),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Maps:
    """What is known of each pixel; where there are two, the first is of bright lines and the second of dark ones."""

    grey: Grey
    contrast: Grey  # (2, H, W) of the best oriented profile
    orientation: npt.NDArray[np.uint8]  # (2, H, W) its index
    uneven: Grey  # (2, H, W) difference of its two sides
    scale: npt.NDArray[np.uint8]  # (2, H, W) its index in PROFILES
    around: Grey  # mean contrast of lines in a wide window
    near: Grey  # and in a narrow one
    beyond: Grey  # (2, H, W) how much brighter, or darker, than all that is broad nearby
    chroma: Grey
    chroma_near: Grey
    picture_chroma: float  # how colourful the picture is


def find_pieces(picture: npt.NDArray[np.uint8]) -> tuple[Pieces, Pieces]:
    """Return the lines and the spots of a picture of at most about a megapixel, uint8 (H, W, 3)."""
    maps = _measure(picture)
    lines = [piece for polarity in range(2) for piece in _lines(maps, polarity)]
    spots = [piece for polarity in range(2) for piece in _spots(maps, polarity)]
    return Pieces.joined(lines, features=len(LINE_FEATURES)), Pieces.joined(spots, features=len(SPOT_FEATURES))


def _measure(picture: npt.NDArray[np.uint8]) -> _Maps:
    """Return the maps of a picture."""
    grey = picture.mean(axis=2, dtype=np.float32)
    chroma = picture.max(axis=2) - picture.min(axis=2)
    contrast, orientation, uneven, scale = _filter(grey)
    strongest = cv2.max(contrast[0], contrast[1])
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    window = np.ones((21, 21), np.uint8)
    highest = cv2.dilate(cv2.morphologyEx(grey, cv2.MORPH_OPEN, disc), window)
    lowest = cv2.erode(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, disc), window)
    return _Maps(
        grey,
        contrast,
        orientation,
        uneven,
        scale,
        around=cv2.blur(strongest, (AROUND_PX, AROUND_PX)),
        near=cv2.blur(strongest, (NEAR_PX, NEAR_PX)),
        beyond=np.stack([grey - highest, lowest - grey]),
        chroma=chroma.astype(np.float32),
        chroma_near=cv2.medianBlur(chroma, 15).astype(np.float32),
        picture_chroma=math.log1p(float(np.percentile(chroma, 90))),
    )


def _filter(grey: Grey) -> tuple[Grey, npt.NDArray[np.uint8], Grey, npt.NDArray[np.uint8]]:
    """Return contrast, orientation, unevenness and scale of the best oriented profile at each pixel."""
    height, width = grey.shape
    contrast, uneven = np.zeros((2, height, width), np.float32), np.zeros((2, height, width), np.float32)
    orientation, scale = np.zeros((2, height, width), np.uint8), np.zeros((2, height, width), np.uint8)
    for index in range(ORIENTATIONS):
        angle = math.pi * index / ORIENTATIONS
        along = cv2.filter2D(grey, -1, _line_kernel(angle, LINE_PX), borderType=cv2.BORDER_REFLECT_101)
        padded = cv2.copyMakeBorder(along, PAD_PX, PAD_PX, PAD_PX, PAD_PX, cv2.BORDER_REFLECT_101)
        shifted = {}
        for offset in range(-PROFILES[-1][1], PROFILES[-1][1] + 1):
            row, column = PAD_PX + round(offset * math.cos(angle)), PAD_PX - round(offset * math.sin(angle))
            shifted[offset] = padded[row : row + height, column : column + width]
        for number, (core, side) in enumerate(PROFILES):
            middle = along if core == 0 else sum(shifted[at] for at in range(-core, core + 1)) / (2 * core + 1)
            high, low = cv2.max(shifted[side], shifted[-side]), cv2.min(shifted[side], shifted[-side])
            for polarity, found in enumerate((middle - high, low - middle)):
                better = found > contrast[polarity]
                np.copyto(contrast[polarity], found, where=better)
                np.copyto(orientation[polarity], index, where=better)
                np.copyto(uneven[polarity], high - low, where=better)
                np.copyto(scale[polarity], number, where=better)
    return contrast, orientation, uneven, scale


def _line_kernel(angle: float, length: int) -> Grey:
    """Return the mean along a line of one pixel's width."""
    half = length // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    along = columns * math.cos(angle) + rows * math.sin(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle)
    kernel = np.clip(1.0 - np.abs(across), 0, None) * (np.abs(along) <= half + 0.25)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _lines(maps: _Maps, polarity: int) -> list[Pieces]:
    """Return the lines of one polarity, band of orientations by band; a curved line is a piece in each of its bands."""
    contrast = maps.contrast[polarity]
    least = cv2.max(LEAST_RATIO * (FLOOR + maps.around), FLOOR)
    least = cv2.max(least, SIDELOBE * cv2.dilate(contrast, np.ones((9, 9), np.uint8)))
    candidates = (contrast > least) & (
        cv2.dilate(_hat(maps.grey, polarity), np.ones((3, 3), np.uint8)) > 0.3 * contrast
    )
    step = ORIENTATIONS // BANDS
    bits = np.zeros(ORIENTATIONS, np.uint8)
    for band in range(BANDS):
        for index in range(band * step - 1, (band + 1) * step + 1):
            bits[index % ORIENTATIONS] |= 1 << band
    bands = np.where(candidates, bits[maps.orientation[polarity]], 0).astype(np.uint8)
    found = []
    for band in range(BANDS):
        angle = math.pi * (band * step + (step - 1) / 2) / ORIENTATIONS
        bridge = (_line_kernel(angle, BRIDGED_PX) > 0.03).astype(np.uint8)
        closed = cv2.morphologyEx(((bands >> band) & 1).astype(np.uint8), cv2.MORPH_CLOSE, bridge)
        pixels, owners = _components(closed, least=LINE_LEAST_PX)
        if pixels.size:
            found.append(Pieces(pixels, owners, _line_features(maps, polarity, pixels, owners)))
    return found


def _hat(grey: Grey, polarity: int) -> Grey:
    """Return how much brighter, or darker, a pixel is than what is broad around it."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (HAT_PX, HAT_PX))
    return np.asarray(cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT if polarity else cv2.MORPH_TOPHAT, disc))


def _spots(maps: _Maps, polarity: int) -> list[Pieces]:
    """Return small blots of one polarity: what a top-hat leaves."""
    hat = _hat(maps.grey, polarity)
    candidates = (hat > 2 * FLOOR) & (hat > 2 * cv2.blur(hat, (AROUND_PX, AROUND_PX)))
    pixels, owners = _components(candidates.astype(np.uint8), least=SPOT_LEAST_PX, most=SPOT_MOST_PX)
    if not pixels.size:
        return []
    return [Pieces(pixels, owners, _spot_features(maps, polarity, hat, pixels, owners))]


def _components(
    mask: npt.NDArray[np.uint8], *, least: int, most: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return flat indices and owners of the pixels of components whose area is in the range."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= least
    kept &= areas <= (most or areas.max())
    kept[0] = False
    pixels = np.flatnonzero(mask)
    of_pixels = labels.ravel()[pixels]
    inside = kept[of_pixels]
    return pixels[inside], (np.cumsum(kept) - 1)[of_pixels[inside]]


class _Means:
    """Means over the pieces of values at their pixels."""

    def __init__(self, pixels: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> None:
        self.pixels, self.owners = pixels, owners
        self.areas = np.bincount(owners).astype(np.float64)

    def take(self, values: npt.NDArray[Any]) -> Values:
        """Return a map's values at the pixels."""
        return values.ravel()[self.pixels].astype(np.float64)

    def mean(self, values: Values) -> Values:
        """Return the mean of each piece."""
        return np.bincount(self.owners, values) / self.areas

    def spread(self, values: Values) -> Values:
        """Return the standard deviation of each piece."""
        return np.sqrt(np.maximum(self.mean(values**2) - self.mean(values) ** 2, 0.0))

    def axes(self, width: int) -> tuple[Values, Values]:
        """Return length and width of the bar that has a piece's second moments, in pixels."""
        y, x = (values.astype(np.float64) for values in np.divmod(self.pixels, width))
        xx, yy = self.spread(x) ** 2, self.spread(y) ** 2
        xy = self.mean(x * y) - self.mean(x) * self.mean(y)
        half = np.hypot((xx - yy) / 2, xy)
        long, short = (np.sqrt(12 * np.maximum((xx + yy) / 2 + sign * half, 1 / 12)) for sign in (1, -1))
        return long, short


def _common(maps: _Maps, polarity: int, means: _Means, contrast: Values) -> list[Values]:
    """Return the features that lines and spots share, from `apart` to `steadiness` without the one in their middle."""
    level = means.mean(contrast)
    around, near = means.mean(means.take(maps.around)), means.mean(means.take(maps.near))
    beyond = means.mean(means.take(maps.beyond[polarity]))
    grey, chroma, chroma_near = means.take(maps.grey), means.take(maps.chroma), means.take(maps.chroma_near)
    background = grey + contrast if polarity else grey - contrast
    return [
        np.log(level / (around + 1)),
        np.log(level / (near + 1)),
        np.log1p(around),
        beyond / (level + 10),
        beyond / 50,
        means.mean(chroma - chroma_near) / 20,
        np.log1p(means.mean(chroma)) - np.log1p(means.mean(chroma_near)),
        np.full(len(level), maps.picture_chroma),
        np.log((means.spread(grey) + 3) / (means.spread(background) + 3)),
    ]


def _line_features(maps: _Maps, polarity: int, pixels: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]) -> Values:
    """Return `LINE_FEATURES` of each piece."""
    means = _Means(pixels, owners)
    length, width = means.axes(maps.grey.shape[1])
    contrast = means.take(maps.contrast[polarity])
    level, scale = means.mean(contrast), means.take(maps.scale[polarity])
    apart, apart_near, around, *others = _common(maps, polarity, means, contrast)
    features = [
        *(np.log(length), np.log(width / length), np.log(means.areas / length), np.log(level)),
        *(means.spread(contrast) / level, apart, apart_near, around),
        *(means.mean(means.take(maps.uneven[polarity])) / level, *others),
        *(means.mean(scale), means.spread(scale), np.full(len(level), float(polarity))),
    ]
    return np.stack(features, axis=1)


def _spot_features(
    maps: _Maps, polarity: int, hat: Grey, pixels: npt.NDArray[np.int64], owners: npt.NDArray[np.int64]
) -> Values:
    """Return `SPOT_FEATURES` of each piece."""
    means = _Means(pixels, owners)
    length, width = means.axes(maps.grey.shape[1])
    contrast = means.take(hat)
    level = means.mean(contrast)
    apart, apart_near, around, *others = _common(maps, polarity, means, contrast)
    smooth = cv2.medianBlur(maps.grey.astype(np.uint8), HAT_PX)
    rough = cv2.blur(np.abs(maps.grey - smooth), (AROUND_PX, AROUND_PX))
    features = [
        *(np.log(length), np.log(width / length), np.log(means.areas), np.log(level)),
        *(means.spread(contrast) / level, apart, apart_near, around),
        *(np.log(level / (1 + means.mean(means.take(rough)))), *others),
        np.log1p(means.mean(means.take(maps.contrast[polarity]))),
        *(means.areas / (length * width), np.full(len(level), float(polarity))),
    ]
    return np.stack(features, axis=1)

"""Masks of irregular shape: brush strokes, and the thin, medium and thick masks of LaMa.

Published lengths are in pixels of a 256 x 256 picture. Here they are multiplied by sqrt(height * width) / 256, so that
the hole's share does not depend on the size of the picture. A picture of more than one pixel keeps some pixels and
loses some; a picture of one pixel loses it.
"""

import dataclasses
import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from masks._checks import Seed, Shape, check_shape
from masks._random import make_generator

__all__ = ["medium_mask", "strokes_mask", "thick_mask", "thin_mask"]

REFERENCE_PX = 256
DRAWS = 25  # how often a mask is drawn at most, until the size of its hole is in the range


def strokes_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide one to three strokes of a brush that zigzags across the picture.

    The strokes are those of Yu et al. 2019, with the parameters of public ports of their program. A stroke has 4 to 11
    segments and one width, 12 to 40 px in a 256 x 256 picture. Segment lengths are normally distributed: the mean is
    the picture's diagonal / 8, the standard deviation is half the mean, and lengths are clipped to [0, 2 * mean]. The
    segments deviate from the course of the stroke by 48 to 96 degrees, alternately to one side and to the other.

    Two things differ from the original. The course is a random direction; theirs runs along the x axis of the picture,
    and the result is flipped at random. A mask that hides less than 5% or more than 50% is drawn again, up to 25 draws
    in all. About three masks in four hide 10% to 35%.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of the random choices, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    References
    ----------
    J. Yu, Z. Lin, J. Yang, X. Shen, X. Lu and T. Huang, "Free-form image inpainting with gated convolution", ICCV 2019,
    arXiv:1806.03589

    Examples
    --------
    >>> mask = strokes_mask((64, 64), seed=1)
    >>> bool(0.05 <= mask.mean() <= 0.5)
    True
    """
    return _draw_within(_draw_strokes, check_shape(shape), seed=seed, hole_range=(0.05, 0.5))


def thin_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide many narrow chains of segments: 4 to 50 chains, 5 to 15 px wide in a 256 x 256 picture.

    These are the "thin" test masks of Suvorov et al. 2022 for 256 x 256 pictures. A chain has 1 to 5 segments, 10 to
    50 px long; every segment has its own width. As in their configuration, a mask that hides more than half of the
    picture is drawn again, up to 25 draws in all.

    Two things differ from the original. A mask that hides less than 2% is drawn again as well. Directions are real
    numbers from 0 to 4 radians, mirrored for every other chain; the released program draws whole numbers of radians.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of the random choices, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.

    References
    ----------
    R. Suvorov et al., "Resolution-robust large mask inpainting with Fourier convolutions", WACV 2022, arXiv:2109.07161
    """
    return _lama_mask(THIN, shape, seed=seed)


def medium_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide 4 or 5 chains of segments, 5 to 55 px wide in a 256 x 256 picture, or some boxes.

    These are the "medium" test masks of Suvorov et al. 2022 for 256 x 256 pictures. Segments are 10 to 110 px long. In
    3 of 13 masks, 1 to 5 boxes with sides of 10 to 50 px replace the chains. The rest is as in `thin_mask`, which has
    the reference.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of the random choices, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    return _lama_mask(MEDIUM, shape, seed=seed)


def thick_mask(shape: Shape, *, seed: Seed = 0) -> npt.NDArray[np.bool_]:
    """Hide 1 to 5 chains of segments, 5 to 105 px wide in a 256 x 256 picture, or some boxes.

    These are the "thick" test masks of Suvorov et al. 2022 for 256 x 256 pictures. Segments are 10 to 210 px long. In
    3 of 13 masks, 1 to 3 boxes with sides of 30 to 150 px, at least 10 px from the picture's edge, replace the chains.
    The rest is as in `thin_mask`, which has the reference.

    Parameters
    ----------
    shape : sequence of int
        (height, width) of the picture.
    seed : int or sequence of int, default 0
        Seed of the random choices, at least 0.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The mask, True = missing.
    """
    return _lama_mask(THICK, shape, seed=seed)


@dataclasses.dataclass(frozen=True)
class _Chains:
    """Parameters of LaMa's masks; counts include both ends, lengths are in pixels of a 256 x 256 picture."""

    chains: tuple[int, int]
    width_px: tuple[float, float]
    length_px: tuple[float, float]
    boxes: tuple[int, int] = (0, 0)
    side_px: tuple[float, float] = (0, 0)
    margin_px: float = 0
    box_probability: float = 0.0
    segments: tuple[int, int] = (1, 5)
    max_angle: float = 4.0  # radians
    hole_range: tuple[float, float] = (0.02, 0.5)


# The released program weighs chains with 1 and boxes with 0.3, and draws one of the two kinds for each mask.
BOX_PROBABILITY = 0.3 / 1.3
THIN = _Chains(chains=(4, 50), width_px=(5, 15), length_px=(10, 50))
MEDIUM = _Chains(
    chains=(4, 5),
    width_px=(5, 55),
    length_px=(10, 110),
    boxes=(1, 5),
    side_px=(10, 50),
    box_probability=BOX_PROBABILITY,
)
THICK = _Chains(
    chains=(1, 5),
    width_px=(5, 105),
    length_px=(10, 210),
    boxes=(1, 3),
    side_px=(30, 150),
    margin_px=10,
    box_probability=BOX_PROBABILITY,
)

_Draw = Callable[[tuple[int, int], np.random.Generator], npt.NDArray[np.bool_]]


def _draw_within(
    draw: _Draw, shape: tuple[int, int], *, seed: Seed, hole_range: tuple[float, float]
) -> npt.NDArray[np.bool_]:
    """Draw until the hole's share of the picture lies in `hole_range`, at most `DRAWS` times; never hide everything."""
    rng = make_generator(seed)
    lowest, highest = hole_range
    for _ in range(DRAWS):
        mask = draw(shape, rng)
        if lowest <= mask.mean() <= highest:
            return mask
    if mask.size > 1 and mask.all():  # a picture of a few pixels, which any stroke covers
        mask.flat[rng.integers(mask.size)] = False
    return mask


def _draw_strokes(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw one to three zigzag strokes."""
    canvas = np.zeros(shape, np.uint8)
    mean_length = math.hypot(*shape) / 8
    for _ in range(rng.integers(1, 3, endpoint=True)):
        segments = int(rng.integers(4, 11, endpoint=True))
        spread = math.radians(24)
        turns = math.radians(72) + rng.uniform(-rng.uniform(0, spread), rng.uniform(0, spread), segments)
        turns[::2] *= -1
        lengths = np.clip(rng.normal(mean_length, mean_length / 2, segments), 0, 2 * mean_length)
        widths = np.full(segments, rng.uniform(12, 40) * _unit(shape))
        headings = rng.uniform(0, 2 * math.pi) + turns
        _draw_chain(canvas, rng, headings=headings, lengths=lengths, widths=widths)
    return canvas.astype(bool)


def _lama_mask(style: _Chains, shape: Shape, *, seed: Seed) -> npt.NDArray[np.bool_]:
    """Draw one of LaMa's masks."""

    def draw(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        kind = _draw_boxes if rng.random() < style.box_probability else _draw_chains
        return kind(style, shape, rng)

    return _draw_within(draw, check_shape(shape), seed=seed, hole_range=style.hole_range)


def _draw_chains(style: _Chains, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw chains of segments; every segment has its own direction, length and width."""
    canvas = np.zeros(shape, np.uint8)
    for chain in range(rng.integers(*style.chains, endpoint=True)):
        segments = int(rng.integers(*style.segments, endpoint=True))
        headings = rng.uniform(0, style.max_angle, segments) * (-1 if chain % 2 == 0 else 1)
        lengths = rng.uniform(*style.length_px, segments) * _unit(shape)
        widths = rng.uniform(*style.width_px, segments) * _unit(shape)
        _draw_chain(canvas, rng, headings=headings, lengths=lengths, widths=widths)
    return canvas.astype(bool)


def _draw_boxes(style: _Chains, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw boxes at a distance from the picture's edge, made smaller where they do not fit."""
    mask = np.zeros(shape, bool)
    for _ in range(rng.integers(*style.boxes, endpoint=True)):
        box = []
        for side in shape:
            margin = min(round(style.margin_px * _unit(shape)), (side - 1) // 2)
            length = round(rng.uniform(*style.side_px) * _unit(shape))
            length = min(max(length, 1), side - 2 * margin)
            start = int(rng.integers(margin, side - margin - length, endpoint=True))
            box.append(slice(start, start + length))
        mask[tuple(box)] = True
    return mask


def _draw_chain(
    canvas: npt.NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    headings: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.float64],
    widths: npt.NDArray[np.float64],
) -> None:
    """Draw segments end to end from a random pixel, with round joints; their ends stay inside the picture."""
    height, width = canvas.shape
    x, y = float(rng.integers(width)), float(rng.integers(height))
    for heading, length, brush in zip(headings, lengths, widths, strict=True):
        start = (round(x), round(y))
        x = min(max(x + length * math.sin(heading), 0.0), width - 1.0)
        y = min(max(y + length * math.cos(heading), 0.0), height - 1.0)
        cv2.line(canvas, start, (round(x), round(y)), 1, thickness=max(1, round(brush)))


def _unit(shape: tuple[int, int]) -> float:
    """Return the length in this picture of one pixel of a 256 x 256 picture."""
    return math.sqrt(shape[0] * shape[1]) / REFERENCE_PX

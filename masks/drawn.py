"""What a mask that somebody drew means: which of its values, colours or transparent pixels are missing.

Nothing here opens a file. The mask is reduced to one plane, 0 (known) to 255 (missing) in steps of its own range; the
plane then has two values, or two values with soft edges, or it is no mask.
"""

import dataclasses
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from masks._checks import check_integer
from masks.color import format_color
from masks._levels import FEW_VALUES, LABEL_MIN, Plane, levelled, own_range
from masks.operations import dilate

__all__ = ["DrawnMask", "read_drawn_mask"]

Pixels = npt.NDArray[Any]

# Measured on holes, lines and strokes saved as JPEG and WebP of qualities 60 to 95: farther than 2 px from the edge,
# not one pixel in a thousand differs from black or white by more than 32.
NOISE = 32
TAIL = 3  # of a soft edge without noise: below, the mask's colour has less than 2% of the pixel
BETWEEN_MAX = 0.4  # share of the pixels of a mask that are neither black nor white
FLAT_MAX = 0.5  # share of those in areas of one value: a soft edge of 15 px has 0.25, a third label 0.9
# Share of the pixels in between that are local extrema of the means of 2x2 pixels: of soft edges and JPEG masks of
# quality 60 at most 0.003, of photographs at least 0.014. Below TEXTURED_MIN in between, all may be noise.
TEXTURE_MAX, TEXTURED_MIN = 0.007, 0.03
NOISY_MAXIMA = 0.005  # share of the dark pixels that are local maxima: none on a soft edge, 1 in 20 in a JPEG
NOISY_COLORS = 0.001  # share of the pixels off the line between the two colours
GREY_SPREAD = 24  # between the channels of a pixel that counts as grey
# Of a channel in a JPEG with colours, whose chroma is stored at half the size: of thin strokes in any colour, 1.5% of
# the pixels are farther than 64 from the line between the two colours, and 0.02% farther than 112; of photographs 6%.
COLOR_NOISE, OTHER_COLOR = 64, 112
DARK, BRIGHT = 48, 207  # of all channels of what counts as black, as white
OPAQUE_MIN = 250
SAMPLE_SIDE = 1024  # of the pixels by which the colour of a mask is estimated
TURN = "--invert-mask takes it the other way round"
THRESHOLD = "--mask-threshold says from which brightness on it is missing"
LABELS = f"; draw in white what is missing and the rest in black, or {THRESHOLD}"
PAINTED = (
    "; if the photograph itself is painted or cut out, complete it with --mask-color or --mask-from-alpha; of a mask "
    f"{THRESHOLD}"
)
LABELLED_MIN = 0.9  # share of the pixels of a picture of labels that have one; the others are soft edges
COLORS_SHOWN = 6  # in a message
SOFT = "its mask has soft edges, which count as missing, with 1 px more; --mask-threshold 128 takes half of them"


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnMask:
    """A mask that was drawn, as it was read.

    Attributes
    ----------
    mask : ndarray of bool, shape (H, W)
        True = missing.
    notes : tuple of str
        What was guessed, a clause each.
    """

    mask: npt.NDArray[np.bool_]
    notes: tuple[str, ...] = ()


def read_drawn_mask(
    picture: Pixels,
    *,
    invert: bool = False,
    threshold: int | None = None,
    labels: npt.NDArray[np.uint8] | None = None,
) -> DrawnMask:
    """Read a drawn mask, whatever its values, colours and transparency.

    An alpha channel that is not constant is the mask: what is drawn on a transparent ground is missing, and what is cut
    out of a photograph or of a black ground. Of two grey values the brighter is missing; of two colours the one that is
    not black, or not white; of two others the one that is not label 0, or else the one with fewer pixels. Where edges
    are soft, or the mask was saved as JPEG, the rim between the two counts as missing, and one pixel more.

    Parameters
    ----------
    picture : ndarray of uint8 or uint16, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        The drawn mask; the fourth channel is alpha.
    invert : bool, default False
        Swap missing and known. The rim of a soft edge is missing in both cases.
    threshold : int, optional
        1 to 255: the value from which on a pixel is missing, where 0 is the mask's darkest and 255 its brightest (of an
        alpha channel, its opacity, or its transparency where that is missing). Then no rim is added, and a mask of many
        values is accepted.
    labels : ndarray of uint8, shape (H, W), optional
        The index of each pixel in the palette of its file, where that has one.

    Returns
    -------
    DrawnMask
        The mask, of the same height and width, and what was guessed.

    Raises
    ------
    TypeError
        `picture` is neither uint8 nor uint16.
    ValueError
        `picture` has another shape, or it is no mask: more than two values that are no soft edges, or many colours.

    Examples
    --------
    >>> read_drawn_mask(np.array([[0, 0, 1]], np.uint8)).mask.tolist()
    [[False, False, True]]
    """
    colors, alpha = _parts(picture)
    drawn = (
        _drawn_colors(colors, strict=threshold is None, labels=labels) if alpha is None else _drawn_alpha(colors, alpha)
    )
    if alpha is None and threshold is None:  # of alpha, what is half opaque is drawn and what is half clear is cut out
        _check_two_values(drawn.plane)
    mask = missing_of_plane(drawn.plane, invert=invert, threshold=threshold, noisy=drawn.noisy)
    soft = () if threshold is not None or is_hard(drawn.plane) else (SOFT,)
    return DrawnMask(mask, (*drawn.notes, *soft))


def missing_of_plane(
    plane: Plane, *, invert: bool = False, threshold: int | None = None, noisy: bool = False
) -> npt.NDArray[np.bool_]:
    """Return what is missing of a plane, its soft edges included.

    Parameters
    ----------
    plane : ndarray of uint8, shape (H, W)
        0 = known, 255 = missing; of the values between, both values and the noise of a lossy file can be told.
    invert : bool, default False
        Swap missing and known.
    threshold : int, optional
        1 to 255: the value from which on a pixel is missing, and no rim is added.
    noisy : bool, default False
        Whether the plane is known to have such noise. By default, it is found by its many small maxima.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The mask, True = missing.
    """
    if threshold is not None:
        missing: npt.NDArray[np.bool_] = plane >= check_integer("threshold", threshold, minimum=1, maximum=255)
        return ~missing if invert else missing
    plane = 255 - plane if invert else plane
    if is_hard(plane):
        return np.asarray(plane > int(plane.min()) // 2 + int(plane.max()) // 2, bool)
    return dilate(plane >= (NOISE if noisy or _is_noisy(plane) else TAIL), 1)


@dataclasses.dataclass(frozen=True, eq=False)
class _Drawn:
    """What a mask shows: a plane, what was guessed about it, and whether its colours have a lossy file's noise."""

    plane: Plane
    notes: tuple[str, ...] = ()
    noisy: bool = False


def _parts(picture: Any) -> tuple[Pixels, Plane | None]:
    """Return the colours, (H, W) where they are grey or else (H, W, 3), and alpha where it is not constant."""
    array = np.asarray(picture)
    if array.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"Expected `picture` of dtype uint8 or uint16. Received: dtype={array.dtype}")
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"Expected `picture` of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). Received: {array.shape}"
        )
    if array.ndim == 2 or array.shape[2] == 1:
        return array.reshape(array.shape[:2]), None
    alpha = None
    if array.shape[2] == 4:
        opacity = array[..., 3]
        opaque = OPAQUE_MIN * (257 if array.dtype == np.uint16 else 1)
        if opacity.max() == 0 or (opacity.min() != opacity.max() and opacity.min() < opaque):
            alpha = own_range(opacity)
    colors = array[..., :3]
    if (colors[..., 0] == colors[..., 1]).all() and (colors[..., 0] == colors[..., 2]).all():
        return colors[..., 0], alpha
    if colors.dtype == np.uint16:
        colors = (colors >> 8).astype(np.uint8)
    spread = _most(colors) - _least(colors)
    if (spread > GREY_SPREAD).mean() < 0.005:
        return np.rint(colors.mean(axis=2)).astype(np.uint8), alpha
    return colors, alpha


def _drawn_alpha(colors: Pixels, alpha: Plane) -> _Drawn:
    """Read a mask with transparent pixels: what is drawn, or what is cut out."""
    if not alpha.any():
        return _Drawn(alpha)
    under = colors[alpha >= OPAQUE_MIN]  # (N,) or (N, 3)
    middle = np.median(under, axis=0)
    away = np.abs(under - middle)
    scale = 257 if colors.dtype == np.uint16 else 1
    if ((away if away.ndim == 1 else away.max(axis=1)) <= GREY_SPREAD * scale).mean() > 0.98:
        if np.max(middle) > DARK * scale:
            return _Drawn(alpha)
        if under.shape[0] * 2 > alpha.size:
            note = f"its mask is black with transparent holes, which were taken as missing; {TURN}"
            return _Drawn(255 - alpha, (note,))
        return _Drawn(alpha, (f"what its mask has in black on a clear ground was taken as missing; {TURN}",))
    if under.ndim == 1:
        grey = own_range(colors)
        ends = grey[alpha >= OPAQUE_MIN]
        if ((ends <= NOISE) | (ends >= 255 - NOISE)).mean() > 0.95:
            plane = np.rint(grey.astype(np.float32) * alpha / 255).astype(np.uint8)
            return _Drawn(plane, (f"its mask is black, white and clear: white was taken as missing; {TURN}",))
    return _Drawn(255 - alpha, (f"its mask is a picture with transparent holes, which were taken as missing; {TURN}",))


def _drawn_colors(colors: Pixels, *, strict: bool, labels: Plane | None) -> _Drawn:
    """Read an opaque mask; where it need not be one of two colours, by its brightness."""
    if colors.ndim == 2:
        plane = own_range(colors)
        return _Drawn(levelled(plane) if strict else plane, _grey_notes(colors))
    drawn = _drawn_pair(colors, labels) or _drawn_on_ground(colors)
    if drawn is not None:
        return drawn
    if strict:
        raise ValueError(f"Expected a mask of two colours. Received: {_describe_colors(colors)}")
    return _Drawn(own_range(np.rint(colors.mean(axis=2)).astype(np.uint8)))


def _describe_colors(colors: Pixels) -> str:
    """Return what a mask of more than two colours is, and what to do about it."""
    packed = colors.reshape(-1, 3).astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    values, counts = np.unique(packed, return_counts=True)
    labels = counts >= LABEL_MIN * packed.size if values.size > FEW_VALUES else counts > 0  # the others: soft edges
    if labels.sum() > FEW_VALUES or counts[labels].sum() < LABELLED_MIN * packed.size:
        return f"a picture of many colours{PAINTED}"
    often = values[labels][np.argsort(-counts[labels], kind="stable")].tolist()
    names = [format_color((value >> 16, value >> 8 & 255, value & 255)) for value in often[:COLORS_SHOWN]]
    more = [f"{len(often) - len(names)} more"] if len(often) > len(names) else []
    return f"{len(often)} colours ({', '.join(names + more)}){LABELS}"


def _grey_notes(values: Pixels) -> tuple[str, ...]:
    """Return a note where a mask of two grey values has neither black nor white."""
    low, high = int(values.min()), int(values.max())
    if low == high or low == 0 or high == np.iinfo(values.dtype).max or ((values != low) & (values != high)).any():
        return ()
    return (f"its mask has the values {low} and {high}: {high} was taken as missing; {TURN}",)


def _drawn_pair(colors: Pixels, labels: Plane | None) -> _Drawn | None:
    """Read a mask of exactly two colours that are not both grey; None where there are more."""
    first = colors[0, 0]
    other = _most(colors != first)
    second = colors.reshape(-1, 3)[other.argmax()]
    if (_least(colors == second) != other).any():
        return None
    sides = ((first, second, other), (second, first, ~other))
    for ground, _, missing in sides:
        if ground.max() <= DARK:
            return _Drawn(_as_plane(missing))
    for ground, color, missing in sides:
        if ground.min() >= BRIGHT:
            return _Drawn(_as_plane(missing), (_on_white(color),))
    if labels is not None and not labels.all() and labels.any():
        color = colors[labels != 0][0]
        return _Drawn(
            _as_plane(labels != 0), (f"{format_color(color)}, not label 0, was taken as missing in its mask; {TURN}",)
        )
    ground, color, missing = sides[0] if other.mean() <= 0.5 else sides[1]
    names = f"{format_color(color)} and {format_color(ground)}"
    note = f"its mask is {names}: the former, with fewer pixels, was taken as missing; {TURN}"
    return _Drawn(_as_plane(missing), (note,))


def _drawn_on_ground(colors: Pixels) -> _Drawn | None:
    """Read a mask in one colour on black or white with soft edges or noise; None where there are more colours."""
    black, white = _most(colors) <= DARK, _least(colors) >= BRIGHT
    on_white = bool(white.mean() > black.mean())
    if (white if on_white else black).mean() < 0.02:
        return None
    ground = 255 if on_white else 0
    away = np.subtract(colors, ground, dtype=np.float32)  # (H, W, 3)
    few = away[:: 1 + away.shape[0] // SAMPLE_SIDE, :: 1 + away.shape[1] // SAMPLE_SIDE].reshape(-1, 3)
    far = few[np.abs(few).max(axis=1) > 2 * COLOR_NOISE]
    if not far.size:
        return None
    color = np.median(far, axis=0)
    share = (away.reshape(-1, 3) @ (color / (color @ color))).reshape(
        away.shape[:2]
    )  # 0 on the ground, 1 in the colour
    rest = np.zeros_like(share)
    for channel in range(3):
        np.maximum(rest, np.abs(away[..., channel] - share * color[channel]), out=rest)
    if (rest > COLOR_NOISE).mean() > 0.02 or (rest > OTHER_COLOR).mean() > 0.001:
        return None
    plane = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
    notes = (_on_white(ground + color),) if on_white else ()
    return _Drawn(plane, notes, noisy=bool((rest > TAIL).mean() > NOISY_COLORS))


def _check_two_values(plane: Plane) -> None:
    """Raise ValueError unless a plane has two values, with soft edges or a little noise."""
    if is_hard(plane):
        return
    between = (plane > NOISE) & (plane < 255 - NOISE)
    share, count = float(between.mean()), max(int(between.sum()), 1)
    square = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(plane, square) - cv2.erode(plane, square)
    values = np.unique(plane).size
    if values <= FEW_VALUES:  # labels may be nearly black or nearly white
        has_labels = ((spread == 0) & (plane > TAIL) & (plane < 255 - TAIL)).mean() > LABEL_MIN
    else:
        has_labels = share > LABEL_MIN and ((spread <= 4) & between).sum() > FLAT_MAX * count
    smooth, ring = cv2.blur(plane, (2, 2)), _ring()
    extrema = between & ((smooth > cv2.dilate(smooth, ring)) | (smooth < cv2.erode(smooth, ring)))
    has_texture = share > TEXTURED_MIN and extrema.sum() > TEXTURE_MAX * count
    if has_labels or has_texture or share > BETWEEN_MAX:
        few, picture = f"{values} values{LABELS}", f"a picture, {share:.0%} of it neither dark nor bright{PAINTED}"
        raise ValueError(f"Expected a mask of two values. Received: {few if values <= FEW_VALUES else picture}")


def is_hard(plane: Plane) -> bool:
    """Tell whether a plane, (H, W) uint8, has at most two values."""
    return bool(((plane == plane.min()) | (plane == plane.max())).all())


def _is_noisy(plane: Plane) -> bool:
    """Tell whether the dark side of a plane has a lossy file's noise: many small maxima; a soft edge has none."""
    dark = (plane > 0) & (plane < NOISE)
    count = int(dark.sum())
    return count > 0 and int((dark & (plane > cv2.dilate(plane, _ring()))).sum()) > NOISY_MAXIMA * count


def _ring() -> Plane:
    """Return the eight neighbours of a pixel as a kernel."""
    ring = np.ones((3, 3), np.uint8)
    ring[1, 1] = 0
    return ring


def _most(colors: Pixels) -> Pixels:
    """Return the greatest channel of each pixel; of bools, whether any is true. Faster than a reduction of three."""
    return np.maximum(np.maximum(colors[..., 0], colors[..., 1]), colors[..., 2])


def _least(colors: Pixels) -> Pixels:
    """Return the least channel of each pixel; of bools, whether all are true."""
    return np.minimum(np.minimum(colors[..., 0], colors[..., 1]), colors[..., 2])


def _as_plane(missing: npt.NDArray[np.bool_]) -> Plane:
    """Return a mask as a plane."""
    return missing.astype(np.uint8) * np.uint8(255)


def _on_white(color: Pixels) -> str:
    """Return the note of a mask in one colour on white."""
    return f"{format_color(color)} on white was taken as missing in its mask; {TURN}"

"""Find out whether a picture is an aligned face, or a photograph with faces somewhere in it.

An aligned face fills its picture as the model's frame has it: its landmarks lie where OpenFace's template has them.
This is looked for at a small size with the hole filled in, in some milliseconds. Only a picture that no face fills is
searched like a photograph. How often the answer is right: scripts/bench_mode.py and docs/photographs.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from completion.small import small_filled
from dcgan.errors import NoFaceError
from dcgan.faces.alignment import compose_transforms, invert_transform, transform_points
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import FaceLocator, LocatedFace
from dcgan.faces.placement import Placement
from dcgan.pictures.values import resize_picture
from masks import MaskSpec

__all__ = [
    "FAINTLY_SEEN",
    "HIDDEN_TOLD",
    "NONE_SEEN",
    "check_named",
    "faint_scores",
    "filling_scores",
    "fills_picture",
    "is_filled",
    "is_part",
    "is_small",
    "is_square",
    "lies_as_framed",
]

#: A square picture of at most so many times the model's side, in which no face is seen, is taken as an aligned face.
SMALL_SIDES = 4
SQUARE = 0.05  # largest difference of the sides of a square picture, as a share of the longer one
SEEN_SIDE_PX, AROUND_PX = 104, 32  # a tight square is looked at with this side, and so much repeated around it
LEAST_SCORE = -1.0  # of a face that is looked for: where it must lie is known, so that little is enough
#: The sides, and the least score, with which a picture that would be refused is looked at once more.
FAINT_SIDES_PX, FAINT_SCORE = (80, 104, 144), -1.4
#: Largest mean distance of the corners of a face's frame from those of the picture, in sides. Of 200 aligned faces with
#: the middle hidden the 99% quantile is 0.14; of 162 that are cut out with a margin of a quarter the least is 0.18.
FRAMED = 0.16
#: Largest side of the frame of a face that is a part of a square picture, in sides of it.
PART_SIDES = 0.72

#: Hidden share of a picture up to which a face that is not seen is worth a note.
HIDDEN_TOLD = 0.35
NONE_SEEN = "no face is seen in it; it was completed as an aligned face (--faces takes it as a photograph)"
FAINTLY_SEEN = (
    "a face is faintly seen in it, as aligned faces have it; it was completed as one (--faces takes it as a photograph)"
)
NOT_FILLED = (
    "no face is seen in it; it was completed as an aligned face, which named masks are for (for a photograph: "
    "--mask-file, --mask-dir or --mask-color)"
)
#: A square picture of more than so many times the model's side, in which no face is seen, is no aligned face unless
#: the user chose the mask or says so.
LARGE_SIDES = 8
SURE_SCORE = 0.5  # of a face that shows that a picture is a photograph
SEARCHED_PIXELS = 1_000_000  # of a picture in which it is looked for
PHOTOGRAPH_ADVICE = (
    "for a photograph give --mask-file, --mask-dir or --mask-color; --aligned takes it as an aligned face"
)

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def is_small(shape: tuple[int, ...], size: int) -> bool:
    """Tell whether a picture of the shape (height, width, ...) is as square and small as aligned faces mostly are.

    Examples
    --------
    >>> is_small((128, 128, 3), 64), is_small((128, 160, 3), 64), is_small((512, 512, 3), 64)
    (True, False, False)
    """
    return max(shape[:2]) <= SMALL_SIDES * size and is_square(shape)


def is_square(shape: tuple[int, ...]) -> bool:
    """Tell whether a picture of the shape (height, width, ...) is square but for a few pixels."""
    longer, shorter = max(shape[:2]), min(shape[:2])
    return longer - shorter <= SQUARE * longer


def lies_as_framed(placement: Placement, shape: tuple[int, ...]) -> bool:
    """Tell whether a face's frame is the whole picture of the shape (height, width, ...), as that of an aligned face.

    Examples
    --------
    >>> lies_as_framed(Placement.whole((128, 128), 64), (128, 128))
    True
    >>> lies_as_framed(Placement(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 64), (128, 128))
    False
    """
    near, far = -0.5, placement.size - 0.5
    corners = [(near, near), (far, near), (near, far), (far, far)]
    whole = Placement.whole(shape, placement.size)
    moved = transform_points(whole.transform, transform_points(invert_transform(placement.transform), corners))
    return bool(np.linalg.norm(moved - corners, axis=1).mean() <= FRAMED * placement.size)


def is_part(face: LocatedFace, shape: tuple[int, ...], *, small: bool, margin: float = 0.0) -> bool:
    """Tell whether a face is a part of a picture of the shape (height, width, ...), as faces of photographs are.

    A face that nearly fills a square picture is that of an aligned one, and in a small one only a sure face counts.
    `margin` is that of the face's frame.
    """
    if small and face.source == "guessed":
        return False
    tight_side_px = face.placement.side_px / (1.0 + 2.0 * margin)
    return not is_square(shape) or tight_side_px <= PART_SIDES * max(shape[:2])


def fills_picture(picture: Picture, mask: Mask, detector: FaceDetector, *, margins: Sequence[float] = (0.0,)) -> bool:
    """Tell whether a face fills a picture as one of some frames has it; see `filling_scores`."""
    return is_filled(filling_scores(picture, mask, detector, margins=margins))


def is_filled(scores: Mapping[float, float]) -> bool:
    """Tell whether `filling_scores` has found a face."""
    return max(scores.values(), default=-math.inf) > -math.inf


def filling_scores(
    picture: Picture, mask: Mask, detector: FaceDetector, *, margins: Sequence[float] = (0.0,)
) -> dict[float, float]:
    """Return, for each margin of a frame, the score of the surest face that fills a picture as this frame has it.

    Parameters
    ----------
    picture : uint8 array (H, W, 1 or 3)
    mask : bool array (H, W)
        True = missing; some pixel must be known. What it hides is not seen.
    detector : FaceDetector
    margins : sequence of float, default (0,)

    Returns
    -------
    dict of float to float
        Minus infinity where no face does. With a margin none fills a picture that is not square: a portrait may show a
        face like that.
    """
    return {
        margin: _filling_score(picture, mask, detector, side=SEEN_SIDE_PX, least=LEAST_SCORE, margin=margin)
        if is_square(picture.shape) or not margin
        else -math.inf
        for margin in margins
    }


def faint_scores(
    picture: Picture, mask: Mask, detector: FaceDetector, *, margins: Sequence[float] = (0.0,)
) -> dict[float, float]:
    """Return what `filling_scores` does, for a square picture of which so much is hidden that no face is seen else."""
    if not is_square(picture.shape):
        return dict.fromkeys(margins, -math.inf)
    return {
        margin: max(
            _filling_score(picture, mask, detector, side=side, least=FAINT_SCORE, margin=margin)
            for side in FAINT_SIDES_PX
        )
        for margin in margins
    }


def _filling_score(
    picture: Picture, mask: Mask, detector: FaceDetector, *, side: int, least: float, margin: float
) -> float:
    """Return the score of the surest face, of at least `least`, that fills a picture; minus infinity where none does.

    The tight square of a picture with this margin is looked at with the given side.
    """
    side = round(side * (1.0 + 2.0 * margin))
    seen = small_filled(picture, mask, side=side, around=AROUND_PX)
    if seen is None:
        return -math.inf
    best, locator = -math.inf, FaceLocator(side, detector, margin=margin)
    inside = np.array([[1.0, 0.0, AROUND_PX], [0.0, 1.0, AROUND_PX]])  # from the picture's square to what is seen
    for face in detector.detect(seen, min_score=least, upsample=0):
        try:
            placement = locator.place_landmarks(face.landmarks)
        except NoFaceError:
            continue
        placement = Placement(compose_transforms(placement.transform, inside), side)
        if lies_as_framed(placement, (side, side)):
            best = max(best, face.score)
    return best


def check_named(
    picture: Picture,
    size: int,
    detector: Callable[[], FaceDetector],
    *,
    chosen: bool,
    margins: Sequence[float] = (0.0,),
) -> tuple[str, ...]:
    """Check that a picture may be an aligned face, which named masks are for, and return what is in doubt.

    Such a mask hides nothing of the user's, so the whole picture is looked at. Only what is evidently a photograph is
    refused: a picture that no face fills and that is not square, or has a sure face as a part of it.

    Parameters
    ----------
    picture : uint8 array (H, W, 1 or 3)
    size : int
        Side of the model's frame in pixels.
    detector : callable
        Returns the detector; called only where it is needed, which it is not for pictures as small as aligned faces.
    chosen : bool
        Whether the user chose the mask; where it is the default, a large picture without a face is refused as well.
    margins : sequence of float, default (0,)
        See `filling_scores`.

    Returns
    -------
    tuple of str
        Notes.

    Raises
    ------
    NoFaceError
        The picture is no aligned face.
    """
    if is_small(picture.shape, size):
        return ()
    whole = np.zeros(picture.shape[:2], np.bool_)
    if fills_picture(picture, whole, detector(), margins=margins):
        return ()
    height, width = picture.shape[:2]
    found = f"a picture of {width:,}x{height:,} pixels that no face fills"
    if is_square(picture.shape):
        box = _find_part(picture, size, detector())
        if box is None and (chosen or max(height, width) <= LARGE_SIDES * size):
            return (NOT_FILLED,)
        found = f"a photograph with a face at {','.join(map(str, box))}" if box else found
    mask = "a named mask" if chosen else f"the mask {MaskSpec().name}, as none was given"
    raise NoFaceError(f"expected an aligned face for {mask}, found {found}; {PHOTOGRAPH_ADVICE}")


def _find_part(picture: Picture, size: int, detector: FaceDetector) -> tuple[int, ...] | None:
    """Return the box of a sure face that is a part of a square picture; None where there is none."""
    scale = min(1.0, math.sqrt(SEARCHED_PIXELS / (picture.shape[0] * picture.shape[1])))
    sides = max(1, round(scale * picture.shape[0])), max(1, round(scale * picture.shape[1]))
    seen = np.repeat(resize_picture(picture, sides) if scale < 1.0 else picture, 3 // picture.shape[2], axis=2)
    locator = FaceLocator(size, detector)
    for face in detector.detect(seen, min_score=SURE_SCORE):
        try:
            placement = locator.place_landmarks(face.landmarks)
        except NoFaceError:
            continue
        if is_part(LocatedFace(placement, "detected", face.box, face.score), seen.shape, small=False):
            return tuple(round(side / scale) for side in face.box)
    return None

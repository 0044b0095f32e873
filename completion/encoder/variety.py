"""What users bring, for the encoder's training: misplaced faces, unknown surroundings, and the look of old pictures."""

import dataclasses
import math

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Sample", "hide_surroundings", "misplace", "wear"]

SHIFT_MAX = 0.08  # of the frame's side
TURN_MAX = 12.0  # degrees
ZOOM_MAX = 1.25
STRIP_MAX = 0.4  # of the frame's side, unknown at a photograph's border
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A picture for training, before a mask hides a part of it.

    Attributes
    ----------
    truth : uint8 array (H, W, C)
        What an answer is compared with.
    seen : uint8 array (H, W, C)
        What is given at known pixels: the truth, or the truth with noise and compression.
    inside : bool array (H, W)
        False where neither is known.
    """

    truth: Picture
    seen: Picture
    inside: Mask

    @classmethod
    def whole(cls, picture: Picture) -> "Sample":
        """Return a picture of which everything is known."""
        return cls(picture, picture, np.ones(picture.shape[:2], np.bool_))


def misplace(picture: Picture, rng: np.random.Generator, *, scale: float = 1.0, moved: bool = True) -> Sample:
    """Move, turn and zoom a picture at random, as a face is misplaced whose landmarks were guessed.

    Parameters
    ----------
    picture : uint8 array (size, size, C)
    rng : numpy.random.Generator
    scale : float, default 1
        Enlarges the picture about its middle in any case; below 1, it ends inside the frame.
    moved : bool, default True
        False: `scale` alone.

    Returns
    -------
    Sample
        Shifted by up to 8% of the side along each axis, turned by up to 12 degrees, zoomed by 0.8 to 1.25.

    Examples
    --------
    >>> picture = np.full((8, 8, 3), 200, np.uint8)
    >>> misplace(picture, np.random.default_rng(0), scale=0.5, moved=False).inside.sum()
    np.int64(16)
    """
    size = picture.shape[0]
    middle = (size - 1) / 2.0
    shift, turn = np.zeros(2), 0.0
    if moved:
        scale *= math.exp(rng.uniform(-1.0, 1.0) * math.log(ZOOM_MAX))
        turn = rng.uniform(-TURN_MAX, TURN_MAX)
        shift = rng.uniform(-SHIFT_MAX, SHIFT_MAX, 2) * size
    there = cv2.getRotationMatrix2D((middle, middle), turn, scale)
    there[:, 2] += shift
    warped = cv2.warpAffine(picture, there, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ones = np.ones((size, size), np.float32)
    inside = cv2.warpAffine(ones, there, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT) > 0.0
    warped = warped.reshape(picture.shape)
    return Sample(warped, warped, inside)


def hide_surroundings(inside: Mask, rng: np.random.Generator, *, tight: float) -> Mask:
    """Return the known part of a frame of which the surroundings are unknown.

    Parameters
    ----------
    inside : bool array (size, size)
        What is known before.
    rng : numpy.random.Generator
    tight : float
        Side of the tight square in the frame's middle, as a share of the frame's side; 1 where the frame is tight.

    Returns
    -------
    bool array (size, size)
        What lies in the tight square, or what lies on one side of a photograph's border.
    """
    size = inside.shape[0]
    kept = np.zeros_like(inside)
    if tight < 1.0 and rng.random() < 0.6:
        edge = round((1.0 - tight) / 2.0 * size)
        kept[edge : size - edge, edge : size - edge] = True
    else:
        kept[:] = True
        width = round(rng.uniform(0.05, STRIP_MAX) * size)
        np.rot90(kept, int(rng.integers(4)))[:width] = False  # a view: changes `kept`
    return inside & kept


def wear(sample: Sample, rng: np.random.Generator) -> Sample:
    """Give a picture the look of an old or a poor one.

    Tone, fading and blur are in the truth as well, so that an answer takes them on. Noise and JPEG's blocks are in what
    is seen alone.

    Parameters
    ----------
    sample : Sample
    rng : numpy.random.Generator

    Returns
    -------
    Sample
        At random: grey or toned, faded, blurred; noisy, compressed by JPEG.
    """
    values: npt.NDArray[np.float32] = sample.truth.astype(np.float32)
    if values.shape[2] == 3 and rng.random() < 0.45:
        values = _toned(values, rng)
    if rng.random() < 0.35:
        low, high = rng.uniform(0.0, 70.0), rng.uniform(170.0, 255.0)
        cast = np.asarray(rng.uniform(0.92, 1.0, values.shape[2]), np.float32)
        values = np.asarray((low + values * ((high - low) / 255.0)) * cast, np.float32)
    if rng.random() < 0.3:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.6)), np.float32).reshape(values.shape)
    truth = _to_uint8(values)
    if rng.random() < 0.4:
        values = values + _noise(values.shape, rng)
    seen = _to_uint8(values)
    if rng.random() < 0.35:
        seen = _compressed(seen, quality=int(rng.integers(15, 75)))
    return Sample(truth, seen, sample.inside)


def _toned(values: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a colour picture in grey, or along a curve from black to white through a colour."""
    grey = (values @ LUMINANCE / 255.0)[..., None]
    if rng.random() < 0.5:
        return np.repeat(255.0 * grey, 3, axis=2)
    strength = rng.uniform(0.1, 0.6)
    powers = np.array([1.0 - 0.6 * strength, 1.0, 1.0 + strength], np.float32)  # red above, blue below: sepia
    if rng.random() < 0.2:
        powers = powers[rng.permutation(3)]
    return np.asarray(255.0 * grey**powers, np.float32)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return noise, in grey levels: in all channels the same or not, fine or coarse."""
    channels = 1 if rng.random() < 0.5 else shape[2]
    noise = rng.standard_normal((*shape[:2], channels), np.float32)
    if rng.random() < 0.5:
        noise = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.4, 1.0)).reshape(noise.shape)
    return np.asarray(noise * (rng.uniform(2.0, 20.0) / max(float(noise.std()), 1e-6)), np.float32)


def _compressed(picture: Picture, *, quality: int) -> Picture:
    """Return a picture as JPEG gives it back."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    flag = cv2.IMREAD_GRAYSCALE if picture.shape[2] == 1 else cv2.IMREAD_COLOR
    return np.asarray(cv2.imdecode(data, flag), np.uint8).reshape(picture.shape)


def _to_uint8(values: npt.NDArray[np.float32]) -> Picture:
    """Return values in [0, 255], rounded."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

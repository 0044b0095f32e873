"""Pictures of one tone: grey, sepia or any other toning, where the colour is a function of the brightness.

What is filled into such a picture must have its tone. A scan is never exact: its channels differ by noise, and JPEG
stores its colour at half the resolution. So the known pixels are averaged over a coarse grid, on which noise cancels
and the features of a coloured face (lips, skin, eyes) do not, and a cubic curve is fitted to the differences between
the channels and the brightness.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.pictures.values import is_grey

__all__ = ["GREY", "SKIN_TONE", "Tone", "find_tone"]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601, as in JPEG
DEGREE = 3  # of the curve
GRID = 8  # cells along a side
SIDE_MAX_PX = 512  # longer pictures are sampled at every n-th pixel
KNOWN_SHARE_MIN = 0.1  # of a cell that counts
CELLS_MIN = 12  # that count: three times as many as the curve has coefficients
RANGE_MIN = 16.0  # grey levels between dark and bright cells, without which there is no curve
#: Residual, in grey levels, that 9 of 10 cells of a toned picture stay below. A low contrast lowers the colours of a
#: coloured face too, so the tolerance grows with the range of brightness up to its maximum. docs/benchmarks.md has the
#: residuals of 500 faces.
TOLERANCE, TOLERANCE_PER_RANGE, TOLERANCE_MAX = 0.8, 0.025, 3.2
GREY_MAX = 1.5  # differences to the brightness, in grey levels, of a curve that is grey
ROUNDS = 4  # of the robust fit
ROUNDING = 0.3  # residuals below this, in grey levels, are those of whole numbers

Values = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Tone:
    """The colour of a picture as a function of its brightness.

    Attributes
    ----------
    curve : float64 array (4, 3)
        Coefficients of a cubic: powers of the brightness, in [-1, 1], to what each channel has more than it.
    low, high : float
        Known range of the brightness, in [-1, 1]; beyond it the differences stay as they are at its ends.
    """

    curve: npt.NDArray[np.float64]
    low: float = -1.0
    high: float = 1.0

    @property
    def name(self) -> str:
        """Return "grey" or "toned"."""
        return "toned" if self.curve.any() else "grey"

    def brightness(self, colors: Values) -> Values:
        """Return the brightness, (..., 1), of colours (..., 3) in any linear range."""
        return (colors @ LUMA)[..., None]

    def colors(self, brightness: Values) -> Values:
        """Return colours, (..., 3) in [-1, 1], of a brightness (..., 1) in [-1, 1]."""
        within = np.clip(brightness, self.low, self.high)
        more = np.zeros((*brightness.shape[:-1], 3), np.float32)
        for coefficients in self.curve[::-1]:  # Horner's rule
            more = more * within + coefficients.astype(np.float32)
        return brightness + more


GREY = Tone(np.zeros((DEGREE + 1, 3)))
#: Brown, which a model of coloured faces completes best: on 125 faces the hole PSNR of the brightness is 0.2 dB better
#: than in grey, and 1.2 dB better than in the blue of a cyanotype.
SKIN_TONE = Tone(np.array([[14.0, -1.7, -28.0], [0.0] * 3, [0.0] * 3, [0.0] * 3]) / 127.5)


def find_tone(picture: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_]) -> Tone | None:
    """Return the tone of a picture's known pixels, or None where they are coloured or too few to tell.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
        A picture of one channel has no tone: there is nothing to keep together.
    known : bool array (H, W)

    Examples
    --------
    >>> ramp = np.arange(0, 256, 2, dtype=np.uint8).repeat(128).reshape(128, 128, 1)
    >>> every = np.ones((128, 128), bool)
    >>> find_tone(ramp.repeat(3, axis=2), every).name
    'grey'
    >>> brown = find_tone(np.concatenate([ramp, ramp // 2, ramp // 4], axis=2), every)
    >>> brown.name, np.rint(brown.colors(np.float32([[-0.5]])) * 100).tolist()
    ('toned', [[-19.0, -60.0, -80.0]])
    """
    if picture.shape[-1] != 3 or not known.any():
        return None
    if is_grey(picture, known):
        return GREY
    step = -(-max(known.shape) // SIDE_MAX_PX)
    picture, known = picture[::step, ::step], known[::step, ::step]
    brightness = picture.astype(np.float32) @ LUMA
    powers, more = _cell_means(picture, known, brightness)
    low, high = np.quantile(powers[:, 1], [0.05, 0.95]) if len(powers) >= CELLS_MIN else (0.0, 0.0)
    span = (high - low) * 127.5
    if span < RANGE_MIN:
        return None
    curve, residual = _fit(powers, more)
    if np.quantile(residual, 0.9) > min(TOLERANCE + TOLERANCE_PER_RANGE * span, TOLERANCE_MAX):
        return None
    if np.abs(powers @ curve).max() < GREY_MAX:
        return GREY
    values = brightness[known] / 127.5 - 1.0
    return Tone(curve / 127.5, float(values.min()), float(values.max()))


def _cell_means(
    picture: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_], brightness: Values
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the means of the known pixels of N cells: powers of the brightness, (N, 4), and colours less it, (N, 3).

    Powers are of the brightness in [-1, 1], the rest is in grey levels. Means of powers are not powers of means: only
    with these does a curve of the pixels hold for the cells.
    """
    grid = (min(GRID, known.shape[1]), min(GRID, known.shape[0]))  # width first, as OpenCV expects
    weight = known.astype(np.float32)
    scaled = brightness / np.float32(127.5) - np.float32(1.0)
    planes = [weight * scaled**power for power in range(DEGREE + 1)]
    planes += [weight * (picture[..., channel] - brightness) for channel in range(3)]
    means = np.stack([cv2.resize(plane, grid, interpolation=cv2.INTER_AREA).ravel() for plane in planes], axis=1)
    means = means[means[:, 0] > KNOWN_SHARE_MIN].astype(np.float64)
    means /= means[:, :1]
    return means[:, : DEGREE + 1], means[:, DEGREE + 1 :]


def _fit(
    powers: npt.NDArray[np.float64], more: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the curve of most cells, (4, 3), and each cell's distance from it, (N,): least squares, reweighted."""
    weights = np.ones((len(powers), 1))
    for _ in range(ROUNDS):
        curve = np.linalg.lstsq(weights * powers, weights * more, rcond=None)[0].astype(np.float64)
        residual = np.sqrt(((more - powers @ curve) ** 2).sum(axis=1))
        scale = 3.0 * (np.median(residual) + ROUNDING)
        weights = 1.0 / np.sqrt(1.0 + (residual / scale) ** 2)[:, None]  # of Cauchy
    return curve, residual

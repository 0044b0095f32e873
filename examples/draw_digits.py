"""Draw digits: pictures of another kind than faces, to train on where no dataset is at hand.

python examples/draw_digits.py digits.npy --count 20000
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)
SIDE = 28
CANVAS = 112  # drawn four times as large, and reduced


def draw_digits(count: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Draw digits in several fonts, strengths, sizes and slants.

    Parameters
    ----------
    count : int
        Number of pictures; the digits 0 to 9 take turns.
    seed : int, default 0
        Of fonts, strengths and places.

    Returns
    -------
    uint8 array (count, 28, 28)
        White on black, as MNIST's digits are.

    Examples
    --------
    >>> digits = draw_digits(10)
    >>> digits.shape, int(digits.min()), bool(digits.max() > 200)
    ((10, 28, 28), 0, True)
    """
    rng = np.random.default_rng(seed)
    return np.stack([_draw(str(index % 10), rng) for index in range(count)])


def _draw(digit: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return one digit, (28, 28)."""
    font, strength = FONTS[rng.integers(len(FONTS))], int(rng.integers(8, 15))
    (width, height), _ = cv2.getTextSize(digit, font, 3.0, strength)
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    corner = ((CANVAS - width) // 2, (CANVAS + height) // 2)
    cv2.putText(canvas, digit, corner, font, 3.0, 255, strength, cv2.LINE_AA)
    place = cv2.getRotationMatrix2D((CANVAS / 2, CANVAS / 2), rng.uniform(-12, 12), rng.uniform(0.85, 1.1))
    slant = rng.uniform(-0.25, 0.25)
    place[0] += slant * place[1]
    place[:, 2] += [rng.uniform(-4, 4) - slant * CANVAS / 2, rng.uniform(-4, 4)]
    canvas = cv2.warpAffine(canvas, place, (CANVAS, CANVAS), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Write an array of digits, or with a folder's name a PNG for each."""
    parser = argparse.ArgumentParser(description="Draw digits, white on black, 28 pixels.")
    parser.add_argument("output", type=Path, help="an .npy file, or a folder for PNG files")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    digits = draw_digits(options.count, seed=options.seed)
    if options.output.suffix == ".npy":
        np.save(options.output, digits)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    for number, digit in enumerate(digits):
        cv2.imwrite(str(options.output / f"{number:05d}.png"), digit)


if __name__ == "__main__":
    main()

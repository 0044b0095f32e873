"""The fine texture of a completed photograph: detail of the face's other half where it agrees, grain elsewhere."""

import cv2
import numpy as np

from completion.composition import Composer
from dcgan.faces.locate import LocatedFace
from dcgan.faces.placement import Placement

SIDE, SCALE, SIZE = 200, 4.0, 40
FACE = LocatedFace(Placement(np.array([[0.25, 0.0, -5.375], [0.0, 0.25, -5.375]]), SIZE), "landmarks")


def make_picture():
    """Return a photograph of two equal halves, its mask, and what the model draws: its coarse picture."""
    noise = np.random.default_rng(0).normal(size=(SIDE, SIDE // 2, 3)).astype(np.float32)
    shapes, lines = (cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (12.0, 1.0))
    half = 128 + 25 * shapes / shapes.std() + 8 * lines / lines.std()
    picture = np.rint(np.clip(np.concatenate([half, half[:, ::-1]], axis=1), 0, 255)).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[60:130, 40:85] = True
    generated, _ = FACE.placement.view(picture, np.zeros_like(mask))
    return picture, mask, generated[None]


def error(result, picture, mask):
    return float(np.sqrt(((result.astype(float) - picture)[mask] ** 2).mean()))


def test_it_is_that_of_the_other_half_where_this_agrees():
    """Grain alone makes the error larger, the other half's detail makes it smaller."""
    picture, mask, generated = make_picture()
    plain = Composer(grain=False).compose(picture, mask, [FACE], generated=generated)
    detailed = Composer().compose(picture, mask, [FACE], generated=generated)
    assert error(detailed, picture, mask) < 0.8 * error(plain, picture, mask)


def test_it_is_grain_where_nothing_opposite_is_known():
    picture, mask, generated = make_picture()
    both = mask | mask[:, ::-1]
    results = [Composer(seed=seed).compose(picture, both, [FACE], generated=generated) for seed in (0, 1)]
    assert (results[0] != results[1])[both].mean() > 0.5


def test_what_the_mask_hides_is_not_read():
    picture, mask, generated = make_picture()
    other = np.where(mask[..., None], 255 - picture, picture)
    one, two = (Composer().compose(each, mask, [FACE], generated=generated) for each in (picture, other))
    assert np.array_equal(one, two)
    assert np.array_equal(Composer().compose(other, mask, [FACE], generated=generated, in_place=True), one)

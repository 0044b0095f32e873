import cv2
import numpy as np
import pytest

from completion.blending.mirror import mirror_detail
from dcgan.faces.placement import Placement

SIDE, SCALE, SIZE = 192, 4.0, 48
PLACEMENT = Placement(np.array([[1 / SCALE, 0.0, 0.5 / SCALE - 0.5], [0.0, 1 / SCALE, 0.5 / SCALE - 0.5]]), SIZE)


def make_half(seed=0):
    """Return the left half of a face: shapes that the model draws, and detail that is finer than its pixels."""
    noise = np.random.default_rng(seed).normal(size=(SIDE, SIDE // 2, 3)).astype(np.float32)
    shapes, lines = (cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (12.0, 1.0))
    return np.clip(128 + 25 * shapes / shapes.std() + 8 * lines / lines.std(), 0, 255).astype(np.float32)


def make_face(moved=0):
    """Return a face of two equal halves; the right one is moved to the right by some pixels."""
    half = make_half()
    return np.concatenate([half, np.roll(half[:, ::-1], moved, axis=1)], axis=1)


def hide(face, rows=slice(40, 150), columns=slice(20, 80)):
    """Return the face with only its coarse picture in a hole, and what is known."""
    known = np.ones(face.shape[:2], bool)
    known[rows, columns] = False
    coarse = cv2.GaussianBlur(face, (0, 0), 0.7 * SCALE)
    return np.where(known[..., None], face, coarse.reshape(face.shape)), known


def error(filled, face, known):
    inner = cv2.erode((~known).astype(np.uint8), np.ones((17, 17))) > 0
    return float(np.sqrt(((filled - face)[inner] ** 2).mean()))


@pytest.mark.parametrize("moved", [0, 8])
def test_the_detail_of_the_other_half_is_found(moved):
    """Also where it lies two of the model's pixels from where it should."""
    face = make_face(moved)
    filled, known = hide(face)
    detail, weight = mirror_detail(filled, known, PLACEMENT)
    assert detail.shape == face.shape
    assert weight.shape == known.shape
    assert weight.min() >= 0.0
    assert weight.max() <= 1.0
    completed = filled + weight[..., None] * detail
    assert error(completed, face, known) < 0.6 * error(filled, face, known)


def test_what_is_not_drawn_is_not_drawn_a_second_time():
    """The other half has a dark bar, the hole has none."""
    face = np.full((SIDE, SIDE, 3), 150.0, np.float32)
    face[80:100, 110:160] = 30.0
    known = np.ones((SIDE, SIDE), bool)
    known[40:150, 20:90] = False
    detail, weight = mirror_detail(face, known, PLACEMENT)
    assert np.abs(weight[..., None] * detail)[~known].max() < 3.0
    assert np.abs(detail)[~known].max() > 20.0


def test_another_colour_does_not_agree():
    face = make_face()
    filled, known = hide(face)
    filled[~known] += np.array([40.0, 0.0, -40.0], np.float32)
    assert mirror_detail(filled, known, PLACEMENT)[1][60:130, 40:60].max() < 0.1


def test_brightness_alone_does_not_matter_but_scales_the_detail():
    face = make_face()
    filled, known = hide(face)
    dark = np.where(known[..., None], filled, 0.7 * filled)
    detail, weight = (each[60:130, 40:60] for each in mirror_detail(filled, known, PLACEMENT))
    darker, weight_darker = (each[60:130, 40:60] for each in mirror_detail(dark, known, PLACEMENT))
    assert weight.mean() > 0.8
    assert weight_darker.mean() > 0.5
    assert darker.std() / detail.std() == pytest.approx(0.7, abs=0.1)


def test_only_known_pixels_are_mirrored():
    """A hole in both halves has nothing opposite, and the left hole gets nothing from the right one."""
    face = make_face()
    filled, known = hide(face, columns=slice(40, SIDE - 40))
    assert mirror_detail(filled, known, PLACEMENT) is None
    filled, known = hide(face)
    known[60:130, SIDE - 80 : SIDE - 40] = False
    _, weight = mirror_detail(filled, known, PLACEMENT)
    assert weight[85:105, 55:65].max() == 0.0


def test_there_is_none_where_the_picture_is_no_finer_or_nothing_is_missing():
    filled, known = hide(make_face())
    assert mirror_detail(filled, known, Placement(np.eye(2, 3), SIDE)) is None
    assert mirror_detail(filled, np.ones_like(known), PLACEMENT) is None
    assert mirror_detail(filled, known, PLACEMENT, pixels_max=known.size - 1) is None


def test_one_channel_is_like_three_equal_ones():
    filled, known = hide(make_face())
    grey = filled.mean(axis=2, keepdims=True)
    one = mirror_detail(grey, known, PLACEMENT)
    three = mirror_detail(np.repeat(grey, 3, axis=2), known, PLACEMENT)
    assert np.allclose(one[0], three[0][..., :1], atol=0.1)
    assert np.allclose(one[1], three[1], atol=0.01)

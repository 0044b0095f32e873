import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan.faces.align_config import FRAMINGS
from dcgan.faces.alignment import (
    LANDMARKS,
    alignment_transform,
    compose_transforms,
    crop_face,
    invert_transform,
    template_points,
    transform_points,
)

PLACES = st.floats(-2000, 2000)


def make_landmarks(framing="innerEyesAndBottomLip", *, scale=2.0, turn=0.3, move=(40.0, 25.0), size=64):
    """Return 68 landmarks of which the framing's three are the template's, turned, scaled and moved."""
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = np.zeros((68, 2))
    landmarks[list(LANDMARKS[framing])] = template_points(framing, size=size) @ rotation.T + move
    return landmarks


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("margin", [0.0, 0.25])
def test_landmarks_come_to_lie_on_the_template(framing, margin):
    landmarks = make_landmarks(framing)
    transform = alignment_transform(landmarks, framing=framing, size=64, margin=margin)
    mapped = transform_points(transform, landmarks[list(LANDMARKS[framing])])
    assert np.allclose(mapped, template_points(framing, size=64, margin=margin), atol=1e-3)


def test_a_margin_shows_more_around_the_same_face():
    without, wide = (template_points("innerEyesAndBottomLip", size=96, margin=margin) for margin in (0.0, 0.5))
    assert np.allclose(wide, 48 + (without - 48) / 2)  # the middle stays, and everything is half as large


def test_framing_that_does_not_exist():
    with pytest.raises(ValueError, match=r"Expected `framing` to be one of .* Received: 'ears'"):
        template_points("ears", size=64)


def test_landmarks_on_one_line():
    landmarks = np.zeros((68, 2))
    landmarks[[39, 42, 57], 0] = (1, 2, 3)
    with pytest.raises(ValueError, match="Expected three landmarks that are not on one line"):
        alignment_transform(landmarks, framing="innerEyesAndBottomLip", size=64)


@given(
    scale=st.floats(0.05, 40),
    turn=st.floats(-3.1, 3.1),
    move=st.tuples(PLACES, PLACES),
    points=st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=5),
)
def test_there_and_back(scale, turn, move, points):
    landmarks = make_landmarks(scale=scale, turn=turn, move=move)
    transform = alignment_transform(landmarks, framing="innerEyesAndBottomLip", size=64)
    back = transform_points(invert_transform(transform), transform_points(transform, points))
    assert np.abs(back - np.array(points)).max() < 0.01  # pixels


@given(points=st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=5), turn=st.floats(-3.1, 3.1))
def test_two_transforms_become_one(points, turn):
    first, second = (
        alignment_transform(make_landmarks(turn=angle), framing="innerEyesAndBottomLip", size=64)
        for angle in (turn, 0.5)
    )
    both = transform_points(compose_transforms(second, first), points)
    assert np.allclose(both, transform_points(second, transform_points(first, points)), atol=1e-6)
    nothing = compose_transforms(invert_transform(first), first)
    assert np.allclose(nothing, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_an_identity_takes_the_picture_itself():
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    identity = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for antialias in (False, True):
        assert np.array_equal(crop_face(picture, identity, 32, antialias=antialias), picture)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_large_face_is_averaged(factor):
    """Fine noise becomes grey; taken from four pixels each, as without antialiasing, it stays noise."""
    picture = np.random.default_rng(0).integers(0, 256, (32 * factor, 32 * factor, 1), dtype=np.uint8)
    half = (factor - 1) / 2.0 / factor  # centres of blocks onto centres of pixels
    transform = np.array([[1.0 / factor, 0.0, -half], [0.0, 1.0 / factor, -half]])
    crop = crop_face(picture, transform, 32)
    means = picture.reshape(32, factor, 32, factor).mean(axis=(1, 3))
    assert np.abs(crop[..., 0] - means).max() <= 1.0
    if factor > 2:  # four pixels are the whole block of two by two
        assert crop_face(picture, transform, 32, antialias=False).std() > 1.3 * crop.std()


def test_beyond_the_photograph_it_is_black():
    picture = np.full((16, 16, 3), 200, np.uint8)
    moved = np.array([[1.0, 0.0, 8.0], [0.0, 1.0, 0.0]])
    crop = crop_face(picture, moved, 16)
    assert not crop[:, :7].any()
    assert (crop[:, 9:] == 200).all()

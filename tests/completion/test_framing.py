import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.framing import fit_frame, model_view, place_generated
from dcgan.pictures.values import resize_picture, to_float
from tests.completion.helpers import SIZE, center_hole, make_picture

SHAPES = [(16, 16), (12, 16), (40, 40), (50, 30), (30, 50), (1, 1), (1, 16), (1, 40), (40, 1), (7, 3), (2, 100)]


def smooth(height, width):
    """Return a picture without fine detail, (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [120 + 60 * np.sin(2 * y / height + phase) * np.cos(2 * x / width) for phase in (0.0, 1.0, 2.0)]
    return np.rint(np.stack(planes, axis=2)).astype(np.uint8)


def view(picture, mask):
    return model_view(picture, mask, fit_frame(*mask.shape, SIZE))


def whole(height, width):
    return slice(0, height), slice(0, width)


def test_at_the_models_size_the_target_is_the_picture():
    picture, mask = make_picture(), center_hole()
    target, known = view(picture, mask)
    np.testing.assert_array_equal(target[~mask], to_float(picture)[~mask])
    np.testing.assert_array_equal(known, (~mask).astype(np.float32))
    assert not target[mask].any()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_fits_into_the_square(shape, channels):
    frame = fit_frame(*shape, SIZE)
    assert max(frame.inner_height, frame.inner_width) == SIZE
    target, known = model_view(make_picture(*shape, channels=channels), np.zeros(shape, np.bool_), frame)
    assert target.shape == (SIZE, SIZE, channels)
    assert known.shape == (SIZE, SIZE)
    assert target.dtype == known.dtype == np.float32
    beside = np.ones((SIZE, SIZE), np.bool_)
    beside[frame.inside] = False
    assert not known[beside].any()
    assert not target[beside].any()
    np.testing.assert_allclose(known[~beside], 1, atol=1e-5)
    assert np.abs(target).max() <= 1
    generated = np.random.default_rng(0).uniform(-1, 1, (SIZE, SIZE, channels)).astype(np.float32)
    placed = place_generated(generated, frame, whole(*shape))
    assert placed.shape == (*shape, channels)
    assert placed.dtype == np.float32
    assert np.isfinite(placed).all()


def test_a_frame_is_centred_and_keeps_the_shape():
    frame = fit_frame(50, 100, 16)
    assert (frame.inner_height, frame.inner_width, frame.top, frame.left) == (8, 16, 4, 0)
    frame = fit_frame(3, 1, 16)
    assert (frame.inner_height, frame.inner_width, frame.top, frame.left) == (16, 5, 0, 5)
    frame = fit_frame(1, 5000, 16)
    assert (frame.inner_height, frame.inner_width) == (1, 16)


@given(height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0, 1), seed=st.integers(0, 99))
@settings(deadline=None)
def test_nothing_that_is_hidden_reaches_the_search(height, width, share, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < share
    picture = make_picture(height, width, seed=seed)
    other = np.where(mask[..., None], rng.integers(0, 256, picture.shape, np.uint8), picture)
    for one, two in zip(view(picture, mask), view(other, mask), strict=True):
        np.testing.assert_array_equal(one, two)
        assert np.isfinite(one).all()


def test_means_are_those_of_known_pixels_alone():
    picture = np.zeros((32, 32, 3), np.uint8)
    mask = np.zeros((32, 32), np.bool_)
    picture[::2] = 255
    mask[::2] = True  # every white line is hidden
    target, known = view(picture, mask)
    np.testing.assert_allclose(target, -1, atol=1e-6)
    np.testing.assert_allclose(known, 0.5, atol=1e-6)


def test_an_enlarged_pixel_is_known_or_not():
    mask = np.zeros((4, 4), np.bool_)
    mask[:2] = True
    target, known = view(smooth(4, 4), mask)
    assert set(np.unique(known)) == {0.0, 1.0}
    assert not known[:8].any()
    assert known[8:].all()
    assert np.abs(target[8:]).max() > 0


@pytest.mark.parametrize("shape", [(16, 16), (48, 48), (31, 47), (100, 60), (9, 12)])
def test_there_and_back(shape):
    picture = smooth(*shape)
    frame = fit_frame(*shape, SIZE)
    target, _ = model_view(picture, np.zeros(shape, np.bool_), frame)
    edge = resize_picture(target[frame.inside], (SIZE, SIZE))  # what lies beside the picture takes part at its border
    target = target if frame.inner_height == frame.inner_width else np.where(target == 0, edge, target)
    back = place_generated(target, frame, whole(*shape))
    difference = np.abs(back - to_float(picture))
    inner = (slice(shape[0] // 4, -(shape[0] // 4)), slice(shape[1] // 4, -(shape[1] // 4)))
    assert difference[inner].max() < 0.04  # 5 grey levels
    if shape == (16, 16):
        assert not difference.any()


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    top=st.floats(0, 1),
    left=st.floats(0, 1),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_a_box_is_the_crop_of_the_whole(height, width, top, left, seed):
    generated = np.random.default_rng(seed).uniform(-1, 1, (SIZE, SIZE, 3)).astype(np.float32)
    frame = fit_frame(height, width, SIZE)
    first = int(top * (height - 1)), int(left * (width - 1))
    box = slice(first[0], first[0] + 1 + (height - first[0]) // 2), slice(first[1], width + 1)  # may reach too far
    placed = place_generated(generated, frame, whole(height, width))
    np.testing.assert_allclose(place_generated(generated, frame, box), placed[box], atol=1e-5)


def test_interpolation_is_that_of_opencv():
    generated = np.random.default_rng(0).uniform(-1, 1, (SIZE, SIZE, 3)).astype(np.float32)
    placed = place_generated(generated, fit_frame(70, 70, SIZE), whole(70, 70))
    np.testing.assert_allclose(placed, resize_picture(generated, (70, 70)), atol=1e-4)

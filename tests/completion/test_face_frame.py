import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from completion.face_frame import frame_distance, frame_view, frame_window, place_face
from completion.framing import fit_frame, model_view, place_generated
from dcgan.faces.alignment import invert_transform, transform_points, transform_scale
from tests.completion.helpers import make_picture

SIZE = 16


def make_transform(scale=3.0, turn=0.2, middle=(40.0, 36.0), size=SIZE):
    """Return the transform of a frame that is `scale` times as large, turned, and in a place of its own."""
    linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / scale
    return np.concatenate([linear, ((size - 1) / 2 - linear @ middle)[:, None]], axis=1)


TRANSFORMS = st.builds(
    make_transform,
    scale=st.floats(0.6, 8.0),
    turn=st.floats(-3.1, 3.1),
    middle=st.tuples(st.floats(0, 80), st.floats(0, 72)),
)
WHOLE = (slice(0, 72), slice(0, 80))


def smooth_face(seed=0, channels=3):
    """Return a generated face without sharp edges, (SIZE, SIZE, C) float32 in [-1, 1]."""
    noise = np.random.default_rng(seed).normal(size=(SIZE, SIZE, channels))
    blurred = ndimage.gaussian_filter(noise, (2.0, 2.0, 0.0), mode="nearest")
    return (blurred / np.abs(blurred).max()).astype(np.float32)


def centroid(values):
    """Return the middle (x, y) of what is bright, of values from 0 to about 1."""
    weight = np.clip(values - 0.25, 0.0, None)
    rows, columns = np.indices(values.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@given(transform=TRANSFORMS)
def test_a_window_holds_its_frame(transform):
    window = frame_window(transform, SIZE, (72, 80))
    inside = frame_distance(transform, SIZE, WHOLE) <= 1.0
    rest = inside.copy()
    rest[window] = False
    assert not rest.any()


@given(
    transform=st.builds(
        make_transform,
        scale=st.floats(0.6, 5.0),
        turn=st.floats(-3.1, 3.1),
        middle=st.tuples(st.floats(36, 44), st.floats(33, 39)),
    ),
    place=st.tuples(st.floats(4, SIZE - 5), st.floats(4, SIZE - 5)),
)
@settings(max_examples=50, deadline=None)
def test_there_and_back_within_half_a_pixel(transform, place):
    """A spot that the model draws appears where the transform says, and is seen again where it was."""
    y, x = np.mgrid[:SIZE, :SIZE]
    spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 2.0).astype(np.float32)[..., None]
    shown = place_face(spot, transform, WHOLE)[..., 0]
    expected = transform_points(invert_transform(transform), [place])[0]
    reach = 4 * transform_scale(transform)
    assume(reach <= expected[0] <= 79 - reach)
    assume(reach <= expected[1] <= 71 - reach)
    inside = frame_distance(transform, SIZE, WHOLE) <= 1.0  # beyond, the frame's edges are repeated
    assert np.abs(centroid(np.where(inside, shown, 0.0)) - expected).max() < 0.5
    if transform_scale(transform) >= 1.0:
        photograph = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)[..., None]
        seen, known = frame_view(photograph, np.zeros(photograph.shape[:2], bool), transform, SIZE)
        assert np.abs(centroid(np.where(known > 0.0, (seen[..., 0] + 1) / 2, 0.0)) - place).max() < 0.5


@given(transform=st.builds(make_transform, scale=st.floats(1.5, 3.0), turn=st.floats(-0.5, 0.5)))
@settings(max_examples=25, deadline=None)
def test_what_is_placed_is_seen_again(transform):
    face = smooth_face()
    placed = place_face(face, transform, WHOLE)
    photograph = np.rint((np.clip(placed, -1, 1) + 1) * 127.5).astype(np.uint8)
    seen, known = frame_view(photograph, np.zeros((72, 80), bool), transform, SIZE)
    assert np.allclose(known, 1.0)
    assert np.abs(seen - face).mean() < 0.03


def test_a_frame_of_the_whole_picture_is_what_aligned_faces_get():
    """An upright frame of the whole picture is the framing of `completion.framing`."""
    picture = make_picture(4 * SIZE, 4 * SIZE)
    mask = np.zeros((4 * SIZE, 4 * SIZE), bool)
    mask[10:30, 20:41] = True
    transform = np.array([[0.25, 0.0, -0.375], [0.0, 0.25, -0.375]])
    frame = fit_frame(4 * SIZE, 4 * SIZE, SIZE)
    for ours, theirs in zip(frame_view(picture, mask, transform, SIZE), model_view(picture, mask, frame), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5
    box = (slice(3, 50), slice(7, 64))
    face = smooth_face()
    assert np.abs(place_face(face, transform, box) - place_generated(face, frame, box)).max() < 1e-5


@pytest.mark.parametrize("finer", [2, 3])
def test_a_face_smaller_than_the_model_is_averaged(finer):
    face = np.random.default_rng(0).normal(size=(12, 12, 3)).astype(np.float32)
    shift = (finer - 1) / 2
    transform = np.array([[finer, 0.0, shift], [0.0, finer, shift]])
    side = 12 // finer
    means = face.reshape(side, finer, side, finer, 3).mean(axis=(1, 3))
    assert np.allclose(place_face(face, transform, (slice(0, side), slice(0, side))), means, atol=1e-5)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.7])
def test_what_is_hidden_is_not_seen(scale):
    picture, other = make_picture(72, 80), make_picture(72, 80)
    mask = np.zeros((72, 80), bool)
    mask[30:37, 30:50] = True
    other[mask] = 255 - other[mask]
    transform = make_transform(scale)
    one, two = (frame_view(each, mask, transform, SIZE) for each in (picture, other))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])
    assert one[1].min() == 0.0
    assert one[1].max() == pytest.approx(1.0)
    assert np.abs(one[0]).max() <= 1.0


def test_beyond_the_photograph_nothing_is_known():
    picture = make_picture(72, 80)
    nothing = np.zeros((72, 80), bool)
    _, known = frame_view(picture, nothing, make_transform(3.0, 0.0, middle=(0.0, 36.0)), SIZE)
    assert known[:, : SIZE // 2 - 1].max() == 0.0
    assert known[:, SIZE // 2 + 1 :].min() == pytest.approx(1.0)
    target, known = frame_view(picture, nothing, make_transform(middle=(-500.0, 0.0)), SIZE)
    assert not known.any()
    assert not target.any()

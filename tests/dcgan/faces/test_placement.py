import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dcgan.faces.alignment import invert_transform, transform_points
from dcgan.faces.placement import Placement
from dcgan.pictures.values import resize_picture, to_float, to_uint8
from tests.dcgan.faces.helpers import SIZE, make_transform

SHAPES = [(16, 16), (12, 16), (40, 40), (50, 30), (30, 50), (1, 1), (1, 16), (1, 40), (40, 1), (7, 3), (2, 100)]
SIDES = st.integers(1, 40)
PHOTOGRAPH = (72, 80)
WHOLE = (slice(0, 72), slice(0, 80))
#: An off-diagonal entry that moves nothing by more than a millionth of a pixel, but makes a placement not upright.
SHEAR = np.array([[0.0, 1e-9, 0.0], [0.0, 0.0, 0.0]])


def make_placement(scale=3.0, turn=0.2, center=(40.0, 36.0)):
    return Placement(make_transform(scale, turn, center), SIZE)


PLACEMENTS = st.builds(
    make_placement,
    scale=st.floats(0.6, 8.0),
    turn=st.floats(-3.1, 3.1),
    center=st.tuples(st.floats(0, 80), st.floats(0, 72)),
)


def whole(*shape):
    return slice(0, shape[0]), slice(0, shape[1])


def nothing(*shape):
    return np.zeros(shape, np.bool_)


def inner(shape):
    """Return the rows and columns of the frame that an aligned picture fills."""
    corners = [(-0.5, -0.5), (shape[1] - 0.5, shape[0] - 0.5)]
    borders = transform_points(Placement.whole(shape, SIZE).transform, corners) + 0.5
    np.testing.assert_allclose(borders, np.rint(borders), atol=1e-9)  # no frame pixel belongs to the picture in part
    (left, top), (right, bottom) = np.rint(borders).astype(int)
    return slice(top, bottom), slice(left, right)


def make_picture(*shape, channels=3, seed=0):
    """Return waves and some noise, (H, W, C) uint8."""
    noise = np.random.default_rng(seed).normal(0, 5, (*shape, channels))
    return np.clip(smooth(*shape)[..., :channels] + noise, 0, 255).astype(np.uint8)


def smooth(height, width):
    """Return a picture without fine detail, (H, W, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [120 + 60 * np.sin(2 * y / height + phase) * np.cos(2 * x / width) for phase in (0.0, 1.0, 2.0)]
    return np.rint(np.stack(planes, axis=2)).astype(np.uint8)


def smooth_face(seed=0, channels=3):
    """Return a generated face without sharp edges, (SIZE, SIZE, C) float32 in [-1, 1]."""
    noise = np.random.default_rng(seed).normal(size=(SIZE, SIZE, channels))
    blurred = ndimage.gaussian_filter(noise, (2.0, 2.0, 0.0), mode="nearest")
    return (blurred / np.abs(blurred).max()).astype(np.float32)


def rough_face(seed=0, channels=3):
    """Return noise, (SIZE, SIZE, C) float32 in [-1, 1]."""
    return np.random.default_rng(seed).uniform(-1, 1, (SIZE, SIZE, channels)).astype(np.float32)


def centroid(values):
    """Return the middle (x, y) of what is bright, of values from 0 to about 1."""
    weight = np.clip(values - 0.25, 0.0, None)
    rows, columns = np.indices(values.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


class TestAligned:
    """An aligned picture is centred in its frame."""

    def test_at_the_models_size_the_target_is_the_picture(self):
        picture, mask = make_picture(SIZE, SIZE), nothing(SIZE, SIZE)
        mask[4:12, 4:12] = True
        target, known = Placement.whole(mask.shape, SIZE).view(picture, mask)
        np.testing.assert_array_equal(target[~mask], to_float(picture)[~mask])
        np.testing.assert_array_equal(known, (~mask).astype(np.float32))
        assert not target[mask].any()

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("channels", [1, 3])
    def test_any_size_fits_into_the_square(self, shape, channels):
        placement, inside = Placement.whole(shape, SIZE), inner(shape)
        assert max(part.stop - part.start for part in inside) == SIZE
        target, known = placement.view(make_picture(*shape, channels=channels), nothing(*shape))
        assert target.shape == (SIZE, SIZE, channels)
        assert known.shape == (SIZE, SIZE)
        assert target.dtype == known.dtype == np.float32
        beside = np.ones((SIZE, SIZE), np.bool_)
        beside[inside] = False
        assert not known[beside].any()
        assert not target[beside].any()
        np.testing.assert_allclose(known[~beside], 1, atol=1e-5)
        assert np.abs(target).max() <= 1
        placed = placement.place(rough_face(channels=channels), whole(*shape), shape)
        assert placed.shape == (*shape, channels)
        assert placed.dtype == np.float32
        assert np.isfinite(placed).all()

    def test_it_is_centred_and_keeps_its_aspect_ratio(self):
        assert inner((50, 100)) == (slice(4, 12), slice(0, 16))
        assert inner((3, 1)) == (slice(0, 16), slice(5, 10))
        assert inner((1, 5000)) == (slice(7, 8), slice(0, 16))

    @pytest.mark.parametrize("shape", [(16, 16), (48, 32), (8, 8), (50, 30)])
    def test_its_frame_is_as_large_as_its_longer_side(self, shape):
        placement = Placement.whole(shape, SIZE)
        assert placement.scale == pytest.approx(max(shape) / SIZE)
        assert placement.side_px == max(shape)

    @given(height=SIDES, width=SIDES, share=st.floats(0, 1), seed=st.integers(0, 99))
    @settings(deadline=None)
    def test_nothing_that_is_hidden_is_seen(self, height, width, share, seed):
        rng = np.random.default_rng(seed)
        mask = rng.random((height, width)) < share
        picture = make_picture(height, width, seed=seed)
        other = np.where(mask[..., None], rng.integers(0, 256, picture.shape, np.uint8), picture)
        placement = Placement.whole(mask.shape, SIZE)
        for one, two in zip(placement.view(picture, mask), placement.view(other, mask), strict=True):
            np.testing.assert_array_equal(one, two)
            assert np.isfinite(one).all()

    def test_means_are_those_of_known_pixels_alone(self):
        picture, mask = np.zeros((32, 32, 3), np.uint8), nothing(32, 32)
        picture[::2] = 255
        mask[::2] = True  # every white line is hidden
        target, known = Placement.whole(mask.shape, SIZE).view(picture, mask)
        np.testing.assert_allclose(target, -1, atol=1e-6)
        np.testing.assert_allclose(known, 0.5, atol=1e-6)

    def test_an_enlarged_pixel_is_known_or_not(self):
        mask = nothing(4, 4)
        mask[:2] = True
        target, known = Placement.whole(mask.shape, SIZE).view(smooth(4, 4), mask)
        assert set(np.unique(known)) == {0.0, 1.0}
        assert not known[:8].any()
        assert known[8:].all()
        assert np.abs(target[8:]).max() > 0

    @pytest.mark.parametrize("shape", [(16, 16), (48, 48), (31, 47), (100, 60), (9, 12)])
    def test_a_picture_that_is_seen_is_placed_again(self, shape):
        picture = smooth(*shape)
        placement, inside = Placement.whole(shape, SIZE), inner(shape)
        target, _ = placement.view(picture, nothing(*shape))
        edge = resize_picture(target[inside], (SIZE, SIZE))  # what lies beside the picture takes part at its border
        sides = [part.stop - part.start for part in inside]
        target = target if sides[0] == sides[1] else np.where(target == 0, edge, target)
        difference = np.abs(placement.place(target, whole(*shape), shape) - to_float(picture))
        middle = (slice(shape[0] // 4, -(shape[0] // 4)), slice(shape[1] // 4, -(shape[1] // 4)))
        assert difference[middle].max() < 0.04  # 5 grey levels
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
    def test_a_window_is_the_crop_of_the_whole(self, height, width, top, left, seed):
        generated, placement = rough_face(seed), Placement.whole((height, width), SIZE)
        first = int(top * (height - 1)), int(left * (width - 1))
        window = (
            slice(first[0], first[0] + 1 + (height - first[0]) // 2),
            slice(first[1], width + 1),
        )  # may reach too far
        placed = placement.place(generated, whole(height, width), (height, width))
        np.testing.assert_allclose(placement.place(generated, window, (height, width)), placed[window], atol=1e-5)

    def test_interpolation_is_that_of_opencv(self):
        generated = rough_face()
        placed = Placement.whole((70, 70), SIZE).place(generated, whole(70, 70), (70, 70))
        np.testing.assert_allclose(placed, resize_picture(generated, (70, 70)), atol=1e-4)


class TestFrame:
    """Any affine map."""

    @given(placement=PLACEMENTS)
    def test_a_window_holds_its_frame(self, placement):
        rest = placement.distance(WHOLE) <= 1.0
        rest[placement.window(PHOTOGRAPH)] = False
        assert not rest.any()

    @given(placement=PLACEMENTS, margin=st.floats(0, 8))
    def test_a_margin_makes_the_window_wider(self, placement, margin):
        rest = placement.distance(WHOLE) <= 1.0 + 2.0 * margin / SIZE
        rest[placement.window(PHOTOGRAPH, margin=margin)] = False
        assert not rest.any()

    def test_beside_the_photograph_a_window_is_empty(self):
        rows, columns = make_placement(center=(-500.0, 36.0)).window(PHOTOGRAPH)
        assert not np.zeros(PHOTOGRAPH)[rows, columns].size

    @given(placement=PLACEMENTS)
    def test_the_distance_is_that_along_the_frames_axes(self, placement):
        rows, columns = np.indices(PHOTOGRAPH)
        places = transform_points(placement.transform, np.stack([columns.ravel(), rows.ravel()], axis=1))
        expected = np.abs(places - (SIZE - 1) / 2).max(axis=1) / (SIZE / 2)
        np.testing.assert_allclose(placement.distance(WHOLE).ravel(), expected, atol=1e-5)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_what_a_frame_covers(self, shape):
        placement = Placement.whole(shape, SIZE)
        assert placement.covers(shape)
        moved = placement.transform.copy()
        moved[:, 2] += 0.1 + np.array([0.0, SIZE])  # by more than there is room
        assert not Placement(moved, SIZE).covers(shape)
        assert not placement.covers((3 * shape[0], 3 * shape[1]))

    @pytest.mark.parametrize("turn", [0.0, 0.7, -2.0])
    def test_the_scale_is_that_of_the_axis_with_most_pixels(self, turn):
        placement = make_placement(2.5, turn)
        assert placement.scale == pytest.approx(2.5)
        assert placement.side_px == 40
        stretched = Placement(np.diag([1.0, 4.0]) @ placement.transform, SIZE)
        assert stretched.scale == pytest.approx(2.5)

    @given(
        placement=st.builds(
            make_placement,
            scale=st.floats(0.6, 5.0),
            turn=st.floats(-3.1, 3.1),
            center=st.tuples(st.floats(36, 44), st.floats(33, 39)),
        ),
        place=st.tuples(st.floats(4, SIZE - 5), st.floats(4, SIZE - 5)),
    )
    @settings(max_examples=50, deadline=None)
    def test_there_and_back_within_half_a_pixel(self, placement, place):
        """A spot that the model draws appears where the transform says, and is seen again where it was."""
        y, x = np.mgrid[:SIZE, :SIZE]
        spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 2.0).astype(np.float32)[..., None]
        shown = placement.place(spot, WHOLE, PHOTOGRAPH)[..., 0]
        expected = transform_points(invert_transform(placement.transform), [place])[0]
        reach = 4 * placement.scale
        assume(reach <= expected[0] <= 79 - reach)
        assume(reach <= expected[1] <= 71 - reach)
        inside = placement.distance(WHOLE) <= 1.0  # beyond, the frame's edges are repeated
        assert np.abs(centroid(np.where(inside, shown, 0.0)) - expected).max() < 0.5
        if placement.scale >= 1.0:
            photograph = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)[..., None]
            seen, known = placement.view(photograph, nothing(*PHOTOGRAPH))
            assert np.abs(centroid(np.where(known > 0.0, (seen[..., 0] + 1) / 2, 0.0)) - place).max() < 0.5

    @given(placement=st.builds(make_placement, scale=st.floats(1.5, 3.0), turn=st.floats(-0.5, 0.5)))
    @settings(max_examples=25, deadline=None)
    def test_what_is_placed_is_seen_again(self, placement):
        face = smooth_face()
        photograph = to_uint8(placement.place(face, WHOLE, PHOTOGRAPH))
        seen, known = placement.view(photograph, nothing(*PHOTOGRAPH))
        assert np.allclose(known, 1.0)
        assert np.abs(seen - face).mean() < 0.03

    @pytest.mark.parametrize("finer", [2, 3])
    @pytest.mark.parametrize("shear", [0.0, SHEAR], ids=["upright", "sheared"])
    def test_a_face_smaller_than_the_model_is_averaged(self, finer, shear):
        face = np.random.default_rng(0).normal(size=(12, 12, 3)).astype(np.float32)
        shift, side = (finer - 1) / 2, 12 // finer
        placement = Placement(np.array([[finer, 0.0, shift], [0.0, finer, shift]]) + shear, 12)
        means = face.reshape(side, finer, side, finer, 3).mean(axis=(1, 3))
        assert np.allclose(placement.place(face, whole(side, side), (side, side)), means, atol=1e-5)

    @pytest.mark.parametrize("scale", [0.5, 1.0, 2.7])
    def test_what_is_hidden_is_not_seen(self, scale):
        picture, mask = make_picture(*PHOTOGRAPH), nothing(*PHOTOGRAPH)
        mask[30:37, 30:50] = True
        other = np.where(mask[..., None], 255 - picture, picture)
        one, two = (make_placement(scale).view(each, mask) for each in (picture, other))
        assert np.array_equal(one[0], two[0])
        assert np.array_equal(one[1], two[1])
        assert one[1].min() == 0.0
        assert one[1].max() == pytest.approx(1.0)
        assert np.abs(one[0]).max() <= 1.0

    def test_beyond_the_photograph_nothing_is_known(self):
        picture = make_picture(*PHOTOGRAPH)
        _, known = make_placement(3.0, 0.0, center=(0.0, 36.0)).view(picture, nothing(*PHOTOGRAPH))
        assert known[:, : SIZE // 2 - 1].max() == 0.0
        assert known[:, SIZE // 2 + 1 :].min() == pytest.approx(1.0)
        target, known = make_placement(center=(-500.0, 0.0)).view(picture, nothing(*PHOTOGRAPH))
        assert not known.any()
        assert not target.any()


def both_ways(shape):
    """Return an aligned picture's placement, and one that differs by next to nothing but is resampled as any other."""
    upright = Placement.whole(shape, SIZE)
    sheared = Placement(upright.transform + SHEAR, SIZE)
    assert upright._inner(shape) is not None
    assert sheared._inner(shape) is None
    return upright, sheared


class TestOnePlacement:
    """An aligned picture gets the same whether its placement is resampled as an upright one or as any affine map."""

    @pytest.mark.parametrize("factor", [1, 2, 4, 7])
    def test_multiples_of_the_frame_are_seen_alike(self, factor):
        """There the two sample the same pixels."""
        rng, shape = np.random.default_rng(factor), (factor * SIZE, factor * SIZE)
        picture, mask = rng.integers(0, 256, (*shape, 3), np.uint8), rng.random(shape) < 0.5
        one, two = (placement.view(picture, mask) for placement in both_ways(shape))
        for ours, theirs in zip(one, two, strict=True):
            assert np.abs(ours - theirs).max() < 1e-5

    def test_a_window_inside_a_multiple_of_the_frame_is_placed_alike(self):
        """Within half a grey level, which OpenCV's rounding to 1/32 pixel makes of the shear; without it exactly."""
        shape, window = (4 * SIZE, 4 * SIZE), (slice(3, 50), slice(7, 64))
        upright, sheared = both_ways(shape)
        placed = upright.place(smooth_face(), window, shape)
        assert np.abs(placed - sheared.place(smooth_face(), window, shape)).max() < 0.5 / 127.5
        assert np.abs(placed - upright._place_warped(smooth_face(), window)).max() < 1e-5

    @given(
        height=st.integers(SIZE, 70),
        width=st.integers(SIZE, 70),
        corners=st.tuples(*[st.floats(0, 1)] * 4),
        seed=st.integers(0, 3),
    )
    @settings(deadline=None, max_examples=60)
    def test_larger_pictures(self, height, width, corners, seed):
        """Within 2 grey levels; known shares within a quarter at a border, and within 3 percent on average."""
        shape, mask = (height, width), nothing(height, width)
        top, left = int(corners[0] * height), int(corners[1] * width)
        mask[top : int(corners[2] * height), left : int(corners[3] * width)] = True
        upright, sheared = both_ways(shape)
        (target, known), (other, other_known) = (each.view(smooth(*shape), mask) for each in (upright, sheared))
        both = (known > 0.1) & (other_known > 0.1)
        assert both.any() or mask.mean() > 0.8
        assert np.abs(target - other)[both].max(initial=0.0) < 2 / 127.5
        assert np.abs(known - other_known).max() < 0.25
        assert np.abs(known.mean() - other_known.mean()) < 0.03
        one, two = (each.place(smooth_face(seed), whole(*shape), shape) for each in (upright, sheared))
        assert np.abs(one - two).max() < 2 / 127.5

    @given(height=st.integers(1, SIZE - 1), width=st.integers(1, SIZE - 1), seed=st.integers(0, 3))
    @settings(deadline=None, max_examples=60)
    def test_smaller_pictures(self, height, width, seed):
        """Seen alike; placed within 10 grey levels, and within 2 on average."""
        shape = (height, width)
        upright, sheared = both_ways(shape)
        (target, known), (other, other_known) = (
            each.view(make_picture(*shape, seed=seed), nothing(*shape)) for each in (upright, sheared)
        )
        both = (known > 0.0) & (other_known > 0.0)
        assert both.any()
        assert np.abs(target - other)[both].max() < 1e-5
        one, two = (each.place(smooth_face(seed), whole(*shape), shape) for each in (upright, sheared))
        assert np.abs(one - two).max() < 10 / 127.5
        assert np.abs(one - two).mean() < 2 / 127.5

    @pytest.mark.parametrize("way", [0, 1], ids=["upright", "sheared"])
    @given(height=st.integers(SIZE, 70), width=st.integers(SIZE, 70), seed=st.integers(0, 9))
    @settings(deadline=None, max_examples=40)
    def test_what_is_placed_is_seen_again(self, way, height, width, seed):
        """The view of a placed face is the face: within 2 grey levels on average, 20 at most."""
        shape, face = (height, width), smooth_face(seed)
        placement = both_ways(shape)[way]
        seen, known = placement.view(to_uint8(placement.place(face, whole(*shape), shape)), nothing(*shape))
        difference = np.abs(seen - face)[known > 0.5]
        assert len(difference) >= SIZE * SIZE // 6
        assert difference.mean() < 2 / 127.5
        assert difference.max() < 20 / 127.5


@pytest.mark.parametrize("shape", [(300, 300), (257, 511), (64, 700)])
def test_large_pictures_are_viewed_in_strips(monkeypatch, shape):
    """No more than rounding differs, of the view and of the known shares, dense masks and sparse ones."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (*shape, 3), np.uint8)
    for missing in (0.0, 0.3, 0.99):
        mask = rng.random(shape) < missing
        mask[:40] = missing > 0.5
        placement = Placement.whole(shape, 32)
        whole = placement.view(picture, mask)
        with monkeypatch.context() as patched:
            patched.setattr("dcgan.faces.placement.WHOLE_PIXELS_MAX", 1000)
            patched.setattr("dcgan.pictures.values.STRIP_ROWS", 37)
            strips = placement.view(picture, mask)
        np.testing.assert_allclose(strips[0], whole[0], atol=2e-4)
        np.testing.assert_allclose(strips[1], whole[1], atol=1e-5)
        assert [each.dtype for each in strips] == [np.float32] * 2

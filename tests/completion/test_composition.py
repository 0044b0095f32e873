import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.composition import Composer, _owners
from completion.config import BLEND_NAMES, CLASSICAL_METHODS
from dcgan.errors import CompletionError
from dcgan.faces.locate import LocatedFace
from dcgan.faces.placement import Placement
from dcgan.pictures.values import to_uint8
from tests.completion.helpers import center_hole, make_picture
from tests.dcgan.faces.helpers import HEIGHT, SIZE, WIDTH, make_mask, make_transform

WHOLE = (slice(0, HEIGHT), slice(0, WIDTH))


def located(scale=3.0, turn=0.2, center=(70.0, 45.0)):
    """Return a face of a photograph."""
    return LocatedFace(Placement(make_transform(scale, turn, center), SIZE), "landmarks")


def noise_faces(count=1, *, seed=0, channels=3):
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIZE, SIZE, channels)).astype(np.float32)


def flat_faces(*values):
    return np.stack([np.full((SIZE, SIZE, 3), value, np.float32) for value in values])


@pytest.fixture
def picture():
    return make_picture(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def composers():
    return {blend: Composer(blend=blend) for blend in BLEND_NAMES}


FACES = st.builds(
    located,
    scale=st.floats(0.3, 12.0),
    turn=st.floats(-3.1, 3.1),
    center=st.tuples(st.floats(-20, 160), st.floats(-20, 110)),
)


@pytest.mark.parametrize("blend", BLEND_NAMES)
@given(
    faces=st.lists(FACES, max_size=2),
    corner=st.tuples(st.integers(0, HEIGHT - 2), st.integers(0, WIDTH - 2)),
    sides=st.tuples(st.integers(1, HEIGHT), st.integers(1, WIDTH)),
    seed=st.integers(0, 3),
)
@settings(max_examples=12, deadline=None)
def test_known_pixels_stay_whatever_the_frames(composers, blend, faces, corner, sides, seed):
    """Outside the hole the photograph is bit-identical, and what the hole hid decides nothing."""
    picture, mask = make_picture(HEIGHT, WIDTH, seed=seed), np.zeros((HEIGHT, WIDTH), bool)
    mask[corner[0] : corner[0] + sides[0], corner[1] : corner[1] + sides[1]] = True
    mask[0, 0] = False
    before = picture.copy()
    generated = noise_faces(len(faces), seed=seed)
    result = composers[blend].compose(picture, mask, faces, generated=generated)
    assert np.array_equal(picture, before)
    assert np.array_equal(result[~mask], picture[~mask])
    assert not np.shares_memory(result, picture)
    picture[mask] = 255 - picture[mask]
    assert np.array_equal(composers[blend].compose(picture, mask, faces, generated=generated), result)


def test_an_aligned_picture_is_blended_alone():
    """There is no classical filling, no fade and no grain: "none" gives the face as it is placed."""
    picture, mask = make_picture(40, 32), center_hole(40, 32)
    face, generated = LocatedFace.aligned(picture.shape, SIZE), noise_faces()
    result = Composer(blend="none").compose(picture, mask, [face], generated=generated)
    placed = face.placement.place(generated[0], (slice(0, 40), slice(0, 32)), picture.shape)
    assert np.array_equal(result[mask], to_uint8(placed)[mask])


def test_an_aligned_picture_may_be_missing_altogether():
    picture, mask = make_picture(), np.ones((SIZE, SIZE), np.bool_)
    generated = noise_faces()
    result = Composer().compose(picture, mask, [LocatedFace.aligned(picture.shape, SIZE)], generated=generated)
    assert np.array_equal(result, to_uint8(generated[0]))


def test_nothing_missing(picture):
    result = Composer().compose(picture, make_mask(0, 0, 0, 0), [located()], generated=noise_faces())
    assert np.array_equal(result, picture)
    assert not np.shares_memory(result, picture)


def test_a_hole_beyond_all_frames_is_filled_classically(picture):
    mask = make_mask(2, 10, 60, 76)
    results = [
        Composer().compose(picture, mask, faces, generated=noise_faces(len(faces)))
        for faces in ([], [located(2.0, 0.0, (20.0, 60.0))])
    ]
    assert np.array_equal(*results)
    assert np.array_equal(results[0][~mask], picture[~mask])
    assert np.abs(results[0][mask].astype(int).mean() - picture[mask].mean()) < 25


def test_the_share_beyond():
    composer, face = Composer(), located(2.5, 0.0, (30.0, 40.0))  # from 10 to 50 and from 20 to 60
    assert composer.beyond_share(make_mask(30, 50, 15, 45), [face]) == 0.0
    assert composer.beyond_share(make_mask(40, 50, 40, 60), [face]) == pytest.approx(0.5, abs=0.06)
    assert composer.beyond_share(make_mask(2, 10, 60, 76), [face]) == 1.0
    assert composer.beyond_share(make_mask(30, 50, 15, 45), []) == 1.0
    assert composer.beyond_share(make_mask(0, 0, 0, 0), [face]) == 0.0


def test_the_methods_beyond(picture):
    mask, face = make_mask(40, 60, 35, 90), located(2.5, 0.0, (30.0, 40.0))
    results = [
        Composer(beyond=method).compose(picture, mask, [face], generated=noise_faces()) for method in CLASSICAL_METHODS
    ]
    far = np.s_[42:58, 60:85]
    assert len({result[far].tobytes() for result in results}) == 4
    for result in results:
        assert np.array_equal(result[~mask], picture[~mask])


def test_a_pixel_belongs_to_the_nearest_face(picture):
    faces = [located(3.0, 0.0, (x, 45.0)) for x in (50.0, 70.0)]
    mask = make_mask(40, 50, 30, 95)
    (_, columns), owner = _owners(mask, faces)
    assert owner[5, 58 - columns.start] == 1
    assert owner[5, 62 - columns.start] == 2
    result = Composer(blend="none").compose(picture, mask, faces, generated=flat_faces(-0.9, 0.9))
    assert result[45, 50].max() < 60
    assert result[45, 70].min() > 195


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_a_face_fades_towards_the_edge_of_its_frame(picture, scale):
    """In the middle the model alone counts, at the frame's edge the classical filling."""
    composer, face = Composer(beyond="harmonic", grain=False), located(scale, 0.3)
    mask = make_mask(5, 85, 10, 130)
    dark, bright = (composer.compose(picture, mask, [face], generated=flat_faces(value)) for value in (-0.5, 0.5))
    difference = bright.astype(int) - dark.astype(int)
    distance = face.placement.distance(WHOLE)
    assert np.abs(difference[distance > 1.0]).max() == 0
    edge = mask & (distance < 1.0) & (distance > 0.98)
    assert np.abs(difference[edge]).max() <= 12
    plain = Composer(blend="none", beyond="harmonic", grain=False)
    dark, bright = (plain.compose(picture, mask, [face], generated=flat_faces(value)) for value in (-0.5, 0.5))
    assert (bright.astype(int) - dark.astype(int))[mask & (distance < 0.8)].min() >= 127


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_hole_is_blended_on_a_smaller_grid(monkeypatch, channels):
    picture, mask = make_picture(HEIGHT, WIDTH, channels=channels), make_mask(15, 75, 20, 80)
    face, generated = located(5.0, 0.0, (50.0, 45.0)), noise_faces(channels=channels)
    exact = Composer(beyond="harmonic").compose(picture, mask, [face], generated=generated)
    monkeypatch.setattr("completion.composition.BLEND_UNKNOWNS_MAX", 900)
    quick = Composer(beyond="harmonic").compose(picture, mask, [face], generated=generated)
    assert not np.array_equal(quick, exact)
    assert np.array_equal(quick[~mask], picture[~mask])
    assert np.abs(quick.astype(int) - exact).mean() < 2.0


@pytest.mark.parametrize("margin", [2, 10])
def test_feathers_width_follows_the_frame_and_not_the_hole(margin):
    """A pixel of the same depth has the same share of the face, however large the hole is."""
    picture, mask = np.full((128, 128, 3), 40, np.uint8), np.zeros((128, 128), bool)
    mask[64 - margin - 20 : 64 + margin + 20, 40:100] = True
    face = LocatedFace.aligned(picture.shape, SIZE)
    result = Composer(blend="feather").compose(
        picture, mask, [face], generated=np.full((1, SIZE, SIZE, 3), 0.0, np.float32)
    )
    profile = result[64, 40:60, 0].astype(float)
    assert (profile[8:] == 128).all()  # a sixteenth of 128 pixels is the width of the fade
    assert profile[3] == pytest.approx(40 + 88 * (0.5 - 0.5 * np.cos(np.pi * 4 / 8)), abs=1)


class TestGrey:
    """Where what is known is grey, so is what is filled."""

    @pytest.fixture
    def grey(self):
        return np.repeat(make_picture(HEIGHT, WIDTH, channels=1), 3, axis=2)

    @pytest.mark.parametrize(
        "mask",
        [make_mask(30, 50, 60, 80), make_mask(15, 75, 40, 100)],
        ids=["a part of the frame", "the whole frame"],
    )
    @pytest.mark.parametrize("blend", BLEND_NAMES)
    def test_a_face_in_a_grey_photograph(self, composers, grey, mask, blend):
        face = located(2.5)  # 40 pixels wide
        result = composers[blend].compose(grey, mask, [face], generated=noise_faces())
        assert (result == result[..., :1]).all()
        colored = composers[blend].compose(make_picture(HEIGHT, WIDTH), mask, [face], generated=noise_faces())
        assert not (colored[mask] == colored[mask][:, :1]).all()

    def test_colour_far_from_the_face_does_not_matter(self, grey):
        grey[:, 120:] = make_picture(HEIGHT, 20)
        mask = make_mask(30, 50, 60, 80)
        result = Composer().compose(grey, mask, [located(2.5)], generated=noise_faces())
        assert (result[mask] == result[mask][:, :1]).all()

    def test_what_the_hole_hides_does_not_matter(self, grey):
        mask = make_mask(30, 50, 60, 80)
        grey[mask] = (255, 0, 0)
        result = Composer().compose(grey, mask, [located(2.5)], generated=noise_faces())
        assert (result[mask] == result[mask][:, :1]).all()

    def test_the_tone_can_be_said(self, grey):
        """Where block means are known, what lies under the mask was known as well."""
        mask, nothing = np.ones((HEIGHT, WIDTH), np.bool_), np.zeros((HEIGHT, WIDTH), np.bool_)
        faces = [LocatedFace.aligned(grey.shape, SIZE)]
        tones = [Composer().tone(grey, faces[0], nothing)]
        result = Composer().compose(grey, mask, faces, generated=noise_faces(), tones=tones)
        assert (result == result[..., :1]).all()
        result = Composer().compose(grey, mask, faces, generated=noise_faces())
        assert not (result == result[..., :1]).all()


class TestTones:
    """Where what is known is of one tone, so is what is filled, although a scan is never exact."""

    BROWN = np.float32([1.0, 0.8, 0.5])

    def picture(self, color=BROWN, *, noise=1):
        ramp = np.linspace(20, 220, WIDTH, dtype=np.float32) * np.ones((HEIGHT, 1), np.float32)
        shades = np.random.default_rng(0).integers(-noise, noise + 1, (HEIGHT, WIDTH, 3))
        return np.clip(np.rint(ramp[..., None] * color) + shades, 0, 255).astype(np.uint8)

    @pytest.mark.parametrize("grain", [False, True])
    @pytest.mark.parametrize("blend", BLEND_NAMES)
    def test_a_noisy_grey_scan(self, blend, grain):
        mask = make_mask(30, 60, 50, 90)
        picture = self.picture(np.ones(3))
        result = Composer(blend=blend, grain=grain, beyond="harmonic").compose(
            picture, mask, [located(5.0)], generated=noise_faces()
        )
        inside = result[mask].astype(int)
        assert np.abs(inside - inside[:, :1]).max() <= 1  # where the face fades into the classical filling
        assert np.array_equal(result[~mask], picture[~mask])

    @pytest.mark.parametrize("blend", BLEND_NAMES)
    def test_a_brown_one(self, blend):
        """The brightness is that of the face in grey, the colour follows it."""
        mask, picture = make_mask(30, 60, 50, 90), self.picture()
        result = Composer(blend=blend).compose(
            picture, mask, [LocatedFace.aligned(picture.shape, SIZE)], generated=noise_faces()
        )
        inside = result[mask].astype(float)
        inside = inside[(inside[:, 0] > 30) & (inside[:, 0] < 215)]  # neither darker nor brighter than what is known
        assert np.abs(inside - inside[:, :1] * self.BROWN).max() < 3.0
        assert np.ptp(inside[:, 0]) > 50

    def test_a_face_of_which_little_is_known(self):
        """The whole picture decides then."""
        picture, face = self.picture(), located(2.5)
        mask = make_mask(15, 75, 40, 100)
        assert Composer().tone(picture, face, mask).name == "toned"
        picture[:, 100:] = make_picture(HEIGHT, WIDTH - 100)
        assert Composer().tone(picture, face, mask) is None


class TestGrain:
    """The known skin's fine texture is continued."""

    MASK = make_mask(37, 53, 62, 78)

    @pytest.fixture
    def rough(self):
        noise = np.random.default_rng(0).normal(0, 12, (HEIGHT, WIDTH, 1))
        return np.clip(128 + noise, 0, 255).astype(np.uint8).repeat(3, axis=2)

    def roughness(self, result):
        inner = result[41:49, 66:74, 0].astype(float)
        return np.abs(np.diff(inner, axis=1)).mean()

    def compose(self, picture, *, face=None, seed=0, own=True, **options):
        composer = Composer(beyond="harmonic", grain=own, seed=seed)
        return composer.compose(picture, self.MASK, [face or located(5.5, 0.0)], generated=flat_faces(0.0), **options)

    def test_it_can_be_left_out(self, rough):
        with_grain, without = self.compose(rough), self.compose(rough, own=False)
        assert self.roughness(with_grain) > 2.0 * self.roughness(without)
        assert np.array_equal(self.compose(rough, grain=False), without)
        assert np.array_equal(self.compose(rough, own=False, grain=True), with_grain)

    def test_it_comes_from_the_seed(self, rough):
        assert np.array_equal(self.compose(rough, seed=3), self.compose(rough, seed=3))
        assert not np.array_equal(self.compose(rough, seed=3), self.compose(rough, seed=4))

    def test_an_aligned_picture_has_none(self, rough):
        face = LocatedFace.aligned(rough.shape, SIZE)
        assert np.array_equal(self.compose(rough, face=face), self.compose(rough, face=face, own=False))


def test_names_are_checked():
    with pytest.raises(ValueError, match=r"Expected `method` to be one of auto, .* none\. Received: 'alpha'"):
        Composer(blend="alpha")
    with pytest.raises(ValueError, match=r"Expected `method` to be one of telea, .* Received: 'balanced'"):
        Composer(beyond="balanced")


@pytest.mark.parametrize("shape", [(64, 10), (20, 100), (48, 48)])
def test_holes_of_an_aligned_picture_are_measured_by_its_longer_side(monkeypatch, shape):
    sides = []
    composer = Composer()
    monkeypatch.setattr(composer, "blender", lambda generated, *_, side_px: sides.append(side_px) or generated)
    composer.blender.needs_solver = True
    picture, mask = np.full((*shape, 3), 128, np.uint8), np.zeros(shape, bool)
    mask[3:6, 3:6] = True
    face = LocatedFace.aligned(shape, 16)
    composer.compose(picture, mask, [face], generated=np.zeros((1, 16, 16, 3), np.float32))
    assert sides == [max(shape)]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_face_that_is_not_finite(picture, value):
    generated = noise_faces()
    generated[0, 3, 4, 1] = value
    with pytest.raises(CompletionError, match="the model's answer is not finite"):
        Composer().compose(picture, make_mask(30, 60, 50, 90), [located()], generated=generated)

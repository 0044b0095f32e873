"""Faces inside photographs, with a toy model and a finder that is told where faces are."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.completer import Completer
from completion.config import BLEND_NAMES, SearchConfig
from completion.face_finding import FaceLocator, LocatedFace
from completion.face_frame import frame_distance
from completion.photographs import PhotographCompleter
from dcgan.errors import NoFaceError
from dcgan.faces.detector import Face
from tests.completion.helpers import SIZE, make_picture
from tests.completion.test_face_frame import make_transform

HEIGHT, WIDTH = 90, 140


@dataclasses.dataclass
class ToldFinder:
    """Takes the place of dlib: the faces are known, and a box is a face of three landmarks."""

    faces: list[Face] = dataclasses.field(default_factory=list)
    seen: list[np.ndarray] = dataclasses.field(default_factory=list)
    min_score: float = 0.0

    def find(self, picture, *, min_score=None):
        self.seen.append(picture)
        return [face for face in self.faces if face.score >= min_score]

    def landmark(self, picture, box):
        self.seen.append(picture)
        return make_face(*box)


def make_face(left, top, width, height, score=1.0):
    """Return an upright face whose frame fills its box."""
    landmarks = np.zeros((68, 2))
    landmarks[[39, 42, 57]] = np.array([(0.37, 0.18), (0.62, 0.17), (0.5, 0.77)]) * (width, height) + (left, top)
    return Face((left, top, width, height), landmarks, score)


def located(transform):
    return LocatedFace(transform, "landmarks")


def make_mask(top, bottom, left, right):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture(scope="module")
def completer(prior):
    return Completer(prior, SearchConfig(iterations=2))


@pytest.fixture
def photographs(completer):
    return PhotographCompleter(completer, ToldFinder([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)]))


@pytest.fixture
def picture():
    return make_picture(HEIGHT, WIDTH)


@given(
    transform=st.builds(
        make_transform,
        scale=st.floats(0.3, 12.0),
        turn=st.floats(-3.1, 3.1),
        middle=st.tuples(st.floats(-20, 160), st.floats(-20, 110)),
    ),
    corner=st.tuples(st.integers(0, HEIGHT - 2), st.integers(0, WIDTH - 2)),
    sides=st.tuples(st.integers(1, HEIGHT), st.integers(1, WIDTH)),
    blend=st.sampled_from(BLEND_NAMES),
    seed=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_known_pixels_stay_whatever_the_frame(prior, transform, corner, sides, blend, seed):
    """Outside the hole the photograph is bit-identical, and what the hole hid decides nothing."""
    photographs = PhotographCompleter(Completer(prior, SearchConfig(iterations=1), blend=blend), ToldFinder())
    picture, mask = make_picture(HEIGHT, WIDTH, seed=seed), np.zeros((HEIGHT, WIDTH), bool)
    mask[corner[0] : corner[0] + sides[0], corner[1] : corner[1] + sides[1]] = True
    mask[0, 0] = False
    before = picture.copy()
    generated = np.random.default_rng(seed).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)
    result = photographs.compose(picture, mask, [located(transform)], generated)
    assert np.array_equal(picture, before)
    assert np.array_equal(result[~mask], picture[~mask])
    picture[mask] = 255 - picture[mask]
    assert np.array_equal(photographs.compose(picture, mask, [located(transform)], generated), result)


def test_only_touched_faces_are_completed(photographs, picture):
    mask = make_mask(30, 50, 90, 110)
    view = photographs.look(picture, mask)
    assert [face.box for face in view.faces] == [(80, 30, 44, 44)]
    assert (len(view.views), view.others, view.beyond) == (1, 1, 0.0)
    both = photographs.look(picture, mask | make_mask(25, 40, 20, 30))
    assert (len(both.views), both.others) == (2, 0)


def test_several_faces_are_one_batch(photographs, picture, completer, monkeypatch):
    calls = []
    monkeypatch.setattr(completer, "find", lambda views: calls.append(views) or Completer.find(completer, views))
    mask = make_mask(30, 50, 90, 110) | make_mask(25, 40, 20, 30)
    result = photographs.complete(picture, mask)
    assert [len(views) for views in calls] == [2]
    assert np.array_equal(result[~mask], picture[~mask])
    for part in (np.s_[30:50, 90:110], np.s_[25:40, 20:30]):
        assert not np.array_equal(result[part], picture[part])


def test_the_detector_never_sees_what_is_hidden(completer, picture):
    mask = make_mask(30, 50, 90, 110)
    other = picture.copy()
    other[mask] = 255 - other[mask]
    seen = []
    for each in (picture, other):
        finder = ToldFinder([make_face(80, 30, 44, 44)])
        PhotographCompleter(completer, finder).complete(each, mask)
        seen.append(finder.seen)
    assert all(np.array_equal(one, two) for one, two in zip(*seen, strict=True))
    assert np.array_equal(seen[0][0][~mask], picture[~mask])


def test_a_hole_beyond_all_frames_is_filled_classically(photographs, picture):
    mask = make_mask(2, 10, 60, 76)
    view = photographs.look(picture, mask)
    assert (view.views, view.others, view.beyond) == ([], 2, 1.0)
    result = photographs.complete(picture, mask)
    assert np.array_equal(result[~mask], picture[~mask])
    assert np.abs(result[mask].astype(int).mean() - picture[mask].mean()) < 25


def test_the_share_beyond(photographs, picture):
    view = photographs.look(picture, make_mask(40, 50, 40, 60))
    assert view.beyond == pytest.approx(0.5, abs=0.06)  # the first frame ends at 50


def test_the_methods_beyond(completer, picture):
    finder = ToldFinder([make_face(10, 20, 40, 40)])
    mask = make_mask(40, 60, 35, 90)
    results = {
        method: PhotographCompleter(completer, finder, beyond=method).complete(picture, mask)
        for method in ("telea", "ns", "harmonic", "biharmonic")
    }
    far = np.s_[42:58, 60:85]
    assert len({result[far].tobytes() for result in results.values()}) == 4
    for result in results.values():
        assert np.array_equal(result[~mask], picture[~mask])


def test_a_pixel_belongs_to_the_nearest_face(completer, picture):
    photographs = PhotographCompleter(completer, ToldFinder())
    faces = [located(make_transform(3.0, 0.0, middle=(x, 45.0))) for x in (50.0, 70.0)]
    mask = make_mask(40, 50, 30, 95)
    dark, bright = np.full((SIZE, SIZE, 3), -0.9, np.float32), np.full((SIZE, SIZE, 3), 0.9, np.float32)
    (_, columns), owner = photographs._owners(mask, faces)
    assert owner[5, 58 - columns.start] == 1
    assert owner[5, 62 - columns.start] == 2
    photographs.completer.blender.method, method = "none", photographs.completer.blender.method
    try:
        result = photographs.compose(picture, mask, faces, np.stack([dark, bright]))
    finally:
        photographs.completer.blender.method = method
    assert result[45, 50].max() < 60
    assert result[45, 70].min() > 195


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_towards_the_edge_a_face_fades(completer, picture, scale):
    """In the middle the model has its say, at the frame's edge the classical filling."""
    photographs = PhotographCompleter(completer, ToldFinder(), beyond="harmonic", grain=False)
    transform = make_transform(scale, 0.3, middle=(70.0, 45.0))
    mask = make_mask(5, 85, 10, 130)
    faces = np.stack([np.full((SIZE, SIZE, 3), value, np.float32) for value in (-0.5, 0.5)])
    dark, bright = (photographs.compose(picture, mask, [located(transform)], face[None]) for face in faces)
    difference = bright.astype(int) - dark.astype(int)
    distance = frame_distance(transform, SIZE, (slice(0, HEIGHT), slice(0, WIDTH)))
    assert np.abs(difference[distance > 1.0]).max() == 0
    edge = mask & (distance < 1.0) & (distance > 0.98)
    assert np.abs(difference[edge]).max() <= 12


def test_grey_stays_grey(completer):
    picture = np.repeat(make_picture(HEIGHT, WIDTH, channels=1), 3, axis=2)
    finder = ToldFinder([make_face(10, 20, 40, 40)])
    result = PhotographCompleter(completer, finder).complete(picture, make_mask(30, 50, 20, 35))
    assert np.array_equal(result[..., 0], result[..., 1])
    assert np.array_equal(result[..., 0], result[..., 2])


def test_a_grey_model(grey_model):
    photographs = PhotographCompleter(
        Completer(grey_model[1], SearchConfig(iterations=1)), ToldFinder([make_face(10, 20, 40, 40)])
    )
    picture, mask = make_picture(HEIGHT, WIDTH, channels=1), make_mask(30, 50, 20, 35)
    result = photographs.complete(picture, mask)
    assert result.shape == picture.shape
    assert np.array_equal(result[~mask], picture[~mask])


def test_a_large_hole_is_blended_on_a_smaller_grid(completer, picture, monkeypatch):
    finder = ToldFinder([make_face(10, 5, 80, 80)])
    mask = make_mask(15, 75, 20, 80)
    exact = PhotographCompleter(completer, finder, beyond="harmonic").complete(picture, mask)
    monkeypatch.setattr("completion.photographs.BLEND_UNKNOWNS_MAX", 900)
    quick = PhotographCompleter(completer, finder, beyond="harmonic").complete(picture, mask)
    assert not np.array_equal(quick, exact)
    assert np.array_equal(quick[~mask], picture[~mask])
    assert np.abs(quick.astype(int) - exact).mean() < 2.0


def test_nothing_missing_and_nothing_known(photographs, picture):
    nothing = np.zeros((HEIGHT, WIDTH), bool)
    assert np.array_equal(photographs.complete(picture, nothing), picture)
    with pytest.raises(ValueError, match="Expected a photograph of which something is known"):
        photographs.complete(picture, ~nothing)
    with pytest.raises(ValueError, match=r"Expected `mask` of shape \(90, 140\)"):
        photographs.complete(picture, nothing[1:])


def test_no_face(completer, picture):
    photographs = PhotographCompleter(completer, ToldFinder())
    with pytest.raises(NoFaceError, match=r"^expected a face, found none; say where it is: --face-box x,y,w,h or"):
        photographs.complete(picture, make_mask(30, 50, 20, 35))


def test_which_faces_are_taken():
    """Below the detector's own limit a face counts if the hole hides a part of it, and in a place of its own."""
    whole, hidden, other = make_face(10, 20, 40, 40), make_face(80, 30, 44, 44, -0.3), make_face(60, 5, 20, 20, -0.1)
    twice, sure = make_face(84, 34, 40, 40, -0.4), make_face(12, 18, 42, 42, -0.2)
    finder = ToldFinder([whole, hidden, other, twice, sure, make_face(100, 0, 30, 30, -0.8)])
    picture, mask = make_picture(HEIGHT, WIDTH), make_mask(32, 60, 85, 110) | make_mask(30, 50, 15, 40)
    found = FaceLocator(SIZE, finder).locate(picture, mask)
    assert [(face.box, face.step) for face in found] == [(hidden.box, "guessed"), (whole.box, "detected")]
    assert found[0].record()["score"] == -0.3
    finder.min_score = 0.5
    assert [face.step for face in FaceLocator(SIZE, finder).locate(picture, mask)] == ["detected"]
    finder.faces[0] = dataclasses.replace(whole, score=0.3)
    assert [face.step for face in FaceLocator(SIZE, finder).locate(picture, mask)] == ["guessed"]


def test_the_users_word_alone_counts(photographs, picture):
    mask = make_mask(30, 50, 90, 110)
    view = photographs.look(picture, mask, boxes=[(85, 25, 40, 40)])
    assert [(face.step, face.box) for face in view.faces] == [("box", (85, 25, 40, 40))]
    assert view.others == 0
    points = make_face(85, 25, 40, 40).landmarks
    for landmarks in (points, points[[39, 42, 57]]):
        (face,) = photographs.look(picture, mask, landmarks=[landmarks]).faces
        assert (face.step, face.box) == ("landmarks", None)
        assert math.isnan(face.score)
        assert set(face.record()) == {"step", "transform"}
        assert np.allclose(face.transform, view.faces[0].transform, atol=0.05)


@pytest.mark.parametrize("box", [(500, 10, 40, 40), (10, 10, 3, 40), (-60, 10, 40, 40)])
def test_boxes_that_hold_no_face(photographs, picture, box):
    with pytest.raises(NoFaceError, match="expected a face's box of at least 8x8 pixels in the picture of 140x90"):
        photographs.look(picture, make_mask(30, 50, 90, 110), boxes=[box])


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[10, 10], [20, 10], [30, 10]], "not on one line"),
        ([[50, 20], [30, 20], [40, 50]], "the eye corner that is left in the picture first, received"),
        ([[50, 20], [30, 20]], r"expected 3 or 68 landmarks of two numbers each, received an array of \(2, 2\)"),
    ],
)
def test_landmarks_of_no_face(photographs, picture, points, reason):
    with pytest.raises(NoFaceError, match=reason):
        photographs.look(picture, make_mask(30, 50, 90, 110), landmarks=[np.array(points, float)])


def test_a_hidden_face_is_placed_by_its_box(completer):
    """Of a face that is hidden altogether the landmarks say nothing."""

    class Wild(ToldFinder):
        def landmark(self, picture, box):
            return make_face(box[0] + 15, box[1], box[2], box[3])

    picture = make_picture(HEIGHT, WIDTH)
    locator = FaceLocator(SIZE, Wild())
    box = (40, 20, 40, 40)
    free, half, full = (
        locator.locate(picture, mask, boxes=[box])[0].transform
        for mask in (make_mask(0, 1, 0, 1), make_mask(20, 90, 0, 60), make_mask(10, 80, 30, 90))
    )
    middle = [-(transform[:, 2] - (SIZE - 1) / 2) / np.diag(transform) for transform in (free, half, full)]
    assert middle[2] == pytest.approx([60.4, 44.4])
    assert middle[0][0] > middle[1][0] > middle[2][0]


def test_the_second_look(encoded, picture):
    """Where the encoder answers, landmarks are taken again from the completed face, and decide where it lies."""

    class Improving(ToldFinder):
        """Sees a face ten pixels too far left as long as there is a hole in it."""

        def landmark(self, picture, box):
            self.seen.append(picture)
            return make_face(box[0] - (10 if picture.shape[0] == HEIGHT else 0), *box[1:])

    finder = Improving([make_face(80, 30, 44, 44)])
    mask = make_mask(45, 55, 95, 110)
    true = FaceLocator(SIZE, ToldFinder()).align(picture, (80, 30, 44, 44))
    (searched,) = PhotographCompleter(Completer(encoded, SearchConfig(iterations=1)), finder).look(picture, mask).faces
    assert searched.transform[0, 2] - true[0, 2] > 3.0
    photographs = PhotographCompleter(Completer(encoded, "fast"), finder)
    (again,) = photographs.look(picture, mask).faces
    assert np.allclose(again.transform, true, atol=0.35)  # boxes are whole pixels
    assert (again.box, again.step) == (searched.box, searched.step)
    completed = finder.seen[-1]
    assert completed.shape[0] < HEIGHT
    (told,) = photographs.look(picture, mask, landmarks=[make_face(75, 30, 44, 44).landmarks]).faces
    assert told.transform[0, 2] - true[0, 2] > 1.0  # the user's word stands


def test_the_second_look_is_a_picture_of_its_own(encoded, picture):
    """A photograph's faces are the same, whatever other photographs there are."""
    finder = ToldFinder([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])
    photographs = PhotographCompleter(Completer(encoded, "balanced"), finder)
    mask = make_mask(30, 50, 90, 110) | make_mask(25, 40, 20, 30)
    one, two = (photographs.look(picture, mask, rows=8) for _ in range(2))
    for each, other in zip(one.faces, two.faces, strict=True):
        assert np.array_equal(each.transform, other.transform)
    for each, other in zip(one.views, two.views, strict=True):
        assert np.array_equal(each[0], other[0])

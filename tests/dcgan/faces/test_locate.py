import dataclasses
import math

import hypothesis.extra.numpy as npst
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from dcgan.errors import NoFaceError
from dcgan.faces import locate
from dcgan.faces.locate import FaceLocator, GivenFaces, LocatedFace
from dcgan.faces.placement import Placement
from tests.dcgan.helpers import memory_below
from tests.dcgan.faces.helpers import HEIGHT, SIZE, WIDTH, StubDetector, make_face, make_mask

TOUCHED = make_mask(30, 50, 90, 110)


@pytest.fixture
def filled():
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def detector():
    return StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])


@pytest.fixture
def locator(detector):
    return FaceLocator(SIZE, detector)


def test_which_faces_are_taken(filled):
    """Below the detector's limit a face counts if the hole hides a part of it, and in a place of its own."""
    complete, hidden, other = make_face(10, 20, 40, 40), make_face(80, 30, 44, 44, -0.3), make_face(60, 5, 20, 20, -0.1)
    twice, certain = make_face(84, 34, 40, 40, -0.4), make_face(12, 18, 42, 42, -0.2)
    detector = StubDetector([complete, hidden, other, twice, certain, make_face(100, 0, 30, 30, -0.8)])
    mask = make_mask(32, 60, 85, 110) | make_mask(30, 50, 15, 40)
    found = FaceLocator(SIZE, detector).locate(filled, mask)
    assert [(face.box, face.source) for face in found] == [(hidden.box, "guessed"), (complete.box, "detected")]
    assert found[0].record()["score"] == -0.3
    detector.min_score = 0.5
    assert [face.source for face in FaceLocator(SIZE, detector).locate(filled, mask)] == ["detected"]
    detector.faces[0] = dataclasses.replace(complete, score=0.3)
    assert [face.source for face in FaceLocator(SIZE, detector).locate(filled, mask)] == ["guessed"]


@pytest.mark.parametrize(("width", "score", "guessed"), [(40, -0.39, 1), (40, -0.41, 0), (20, -0.1, 0)])
def test_beside_a_sure_face_a_guess_asks_more(filled, width, score, guessed):
    """A face painted on a badge is no face beside a real one; alone it counts."""
    sure, low = make_face(10, 20, 40, 40), make_face(80, 30, width, width, score)
    mask = make_mask(32, 45, 82, 95)
    found = FaceLocator(SIZE, StubDetector([sure, low])).locate(filled, mask)
    assert [face.source for face in found].count("guessed") == guessed
    alone = FaceLocator(SIZE, StubDetector([low])).locate(filled, mask)
    assert [face.source for face in alone] == ["guessed"]


def test_a_large_photograph_is_looked_at_once_more_around_the_hole(filled, monkeypatch):
    """There the detector sees small faces; one that was seen before counts once."""
    monkeypatch.setattr(locate, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(locate, "AROUND_PX", 30)

    class Reducing(StubDetector):
        def detect(self, picture, **options):
            self.seen.append(picture)
            seen = make_face(80, 30, 44, 44) if picture.shape[0] == HEIGHT else make_face(35, 25, 20, 20)
            return [seen] if picture.shape[0] == HEIGHT else [seen, make_face(1, 2, 1, 1, 0.1)]

    detector = Reducing()
    found = FaceLocator(SIZE, detector).locate(filled, make_mask(40, 60, 40, 50))
    assert [seen.shape[:2] for seen in detector.seen[:2]] == [(HEIGHT, WIDTH), (80, 70)]
    assert [face.box for face in found] == [(80, 30, 44, 44), (45, 35, 20, 20), (11, 12, 1, 1)]
    detector.seen.clear()
    again = FaceLocator(SIZE, detector).locate(filled, make_mask(40, 60, 85, 95))
    assert again[0].box == (80, 30, 44, 44)
    assert len(again) == 2


def test_windows_around_holes_in_opposite_corners_take_no_memory_of_the_whole_mask():
    """Labels of all pixels took 5 bytes each."""
    mask = make_mask(0, 50, 0, 50, (4000, 4000)) | make_mask(3950, 4000, 3940, 3990, (4000, 4000))
    with memory_below(2**20):
        windows = locate._windows_around(mask)
    assert windows == [(slice(0, 210), slice(0, 210)), (slice(3790, 4000), slice(3780, 4000))]


@given(holes=npst.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))), most=st.integers(1, 8))
def test_windows_are_those_of_the_mask_as_one_piece(holes, most):
    """However many runs of rows a mask has; touching corners belong together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locate, "AROUND_PX", 0)
        patch.setattr(locate, "HOLES_MAX", most)
        windows = locate._windows_around(holes)
    pieces = ndimage.find_objects(ndimage.label(holes, np.ones((3, 3)))[0])
    if len(pieces) > most:
        used = [np.flatnonzero(holes.any(axis=axis)) for axis in (1, 0)]
        pieces = [tuple(slice(int(each[0]), int(each[-1]) + 1) for each in used)]
    assert sorted(map(str, windows)) == sorted(map(str, pieces))


def test_the_largest_face_comes_first(locator, filled):
    assert [face.box for face in locator.locate(filled, TOUCHED)] == [(80, 30, 44, 44), (10, 20, 40, 40)]


def test_landmarks_of_a_touched_face_are_averaged_over_moved_boxes(locator, detector, filled):
    """Of a face that the hole does not touch the detector's own landmarks count."""
    touched, other = locator.locate(filled, TOUCHED)
    assert len(detector.seen) == 1 + 9
    aligned = locator.align(filled, touched.box)
    np.testing.assert_allclose(touched.placement.transform, aligned.transform)
    own = locator.locate(filled, TOUCHED, given=GivenFaces(landmarks=(detector.faces[0].landmarks,)))[0]
    np.testing.assert_allclose(other.placement.transform, own.placement.transform)


def test_places_given_by_the_user_count_alone(locator, detector, filled):
    (by_box,) = locator.locate(filled, TOUCHED, given=GivenFaces(boxes=((85, 25, 40, 40),)))
    assert (by_box.source, by_box.box) == ("box", (85, 25, 40, 40))
    assert set(by_box.record()) == {"source", "box", "transform"}
    points = make_face(85, 25, 40, 40).landmarks
    for landmarks in (points, points[[39, 42, 57]]):
        (face,) = locator.locate(filled, TOUCHED, given=GivenFaces(landmarks=(landmarks,)))
        assert (face.source, face.box) == ("landmarks", None)
        assert math.isnan(face.score)
        assert set(face.record()) == {"source", "transform"}
        assert np.allclose(face.placement.transform, by_box.placement.transform, atol=0.05)
    both = locator.locate(filled, TOUCHED, given=GivenFaces(((85, 25, 40, 40),), (points,)))
    assert sorted(face.source for face in both) == ["box", "landmarks"]


def test_a_record_is_json(locator, filled):
    (face, _) = locator.locate(filled, TOUCHED)
    record = face.record()
    assert set(record) == {"source", "box", "score", "transform"}
    assert (record["source"], record["box"], record["score"]) == ("detected", [80, 30, 44, 44], 1.0)
    np.testing.assert_allclose(record["transform"], face.placement.transform, atol=1e-9)
    assert all(isinstance(number, float) for row in record["transform"] for number in row)


def test_an_aligned_picture_is_a_face_of_its_own():
    face = LocatedFace.aligned((50, 30, 3), SIZE)
    assert (face.source, face.box) == ("aligned", None)
    np.testing.assert_array_equal(face.placement.transform, Placement.whole((50, 30), SIZE).transform)
    assert set(face.record()) == {"source", "transform"}


def test_no_face(filled):
    locator = FaceLocator(SIZE, StubDetector())
    with pytest.raises(NoFaceError, match=r"^expected a face, found none; say where it is: --face-box x,y,w,h or"):
        locator.locate(filled, make_mask(30, 50, 20, 35))


@pytest.mark.parametrize("box", [(500, 10, 40, 40), (10, 10, 3, 40), (-60, 10, 40, 40)])
def test_boxes_that_hold_no_face(locator, filled, box):
    with pytest.raises(NoFaceError, match="expected a face's box of at least 8x8 pixels in the picture of 140x90"):
        locator.locate(filled, TOUCHED, given=GivenFaces(boxes=(box,)))


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[10, 10], [20, 10], [30, 10]], "not on one line"),
        ([[50, 20], [30, 20], [40, 50]], "the eye corner that is left in the picture first, received"),
        ([[50, 20], [30, 20]], r"expected 3 or 68 landmarks of two numbers each, received an array of \(2, 2\)"),
    ],
)
def test_landmarks_of_no_face(locator, filled, points, reason):
    with pytest.raises(NoFaceError, match=reason):
        locator.locate(filled, TOUCHED, given=GivenFaces(landmarks=(np.array(points, float),)))


def test_a_hidden_face_is_placed_by_its_box(filled):
    """The more of a face is hidden, the less its landmarks count."""

    class Misled(StubDetector):
        """Finds landmarks too far to the right."""

        def predict_landmarks(self, picture, box):
            return make_face(box[0] + 15, box[1], box[2], box[3])

    locator, given = FaceLocator(SIZE, Misled()), GivenFaces(boxes=((40, 20, 40, 40),))
    free, half, full = (
        locator.locate(filled, mask, given=given)[0].placement.transform
        for mask in (make_mask(0, 1, 0, 1), make_mask(20, 90, 0, 60), make_mask(10, 80, 30, 90))
    )
    centers = [-(transform[:, 2] - (SIZE - 1) / 2) / np.diag(transform) for transform in (free, half, full)]
    assert centers[2] == pytest.approx([60.4, 44.4])
    assert centers[0][0] > centers[1][0] > centers[2][0]


def test_the_surroundings_of_holes_are_where_the_holes_are():
    """Labels are given to the part of the mask that has holes; their places are the picture's."""
    mask = np.zeros((900, 1200), np.bool_)
    mask[400:420, 700:730] = mask[500, 1199] = True
    found = locate._windows_around(mask)
    around = locate.AROUND_PX
    assert sorted((rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found) == [
        (400 - around, 420 + around, 700 - around, 730 + around),
        (500 - around, 501 + around, 1199 - around, 1200),
    ]
    assert locate._windows_around(np.zeros((30, 40), np.bool_)) == []

"""Faces that BlazeFace sees behind holes."""

import numpy as np
import pytest

from dcgan.errors import NoFaceError
from dcgan.faces import locate
from dcgan.faces.alignment import invert_transform, transform_points
from dcgan.faces.behind import PLACES, faces_behind, similarity
from dcgan.faces.blaze import FacePoints
from dcgan.faces.locate import FaceLocator
from tests.dcgan.faces.helpers import HEIGHT, SIZE, WIDTH, StubDetector, make_face, make_mask


def face_at(x, y, side, *, turn=0.0, score=0.9):
    """Return a face whose tight square has its centre at (x, y)."""
    turned = np.exp(1j * turn) * side * ((PLACES - 0.5) @ (1.0, 1.0j))
    points = np.stack([turned.real + x, turned.imag + y], axis=1)
    points = np.concatenate([points, points[:2]])
    return FacePoints(points, (x - side / 2, y - side / 2, side, side), score)


class StubBlaze:
    """Sees faces of a photograph in every square that holds their boxes."""

    def __init__(self, *faces):
        self.faces, self.parts = faces, []

    def __call__(self):
        return self

    def find(self, picture, *, min_score):
        self.parts.append(picture.shape[:2])
        return [face for face in self.faces if face.score >= min_score and picture.shape[:2] == (HEIGHT, WIDTH)]


@pytest.fixture
def see(monkeypatch):
    """Return a function that says what BlazeFace sees."""

    def set_them(*faces):
        blaze = StubBlaze(*faces)
        monkeypatch.setattr(locate, "BlazeFace", blaze)
        monkeypatch.setattr(locate, "find_weights", lambda: "weights")
        return blaze

    return set_them


class TestSimilarity:
    @pytest.mark.parametrize("turn", [0.0, 0.4, -1.0])
    @pytest.mark.parametrize("margin", [0.0, 0.25])
    def test_the_points_come_to_their_places(self, turn, margin):
        face = face_at(70.0, 40.0, 30.0, turn=turn)
        side = 96 / (1 + 2 * margin)
        moved = transform_points(similarity(face.points, 96, margin=margin), face.points[:4])
        np.testing.assert_allclose(moved, (96 - side) / 2 + side * PLACES - 0.5, atol=1e-9)

    def test_what_is_off_is_averaged(self):
        face = face_at(70.0, 40.0, 30.0)
        noise = np.random.default_rng(0).normal(0, 1.0, (6, 2))
        there = invert_transform(similarity(face.points + noise, 64))
        np.testing.assert_allclose(transform_points(there, [(31.5, 31.5)])[0], (70.0, 40.0), atol=2.0)


class TestSquares:
    def test_they_grow_around_the_hole_until_they_hold_the_photograph(self):
        blaze = StubBlaze()
        assert faces_behind(np.zeros((HEIGHT, WIDTH, 3), np.uint8), [(20, 30, 40, 10)], blaze) == []
        assert blaze.parts[0] == (52, 52)
        assert blaze.parts[-1] == (HEIGHT, WIDTH)
        areas = [height * width for height, width in blaze.parts]
        assert areas == sorted(areas)

    def test_places_are_those_of_the_photograph(self, monkeypatch):
        seen = face_at(20.0, 20.0, 10.0)

        class OnePart(StubBlaze):
            def find(self, picture, *, min_score):
                return [] if self.parts else super().find(picture, min_score=min_score) or [seen]

        (found,) = faces_behind(np.zeros((200, 300, 3), np.uint8), [(150, 100, 40, 40)], OnePart())
        corner = 170 - 26, 120 - 26
        np.testing.assert_allclose(found.points, seen.points + corner)
        assert found.box[:2] == pytest.approx((seen.box[0] + corner[0], seen.box[1] + corner[1]))

    def test_the_same_face_in_two_squares_is_one(self):
        one, other, apart = face_at(50, 40, 30), face_at(52, 41, 32, score=0.95), face_at(110, 40, 30, score=0.85)
        blaze = StubBlaze(one, other, apart)
        found = faces_behind(np.zeros((HEIGHT, WIDTH, 3), np.uint8), [(40, 30, 20, 20)], blaze)
        assert [face.score for face in found] == [0.95, 0.85]


class TestLocator:
    def test_a_face_that_dlib_misses_is_guessed(self, see):
        see(face_at(60.0, 40.0, 40.0))
        photograph = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        (face,) = FaceLocator(SIZE, StubDetector()).locate(photograph, make_mask(20, 60, 40, 60))
        assert (face.source, face.detector, face.score) == ("guessed", "blazeface", 0.9)
        assert face.record()["detector"] == "blazeface"
        np.testing.assert_allclose(face.box, (39, 15, 41, 41), atol=1)  # as dlib's box has the tight square
        centre = transform_points(invert_transform(face.placement.transform), [((SIZE - 1) / 2, (SIZE - 1) / 2)])[0]
        np.testing.assert_allclose(centre, (60.0, 40.0), atol=6.0)

    def test_where_much_is_hidden_the_points_place_it(self, see):
        see(face_at(60.0, 40.0, 40.0, turn=0.3))
        photograph = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        (face,) = FaceLocator(SIZE, StubDetector()).locate(photograph, make_mask(0, 80, 20, 100))
        expected = similarity(face_at(60.0, 40.0, 40.0, turn=0.3).points, SIZE)
        np.testing.assert_allclose(face.placement.transform, expected)

    def test_a_hole_that_touches_a_face_of_dlib_is_not_looked_at(self, see):
        blaze = see(face_at(60.0, 40.0, 40.0))
        detector = StubDetector([make_face(40, 20, 40, 40)])
        faces = FaceLocator(SIZE, detector).locate(np.zeros((HEIGHT, WIDTH, 3), np.uint8), make_mask(30, 50, 50, 70))
        assert [face.detector for face in faces] == [""]
        assert blaze.parts == []

    @pytest.mark.parametrize("face", [face_at(60.0, 40.0, 40.0, score=0.7), face_at(110.0, 40.0, 40.0)])
    def test_what_is_unsure_or_hardly_hidden_is_none(self, see, face):
        see(face)
        with pytest.raises(NoFaceError):
            FaceLocator(SIZE, StubDetector()).locate(np.zeros((HEIGHT, WIDTH, 3), np.uint8), make_mask(20, 60, 40, 60))

    def test_a_high_limit_leaves_it_out(self, see):
        see(face_at(60.0, 40.0, 40.0))
        photograph, mask = np.zeros((HEIGHT, WIDTH, 3), np.uint8), make_mask(20, 60, 40, 60)
        assert FaceLocator(SIZE, StubDetector(min_score=0.99)).locate(photograph, mask)
        with pytest.raises(NoFaceError):
            FaceLocator(SIZE, StubDetector(min_score=1.0)).locate(photograph, mask)

    def test_without_blazeface_there_is_none(self, monkeypatch):
        monkeypatch.setattr(locate, "find_weights", lambda: None)
        with pytest.raises(NoFaceError):
            FaceLocator(SIZE, StubDetector()).locate(np.zeros((HEIGHT, WIDTH, 3), np.uint8), make_mask(20, 60, 40, 60))

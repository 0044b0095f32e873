"""Faces that lie elsewhere than aligned ones: found, placed and completed."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from skimage import data

from completion import complete
from completion.cli import complete_command
from completion.composition import Composer
from completion.realigning import LEAST, realign
from dcgan.faces.aligner import ALIGNER_SIZE, FacePlace, find_place
from dcgan.faces.alignment import (
    alignment_transform,
    compose_transforms,
    crop_face,
    invert_transform,
    transform_points,
)
from dcgan.faces.detector import FaceDetector
from dcgan.faces.locate import LocatedFace
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import to_float
from masks import MaskSpec, make_mask
from tests.completion.helpers import records

SIZE, MARGIN = 128, 0.25
PLACES = {
    "moved": (0.07, -0.05, 0.0, 0.0),
    "smaller": (0.0, 0.0, math.log(0.85), 0.0),
    "larger": (0.02, 0.0, math.log(1.2), 0.0),
    "turned": (0.0, 0.0, 0.0, math.radians(10.0)),
    "all": (-0.04, 0.03, math.log(0.92), math.radians(-6.0)),
}


@pytest.fixture(scope="module")
def astronaut():
    """Return a photograph and the transform of its face to the wide frame."""
    photograph = data.astronaut()
    face = max(FaceDetector().detect(photograph), key=lambda each: each.score)
    transform = alignment_transform(face.landmarks, framing="innerEyesAndBottomLip", size=SIZE, margin=MARGIN)
    return photograph, transform


@pytest.fixture(scope="module")
def crop(astronaut):
    """Return a function from a face's place to the crop that has it there, uint8 (128, 128, 3)."""

    def cut(place=(0.0, 0.0, 0.0, 0.0)):
        photograph, transform = astronaut
        there = FacePlace(np.array(place), np.ones(4)).transform(SIZE)
        return crop_face(photograph, compose_transforms(there, transform), SIZE)

    return cut


def small(picture, mask=None):
    """Return what the aligner sees of a wide picture."""
    from dcgan.faces.placement import Placement

    mask = np.zeros(picture.shape[:2], bool) if mask is None else mask
    return Placement.whole(picture.shape, ALIGNER_SIZE).view(picture, mask)


def run(*arguments):
    return CliRunner().invoke(complete_command, [str(each) for each in arguments])


def hole(name):
    return None if name == "none" else make_mask(MaskSpec(name), (SIZE, SIZE))


@pytest.mark.parametrize("mask", ["none", "center", "left"])
@pytest.mark.parametrize("name", PLACES)
def test_a_place_is_found(crop, name, mask):
    place = find_place(*small(crop(PLACES[name]), hole(mask)))
    error = place.mean - PLACES[name]
    hidden = 1.0 if mask == "none" else 2.0
    assert np.hypot(*error[:2]) < 0.02 * hidden
    assert abs(error[2]) < 0.07 * hidden
    assert abs(error[3]) < math.radians(4.0) * hidden
    assert (np.abs(error) < 4.0 * place.deviation).all()


@pytest.mark.parametrize("mask", ["none", "center", "left", "medium"])
def test_an_aligned_face_stays(crop, mask):
    face = LocatedFace.aligned((SIZE, SIZE), SIZE)
    drawn = np.zeros((SIZE, SIZE), bool) if mask == "none" else hole(mask)
    assert realign(crop(), drawn, face, margin=MARGIN, framing="wide") is None


@pytest.mark.parametrize("name", ["moved", "smaller", "all"])
def test_a_face_is_placed_in_the_models_frame(crop, name):
    """The corners of the frame come to lie where they do in the aligned picture."""
    picture, face = crop(PLACES[name]), LocatedFace.aligned((SIZE, SIZE), SIZE)
    moved = realign(picture, np.zeros((SIZE, SIZE), bool), face, margin=MARGIN, framing="wide")
    there = FacePlace(np.array(PLACES[name]), np.ones(4)).transform(SIZE)
    corners = np.array([(32.0, 32.0), (96.0, 32.0), (32.0, 96.0), (96.0, 96.0)])
    back = transform_points(moved.face.placement.transform, transform_points(there, corners))
    before = np.linalg.norm(transform_points(there, corners) - corners, axis=1).mean()
    assert np.linalg.norm(back - corners, axis=1).mean() < 0.5 * before
    assert moved.face.over
    assert set(moved.fields["moved"]) == {"shift", "factor", "turned"}
    assert "(--framing wide if it is right)" in moved.notes[0]


def test_a_model_of_another_margin_sees_the_same_face(crop):
    """The aligner's frame does not depend on the model's: a tight model's placement is the wide one's middle."""
    picture = crop(PLACES["moved"])
    mask = hole("center")
    wide = realign(picture, mask, LocatedFace.aligned((SIZE, SIZE), SIZE), margin=MARGIN, framing="wide")
    tight_face = LocatedFace.aligned((SIZE, SIZE), 64, share=1.5)  # the picture goes beyond a tight frame
    tight = realign(picture, mask, tight_face, margin=0.0, framing="wide")
    points = np.array([(40.0, 50.0), (80.0, 90.0)])
    in_wide = transform_points(wide.face.placement.transform, points)
    in_tight = transform_points(tight.face.placement.transform, points)
    np.testing.assert_allclose((in_tight - 31.5) / 64.0, 1.5 * (in_wide - 63.5) / SIZE, atol=1e-6)


def test_little_that_is_known_moves_nothing(crop):
    mask = np.ones((SIZE, SIZE), bool)
    mask[:8] = False
    face = LocatedFace.aligned((SIZE, SIZE), SIZE)
    assert realign(crop(PLACES["moved"]), mask, face, margin=MARGIN, framing="wide") is None


def test_a_place_by_hand():
    place = FacePlace(np.array([0.03, 0.04, 0.0, 0.0]), np.array([0.0, 0.0, 0.4, 0.3]))
    assert place.distance == pytest.approx(0.05)
    assert place.doubt == pytest.approx(0.25 * 0.5)
    turned = FacePlace(np.array([0.0, 0.0, math.log(2.0), math.pi / 2.0]), np.zeros(4)).transform(9)
    # Twice as far from the middle, (4, 4), and a quarter turn counter-clockwise: what was right of it is above.
    np.testing.assert_allclose(transform_points(turned, [(5.0, 4.0)]), [[4.0, 2.0]], atol=1e-12)


def test_the_manifest_and_the_note_say_it(crop, tmp_path):
    save_picture(tmp_path / "moved.png", crop(PLACES["moved"]))
    save_picture(tmp_path / "aligned.png", crop())
    names = tmp_path / "moved.png", tmp_path / "aligned.png"
    result = run("--mask", "center", "--output", tmp_path / "out", *names)
    assert result.exit_code == 0, result.stderr
    said = {Path(record["output"]).name: record for record in records(tmp_path / "out")}
    assert said["moved.png"]["moved"]["shift"] == pytest.approx([0.07, -0.05], abs=0.03)
    assert "moved" not in said["aligned.png"]
    assert "the face is not where aligned faces have it: moved by " in result.stderr
    result = run("--mask", "center", "--framing", "wide", "--output", tmp_path / "given", names[0])
    assert "is not where" not in result.stderr
    assert "moved" not in records(tmp_path / "given")[0]


@pytest.mark.parametrize("mask", ["center", "left"])
def test_what_is_known_stays_and_the_hole_is_nearer_to_the_truth(crop, mask):
    picture, drawn = crop(PLACES["moved"]), hole(mask)
    found = complete(picture, drawn)
    given = complete(picture, drawn, framing="wide")
    np.testing.assert_array_equal(found.pictures[0][~drawn], picture[~drawn])
    errors = [np.abs(to_float(each.pictures[0]) - to_float(picture))[drawn].mean() for each in (found, given)]
    assert errors[0] < errors[1] + 0.01
    assert len(found.faces[0]) == (1 if mask == "center" else 2)


class TestLayers:
    """A better placed face is drawn over the first one, and fades into it."""

    @pytest.fixture
    def parts(self):
        picture = np.full((64, 64, 3), 128, np.uint8)
        mask = np.zeros((64, 64), bool)
        mask[:, :32] = True
        below = LocatedFace.aligned((64, 64), 64)
        shift = np.array([[1.0, 0.0, 20.0], [0.0, 1.0, 0.0]])  # its frame begins 20 pixels left of the picture
        above = dataclasses.replace(
            below,
            placement=dataclasses.replace(below.placement, transform=np.linalg.inv(np.vstack([shift, [0, 0, 1]]))[:2]),
            over=True,
        )
        return picture, mask, below, above

    def test_it_is_drawn_over_it(self, parts):
        picture, mask, below, above = parts
        generated = np.stack([np.full((64, 64, 3), value, np.float32) for value in (-0.5, 0.5)])
        composer = Composer(blend="none")
        both = composer.compose(picture, mask, [below, above], generated=generated)
        first = composer.compose(picture, mask, [below], generated=generated[:1])
        inside = np.s_[20:40, 28:32]  # the frame above begins at column 20 and fades in over 6 pixels
        assert (both[inside] > 180).all()
        np.testing.assert_array_equal(both[:, :18], first[:, :18])
        between = both[30, 20:27, 0].astype(int)
        assert (np.diff(between) >= 0).all()
        assert between[0] < 100 < between[-1]

    def test_alone_it_needs_no_classical_filling(self, parts, monkeypatch):
        picture, mask, _, above = parts
        mask = np.zeros_like(mask)
        mask[25:35, 40:50] = True
        composer = Composer(blend="none")
        assert composer.is_within(mask, above)
        assert not composer.is_within(parts[1], above)
        monkeypatch.setattr(composer, "_fill", None)
        generated = np.full((1, 64, 64, 3), 0.5, np.float32)
        assert (composer.compose(picture, mask, [above], generated=generated)[mask] == 191).all()


def test_places_that_are_told_are_large_enough(crop):
    """What moves by less than the limit is not worth a word."""
    face = LocatedFace.aligned((SIZE, SIZE), SIZE)
    slightly = crop((0.005, 0.0, 0.0, 0.0))
    assert realign(slightly, hole("center"), face, margin=MARGIN, framing="wide") is None
    assert LEAST >= 0.02
    assert invert_transform(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).shape == (2, 3)

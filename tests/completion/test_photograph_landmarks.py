"""Landmarks of a partly hidden face depend on the box they are looked for in, so those of several are averaged."""

import numpy as np
import pytest

from completion import Completer, PhotographCompleter, SearchConfig
from dcgan.faces.detector import Face
from tests.completion.helpers import make_picture

BOX = (40, 30, 50, 60)  # left, top, width, height
LANDMARKS = np.array([(52.0, 42.0), (76.0, 41.0), (64.0, 70.0)])  # inner eye corners and lip


class UnsteadyFinder:
    """Sees the landmarks where they are, but for two boxes: in the given one and in the upper left one."""

    min_score = 0.0

    def __init__(self):
        self.boxes = []

    def landmark(self, picture, box):
        self.boxes.append(tuple(int(side) for side in box))
        landmarks = np.zeros((68, 2))
        landmarks[[39, 42, 57]] = LANDMARKS
        if self.boxes[-1] == BOX:
            landmarks[:, 0] += 18.0
        if box[0] < BOX[0] and box[1] < BOX[1]:
            landmarks[:, 1] += 27.0
        return Face(self.boxes[-1], landmarks)


@pytest.fixture(scope="module")
def looked(prior):
    """Return the boxes that were asked for, the face's transform, and that of the averaged landmarks."""
    finder = UnsteadyFinder()
    photographs = PhotographCompleter(Completer(prior, SearchConfig(iterations=1)), finder)
    picture, mask = make_picture(120, 140), np.zeros((120, 140), bool)
    mask[60:66, 60:66] = True
    (face,) = photographs.look(picture, mask, boxes=[BOX]).faces
    mean = LANDMARKS + np.array([18.0, 27.0]) / 9
    (expected,) = photographs.look(picture, mask, landmarks=[mean]).faces
    return finder.boxes, face.transform, expected.transform


def test_landmarks_are_means_over_moved_boxes(looked):
    _, transform, expected = looked
    assert transform == pytest.approx(expected, abs=1e-5)


def test_boxes_are_moved_to_all_sides_alike(looked):
    """By 6% of their sides, and none of them is larger or smaller."""
    across, down = round(0.06 * BOX[2]), round(0.06 * BOX[3])
    moves = [(x, y) for x in (-across, 0, across) for y in (-down, 0, down)]
    assert sorted(looked[0]) == sorted((BOX[0] + x, BOX[1] + y, *BOX[2:]) for x, y in moves)

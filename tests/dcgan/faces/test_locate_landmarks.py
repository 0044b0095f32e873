"""Landmarks of a partly hidden face depend on the box they are located for in, so those of several are averaged."""

import numpy as np
import pytest

from dcgan.faces.detector import Face
from dcgan.faces.locate import FaceLocator, GivenFaces

BOX = (40, 30, 50, 60)  # left, top, width, height
LANDMARKS = np.array([(52.0, 42.0), (76.0, 41.0), (64.0, 70.0)])  # inner eye corners and lip


class UnsteadyDetector:
    """Sees the landmarks where they are, but for two boxes: in the given one and in the upper left one."""

    min_score = 0.0

    def __init__(self):
        self.boxes = []

    def predict_landmarks(self, picture, box):
        self.boxes.append(tuple(int(side) for side in box))
        landmarks = np.zeros((68, 2))
        landmarks[[39, 42, 57]] = LANDMARKS
        if self.boxes[-1] == BOX:
            landmarks[:, 0] += 18.0
        if box[0] < BOX[0] and box[1] < BOX[1]:
            landmarks[:, 1] += 27.0
        return Face(self.boxes[-1], landmarks)


@pytest.fixture(scope="module")
def located():
    """Return the boxes that were asked for, the face's transform, and that of the averaged landmarks."""
    detector = UnsteadyDetector()
    locator = FaceLocator(16, detector)
    filled, mask = np.full((120, 140, 3), 128, np.uint8), np.zeros((120, 140), bool)
    mask[60:66, 60:66] = True
    (face,) = locator.locate(filled, mask, given=GivenFaces(boxes=(BOX,)))
    mean = LANDMARKS + np.array([18.0, 27.0]) / 9
    (expected,) = locator.locate(filled, mask, given=GivenFaces(landmarks=(mean,)))
    return detector.boxes, face.placement.transform, expected.placement.transform


def test_landmarks_are_means_over_moved_boxes(located):
    _, transform, expected = located
    assert transform == pytest.approx(expected, abs=1e-5)


def test_boxes_are_moved_to_all_sides_alike(located):
    """By 6% of their sides, and none of them is larger or smaller."""
    across, down = round(0.06 * BOX[2]), round(0.06 * BOX[3])
    moves = [(x, y) for x in (-across, 0, across) for y in (-down, 0, down)]
    assert sorted(located[0]) == sorted((BOX[0] + x, BOX[1] + y, *BOX[2:]) for x, y in moves)

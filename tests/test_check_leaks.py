import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from dcgan.pictures.saving import save_picture
from tests.scripts import imported


@pytest.fixture(scope="module")
def leaks():
    with imported("check_leaks") as module:
        yield module


@pytest.fixture(scope="module")
def faces():
    """Smooth pictures that differ as much as faces do at least."""
    coarse = np.random.default_rng(0).uniform(0, 255, (6, 5, 5, 3)).astype(np.uint8)
    return [cv2.resize(each, (64, 64), interpolation=cv2.INTER_CUBIC) for each in coarse]


def copies(picture):
    """The same photograph: mirrored, smaller, compressed, cropped by three hundredths, brighter."""
    side = len(picture)
    small = cv2.resize(picture, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])
    edge = round(0.015 * side)
    brighter = np.clip(picture.astype(int) * 1.15 + 10, 0, 255).astype(np.uint8)
    return [picture[:, ::-1], small, cv2.imdecode(data, cv2.IMREAD_COLOR), picture[edge:-edge, edge:-edge], brighter]


def test_copies_are_near_and_other_faces_are_not(leaks, faces):
    training = np.stack([leaks.describe(face) for face in faces])
    for row, face in enumerate(faces):
        for copy in copies(face):
            ((correlation, _, found),) = leaks.near_copies(leaks.describe(copy)[None], training, threshold=0.97)
            assert found == row
            assert correlation > 0.97
        assert not leaks.near_copies(training[row : row + 1], np.delete(training, row, axis=0), threshold=0.97)
    assert np.array_equal(leaks.mirrored(leaks.mirrored(training)), training)


def test_a_picture_of_one_colour_is_no_copy_of_anything(leaks):
    flat = leaks.describe(np.full((20, 20, 3), 7, np.uint8))
    assert not flat.any()
    assert not leaks.near_copies(flat[None], flat[None], threshold=0.97)


def test_names_of_people(leaks):
    names = [
        "a.zip:lfw/Ann_Lee_0001.jpg",
        "Ann_Lee_0012.webp",
        "x/Bo_0003.png",
        "000073.webp",
        "9_1_0_2017.jpg",
        "b.jpg",
    ]
    assert leaks.people(names) == {"Ann_Lee", "Bo"}


def test_the_command_names_what_is_in_both_sets(leaks, faces, tmp_path):
    """A copy under another name, and another picture of one person; the exit code says so."""
    for folder in ("seen", "clean", "measured"):
        (tmp_path / folder).mkdir()
    save_picture(tmp_path / "seen" / "1.png", faces[0])
    save_picture(tmp_path / "seen" / "Ann_Lee_0001.png", faces[1])
    save_picture(tmp_path / "clean" / "2.png", faces[2])
    (tmp_path / "clean" / "broken.png").write_text("none")
    save_picture(tmp_path / "measured" / "9.png", faces[0][:, ::-1])
    save_picture(tmp_path / "measured" / "Ann_Lee_0002.png", faces[-1])
    options = ["--evaluation", str(tmp_path / "measured"), "--sheet", str(tmp_path / "pairs.png")]
    result = CliRunner().invoke(leaks.main, [*options, "--training", str(tmp_path / "seen")])
    assert result.exit_code == 1, result.output
    assert "measured (2) and seen (2): 1 near copies, 1 people of one name" in result.stdout
    assert "Ann_Lee" in result.stdout
    assert (tmp_path / "pairs.png").exists()
    result = CliRunner().invoke(leaks.main, [*options, "--training", str(tmp_path / "clean")])
    assert result.exit_code == 0, result.output
    assert "0 near copies, 0 people" in result.stdout
    assert "broken.png" in result.stderr

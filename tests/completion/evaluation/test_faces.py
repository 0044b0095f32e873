from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from completion.evaluation.config import EVALUATION_MASKS
from completion.evaluation.faces import Faces, make_masks, read_faces
from dcgan.errors import DatasetError
from tests.completion.evaluation.helpers import NAMES
from tests.completion.helpers import SIZE, make_picture, write_pictures


def test_the_choice_of_faces(faces):
    some = read_faces(faces, 3, size=SIZE, seed=1)
    assert some.names == sorted(some.names)
    assert set(some.names) < set(NAMES)
    np.testing.assert_array_equal(some.pictures[0], make_picture(seed=NAMES.index(some.names[0])))
    assert read_faces(faces, 3, size=SIZE, seed=1).sha256 == some.sha256
    assert read_faces(faces, 9, size=SIZE).names == NAMES
    assert read_faces(faces, 2, size=8).pictures.shape == (2, 8, 8, 3)


def test_a_bad_picture_is_reported_and_another_takes_its_place(evaluate, faces, no_embedder):
    (faces / "0.png").write_text("this is no picture")
    lines = []
    assert read_faces(faces, 6, size=SIZE, on_note=lines.append).names == NAMES
    assert len(lines) == 1
    assert lines[0].startswith("faces/0.png: ")
    assert "note: faces/0.png: " in evaluate("faces").stderr


def test_many_bad_pictures_are_counted(faces):
    for index in range(23):
        (faces / f"bad-{index}.png").touch()
    lines = []
    assert read_faces(faces, 28, size=SIZE, on_note=lines.append).names == NAMES
    assert len(lines) == 21
    assert lines[-1] == "and 3 more that cannot be read"


def test_what_is_left_out_guessed_or_cut_is_told(tmp_path):
    folder = tmp_path / "more"
    write_pictures(folder, ["a.png"])
    (folder / "b.heic").touch()
    Image.fromarray(np.full((20, 20), 4000, np.uint16)).save(folder / "dark.png")
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(folder / "wide.png")
    lines = []
    read_faces(folder, 9, size=SIZE, on_note=lines.append)
    assert lines == [
        f"{folder}: left out: 1 file without a picture's suffix (.heic)",
        f"{folder / 'dark.png'}: integers that end at 4,000 are read as 0 to 65,535, which is dark",
        "1 picture is not square: the middle square is used",
    ]


def test_a_face_has_its_mask_whoever_is_beside_it(faces):
    every = read_faces(faces, 5, size=SIZE)
    few = Faces(every.names[2:4], every.pictures[2:4])
    for mask in EVALUATION_MASKS:
        np.testing.assert_array_equal(make_masks(mask, every)[2:4], make_masks(mask, few))
    assert (make_masks("random", every)[0] != make_masks("random", every)[1]).any()
    assert (make_masks("random", every) != make_masks("random", every, seed=1)).any()


def test_faces_that_are_not_there():
    with pytest.raises(DatasetError, match="found nothing there"):
        read_faces(Path("nowhere"), 2, size=SIZE)

import json
import os

import numpy as np
import pytest

from completion.folder.landmarks import GivenPlaces, read_landmarks
from dcgan.errors import FaceCompletionError

THREE = [[10.0, 20.0], [30.5, 20.0], [20.0, 44.0]]


def write(path, *lines):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def test_landmarks_of_photographs(tmp_path):
    many = np.arange(136.0).reshape(68, 2).tolist()
    path = write(
        tmp_path / "align.jsonl",
        {"settings": {"size": 64}},
        {"photograph": "a.jpg", "status": "aligned", "faces": [{"landmarks": THREE}, {"landmarks": many, "box": []}]},
        {"photograph": "b/c.jpg", "status": "no face", "faces": []},
        "",
        {"photograph": "ä.jpg", "faces": [{"landmarks": THREE}]},
    )
    found = read_landmarks(path)
    assert sorted(found) == ["a.jpg", "ä.jpg"]
    assert [points.shape for points in found["a.jpg"]] == [(3, 2), (68, 2)]
    places = GivenPlaces(boxes=((1, 2, 30, 40),), landmarks=found)
    given = places.faces_of("ä.jpg")
    assert np.array_equal(given.landmarks[0], THREE)
    assert given.boxes == ((1, 2, 30, 40),)
    assert places.faces_of("b/c.jpg").landmarks == ()


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1, 2]",
        '{"faces": [{"landmarks": [[1, 2], [3, 4], [5, 6]]}]}',
        '{"photograph": "a.jpg", "faces": [{"box": [1, 2, 3, 4]}]}',
        '{"photograph": "a.jpg", "faces": [{"landmarks": [[1, 2], [3, 4]]}]}',
        '{"photograph": "a.jpg", "faces": [{"landmarks": [[1, 2], [3, 4], [5, NaN]]}]}',
        '{"photograph": "a.jpg", "faces": [{"landmarks": "none"}]}',
        '{"photograph": "a.jpg", "faces": 3}',
    ],
)
def test_lines_of_another_kind(tmp_path, line):
    path = write(tmp_path / "faces.jsonl", "", line)
    with pytest.raises(FaceCompletionError, match=r"faces\.jsonl, line 2: expected .* with 3 or 68 landmarks") as error:
        read_landmarks(path)
    assert "\n" not in str(error.value)


def test_files_that_do_not_serve(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FaceCompletionError, match="binary: expected lines of JSON, found bytes that are no text"):
        read_landmarks(tmp_path / "binary")
    with pytest.raises(FaceCompletionError, match="nowhere: No such file"):
        read_landmarks(tmp_path / "nowhere")
    empty = write(tmp_path / "empty", {"photograph": "a.jpg", "faces": []})
    with pytest.raises(FaceCompletionError, match="empty: expected the landmarks of a face, found none"):
        read_landmarks(empty)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_pipes_are_not_waited_for(tmp_path, alarm):
    os.mkfifo(tmp_path / "faces.jsonl")
    with pytest.raises(FaceCompletionError, match=r"faces\.jsonl: expected a regular file, found a pipe"):
        read_landmarks(tmp_path / "faces.jsonl")

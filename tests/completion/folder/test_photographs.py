"""A folder of photographs, with a toy model and a detector that is told where the faces are."""

import numpy as np
import pytest
from PIL import Image

from completion.config import EncoderConfig
from completion.folder import loading
from completion.folder import run as folder_module
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.landmarks import GivenPlaces
from completion.folder.masks import MaskSource
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from completion.search.encoder import EncoderAnswerer
from dcgan.faces.detector import Face
from masks import MaskSpec
from tests.completion.helpers import contents, make_picture, read, records

HEIGHT, WIDTH = 60, 90
BOXES = ((8, 10, 32, 32), (50, 16, 36, 36))
HOLES = {"left": (20, 20, 10, 12), "right": (60, 30, 14, 10), "both": (25, 24, 40, 8)}  # x, y, width, height


class ToldFinder:
    """Takes the place of dlib: every photograph has two upright faces whose frames fill their boxes."""

    min_score = 0.0

    def detect(self, picture, *, min_score=None, upsample=None):
        return [self.predict_landmarks(picture, box) for box in BOXES]

    def predict_landmarks(self, picture, box):
        landmarks = np.zeros((68, 2))
        landmarks[[39, 42, 57]] = np.array([(0.37, 0.18), (0.62, 0.17), (0.5, 0.77)]) * box[2:] + box[:2]
        return Face(tuple(box), landmarks, 1.0)


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(make_picture(HEIGHT, WIDTH, seed=number)).save(tmp_path / "in" / f"{number}.png")
    return list_inputs([tmp_path / "in"])


@pytest.fixture
def method(encoded):
    return make_method(EncoderConfig(), MethodOptions(encoded, detector=ToldFinder()))


@pytest.fixture
def rows(monkeypatch):
    """The number of rows of each call of the encoder."""
    answer, seen = EncoderAnswerer.answer, []

    def answer_and_count(self, observations):
        seen.append(len(observations.targets))
        return answer(self, observations)

    monkeypatch.setattr(EncoderAnswerer, "answer", answer_and_count)
    return seen


def complete(photographs, method, output, *, hole="left", **options):
    x, y, width, height = HOLES[hole]
    masks = MaskSource(MaskSpec("rectangle", x=x, y=y, width=width, height=height))
    given = options.pop("given", GivenPlaces())
    return complete_folder(photographs, FolderJob(output, masks, photographs=given, **options), method)


@pytest.mark.parametrize(("hole", "faces"), [("left", 1), ("right", 1), ("both", 2)])
def test_faces_are_aligned_again_with_as_many_rows_as_there_are_faces(photographs, method, tmp_path, rows, hole, faces):
    assert complete(photographs, method, tmp_path / "out", hole=hole).completed == 3
    assert [len(record["faces"]) for record in records(tmp_path / "out")] == [faces] * 3
    assert rows == [faces] * 6  # each photograph's first look, and then its answer


def test_faces_that_the_user_gives_by_their_landmarks_are_not_aligned_again(photographs, method, tmp_path, rows):
    landmarks = (np.array([[20.0, 17.0], [28.0, 17.0], [24.0, 36.0]]),)
    given = GivenPlaces(landmarks={f"{number}.png": landmarks for number in range(3)})
    complete(photographs, method, tmp_path / "out", given=given)
    assert rows == [1, 1, 1]


def test_one_photograph_is_answered_alone(photographs, method, tmp_path, rows):
    complete(photographs[:1], method, tmp_path / "out")
    assert rows == [1, 1]


@pytest.mark.parametrize("hole", HOLES)
def test_shards_together_are_the_whole(photographs, method, tmp_path, hole):
    complete(photographs, method, tmp_path / "whole", hole=hole)
    for index in (1, 2):
        complete(photographs, method, tmp_path / "shards", hole=hole, shard=(index, 2))
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")
    x, y, width, height = HOLES[hole]
    changed = (read(tmp_path / "whole" / "1.png") != make_picture(HEIGHT, WIDTH, seed=1)).any(axis=2)
    assert changed[y : y + height, x : x + width].mean() > 0.5
    changed[y : y + height, x : x + width] = False
    assert not changed.any()


def test_every_photograph_is_read_once(photographs, method, tmp_path, monkeypatch):
    load, read_file, loaded, files = folder_module.load_picture, loading.read_file, [], []
    monkeypatch.setattr(
        folder_module, "load_picture", lambda source, *a, **o: loaded.append(source.relative) or load(source, *a, **o)
    )
    monkeypatch.setattr(loading, "read_file", lambda path: files.append(path.name) or read_file(path))
    complete(photographs, method, tmp_path / "out", sheet=True, workers=1)  # two may swap their order
    assert loaded == files == ["0.png", "1.png", "2.png"]

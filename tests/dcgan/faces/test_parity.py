"""Our crops against those of OpenFace's own aligner; needs photographs that are not part of the project."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dlib")

from dcgan.faces.align_folder import align_folder, align_picture
from dcgan.faces.align_config import AlignConfig
from dcgan.faces.detector import FaceDetector
from dcgan.pictures.files import read_picture

DATA = Path(__file__).parents[3].parent / "shared" / "data"
ALIGNED, PHOTOGRAPHS = DATA / "openface-aligned96", DATA / "photos"
NAMES = ("2007_007763", "2008_001322", "2008_002506", "2009_004587", "adams", "biden", "clapton-1", "lennon-2", "obama")

pytestmark = pytest.mark.skipif(not ALIGNED.is_dir(), reason="needs OpenFace's crops")


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.mark.parametrize("name", NAMES)
def test_the_framing_does_not_drift(detector, name):
    photograph, theirs = PHOTOGRAPHS / f"{name}.jpg", read_picture(ALIGNED / f"{name}.png").astype(float)
    (exact,), record = align_picture(photograph, detector, AlignConfig(size=96, antialias=False))
    assert np.abs(exact - theirs).mean() < 1.0
    (averaged,), _ = align_picture(photograph, detector, AlignConfig(size=96))
    assert abs(averaged.mean() - theirs.mean()) < 1.0
    expected = json.loads((ALIGNED / "faces.json").read_text())[f"{name}.jpg"]
    left, top, right, bottom = expected["largest"]
    (face,) = record["faces"]
    assert face["box"] == [left, top, right - left + 1, bottom - top + 1]
    assert [face["landmarks"][index] for index in (39, 42, 57)] == expected["landmarks_39_42_57"]


def test_a_folder_with_dogs(tmp_path):
    summary = align_folder(PHOTOGRAPHS, tmp_path / "aligned")
    assert (summary.aligned, summary.no_face, summary.failed) == (9, 1, 0)
    lines = (tmp_path / "aligned" / "align.jsonl").read_text().splitlines()[1:]
    (dogs,) = [line for line in map(json.loads, lines) if line["photograph"] == "dogs.jpg"]
    assert (dogs["status"], dogs["reason"]) == ("no face", "no face found")

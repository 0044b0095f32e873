"""Several completions of each picture."""

import itertools

import numpy as np
import pytest

from completion.config import resolve_method
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.masks import MaskSource
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from dcgan.pictures.saving import save_picture
from masks import MaskSpec
from tests.completion.helpers import center_hole, read, records, write_pictures


@pytest.fixture
def completed(encoded, tmp_path):
    """Complete two pictures, of which the first has nothing missing, three times each; return their records."""
    pictures = list_inputs([write_pictures(tmp_path / "in", ["a.png", "b.png"])])
    save_picture(tmp_path / "mask.png", np.uint8(255) * center_hole()[..., None])
    method = make_method(resolve_method("balanced", variations=3, iterations=3), MethodOptions(encoded))
    nothing, drawn = MaskSource(MaskSpec("random", fraction=0)), MaskSource(file=tmp_path / "mask.png")
    for picture, masks in zip(pictures, (nothing, drawn), strict=True):
        complete_folder([picture], FolderJob(tmp_path / "out", masks, keep="all", batch_size=8), method)
    return {record["status"]: record for record in records(tmp_path / "out")}


def test_the_spread_is_the_mean_difference_between_their_holes(completed):
    holes = [read(path)[center_hole()].astype(float) for path in completed["completed"]["output"]]
    assert len(holes) == 3
    apart = [np.abs(one - other).mean() for one, other in itertools.combinations(holes, 2)]
    assert min(apart) > 0
    assert completed["completed"]["spread"] == pytest.approx(np.mean(apart), abs=1e-3)


def test_where_nothing_is_missing_there_is_no_spread(completed):
    assert set(completed) == {"untouched", "completed"}
    assert "spread" not in completed["untouched"]
    assert len(completed["untouched"]["output"]) == 3

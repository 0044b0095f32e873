import numpy as np
import pytest
from PIL import Image

from completion.folder.sheet import ComparisonSheet, SearchFilm, show_masked
from dcgan.errors import ImageFileError
from tests.completion.helpers import center_hole, make_picture, read


def test_a_hole_is_shown_grey():
    picture, mask = make_picture(), center_hole()
    shown = show_masked(picture, mask)
    assert (shown[mask] == 128).all()
    np.testing.assert_array_equal(shown[~mask], picture[~mask])
    np.testing.assert_array_equal(picture, make_picture())


@pytest.mark.parametrize("shape", [(16, 16), (20, 13), (3, 2)])
def test_block_means_are_shown_as_blocks(shape):
    shown = show_masked(make_picture(*shape), np.ones(shape, np.bool_), blocks=4)
    assert shown.shape == (*shape, 3)
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 16


def test_a_sheet_has_a_row_for_each_picture(tmp_path):
    sheet = ComparisonSheet(side=10, rows_max=2)
    for seed in range(3):
        sheet.add([sheet.tile(make_picture(seed=seed)) for _ in range(4)])
    sheet.save(tmp_path / "sheet.png")
    assert read(tmp_path / "sheet.png").shape == (2 * 14 + 4, 4 * 14 + 4, 3)


@pytest.mark.parametrize("shape", [(40, 20), (1, 1), (5, 200)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tile_holds_the_whole_picture(shape, channels):
    tile = ComparisonSheet(side=20).tile(np.zeros((*shape, channels), np.uint8))
    assert tile.shape == (20, 20, 3)
    rows, columns = np.nonzero((tile == 0).all(axis=2))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == tuple(max(1, round(20 * side / max(shape))) for side in shape)


def test_an_empty_sheet_and_an_empty_film_are_not_written(tmp_path):
    ComparisonSheet().save(tmp_path / "sheet.png")
    SearchFilm().save(tmp_path / "search.gif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_film_has_a_frame_for_each_call(tmp_path, channels):
    film = SearchFilm(pictures_max=4)
    for step in range(5):
        film.add(np.full((6, 8, 8, channels), step / 2 - 1, np.float32))
    film.save(tmp_path / "search.gif")
    with Image.open(tmp_path / "search.gif") as image:
        assert image.n_frames == 5
        assert image.size == (22, 22)  # four pictures
        durations = []
        for frame in range(5):
            image.seek(frame)
            durations.append(image.info["duration"])
    assert durations[-1] > durations[0] > 0


def test_a_film_that_cannot_be_written(tmp_path):
    film = SearchFilm()
    film.add(np.zeros((1, 8, 8, 3), np.float32))
    with pytest.raises(ImageFileError, match=r"search\.gif: cannot write: No such file"):
        film.save(tmp_path / "nowhere" / "search.gif")

"""A picture of a folder is filled in its own array: a large one costs no second copy."""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from completion import small
from completion.blending.classical import FILLERS, fill_classical
from completion.cli import complete_command
from completion.composition import Composer
from completion.methods import MethodOptions, make_method
from dcgan.faces.locate import LocatedFace
from dcgan.pictures.files import read_picture
from dcgan.pictures.profiles import to_grey
from dcgan.pictures.saving import save_picture

NOTHING = np.empty(0, np.float32)


def picture_and_mask(height=60, width=50):
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), bool)
    mask[20:30, 15:28] = True
    return picture, mask


@pytest.mark.parametrize("method", FILLERS)
def test_classical_methods_fill_the_array_itself_and_can_do_it_again(method):
    picture, mask = picture_and_mask()
    before = picture.copy()
    expected = make_method(method, MethodOptions()).prepare(picture, mask).compose(NOTHING)
    assert np.array_equal(picture, before)  # without the option it stays
    work = make_method(method, MethodOptions(in_place=True)).prepare(picture, mask)
    for _ in range(2):
        assert work.compose(NOTHING) is picture
        assert np.array_equal(picture, expected)


def test_a_composer_fills_the_array_itself():
    picture, mask = picture_and_mask(50, 50)
    faces, generated = [LocatedFace.aligned(picture.shape, 16)], np.zeros((1, 16, 16, 3), np.float32)
    expected = Composer().compose(picture, mask, faces, generated=generated)
    assert expected is not picture
    for _ in range(2):
        assert Composer().compose(picture, mask, faces, generated=generated, in_place=True) is picture
        assert np.array_equal(picture, expected)
    filled = Composer().compose(picture, mask, [], generated=NOTHING)  # in no face's frame
    assert Composer().compose(picture, mask, [], generated=NOTHING, in_place=True) is picture
    assert np.array_equal(picture, filled)
    assert not np.array_equal(picture, expected)


@pytest.mark.parametrize("method", ["telea", "ns"])
def test_opencv_sees_a_window_alone_and_fills_the_same(method):
    picture, mask = picture_and_mask(90, 110)
    mask[0, :3] = mask[70, 100:110] = True
    flag = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[method]
    for hole in (mask, mask & (np.arange(110) > 90)):
        shown = np.where(hole[..., None], np.uint8(0), picture)
        expected = np.where(hole[..., None], cv2.inpaint(shown, hole.astype(np.uint8), 3.0, flag), picture)
        assert np.array_equal(fill_classical(method, picture[None], hole[None])[0], expected)


@pytest.mark.parametrize("options", [["--method", "telea"], ["--faces", "--face-box", "30,30,60,60"]])
def test_the_sheet_shows_the_picture_as_it_was(tmp_path, options):
    picture, mask = np.full((128, 128, 3), 200, np.uint8), np.zeros((128, 128), np.uint8)
    picture[40:60, 40:60], mask[40:60, 40:60] = (255, 0, 0), 255
    save_picture(tmp_path / "a.png", picture)
    save_picture(tmp_path / "m.png", mask)
    arguments = [*options, "--mask-file", tmp_path / "m.png", tmp_path / "a.png", "--sheet"]
    result = CliRunner().invoke(complete_command, [*map(str, arguments), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    sheet = read_picture(tmp_path / "out" / "sheet.png")
    assert tuple(sheet[4 + 50, 4 + 50]) == (255, 0, 0)  # the first tile is the original


def test_large_pictures_are_shrunk_in_strips(monkeypatch):
    picture, mask = picture_and_mask(300, 280)
    whole = small.small_filled(picture, mask, side=104, around=8)
    monkeypatch.setattr(small, "WHOLE_PIXELS_MAX", 1000)
    strips = small.small_filled(picture, mask, side=104, around=8)
    assert np.abs(strips.astype(int) - whole).max() <= 3  # whole planes are rounded before they are divided


def test_grey_is_an_array_that_can_be_filled():
    picture, _ = picture_and_mask(600, 20)
    grey = to_grey(picture)
    assert grey.flags.writeable
    assert np.array_equal(grey[..., 0], np.asarray(Image.fromarray(picture).convert("L")))

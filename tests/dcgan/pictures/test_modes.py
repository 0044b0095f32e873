"""Every colour mode of Pillow's, and files of several frames."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from dcgan.pictures.files import read_file, read_picture
from dcgan.pictures.modes import NAIVE_CMYK
from tests import profiles

SMOOTH = np.full((16, 16, 3), 90, np.uint8)
SMOOTH[..., 0], SMOOTH[..., 1] = np.arange(40, 200, 10), np.arange(60, 220, 10)[:, None]
IMAGE = Image.fromarray(SMOOTH)


def read(path, image, **options):
    image.save(path, **options)
    return read_file(path)


def test_lab(tmp_path):
    lab = ImageCms.profileToProfile(
        IMAGE, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    file = read(tmp_path / "a.tif", lab)
    assert np.abs(file.pixels.astype(int) - SMOOTH).mean() < 2
    assert file.notes == ()
    assert read_picture(tmp_path / "a.tif", channels=1).shape == (16, 16, 1)
    assert read_picture(tmp_path / "a.tif", channels=4)[..., 3].min() == 255


@pytest.mark.parametrize("mode", ["YCbCr", "CMYK", "RGB"])
def test_colours_that_pillow_converts(tmp_path, mode):
    file = read(tmp_path / "a.tif", IMAGE.convert(mode))
    assert np.abs(file.pixels.astype(int) - SMOOTH).max() < 4
    assert file.notes == ((NAIVE_CMYK,) if mode == "CMYK" else ())


@pytest.mark.parametrize("profile", [b"damaged", profiles.wide()], ids=["damaged", "of another space"])
def test_a_profile_that_does_not_fit_cmyk(tmp_path, profile):
    file = read(tmp_path / "a.tif", IMAGE.convert("CMYK"), icc_profile=profile)
    assert file.notes == (NAIVE_CMYK,)
    assert file.attached.profile is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA"])
def test_modes_of_few_values(tmp_path, mode):
    suffix = "tif" if mode == "PA" else "png"
    image = IMAGE.convert("P").convert("PA") if mode == "PA" else IMAGE.convert(mode)
    file = read(tmp_path / f"a.{suffix}", image)
    np.testing.assert_array_equal(file.pixels[..., :3], np.asarray(image.convert("RGB")))
    assert file.pixels.shape[2] == (4 if mode in ("LA", "PA", "RGBA") else 3)
    assert file.notes == ()


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif", "mpo", "avif"])
def test_the_first_of_several_frames_is_taken(tmp_path, suffix):
    other = Image.fromarray(255 - SMOOTH)
    file = read(tmp_path / f"a.{suffix}", IMAGE, save_all=True, append_images=[other, IMAGE])
    assert np.abs(file.pixels.astype(int) - SMOOTH).mean() < 12
    assert file.notes == ("first of 3 frames",)
    np.testing.assert_array_equal(read_picture(tmp_path / f"a.{suffix}"), file.pixels)


@pytest.mark.parametrize("suffix", ["gif", "tif"])
def test_a_damaged_frame_that_is_not_wanted(tmp_path, suffix):
    IMAGE.save(tmp_path / f"a.{suffix}", save_all=True, append_images=[Image.fromarray(255 - SMOOTH)])
    content = (tmp_path / f"a.{suffix}").read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(content[:-40])
    file = read_file(tmp_path / f"b.{suffix}")
    assert np.abs(file.pixels.astype(int) - SMOOTH).mean() < 12
    assert file.notes[0].startswith("first of ")

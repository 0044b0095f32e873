import dataclasses
import errno

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, TiffImagePlugin

from dcgan.errors import ImageFileError
from dcgan.pictures.attached import Attached
from dcgan.pictures.files import read_file, read_picture
from dcgan.pictures.profiles import to_grey, to_srgb
from dcgan.pictures.saving import save_picture
from tests import profiles

PICTURE = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
TITLE, DATE, ORIENTATION, DETAILS, GPS = 0x010E, 0x0132, 0x0112, 0x8769, 0x8825
X_RESOLUTION, WIDTH, HEIGHT, TAKEN = 0x011A, 0xA002, 0xA003, 0x9003


def write(path, picture=PICTURE, **options):
    Image.fromarray(picture).save(path, **options)
    return read_file(path)


def exif(orientation=1):
    tags = Image.Exif()
    tags[TITLE], tags[DATE], tags[ORIENTATION] = "grandmother", "1931:05:01 00:00:00", orientation
    tags[X_RESOLUTION], tags[X_RESOLUTION + 1], tags[0x0128] = 300.0, 200.0, 2
    tags[DETAILS] = {TAKEN: "1931:04:30 00:00:00", WIDTH: 8, HEIGHT: 6}
    tags[GPS] = {1: "N"}
    return tags


def parse(data):
    tags = Image.Exif()
    tags.load(data)
    return tags


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_what_is_attached_is_read_and_written(suffix, tmp_path):
    dpi = {} if suffix == ".webp" else {"dpi": (300, 200)}
    tags = exif()
    if suffix == ".tif":  # Pillow writes no tables of tags into a TIFF
        del tags[DETAILS], tags[GPS]
    found = write(tmp_path / f"a{suffix}", icc_profile=profiles.wide(), exif=tags, **dpi)
    assert found.attached.profile == profiles.wide()
    assert found.attached.dpi == pytest.approx((300, 200), abs=0.1)
    assert found.notes == ()
    save_picture(tmp_path / "b.png", found.pixels, attached=found.attached)
    with Image.open(tmp_path / "b.png") as image:
        np.testing.assert_array_equal(np.asarray(image), found.pixels)
        assert image.info["icc_profile"] == profiles.wide()
        assert image.info["dpi"] == pytest.approx((300, 200), abs=0.1)
        tags = image.getexif()
        assert (tags[TITLE], tags[DATE]) == ("grandmother", "1931:05:01 00:00:00")
        if suffix != ".tif":
            assert tags.get_ifd(DETAILS)[TAKEN] == "1931:04:30 00:00:00"
            assert tags.get_ifd(GPS) == {1: "N"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_and_resolution_are_those_of_the_upright_picture(orientation, tmp_path):
    found = write(tmp_path / "a.jpg", exif=exif(orientation), dpi=(300, 200))
    is_turned = orientation >= 5
    assert found.attached.dpi == ((200, 300) if is_turned else (300, 200))
    tags = parse(found.attached.exif)
    assert tags[ORIENTATION] == 1
    assert (tags[X_RESOLUTION], tags[X_RESOLUTION + 1]) == found.attached.dpi
    details = tags.get_ifd(DETAILS)
    assert (details[WIDTH], details[HEIGHT]) == ((6, 8) if is_turned else (8, 6))


def test_tags_about_the_old_file_are_left_out(tmp_path):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[TITLE], info[65000] = "grandmother", "of a program"
    Image.fromarray(PICTURE).save(tmp_path / "a.tif", tiffinfo=info, compression="tiff_lzw")
    tags = parse(read_file(tmp_path / "a.tif").attached.exif)
    assert dict(tags) == {TITLE: "grandmother"}


@pytest.mark.parametrize(
    ("mode", "profile", "note"),
    [
        ("RGB", b"damaged", "the colour profile is damaged"),
        ("RGB", profiles.lab(), "the colour profile is one for Lab"),
        ("RGB", profiles.grey(), "the colour profile does not fit a picture in RGB"),
    ],
)
def test_a_profile_that_cannot_be_used_is_noted(mode, profile, note, tmp_path):
    Image.fromarray(PICTURE).convert(mode).save(tmp_path / "a.tif", icc_profile=profile)
    found = read_file(tmp_path / "a.tif")
    assert found.attached.profile is None
    assert f"{note}: the colours are read as sRGB" in found.notes


@pytest.mark.parametrize("data", [b"II*\0\xff\0\0\0", exif().tobytes()[6:60]])
def test_damaged_exif_is_noted(data, tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=b"Exif\0\0" + data)
    found = read_file(tmp_path / "a.png")
    assert found.notes == ("the EXIF data are damaged: what cannot be read is left out",)


def test_nothing_is_made_up(tmp_path):
    for suffix in (".png", ".jpg", ".tif", ".webp", ".gif"):
        found = write(tmp_path / f"a{suffix}")
        plain = dataclasses.replace(found.attached, kind=None, tables=(), subsampling=-1)
        assert plain == Attached(), suffix


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_tiff_of_16_bits(channels, tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (6, 8, channels)).astype(np.uint16)
    attached = Attached(profiles.grey() if channels < 3 else profiles.wide(), (300.0, 200.0), exif().tobytes(), b"<x/>")
    save_picture(tmp_path / "a.tif", deep, attached=attached)
    found = tifffile.imread(tmp_path / "a.tif").reshape(6, 8, channels)
    np.testing.assert_array_equal(found, deep)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        tags = file.pages[0].tags
        assert tags[34675].value == attached.profile
        assert tags[700].value == b"<x/>"
        assert tags[282].value[0] / tags[282].value[1] == 300
        assert tags[TITLE].value == "grandmother"
        assert tags[DETAILS].value["DateTimeOriginal"] == "1931:04:30 00:00:00"
    if channels != 2:  # Pillow and OpenCV read no grey with alpha of 16 bits
        again = read_file(tmp_path / "a.tif")
        assert again.deep.shape[2] == channels
        np.testing.assert_array_equal(again.deep, deep)
        assert again.attached.profile == attached.profile
        assert again.attached.dpi == attached.dpi


def test_how_a_jpeg_and_a_webp_were_written(tmp_path):
    for quality, sampling in ((60, 0), (93, 2)):
        before = write(tmp_path / "a.jpg", quality=quality, subsampling=sampling)
        save_picture(tmp_path / "b.jpg", before.pixels, attached=before.attached)
        after = read_file(tmp_path / "b.jpg").attached
        assert (after.tables, after.subsampling) == (before.attached.tables, sampling)
    for lossless in (False, True):
        for extra in ({}, {"exif": exif(), "icc_profile": profiles.wide()}):
            before = write(tmp_path / "a.webp", lossless=lossless, **extra)
            assert before.attached.lossless == lossless
            save_picture(tmp_path / "b.webp", before.pixels, attached=before.attached)
            assert np.array_equal(read_file(tmp_path / "b.webp").pixels, before.pixels) == lossless
    frames = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
    frames[0].save(tmp_path / "c.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert read_file(tmp_path / "c.webp").attached.lossless


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits_keep_what_is_attached(channels, tmp_path):
    deep = np.random.default_rng(1).integers(0, 65536, (6, 8, channels)).astype(np.uint16)
    attached = Attached(profiles.grey() if channels < 3 else profiles.wide(), (300.0, 200.0), exif().tobytes())
    save_picture(tmp_path / "a.png", deep, attached=attached)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.info["icc_profile"] == attached.profile
        assert image.info["dpi"] == pytest.approx((300, 200), abs=0.1)
        assert image.getexif()[TITLE] == "grandmother"
    found = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).reshape(6, 8, -1)
    order = {1: [0], 2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]  # OpenCV reads BGR
    np.testing.assert_array_equal(found, deep[..., order])


@pytest.mark.parametrize("exif", [b"Exif\0\0" + b"a" * 70_000])
def test_what_cannot_be_written_is_a_named_error(exif, tmp_path):
    with pytest.raises(ImageFileError, match=r"a\.jpg: cannot write: EXIF data is too long"):
        save_picture(tmp_path / "a.jpg", PICTURE, attached=Attached(exif=exif))
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails_is_no_damaged_picture(tmp_path, monkeypatch):
    def fail(self):
        raise OSError(errno.EIO, "Input/output error")

    write(tmp_path / "a.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(ImageFileError, match=r"a\.png: cannot read: Input/output error"):
        read_file(tmp_path / "a.png")


def test_the_resolution_in_a_webp(tmp_path):
    for data in (None, exif().tobytes()):
        attached = Attached(dpi=(600.0, 500.0), exif=data)
        save_picture(tmp_path / "a.webp", PICTURE, attached=attached)
        found = read_file(tmp_path / "a.webp").attached
        assert found.dpi == (600, 500)
        if data:
            assert parse(found.exif).get_ifd(DETAILS)[TAKEN] == "1931:04:30 00:00:00"


def test_read_picture_returns_srgb(tmp_path):
    write(tmp_path / "a.png", icc_profile=profiles.wide())
    seen = to_srgb(PICTURE, profiles.wide())
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), seen)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", channels=4)[..., :3], seen)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", channels=1), to_grey(PICTURE))
    np.testing.assert_array_equal(read_file(tmp_path / "a.png").pixels, PICTURE)

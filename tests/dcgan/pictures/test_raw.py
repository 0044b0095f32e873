"""Cameras' raw files: by their names and by their content, alone and in folders."""

import pytest
from PIL import Image, TiffImagePlugin

from dcgan.errors import ImageFileError
from dcgan.pictures.files import read_file
from dcgan.pictures.listing import list_pictures
from dcgan.pictures.names import PICTURE_SUFFIXES, RAW_SUFFIXES
from tests.completion.helpers import make_picture

RAW = r": expected a picture, found a camera's raw file; develop it first, and save it as TIFF, PNG or JPEG$"
PREVIEW = Image.fromarray(make_picture(12, 16))


@pytest.mark.parametrize("name", ["a.nef", "a.CR3", "a.dng", "a.x3f"])
@pytest.mark.parametrize("content", [b"", b"nobody knows this format", "preview"])
def test_a_raw_file_by_its_name(tmp_path, name, content):
    path = tmp_path / name
    if content == "preview":
        PREVIEW.save(path, "TIFF")
    else:
        path.write_bytes(content)
    with pytest.raises(ImageFileError, match=RAW):
        read_file(path)


def test_a_raw_file_by_its_content(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[50706], tags.tagtype[50706] = b"\x01\x04\0\0", 1  # DNGVersion
    PREVIEW.save(tmp_path / "a.tif", tiffinfo=tags)
    (tmp_path / "b.jpg").write_bytes(b"FUJIFILMCCD-RAW 0201")
    for name in ("a.tif", "b.jpg"):
        with pytest.raises(ImageFileError, match=RAW):
            read_file(tmp_path / name)


def test_another_picture_in_a_file_of_such_a_name_is_read(tmp_path):
    PREVIEW.save(tmp_path / "a.dng", "PNG")
    assert read_file(tmp_path / "a.dng").pixels.shape == (12, 16, 3)


def test_raw_files_in_a_folder_are_told(tmp_path):
    for name in ("a.NEF", "b.cr2", ".c.dng", "d.png", "e.heic", "f.xmp"):
        (tmp_path / name).touch()
    lines = []
    assert list_pictures(tmp_path, on_left_out=lines.append) == [tmp_path / "d.png"]
    files = "1 file without a picture's suffix (.heic), 2 raw files of a camera (develop it first)"
    assert lines == [f"{tmp_path}: left out: {files}"]


def test_no_raw_file_has_the_name_of_a_picture():
    assert not set(RAW_SUFFIXES) & set(PICTURE_SUFFIXES)

import errno
import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcgan.errors import ImageFileError
from dcgan.pictures.files import decode_picture, read_encoded, read_picture
from dcgan.pictures.saving import save_picture
from tests.dcgan.helpers import memory_below, one_line

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), np.uint8)
GREY = RNG.integers(0, 256, (5, 7), np.uint8)


def write(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm", ".PNG"])
def test_lossless_round_trip(tmp_path, suffix):
    save_picture(tmp_path / f"a{suffix}", RGB)
    np.testing.assert_array_equal(read_picture(tmp_path / f"a{suffix}"), RGB)
    assert os.listdir(tmp_path) == [f"a{suffix}"]


def test_lossy_formats_come_close(tmp_path):
    smooth = np.tile(np.arange(0, 160, 10, dtype=np.uint8)[:, None, None], (1, 16, 3))
    for suffix in (".jpg", ".webp"):
        save_picture(tmp_path / f"a{suffix}", smooth)
        assert np.abs(read_picture(tmp_path / f"a{suffix}").astype(int) - smooth).max() < 12


@pytest.mark.parametrize("array", [GREY, GREY[..., None], RGB, RNG.integers(0, 256, (5, 7, 4), np.uint8)])
def test_channels_of_a_png(tmp_path, array):
    save_picture(tmp_path / "a.png", array)
    channels = 1 if array.ndim == 2 else array.shape[2]
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", channels=channels), array.reshape(5, 7, channels))


@pytest.mark.parametrize(
    ("tag", "turn"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_pictures_are_turned_upright(tmp_path, tag, turn):
    exif = Image.Exif()
    exif[0x0112] = tag
    path = write(tmp_path / "a.png", RGB, exif=exif)
    np.testing.assert_array_equal(read_picture(path), turn(RGB))


def test_grey_becomes_rgb_and_back(tmp_path):
    path = write(tmp_path / "a.png", GREY)
    np.testing.assert_array_equal(read_picture(path), np.repeat(GREY[..., None], 3, axis=2))
    np.testing.assert_array_equal(read_picture(path, channels=1), GREY[..., None])
    np.testing.assert_array_equal(read_picture(path, channels=4)[..., 3], np.full_like(GREY, 255))


def test_alpha_is_dropped_unless_asked_for(tmp_path):
    rgba = np.dstack([RGB, GREY])
    path = write(tmp_path / "a.png", rgba)
    np.testing.assert_array_equal(read_picture(path), RGB)
    np.testing.assert_array_equal(read_picture(path, channels=4), rgba)
    np.testing.assert_array_equal(read_picture(path, channels=None), rgba)
    opaque = write(tmp_path / "b.png", RGB)
    np.testing.assert_array_equal(read_picture(opaque, channels=None), RGB)


def test_grey_with_alpha(tmp_path):
    path = write(tmp_path / "a.png", np.dstack([GREY, GREY[::-1]]))
    np.testing.assert_array_equal(read_picture(path, channels=1)[..., 0], GREY)
    np.testing.assert_array_equal(read_picture(path, channels=None), np.dstack([GREY, GREY, GREY, GREY[::-1]]))


def test_palette(tmp_path):
    image = Image.new("P", (2, 2))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.putdata([0, 1, 2, 1])
    image.save(tmp_path / "a.png")
    expected = [[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]]
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), expected)
    image.save(tmp_path / "b.png", transparency=1)
    assert read_picture(tmp_path / "b.png", channels=None)[..., 3].tolist() == [[255, 0], [255, 0]]
    np.testing.assert_array_equal(read_picture(tmp_path / "b.png"), expected)


def test_sixteen_bits_are_divided_by_257(tmp_path):
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    path = write(tmp_path / "a.png", values)
    np.testing.assert_array_equal(read_picture(path, channels=1)[..., 0], np.arange(256).reshape(16, 16))
    assert read_picture(path).shape == (16, 16, 3)
    assert read_picture(path, channels=4)[..., 3].min() == 255
    path = write(tmp_path / "b.png", np.array([[128, 129, 65535]], np.uint16))
    assert read_picture(path, channels=1)[..., 0].tolist() == [[0, 1, 255]]


def test_cmyk(tmp_path):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    image.save(tmp_path / "a.jpg", quality=100)
    red = read_picture(tmp_path / "a.jpg")[8, 8].astype(int)
    assert red[0] > 200
    assert red[1:].max() < 60


def test_one_pixel(tmp_path):
    save_picture(tmp_path / "a.png", RGB[:1, :1])
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), RGB[:1, :1])


def test_bilevel(tmp_path):
    Image.fromarray(GREY > 128).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", channels=1)[..., 0], (GREY > 128) * 255)


def huge_png():
    """Return a PNG whose header promises 60000 x 60000 pixels."""
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg():
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


def png():
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (jpeg()[:-800], "the picture is damaged: image file is truncated"),
        (b"hello", "expected a picture, found no known picture format"),
        (b"", "expected a picture, found no known picture format"),
        (huge_png(), "expected at most 178,956,970 pixels"),
    ],
    ids=["truncated", "text", "empty", "huge"],
)
def test_files_that_are_no_pictures(tmp_path, content, message):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageFileError) as error:
        read_picture(path)
    assert one_line(error).startswith(f"{path}: {message}")


@given(st.data())
def test_damaged_files_raise_nothing_else(data):
    for content in (jpeg(), png()):
        damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
        for _ in range(data.draw(st.integers(0, 8))):
            if damaged:
                damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        try:
            picture = decode_picture(io.BytesIO(bytes(damaged)))
        except ImageFileError as error:
            one_line(error)
        else:
            assert picture.dtype == np.uint8
            assert picture.ndim == 3


def test_a_file_longer_than_any_picture(tmp_path):
    """A WebP file is read whole before its width and height are known."""
    (tmp_path / "a.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8 ")
    os.truncate(tmp_path / "a.webp", 2 * 10**9)
    with memory_below(2**20), pytest.raises(ImageFileError) as error:
        read_picture(tmp_path / "a.webp")
    assert one_line(error) == f"{tmp_path / 'a.webp'}: expected at most 1,498,764,624 bytes, found 2,000,000,000"


class Endless(io.RawIOBase):
    """A stream that begins like a file and goes on with zeros; counts what is read."""

    def __init__(self, start):
        self.start, self.count = io.BytesIO(start), 0

    def read(self, size=-1):
        assert size >= 0
        self.count += size
        return self.start.read(size) or bytes(size)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (png(), "expected at most 67,109,144 bytes by the picture's width and height, found more"),
        (b"", "expected a picture, found no known picture format"),
        (huge_png(), r"expected at most 178,956,970 pixels"),
    ],
    ids=["small picture", "no picture", "huge picture"],
)
def test_streams_are_read_as_far_as_a_picture_can_be_long(start, message):
    stream = Endless(start)
    with pytest.raises(ImageFileError, match=message):
        read_encoded(stream)
    assert stream.count <= 2**26 + 2 * 2**20


def test_streams_that_hold_a_picture(monkeypatch):
    monkeypatch.setattr("dcgan.pictures.files.METADATA_BYTES_MAX", 60)  # a bitmap has 54
    monkeypatch.setattr("dcgan.pictures.files.BLOCK_BYTES", 10)
    encoded = io.BytesIO()
    Image.fromarray(RGB).save(encoded, "BMP")
    encoded.seek(0)
    np.testing.assert_array_equal(decode_picture(read_encoded(encoded)), RGB)


def test_what_pillows_plugins_raise_is_translated(monkeypatch):
    def load(image):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ImageFileError, match=r"^the picture is damaged: first line second line$"):
        decode_picture(io.BytesIO(png()))


def test_paths_that_cannot_be_read(tmp_path):
    with pytest.raises(ImageFileError, match=r"nothing\.png: No such file or directory"):
        read_picture(tmp_path / "nothing.png")
    with pytest.raises(ImageFileError, match="Is a directory"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_pipes_are_not_waited_for(tmp_path, alarm):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageFileError) as error:
        read_picture(tmp_path / "a.png")
    assert one_line(error) == f"{tmp_path / 'a.png'}: expected a regular file, found a pipe"


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory error when reading image file")])
def test_want_of_memory_is_no_damage(tmp_path, monkeypatch, error):
    def load(image):
        raise error

    path = write(tmp_path / "a.png", RGB)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ImageFileError, match=r"a\.png: not enough memory for this picture$"):
        read_picture(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = write(tmp_path / "a.png", RGB)
    path.chmod(0)
    with pytest.raises(ImageFileError, match="Permission denied"):
        read_picture(path)


def test_threads_leave_the_filters_of_warnings_as_they_were():
    content, before = png(), list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode_picture(io.BytesIO(content)) for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


def test_a_full_disk(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ImageFileError) as error:
        save_picture(tmp_path / "a.png", RGB)
    assert one_line(error) == f"{tmp_path / 'a.png'}: cannot write: No space left on device"
    assert (tmp_path / "a.png").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.png"]


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.fit"])
def test_suffixes_that_name_no_format(tmp_path, name):
    with pytest.raises(ImageFileError, match=r"expected a picture's suffix, received '.*'"):
        save_picture(tmp_path / name, RGB)


def test_writing_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    for folder in ("missing", "file"):
        with pytest.raises(ImageFileError, match="cannot write") as error:
            save_picture(tmp_path / folder / "a.png", RGB)
        one_line(error)


def test_alpha_does_not_fit_into_a_jpeg(tmp_path):
    with pytest.raises(ImageFileError, match="cannot write mode RGBA as JPEG"):
        save_picture(tmp_path / "a.jpg", np.zeros((4, 4, 4), np.uint8))
    assert os.listdir(tmp_path) == []

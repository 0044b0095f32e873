"""Files with more than 8 bits a channel, and with integers and floating-point values of every range."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from dcgan.errors import ImageFileError
from dcgan.pictures.depth import turn
from dcgan.pictures.files import decode_file, read_file, read_picture
from dcgan.pictures.ranges import scale_values
from dcgan.pictures.saving import save_picture
from tests.dcgan.helpers import one_line

RNG = np.random.default_rng(0)
RAMP = np.linspace(0.0, 1.0, 35).reshape(5, 7)
EIGHT = np.rint(RAMP * 255).astype(np.uint8)
DEEP = RNG.integers(0, 65536, (9, 7, 4)).astype(np.uint16)


def swapped(picture):
    return np.concatenate([picture[..., 2::-1], picture[..., 3:]], axis=2) if picture.shape[2] > 1 else picture


def write(path, values):
    Image.fromarray(values).save(path)
    return path


def tiff(values, *, bits, sample_format=1, photometric=1, orientation=1):
    """Return an uncompressed TIFF file of any kind of numbers, (H, W) or (H, W, 3)."""
    data, channels = np.ascontiguousarray(values).tobytes(), values.shape[2] if values.ndim == 3 else 1
    extra = struct.pack("<HHHH", bits, bits, bits, 0)
    tags = [(256, values.shape[1], 1), (257, values.shape[0], 1)]
    tags += [(258, bits, 1) if channels == 1 else (258, 8 + len(data), channels), (259, 1, 1), (262, photometric, 1)]
    tags += [(273, 8, 1), (274, orientation, 1), (277, channels, 1), (278, values.shape[0], 1), (279, len(data), 1)]
    tags += [(339, sample_format, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 3 if tag < 273 else 4, count, value) for tag, value, count in tags)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(data) + len(extra))
    return start + data + extra + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_sixteen_bits(tmp_path, suffix, channels):
    deep = DEEP[..., :channels]
    assert cv2.imwrite(str(tmp_path / f"deep{suffix}"), swapped(deep))
    file = read_file(tmp_path / f"deep{suffix}")
    assert file.notes == ()
    assert np.array_equal(file.deep, deep)
    save_picture(tmp_path / "copy.png", file.deep)
    assert np.array_equal(read_file(tmp_path / "copy.png").deep, deep)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_upright(tmp_path, suffix, channels, orientation):
    deep = DEEP[..., :channels]
    if suffix == ".png":
        exif = Image.Exif()
        exif[274] = orientation
        chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        encoded = bytearray(cv2.imencode(".png", swapped(deep))[1].tobytes())
        encoded[33:33] = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    else:
        stored = deep if channels == 3 else deep[..., 0]
        encoded = tiff(stored, bits=16, photometric=2 if channels == 3 else 1, orientation=orientation)
    file = decode_file(io.BytesIO(bytes(encoded)))
    assert np.array_equal(file.deep, turn(deep, orientation))
    assert file.orientation == orientation
    assert file.notes == ()


@pytest.mark.parametrize("suffix", [".ppm", ".pgm"])
def test_sixteen_bits_of_a_portable_map(tmp_path, suffix):
    deep = DEEP[..., :3] if suffix == ".ppm" else DEEP[..., :1]
    assert cv2.imwrite(str(tmp_path / f"a{suffix}"), swapped(deep))
    assert np.array_equal(read_file(tmp_path / f"a{suffix}").deep, deep)


def test_what_is_transparent_keeps_its_sixteen_bits(tmp_path):
    grey = DEEP[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=int(grey[2, 3]))
    file = read_file(tmp_path / "a.png")
    assert file.pixels[..., 3].min() == file.pixels[2, 3, 3] == 0
    assert np.array_equal(file.deep[..., :3], np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(file.deep[..., 3] == 0, grey == grey[2, 3])


def test_no_sixteen_bits(tmp_path):
    for name in ("a.png", "a.jpg", "a.tif"):
        write(tmp_path / name, EIGHT)
        assert read_file(tmp_path / name).deep is None


def test_a_decoder_that_reads_another_picture(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), swapped(DEEP))
    for found in (None, 65535 - swapped(DEEP), np.zeros((7, 5, 3), np.uint16), np.zeros((9, 7, 3), np.uint8)):
        monkeypatch.setattr(cv2, "imdecode", lambda *arguments, found=found: found)
        file = read_file(tmp_path / "a.png")
        assert file.deep is None
        assert file.notes == ("16 bits a channel are read as 8",)


@pytest.mark.parametrize("code", [None, -4])
def test_sixteen_bits_are_not_given_up_for_want_of_memory(tmp_path, monkeypatch, code):
    def decode(*arguments):
        error = MemoryError() if code is None else cv2.error("Insufficient memory")
        error.code = code
        raise error

    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4, 3), 1000, np.uint16))
    monkeypatch.setattr(cv2, "imdecode", decode)
    with pytest.raises(ImageFileError, match=r"a\.png: not enough memory for this picture$"):
        read_file(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (RAMP.astype(np.float32), "floating-point values of 0 to 1 are read as black to white"),
        (np.float32(255) * EIGHT / 255, "floating-point values of 0 to 255 are read as black to white"),
        ((RAMP * 65535).astype(np.float32), "floating-point values of 0 to 65,535 are read as black to white"),
        (EIGHT.astype(np.int32), "integers of 0 to 2,147,483,647 that do not exceed 255 are read as 0 to 255"),
        (
            (RAMP * 65535).astype(np.int32),
            "integers of 0 to 2,147,483,647 that end at 65,535 are read as 0 to 65,535",
        ),
        ((RAMP * (2**31 - 1)).astype(np.int32), "integers of 0 to 2,147,483,647 are read as black to white"),
        (EIGHT.astype(np.uint16), "integers of 0 to 65,535 that do not exceed 255 are read as 0 to 255"),
    ],
    ids=["float 1", "float 255", "float 65535", "int32 255", "int32 65535", "int32", "uint16 255"],
)
def test_ranges_of_numbers(tmp_path, values, note):
    path = write(tmp_path / "a.tif", values)
    file = read_file(path)
    assert np.abs(file.pixels[..., 0].astype(int) - EIGHT).max() <= 1
    assert file.notes == (note,)
    np.testing.assert_array_equal(read_picture(path, channels=1)[..., 0], file.pixels[..., 0])
    if file.deep is not None:
        assert np.abs(file.deep[..., 0] / 65535 - RAMP).max() < 1 / 254


@pytest.mark.parametrize(
    ("values", "bits", "sample_format"),
    [(RAMP * (2**32 - 1), 32, 1), (RAMP * (2**15 - 1), 16, 2)],
    ids=["uint32", "int16"],
)
def test_integers_of_other_types(values, bits, sample_format):
    kind = {1: np.uint32, 2: np.int16}[sample_format]
    file = decode_file(io.BytesIO(tiff(values.astype(kind), bits=bits, sample_format=sample_format)))
    assert np.abs(file.deep[..., 0] / 65535 - RAMP).max() < 1e-4
    assert len(file.notes) == 1


def test_white_is_zero():
    values = np.rint(RAMP * 65535).astype(np.uint16)
    file = decode_file(io.BytesIO(tiff(values, bits=16, photometric=0)))
    np.testing.assert_array_equal(file.deep[..., 0], 65535 - values)


def test_colours_of_eight_bits_in_sixteen(tmp_path):
    small = (DEEP[..., :3] >> 8).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), swapped(small))
    file = read_file(tmp_path / "a.png")
    np.testing.assert_array_equal(file.pixels, small)
    assert file.deep is None
    assert file.notes == ("integers of 0 to 65,535 that do not exceed 255 are read as 0 to 255",)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), small)
    assert read_picture(tmp_path / "a.png", channels=1).max() > 100


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, np.nan, np.inf], "expected finite values, found 2 that are NaN or infinite"),
        ([-0.5, 1.0], "expected values from 0 on, found -0.5 to 1"),
        ([0.0, 1.5], "expected floating-point values of 0 to 1, 0 to 255 or 0 to 65,535, found 0 to 1.5"),
        ([0.0, 300.0], "expected floating-point values of 0 to 1, 0 to 255 or 0 to 65,535, found 0 to 300"),
        ([0.0, 1e9], "expected floating-point values of 0 to 1, 0 to 255 or 0 to 65,535, found 0 to 1e+09"),
    ],
)
def test_values_that_lie_in_no_known_range(tmp_path, values, message):
    path = write(tmp_path / "a.tif", np.array([values], np.float32))
    with pytest.raises(ImageFileError) as error:
        read_picture(path)
    assert one_line(error) == f"{path}: {message}"


def test_integers_that_lie_in_no_known_range():
    with pytest.raises(ImageFileError, match=r"^expected values from 0 on, found -5 to 7$"):
        scale_values(np.array([[-5, 7]]), top=2**31 - 1)
    with pytest.raises(ImageFileError, match=r"^expected integers of 0 to 255, .* found 0 to 100,000$"):
        scale_values(np.array([[0, 100_000]]), top=2**31 - 1)
    with pytest.raises(ImageFileError, match=r"^expected values from 0 on, found -3$"):
        decode_file(io.BytesIO(tiff(np.array([[-3, 5]], np.int8), bits=8, sample_format=2)))


def test_values_that_end_early_are_said_to_be_dark():
    scaled = scale_values(np.array([[0, 4000]]), top=65535)
    assert scaled.deep.tolist() == [[0, 4000]]
    assert scaled.note == "integers that end at 4,000 are read as 0 to 65,535, which is dark"
    assert scale_values(np.zeros((2, 2), int), top=65535).note == ""


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (tiff(RAMP.astype(np.complex64), bits=64, sample_format=6), "a TIFF file with one channel of 64-bit complex"),
        (tiff(RAMP.astype(np.float16), bits=16, sample_format=3), "a TIFF file with one channel of 16-bit floating"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC file, which is not read here; convert it to JPEG or PNG"),
        (b"gimp xcf v011\0", "a GIMP project, which is not read here; convert it to JPEG or PNG"),
        (
            b"PK\3\4" + b"\0" * 26 + b"mimetypeapplication/x-krita",
            "a Krita project, which is not read here; convert it",
        ),
        (b"<!DOCTYPE html><html>", "a web page; download the picture itself"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"II*\0\xff\xff\xff\xff", "no known picture format"),
    ],
    ids=["complex", "half", "heic", "gimp", "krita", "web", "pdf", "damaged tiff"],
)
def test_what_is_not_read_is_named(content, found):
    with pytest.raises(ImageFileError) as error:
        decode_file(io.BytesIO(content))
    assert one_line(error).startswith(f"expected a picture, found {found}")

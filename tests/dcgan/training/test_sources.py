import gzip
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.saving import save_picture
from dcgan.training.sources import first_lines, open_source, read_idx, source_channels
from tests.dcgan.helpers import make_pictures, memory_below, one_line

PICTURES = make_pictures(3)
GREY = make_pictures(3, channels=1)[..., 0]


def idx(array, *, magic=0x00000803):
    return struct.pack(">IIII", magic, *array.shape) + array.tobytes()


def write_folder(folder, pictures=PICTURES, *, names=("b.png", "sub/a.png", "a.png")):
    for name, picture in zip(names, pictures, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        save_picture(folder / name, picture)
    return folder


def read_all(source, channels=3):
    return np.stack([source.read(index, channels) for index in range(len(source))])


def test_folder_is_searched_recursively_in_the_order_of_paths(tmp_path):
    folder = write_folder(tmp_path)
    for name in ("notes.txt", ".hidden.png"):
        (folder / name).write_text("no picture")
    source = open_source(folder)
    assert source.names == ["a.png", "b.png", os.path.join("sub", "a.png")]
    np.testing.assert_array_equal(read_all(source), PICTURES[[2, 0, 1]])
    assert source.name(2) == str(folder / "sub" / "a.png")
    assert (source.native_size, source.native_channels) == (None, None)


def test_folder_identity_changes_with_its_pictures(tmp_path):
    folder = write_folder(tmp_path)
    first = open_source(folder).identity()
    assert open_source(folder).identity() == first
    os.utime(folder / "b.png", ns=(1, 1))
    assert open_source(folder).identity() != first


def test_links_that_lead_nowhere_are_unreadable_pictures(tmp_path):
    folder = write_folder(tmp_path)
    (folder / "c.png").symlink_to(tmp_path / "nothing")
    source = open_source(folder)
    assert "c.png unreadable" in source.identity()
    with pytest.raises(ImageFileError, match=r"c\.png: a link to nothing$"):
        source.read(source.names.index("c.png"), 3)


def test_zip(tmp_path):
    folder = write_folder(tmp_path / "folder")
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("b.png", "sub/a.png", "a.png"):
            archive.write(folder / name, name)
        archive.writestr("__MACOSX/._a.png", b"resource fork")
        archive.writestr("notes.txt", b"no picture")
        archive.writestr("broken.png", b"no picture")
    source = open_source(path)
    assert len(source) == 4
    with pytest.raises(ImageFileError, match=r"faces\.zip:broken\.png: expected a picture"):
        source.read(2, 3)
    np.testing.assert_array_equal(np.stack([source.read(index, 3) for index in (0, 1, 3)]), PICTURES[[2, 0, 1]])
    assert len(source.identity()) == 4


def test_zip_with_damaged_members(tmp_path):
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(range(256)) * 8)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)
    with pytest.raises(ImageFileError, match=r"faces\.zip:a\.png: "):
        open_source(path).read(0, 3)


def test_zip_with_a_member_that_grows(tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan.pictures.files.METADATA_BYTES_MAX", 2**21)
    save_picture(tmp_path / "a.png", PICTURES[0])
    with zipfile.ZipFile(tmp_path / "faces.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", (tmp_path / "a.png").read_bytes() + bytes(2**25))
    source = open_source(tmp_path / "faces.zip")
    with (
        memory_below(2**23),
        pytest.raises(ImageFileError, match=r"faces\.zip:a\.png: expected at most 2,099,200 bytes by the picture's"),
    ):
        source.read(0, 3)


def test_zip_with_a_compression_that_cannot_be_bounded(tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.png", bytes(2**20))
    with pytest.raises(
        ImageFileError, match=r"faces\.zip:a\.png: expected a stored or deflated file, found compression 12"
    ):
        open_source(tmp_path / "faces.zip").read(0, 3)


def test_zip_with_a_member_too_large_for_the_memory(tmp_path, monkeypatch):
    def read(*arguments):
        raise MemoryError

    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("a.png", b"")
    monkeypatch.setattr(zipfile.ZipExtFile, "read", read)
    with pytest.raises(ImageFileError, match=r"faces\.zip:a\.png: not enough memory for this picture$"):
        open_source(tmp_path / "faces.zip").read(0, 3)


def test_file_that_is_no_zip(tmp_path):
    (tmp_path / "faces.zip").write_bytes(b"nothing of the kind")
    with pytest.raises(DatasetError, match="cannot read the zip file") as error:
        open_source(tmp_path / "faces.zip")
    one_line(error)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_idx(tmp_path, name):
    content = idx(GREY)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    source = open_source(tmp_path / name)
    assert (source.native_size, source.native_channels) == (16, 1)
    np.testing.assert_array_equal(read_all(source, 1)[..., 0], GREY)
    np.testing.assert_array_equal(read_all(source, 3)[..., 2], GREY)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (struct.pack(">II", 0x00000801, 10) + bytes(10), "expected an idx file of pictures"),
        (idx(GREY)[:10], "expected an idx file of pictures"),
        (b"", "expected an idx file of pictures"),
        (idx(GREY)[:-1], "expected 3 pictures of 16x16, received 767 bytes of them"),
        (idx(GREY) + b"x", "expected 3 pictures of 16x16, received 769 bytes of them"),
    ],
    ids=["labels", "short header", "empty", "short", "long"],
)
def test_idx_that_holds_something_else(tmp_path, content, message):
    path = tmp_path / "idx3"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as error:
        read_idx(path)
    one_line(error)


def test_idx_is_mapped_into_memory(tmp_path):
    (tmp_path / "idx3").write_bytes(idx(GREY))
    assert isinstance(read_idx(tmp_path / "idx3"), np.memmap)


def test_gzip_that_holds_more_than_it_declares(tmp_path):
    path = tmp_path / "idx3.gz"
    path.write_bytes(gzip.compress(idx(GREY) + bytes(2**24)))
    with (
        memory_below(2**22),
        pytest.raises(DatasetError, match=r"expected 3 pictures of 16x16, received 769 bytes of them"),
    ):
        read_idx(path)


@pytest.mark.parametrize("count", [2**18 + 1, 2**32 - 1])
def test_gzip_that_declares_more_than_it_can_hold(tmp_path, count):
    path = tmp_path / "idx3.gz"
    path.write_bytes(gzip.compress(struct.pack(">IIII", 0x00000803, count, 16, 16) + bytes(999)))
    with pytest.raises(DatasetError) as error:
        read_idx(path)
    assert one_line(error) == (
        f"{path}: expected at most 67,108,864 bytes of pictures in {path.stat().st_size} compressed bytes, "
        f"its header declares {256 * count:,}"
    )


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: b"no gzip", lambda data: data[:12] + b"\xff" * 99]
)
def test_damaged_gzip(tmp_path, damage):
    path = tmp_path / "idx3.gz"
    path.write_bytes(damage(gzip.compress(idx(GREY))))
    with pytest.raises(DatasetError, match="cannot read"):
        read_idx(path)


@pytest.mark.parametrize("array", [GREY, GREY[..., None], PICTURES])
def test_npy_is_mapped_into_memory(tmp_path, array):
    np.save(tmp_path / "faces.npy", array)
    source = open_source(tmp_path / "faces.npy")
    assert isinstance(source.array, np.memmap)
    channels = 3 if array.shape[-1] == 3 else 1
    assert (source.native_size, source.native_channels) == (16, channels)
    np.testing.assert_array_equal(read_all(source, channels), array.reshape(3, 16, 16, channels))


def test_colour_array_as_grey(tmp_path):
    np.save(tmp_path / "faces.npy", np.full((1, 2, 2, 3), [255, 0, 0], np.uint8))
    assert open_source(tmp_path / "faces.npy").read(0, 1).tolist() == [[[76], [76]], [[76], [76]]]


@pytest.mark.parametrize(
    "array",
    [
        PICTURES.astype(np.float32),
        PICTURES[0, 0],
        np.zeros((2, 4, 4, 2), np.uint8),
        np.zeros((2, 0, 4), np.uint8),
    ],
)
def test_arrays_that_hold_no_pictures(tmp_path, array):
    np.save(tmp_path / "faces.npy", array)
    with pytest.raises(DatasetError, match="expected a uint8 array") as error:
        open_source(tmp_path / "faces.npy")
    one_line(error)


def test_npy_never_unpickles(tmp_path):
    np.save(tmp_path / "faces.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(DatasetError, match="cannot read the array"):
        open_source(tmp_path / "faces.npy")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text", b"PK\x03\x04"])
def test_damaged_npy(tmp_path, content):
    (tmp_path / "faces.npy").write_bytes(content)
    with pytest.raises(DatasetError, match="cannot read the array"):
        open_source(tmp_path / "faces.npy")


def npy(shape, *, dtype="|u1", data=bytes(768)):
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "shape",
    ["(-3, 16, 16)", "(3, -16, -16)", "(4, 16, 16)", "(0, 16, -1)", f"(0, {10**30}, 16)", f"({10**30}, 16, 16)", "(3,"],
)
def test_npy_of_impossible_shapes(tmp_path, shape):
    (tmp_path / "faces.npy").write_bytes(npy(shape))
    with pytest.raises(DatasetError, match=r"faces\.npy: cannot read the array: ") as error:
        open_source(tmp_path / "faces.npy")
    one_line(error)


@settings(suppress_health_check=[*settings.default.suppress_health_check, HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 127), value=st.integers(0, 255))
def test_damaged_npy_headers_raise_nothing_else(tmp_path, place, value):
    content = bytearray(npy("(3, 16, 16)"))
    content[place] = value
    (tmp_path / "faces.npy").write_bytes(content)
    try:
        open_source(tmp_path / "faces.npy")
    except DatasetError as error:
        one_line(error)


def test_an_archive_of_arrays_is_no_array(tmp_path):
    np.savez(tmp_path / "faces.npz", PICTURES)
    (tmp_path / "faces.npz").rename(tmp_path / "faces.npy")
    with pytest.raises(DatasetError, match="cannot read the array"):
        open_source(tmp_path / "faces.npy")


def test_paths_that_lead_nowhere(tmp_path):
    with pytest.raises(DatasetError, match="expected a folder or a file, found nothing there"):
        open_source(tmp_path / "nothing")
    (tmp_path / "faces.tar").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"expected a folder, a \.zip, an \.npy or an idx3 file"):
        open_source(tmp_path / "faces.tar")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
@pytest.mark.parametrize("name", ["faces.zip", "faces.npy", "idx3", "idx3.gz"])
def test_pipes_are_not_waited_for(tmp_path, alarm, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match="expected a regular file, found a pipe") as error:
        open_source(tmp_path / name)
    one_line(error)


@pytest.mark.parametrize(("count", "last"), [(20, "picture 19"), (21, "and 1 more that cannot be read")])
def test_the_first_lines_about_many_pictures(count, last):
    lines = []
    with first_lines(lines.append) as tell, first_lines(None) as keep_quiet:
        for index in range(count):
            tell(f"picture {index}")
            keep_quiet(f"picture {index}")
    assert lines == [*(f"picture {index}" for index in range(20)), last][:count]
    assert lines[-1] == last


def test_channels_that_fit_all_sources(tmp_path):
    np.save(tmp_path / "grey.npy", GREY)
    np.save(tmp_path / "rgb.npy", PICTURES)
    grey, rgb = open_source(tmp_path / "grey.npy"), open_source(tmp_path / "rgb.npy")
    folder = open_source(write_folder(tmp_path / "folder"))
    assert source_channels([grey, grey]) == 1
    assert source_channels([grey, rgb]) == source_channels([grey, folder]) == 3


def test_what_is_left_out_of_a_dataset_is_said(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    save_picture(folder / "a.png", PICTURES[0])
    (folder / "b.heic").touch()
    (folder / "c.txt").touch()
    assert open_source(folder).left_out == f"{folder}: left out: 1 file without a picture's suffix (.heic)"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a.png", "b.heic", "c.txt"):
            archive.write(folder / name, name)
    found = open_source(tmp_path / "a.zip").left_out
    assert found == f"{tmp_path / 'a.zip'}: left out: 1 file without a picture's suffix (.heic)"

"""Channels besides those of the picture are left out with a note."""

import struct

import numpy as np
import pytest

from dcgan.pictures.files import read_file

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 5), np.uint8)


def tiff(pixels, extra):
    """Return an RGB file of 8 bits with these kinds of extra channels: 0 of no known meaning, 2 alpha."""
    height, width, channels = pixels.shape
    tags = {256: width, 257: height, 259: 1, 262: 2, 273: 8, 277: channels, 278: height, 279: pixels.size}
    lists = {258: [8] * channels, 338: extra}
    start = 8 + pixels.size + pixels.size % 2
    end = start + 2 + 12 * (len(tags) + len(lists)) + 4
    entries, tail = [], b""
    for tag, value in sorted({**tags, **lists}.items()):
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"<{len(values)}H", *values)
        if len(packed) > 4:
            packed, tail = struct.pack("<I", end + len(tail)), tail + packed
        entries.append(struct.pack("<HHI", tag, 3, len(values)) + packed.ljust(4, b"\0"))
    data = pixels.tobytes().ljust(start - 8, b"\0")
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + b"\0" * 4
    return b"II*\0" + struct.pack("<I", start) + data + directory + tail


def photoshop(pixels):
    """Return a flat RGB file of Photoshop's with as many channels as there are."""
    height, width, channels = pixels.shape
    head = b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", channels, height, width, 8, 3)
    return head + b"\0" * 14 + np.moveaxis(pixels, 2, 0).tobytes()


@pytest.mark.parametrize(
    ("content", "channels", "notes"),
    [
        (tiff(PIXELS[..., :4], [0]), 3, ("channels of the file besides those of the picture are left out: 1",)),
        (tiff(PIXELS, [0, 0]), 3, ("channels of the file besides those of the picture are left out: 2",)),
        (tiff(PIXELS, [2, 0]), 4, ("channels of the file besides those of the picture are left out: 1",)),
        (tiff(PIXELS[..., :4], [2]), 4, ()),
        (photoshop(PIXELS), 3, ("channels of the file besides those of the picture are left out: 2",)),
        (photoshop(PIXELS[..., :3]), 3, ()),
    ],
)
def test_more_channels_than_the_pictures(tmp_path, content, channels, notes):
    path = tmp_path / "a"
    path.write_bytes(content)
    file = read_file(path)
    assert np.array_equal(file.pixels, PIXELS[..., :channels])
    assert file.notes == notes

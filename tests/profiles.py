"""Colour profiles for the tests."""

import functools
import io

from PIL import ImageCms

ADOBE_RGB = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}


def srgb():
    """Return a profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@functools.cache
def wide():
    """Return a profile with Adobe RGB's primaries and sRGB's curve: the one of sRGB, its colorants replaced."""
    content = bytearray(srgb())
    places = {}
    for entry in range(int.from_bytes(content[128:132], "big")):
        start = 132 + 12 * entry
        places[bytes(content[start : start + 4])] = int.from_bytes(content[start + 4 : start + 8], "big")
    for tag, values in ADOBE_RGB.items():
        for index, value in enumerate(values):
            start = places[tag] + 8 + 4 * index
            content[start : start + 4] = round(value * 65536).to_bytes(4, "big")
    return bytes(content)


@functools.cache
def grey(gamma=1.8):
    """Return a profile of grey with a gamma (ICC.1:2001, monochrome input profile)."""
    description = b"desc\0\0\0\0" + (5).to_bytes(4, "big") + b"grey\0" + bytes(78)
    tags = {
        b"desc": description,
        b"wtpt": b"XYZ \0\0\0\0" + b"".join(round(value * 65536).to_bytes(4, "big") for value in (0.9642, 1, 0.8249)),
        b"kTRC": b"curv\0\0\0\0" + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2),
        b"cprt": b"text\0\0\0\0none\0" + bytes(3),
    }
    table, data = len(tags).to_bytes(4, "big"), b""
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += name + (128 + 4 + 12 * len(tags) + len(data)).to_bytes(4, "big") + len(value).to_bytes(4, "big")
        data += value
    header = bytearray(128)
    header[8:12], header[12:24], header[36:40] = b"\x02\x20\0\0", b"mntrGRAYXYZ ", b"acsp"
    header[68:80] = tags[b"wtpt"][8:]
    header[0:4] = (128 + len(table) + len(data)).to_bytes(4, "big")
    return bytes(header) + table + data


def lab():
    """Return a profile of Lab, which no picture is written in."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def convert(image, profile, *, mode="RGB"):
    """Return an sRGB image by a profile."""
    return ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(profile)), outputMode=mode
    )

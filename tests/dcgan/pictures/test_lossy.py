import numpy as np
import pytest
from PIL import Image

from dcgan.errors import ImageFileError
from dcgan.pictures.lossy import is_lossy

PICTURE = Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("JPEG", {}, True),
        ("WEBP", {}, True),
        ("WEBP", {"lossless": True}, False),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0", "quality": 50}, True),
        ("WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0", "lossless": True}, False),
        ("WEBP", {"save_all": True, "append_images": [Image.new("RGB", (16, 16))], "quality": 50}, True),
        ("TIFF", {}, False),
        ("TIFF", {"compression": "tiff_lzw"}, False),
        ("TIFF", {"compression": "jpeg"}, True),
        ("TIFF", {"compression": "tiff_deflate", "big_tiff": False}, False),
        ("PNG", {}, False),
        ("GIF", {}, False),
        ("BMP", {}, False),
        ("PPM", {}, False),
    ],
)
def test_formats(tmp_path, kind, options, expected):
    PICTURE.save(tmp_path / "a", kind, **options)
    assert is_lossy(tmp_path / "a") is expected


def test_a_file_that_ends_early(tmp_path):
    for content in (b"", b"RIFF\0\0\0\0WEBPVP8X", b"II*\0\x08\0\0\0"):
        (tmp_path / "a").write_bytes(content)
        assert not is_lossy(tmp_path / "a")
    with pytest.raises(ImageFileError, match="nowhere"):
        is_lossy(tmp_path / "nowhere")

"""What other libraries say while a file is read."""

import contextlib
import io
import logging
import threading
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from dcgan.errors import ImageFileError
from dcgan.pictures.files import decode_file, decode_picture
from dcgan.pictures.voices import heard

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def warn_like_pillow(text):
    warnings.warn_explicit(text, UserWarning, PngImagePlugin.__file__, 1, module="PIL.PngImagePlugin")


def test_each_thread_hears_its_own_warnings():
    before, found = list(warnings.filters), {}
    barrier = threading.Barrier(4)

    def listen(number):
        with heard() as said:
            barrier.wait()
            for _ in range(20):
                warn_like_pillow(f"tag {number}\n is wrong")
            found[number] = said

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [f"tag {number} is wrong"] for number in range(4)}
    assert list(warnings.filters) == before


def test_other_warnings_go_where_they_went():
    with heard() as said:
        with pytest.warns(UserWarning, match="ours"):
            warnings.warn("ours", UserWarning, stacklevel=1)
        with heard() as inner:
            warn_like_pillow("inner")
        warn_like_pillow("outer")
    assert (inner, said) == (["inner"], ["outer"])


def test_a_warning_becomes_a_note():
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "PNG", save_all=True, append_images=[Image.fromarray(255 - PICTURE)])
    damaged = file.getvalue()
    start, body = damaged.index(b"acTL"), b"acTL" + bytes(8)
    damaged = damaged[:start] + body + zlib.crc32(body).to_bytes(4, "big") + damaged[start + 16 :]
    found = decode_file(io.BytesIO(damaged))
    np.testing.assert_array_equal(found.pixels, PICTURE)
    assert "read in spite of: Invalid APNG, will use default PNG image if possible" in found.notes


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "jpeg"])
def test_libtiff_writes_nothing_to_the_terminal(compression, capfd):
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "TIFF", compression=compression)
    damaged = bytearray(file.getvalue())
    damaged[200:1200] = bytes(range(250)) * 4
    for content in (bytes(damaged), bytes(damaged[:2000])):
        with contextlib.suppress(ImageFileError):
            decode_picture(io.BytesIO(content))
    assert capfd.readouterr() == ("", "")


def test_pillows_log_goes_where_the_program_sends_it(capfd, caplog):
    with heard():
        logging.getLogger("PIL.TiffImagePlugin").error("More samples per pixel than can be decoded: 184")
    assert capfd.readouterr() == ("", "")
    assert "184" in caplog.text

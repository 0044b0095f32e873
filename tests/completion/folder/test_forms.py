"""Results in other formats than PNG."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from completion.folder.forms import LOSSY_NOTE
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from dcgan.pictures.attached import Attached
from dcgan.pictures.files import read_file
from dcgan.pictures.saving import save_picture
from tests import profiles
from tests.completion.helpers import SIZE, center_hole, make_picture, records

TELEA = make_method("telea", MethodOptions())
KNOWN = ~center_hole()


def complete(path, output, form, **options):
    """Complete a picture; return its line in the manifest."""
    complete_folder(list_inputs([path]), FolderJob(output, form=form, **options), TELEA)
    return records(output)[-1]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".PNG"])
@pytest.mark.parametrize("profile", [None, profiles.wide()])
def test_the_same_format_with_profile_and_resolution(suffix, profile, tmp_path):
    options = {"quality": 88} if suffix in (".jpg", ".jpeg", ".webp") else {}
    dpi = {} if suffix == ".webp" else {"dpi": (300, 300)}
    Image.fromarray(make_picture()).save(tmp_path / f"a{suffix}", icc_profile=profile, **options, **dpi)
    line = complete(tmp_path / f"a{suffix}", tmp_path / "out", "same")
    assert line["output"] == str(tmp_path / "out" / f"a{suffix}")
    before, after = read_file(tmp_path / f"a{suffix}"), read_file(line["output"])
    plain = [dataclasses.replace(each.attached, xmp=None, exif=None) for each in (before, after)]
    assert plain[0] == plain[1]
    if suffix in (".png", ".tif", ".PNG"):
        np.testing.assert_array_equal(after.pixels[KNOWN], before.pixels[KNOWN])
    else:
        difference = np.abs(after.pixels.astype(int) - before.pixels)[KNOWN]
        assert difference.mean() < 5
    assert b"algorithmicallyEnhanced" in after.attached.xmp


def test_a_jpeg_is_written_as_it_was_read(tmp_path):
    """Blocks in which nothing is missing are rounded to what they were."""
    Image.fromarray(make_picture(64, 64)).save(tmp_path / "a.jpg", quality=80, subsampling=0)
    line = complete(tmp_path / "a.jpg", tmp_path / "out", "jpeg")
    before, after = (np.asarray(Image.open(path).convert("RGB"), int) for path in (tmp_path / "a.jpg", line["output"]))
    assert np.abs(before - after)[:8].max() <= 3


def test_16_bits_in_the_same_format(tmp_path):
    deep = make_picture().astype(np.uint16) * 251
    save_picture(tmp_path / "a.tif", deep, attached=Attached(profiles.wide(), (300, 300)))
    line = complete(tmp_path / "a.tif", tmp_path / "out", "same")
    after = read_file(line["output"])
    np.testing.assert_array_equal(after.deep[KNOWN], deep[KNOWN])
    assert (after.attached.profile, after.attached.dpi) == (profiles.wide(), (300, 300))


@pytest.mark.parametrize(("form", "kind"), [("jpeg", "JPEG"), ("webp", "WebP")])
def test_16_bits_become_8_where_the_format_has_no_more(form, kind, tmp_path):
    save_picture(tmp_path / "a.png", make_picture().astype(np.uint16) * 251)
    line = complete(tmp_path / "a.png", tmp_path / "out", form)
    assert f"16 bits a channel become 8 in {kind}" in line["notes"]
    assert read_file(line["output"]).deep is None


def test_transparency_is_kept_or_refused(tmp_path):
    picture = np.dstack([make_picture(), np.full((SIZE, SIZE), 255, np.uint8)])
    Image.fromarray(picture).save(tmp_path / "opaque.png")
    assert complete(tmp_path / "opaque.png", tmp_path / "out", "jpeg")["status"] == "completed"
    picture[:4, :4, 3] = 7
    Image.fromarray(picture).save(tmp_path / "a.png")
    line = complete(tmp_path / "a.png", tmp_path / "out", "jpeg")
    assert line["error"] == (
        f"{tmp_path / 'a.png'}: expected an opaque picture for JPEG, found transparent pixels; use --format png or webp"
    )
    line = complete(tmp_path / "a.png", tmp_path / "out", "webp")
    np.testing.assert_array_equal(read_file(line["output"]).pixels[..., 3], picture[..., 3])


def test_a_picture_that_is_too_large_for_the_format_fails_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(type(TELEA), "prepare", lambda *arguments, **options: pytest.fail("worked"))
    Image.fromarray(np.zeros((4, 16384), np.uint8)).save(tmp_path / "a.png")
    line = complete(tmp_path / "a.png", tmp_path / "out", "webp")
    assert line["error"] == (
        f"{tmp_path / 'a.png'}: expected at most 16383 pixels a side for WebP, found 16384x4; use --format png"
    )


def test_a_grey_profile_in_a_webp(tmp_path):
    Image.fromarray(make_picture(channels=1)[..., 0]).save(tmp_path / "a.png", icc_profile=profiles.grey(1.0))
    line = complete(tmp_path / "a.png", tmp_path / "out", "webp")
    assert "WebP holds no grey colour profile: the result is in sRGB" in line["notes"]
    after = read_file(line["output"])
    assert after.attached.profile is None
    assert after.pixels.mean() > make_picture(channels=1).mean() + 20  # linear light is brighter in sRGB


def test_what_is_too_long_for_a_jpeg_is_left_out(tmp_path):
    exif, packet = Image.Exif(), b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    exif[0x010E] = "a" * 70_000
    packet += b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' "
    packet += b"xmlns:own='urn:own' own:text='" + b"b" * 70_000 + b"'/></rdf:RDF></x:xmpmeta>"
    Image.fromarray(make_picture()).save(tmp_path / "a.webp", exif=exif, xmp=packet)
    line = complete(tmp_path / "a.webp", tmp_path / "out", "jpeg")
    assert "the EXIF data are too long for JPEG: left out" in line["notes"]
    assert "the XMP data are too long for JPEG: left out" in line["notes"]
    assert b"algorithmicallyEnhanced" in read_file(line["output"]).attached.xmp


def test_that_a_format_changes_pixels_is_said_once(run, tmp_path):
    for name in ("a.png", "b.jpg"):
        Image.fromarray(make_picture()).save(tmp_path / name)
    arguments = [tmp_path / "a.png", tmp_path / "b.jpg", "--method", "telea", "--mask", "center"]
    for form, said in (("png", 0), ("jpeg", 1), ("same", 1)):
        result = run(*arguments, "--format", form, "--output", tmp_path / form)
        assert result.stderr.count(f"--format {form}: known pixels are as close to the input's as") == said
    assert sorted(path.name for path in (tmp_path / "same").glob("[ab].*")) == ["a.png", "b.jpg"]
    assert LOSSY_NOTE not in run(*arguments, "--format", "jpeg", "--quiet", "--output", tmp_path / "quiet").stderr

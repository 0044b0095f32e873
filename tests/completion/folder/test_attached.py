"""Known pixels and what is attached to them, from file to file."""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from completion.config import SearchConfig
from completion.folder.inputs import list_inputs
from completion.folder.job import FolderJob
from completion.folder.masks import MaskSource
from completion.folder.run import complete_folder
from completion.methods import MethodOptions, make_method
from dcgan.pictures.attached import Attached
from dcgan.pictures.files import read_file
from dcgan.pictures.profiles import to_srgb
from dcgan.pictures.saving import save_picture
from tests import profiles
from masks import MaskSpec
from tests.completion.helpers import SIZE, center_hole, make_picture, records

TELEA = make_method("telea", MethodOptions())
PROFILES = {"none": None, "srgb": profiles.srgb(), "wide": profiles.wide(), "grey": profiles.grey()}
DEEP = {"I;16": 1, "RGB;16": 3, "RGBA;16": 4}  # names of 16 bits a channel, with the channels
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", *DEEP)
SUFFIXES = {"L": (".png", ".tif", ".jpg"), "RGB": (".png", ".tif", ".jpg", ".webp"), "P": (".png",), "1": (".png",)}
DPI, WIDTH = (300, 200), SIZE + 3


def complete(path, output, **options):
    summary = complete_folder(list_inputs([path]), FolderJob(output, **options), TELEA)
    assert summary.completed == 1, records(output)
    return Path(records(output)[0]["output"])


def write(path, mode, *, profile, seed):
    """Write a picture in a mode of Pillow's, or with 16 bits, and return its values: grey or RGB, and alpha."""
    picture = make_picture(SIZE, WIDTH, channels=4, seed=seed)
    if mode in DEEP:
        deep = picture[..., : DEEP[mode]].astype(np.uint16) * 251 + seed
        save_picture(path, deep, attached=Attached(profile, DPI))
        return deep
    image = Image.fromarray(picture if mode in ("LA", "RGBA") else picture[..., :3]).convert(mode)
    image.save(path, dpi=DPI, icc_profile=profile)
    with Image.open(path) as image:
        image = image.convert({"1": "L", "P": "RGB"}.get(mode, mode))
        return np.asarray(image).reshape(SIZE, WIDTH, -1)


def read(path):
    """Return an output's values: grey or RGB, and alpha."""
    values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    with Image.open(path) as image:
        if values.dtype == np.uint16:
            values = values.reshape(SIZE, WIDTH, -1)
            return values if values.shape[2] < 3 else values[..., [2, 1, 0, 3][: values.shape[2]]]
        return np.asarray(image).reshape(SIZE, WIDTH, -1)


@settings(max_examples=60)
@given(mode=st.sampled_from(MODES), name=st.sampled_from(sorted(PROFILES)), seed=st.integers(0, 99), data=st.data())
def test_every_known_pixel_is_the_files_own_with_its_profile_and_resolution(mode, name, seed, data):
    suffix = ".png" if mode in DEEP else data.draw(st.sampled_from(SUFFIXES.get(mode, (".png", ".tif"))))
    profile = PROFILES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        before = write(path, mode, profile=profile, seed=seed)
        output = complete(path, Path(folder, "out"))
        after, known = read(output), ~center_hole(SIZE, WIDTH)
        if after.shape[2] > before.shape[2]:  # grey is written as RGB where no profile wants it grey
            before = before[..., [0, 0, 0, 1][: after.shape[2]]]
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after[known], before[known])
        with Image.open(output) as image:
            fits = name != "grey" or mode in ("1", "L", "LA", "I;16")
            assert image.info.get("icc_profile") == (profile if fits else None)
            if suffix != ".webp":
                assert image.info["dpi"] == pytest.approx(DPI, abs=0.1)


def test_the_fill_has_the_colours_that_the_profile_says(tmp_path):
    """A flat picture is filled with its own colour, whatever the profile; what differs is what the method sees."""
    for name, profile in (("wide", profiles.wide()), ("grey", profiles.grey())):
        flat = Image.new("RGB" if name == "wide" else "L", (WIDTH, SIZE), (120, 160, 90) if name == "wide" else 120)
        flat.save(tmp_path / f"{name}.png", icc_profile=profile)
        output = complete(tmp_path / f"{name}.png", tmp_path / name)
        assert np.abs(read(output).astype(int) - np.asarray(flat).reshape(SIZE, WIDTH, -1)).max() <= 2


def test_the_method_sees_srgb(tmp_path, monkeypatch):
    from completion.folder import run

    seen = []
    monkeypatch.setattr(run.ComparisonSheet, "add", lambda self, tiles: seen.append(tiles[0]))
    monkeypatch.setattr(run.ComparisonSheet, "tile", lambda self, picture: picture)
    picture = make_picture()
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=profiles.wide())
    complete(tmp_path / "a.png", tmp_path / "out", sheet=True)
    np.testing.assert_array_equal(seen[0], to_srgb(picture, profiles.wide()))
    assert np.abs(seen[0].astype(int) - picture).max() > 10


def test_a_profile_that_cannot_be_used_is_in_the_manifest(tmp_path):
    Image.fromarray(make_picture()).save(tmp_path / "a.png", icc_profile=profiles.lab())
    complete(tmp_path / "a.png", tmp_path / "out")
    assert records(tmp_path / "out")[0]["notes"] == ["the colour profile is one for Lab: the colours are read as sRGB"]


def test_files_say_what_filled_them(tmp_path):
    Image.fromarray(make_picture()).save(tmp_path / "a.png")
    said = read_file(complete(tmp_path / "a.png", tmp_path / "out")).attached.xmp
    assert b"digitalsourcetype/algorithmicallyEnhanced" in said
    assert b"method telea" in said
    assert read_file(complete(tmp_path / "a.png", tmp_path / "silent", provenance=False)).attached.xmp is None


def test_files_say_which_model_filled_them(prior, tmp_path):
    Image.fromarray(make_picture()).save(tmp_path / "a.png")
    method = make_method(SearchConfig(iterations=1), MethodOptions(prior))
    complete_folder(list_inputs([tmp_path / "a.png"]), FolderJob(tmp_path / "out", model_name="toy"), method)
    said = read_file(tmp_path / "out" / "a.png").attached.xmp.decode()
    assert "digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in said
    assert f"model toy, SHA-256 {prior.sha256}" in said


def test_an_untouched_picture_says_nothing(tmp_path):
    Image.fromarray(make_picture()).save(tmp_path / "a.png")
    masks = MaskSource(MaskSpec("random", fraction=0.0))
    complete_folder(list_inputs([tmp_path / "a.png"]), FolderJob(tmp_path / "out", masks=masks), TELEA)
    assert read_file(tmp_path / "out" / "a.png").attached.xmp is None

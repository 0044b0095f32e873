import io
import os

import numpy as np
import pytest
from PIL import Image

from dcgan.pictures.files import read_file, read_picture
from dcgan.pictures.saving import save_picture
from masks import left_mask
from tests.completion.helpers import center_hole, make_picture, read, records, write_pictures


def jpeg(picture, **options):
    """Return a picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def failures(result):
    return [line for line in result.stderr.splitlines() if line.startswith("failed: ")]


def test_bad_files_among_good_ones(run, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png", "z.png"])
    whole = jpeg(make_picture(200, 200))
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "empty.png").touch()
    (folder / "link.png").symlink_to("nowhere.png")
    result = run(folder, "--output", tmp_path / "out", code=1)
    assert result.stdout == f"2 completed, 4 failed: {tmp_path / 'out'}\n"
    assert len(result.stderr.splitlines()) == len(failures(result)) == 4
    bad = ("cut.jpg", "empty.png", "link.png", "text.jpg")
    for name, line in zip(bad, sorted(failures(result)), strict=True):
        assert line.startswith(f"failed: {folder / name}: ")
    assert f"failed: {folder / 'link.png'}: a link to nothing" in failures(result)
    by_name = {os.path.basename(record["input"]): record for record in records(tmp_path / "out")}
    assert {name for name, record in by_name.items() if record["status"] == "failed"} == set(bad)
    assert all(by_name[name]["output"] is None and by_name[name]["error"] for name in bad)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "z.png"]


def test_nothing_but_bad_files(run, tmp_path):
    (tmp_path / "a.png").touch()
    result = run(tmp_path / "a.png", "--output", tmp_path / "out", code=1)
    assert result.stdout == f"0 completed, 1 failed: {tmp_path / 'out'}\n"


KINDS = {
    "grey.png": Image.fromarray(make_picture(20, 20, channels=1)[..., 0]),
    "bits.png": Image.fromarray(make_picture(20, 20, channels=1)[..., 0]).convert("1"),
    "deep.png": Image.fromarray(make_picture(20, 20, channels=1)[..., 0].astype(np.uint16) * 257 + 100),
    "palette.png": Image.fromarray(make_picture(20, 20)).quantize(16),
    "palette.gif": Image.fromarray(make_picture(20, 20)).quantize(16),
    "print.jpg": Image.fromarray(make_picture(20, 20)).convert("CMYK"),
    "one.png": Image.fromarray(make_picture(1, 1)),
    "row.bmp": Image.fromarray(make_picture(1, 37)),
    "column.tif": Image.fromarray(make_picture(37, 1)),
    "wide.webp": Image.fromarray(make_picture(30, 90)),
}


def test_every_kind_of_picture(run, tmp_path):
    for name, image in KINDS.items():
        image.save(tmp_path / name)
    result = run(*(tmp_path / name for name in KINDS), "--output", tmp_path / "out", "--mask", "left", "--aligned")
    assert "failed" not in result.stdout
    for name in set(KINDS) - {"deep.png"}:
        original = read_picture(tmp_path / name)
        completed = read((tmp_path / "out" / name).with_suffix(".png"))
        known = ~left_mask(original.shape[:2])
        np.testing.assert_array_equal(completed[known], original[known])
    grey = read(tmp_path / "out" / "grey.png")
    assert (grey == grey[..., :1]).all()


def test_sixteen_bits_stay_sixteen_bits(run, tmp_path):
    KINDS["deep.png"].save(tmp_path / "deep.png")
    run(tmp_path / "deep.png", "--output", tmp_path / "out", "--mask", "left")
    completed, original = read(tmp_path / "out" / "deep.png", "I;16"), np.array(KINDS["deep.png"])
    known = ~left_mask(original.shape)
    np.testing.assert_array_equal(completed[known], original[known])
    assert (completed[~known] != original[~known]).mean() > 0.5
    assert (completed[~known] % 257 == 0).all()


def test_sixteen_bits_with_a_transparent_value(run, tmp_path):
    """What stands for transparency becomes an alpha channel, and the sixteen bits stay."""
    deep = np.array(KINDS["deep.png"])
    Image.fromarray(deep).save(tmp_path / "deep.png", transparency=int(deep[-1, -1]))
    run(tmp_path / "deep.png", "--output", tmp_path / "out", "--mask", "left")
    completed = read_file(tmp_path / "out" / "deep.png").deep
    known = ~left_mask(deep.shape)
    np.testing.assert_array_equal(completed[known, 0], deep[known])
    np.testing.assert_array_equal(completed[..., 3] == 0, deep == deep[-1, -1])


def test_a_grey_model_keeps_sixteen_grey_bits(run, tmp_path, grey_model):
    """Colours of sixteen bits are read as eight, and a note says so."""
    deep = np.array(KINDS["deep.png"])
    Image.fromarray(deep).save(tmp_path / "grey.png")
    save_picture(tmp_path / "colour.png", np.dstack([deep, deep // 2, deep // 3]))
    arguments = [tmp_path / "grey.png", tmp_path / "colour.png", "--model", grey_model[0], "--mask", "left"]
    result = run(*arguments, "--output", tmp_path / "out")
    known = ~left_mask(deep.shape)
    np.testing.assert_array_equal(read_file(tmp_path / "out" / "grey.png").deep[known, 0], deep[known])
    assert read_file(tmp_path / "out" / "colour.png").deep is None
    assert f"{tmp_path / 'colour.png'}: the model is grey: 16 bits a channel are read as 8" in result.stderr
    assert "grey.png:" not in result.stderr


def test_a_large_photograph(run, tmp_path):
    picture = np.kron(make_picture(20, 30), np.ones((100, 100, 1), np.uint8))
    (tmp_path / "large.jpg").write_bytes(jpeg(picture))
    run(tmp_path / "large.jpg", "--output", tmp_path / "out", "--aligned", "--scale", "0.2")
    original, completed = read(tmp_path / "large.jpg"), read(tmp_path / "out" / "large.png")
    changed = (original != completed).any(axis=2)
    assert changed[800:1200, 1200:1800].mean() > 0.9
    changed[800:1200, 1200:1800] = False
    assert not changed.any()


@pytest.mark.slow
def test_a_very_large_photograph(run, tmp_path):
    Image.fromarray(np.full((6000, 8000, 3), 128, np.uint8)).save(tmp_path / "huge.png", compress_level=1)
    run(tmp_path / "huge.png", "--output", tmp_path / "out", "--aligned", "--scale", "0.05")
    assert read(tmp_path / "out" / "huge.png").shape == (6000, 8000, 3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_orientation_tag_is_obeyed(run, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "turned.jpg").write_bytes(jpeg(make_picture(20, 40), exif=exif))
    run(tmp_path / "turned.jpg", "--output", tmp_path / "out", "--mask", "top", "--aligned")
    upright, completed = read_picture(tmp_path / "turned.jpg"), read(tmp_path / "out" / "turned.png")
    assert completed.shape == ((20, 40, 3) if orientation == 3 else (40, 20, 3))
    half = len(upright) // 2
    np.testing.assert_array_equal(completed[half:], upright[half:])


def write_transparent(path):
    """Write a picture whose middle is transparent and return its pixels."""
    alpha = np.where(center_hole(), 40, 200).astype(np.uint8)[..., None]
    picture = np.concatenate([make_picture(), alpha], axis=2)
    Image.fromarray(picture).save(path)
    return picture


def test_transparency_is_kept(run, tmp_path):
    picture = write_transparent(tmp_path / "a.png")
    run(tmp_path / "a.png", "--output", tmp_path / "out", "--mask", "left")
    completed = read(tmp_path / "out" / "a.png", mode="RGBA")
    np.testing.assert_array_equal(completed[..., 3], picture[..., 3])
    np.testing.assert_array_equal(completed[:, 8:], picture[:, 8:])
    assert (completed[:, :8, :3] != picture[:, :8, :3]).any()


def test_transparent_pixels_are_missing(run, tmp_path):
    picture = write_transparent(tmp_path / "a.png")
    Image.fromarray(make_picture()).save(tmp_path / "opaque.png")
    result = run(tmp_path / "a.png", tmp_path / "opaque.png", "--output", tmp_path / "out", "--mask-from-alpha", code=1)
    assert failures(result) == [f"failed: {tmp_path / 'opaque.png'}: expected an alpha channel, found none"]
    completed = read(tmp_path / "out" / "a.png", mode="RGB")
    np.testing.assert_array_equal(completed[~center_hole()], picture[~center_hole(), :3])
    assert (completed[center_hole()] != picture[center_hole(), :3]).any()


def test_a_grey_model_takes_every_kind_of_mask(run, tmp_path, grey_model):
    write_transparent(tmp_path / "a.png")
    painted = make_picture()
    painted[center_hole()] = (255, 0, 255)
    Image.fromarray(painted).save(tmp_path / "b.png")
    for name, options in (("a.png", ["--mask-from-alpha"]), ("b.png", ["--mask-color", "#f0f"]), ("b.png", [])):
        arguments = [tmp_path / name, "--model", grey_model[0], "--output", tmp_path / "out", "--overwrite", *options]
        assert run(*arguments, "--aligned").stdout.startswith("1 completed:")
        completed = read(tmp_path / "out" / name, mode="L")
        grey = read_picture(tmp_path / name, channels=1)[..., 0]
        np.testing.assert_array_equal(completed[~center_hole()], grey[~center_hole()])


def test_a_mask_that_is_not_there_and_one_that_is_damaged(run, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png", "c.png"])
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.where(center_hole(), 255, 0).astype(np.uint8)).save(tmp_path / "masks" / "a.png")
    (tmp_path / "masks" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    result = run(folder, "--aligned", "--mask-dir", tmp_path / "masks", "--output", tmp_path / "out", code=1)
    assert result.stdout.startswith("1 completed, 2 failed:")
    assert failures(result)[0].startswith(
        f"failed: {folder / 'b.png'}: expected a mask in {tmp_path / 'masks'}, found none named b_mask, b-mask, "
    )
    assert failures(result)[1].startswith(
        f"failed: {folder / 'c.png'}: cannot read its mask: {tmp_path / 'masks' / 'c.png'}: "
    )
    completed = read(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(completed[~center_hole()], make_picture(seed=0)[~center_hole()])


def test_one_mask_file_for_all_that_is_damaged(run, tmp_path):
    write_pictures(tmp_path, ["a.png"])
    (tmp_path / "mask.png").write_text("nothing")
    result = run(tmp_path / "a.png", "--mask-file", tmp_path / "mask.png", "--output", tmp_path / "out", code=1)
    assert result.stderr == f"Error: {tmp_path / 'mask.png'}: expected a picture, found no known picture format\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads and writes everything")
def test_an_unreadable_picture(run, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    (folder / "a.png").chmod(0)
    result = run(folder, "--output", tmp_path / "out", code=1)
    assert failures(result) == [f"failed: {folder / 'a.png'}: Permission denied"]
    assert (tmp_path / "out" / "b.png").exists()


def test_pictures_that_disappear_during_the_search(run, tmp_path, monkeypatch):
    """What was read before is completed; the picture that is gone before its turn is reported."""
    from completion.search.finder import Finder

    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    find = Finder.find

    def find_and_remove(self, *arguments, **options):
        for name in ("a.png", "b.png"):
            (folder / name).unlink(missing_ok=True)
        return find(self, *arguments, **options)

    monkeypatch.setattr(Finder, "find", find_and_remove)
    result = run(folder, "--output", tmp_path / "out", "--batch-size", 1, code=1)
    assert failures(result) == [f"failed: {folder / 'b.png'}: No such file or directory"]
    assert result.stdout.startswith("1 completed, 1 failed:")
    np.testing.assert_array_equal(read(tmp_path / "out" / "a.png")[~center_hole()], make_picture()[~center_hole()])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_pipes_among_pictures_and_masks(run, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    write_pictures(tmp_path / "masks", ["b.png"])
    Image.fromarray(center_hole()).save(tmp_path / "masks" / "b.png")
    os.mkfifo(tmp_path / "masks" / "a.png")
    os.mkfifo(folder / "c.png")
    result = run(folder, "--mask-dir", tmp_path / "masks", "--output", tmp_path / "out", code=1)
    assert [line.removeprefix(f"failed: {folder}/") for line in failures(result)] == [
        f"a.png: cannot read its mask: {tmp_path / 'masks' / 'a.png'}: expected a regular file, found a pipe",
        "c.png: expected a regular file, found a pipe",
    ]
    assert (tmp_path / "out" / "b.png").exists()


def test_a_picture_too_large_for_the_memory(run, tmp_path, monkeypatch):
    from completion.composition import Composer

    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    compose = Composer.compose

    def compose_small(self, picture, *arguments, **options):
        if (picture == make_picture(seed=0)).all():
            raise MemoryError
        return compose(self, picture, *arguments, **options)

    monkeypatch.setattr(Composer, "compose", compose_small)
    result = run(folder, "--output", tmp_path / "out", code=1)
    assert failures(result) == [f"failed: {folder / 'a.png'}: not enough memory for this picture"]

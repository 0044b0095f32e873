import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from completion.folder.inputs import InputPicture, list_inputs, take_shard
from completion.folder.masks import MaskSource
from dcgan.errors import ImageFileError
from masks import MaskFolder, MaskSpec
from tests.completion.helpers import make_picture

PICTURE = make_picture(12, 20)


def source(relative="a.png", root="/photos"):
    return InputPicture(Path(root, relative), relative, Path(root))


def write_mask(path, *, left):
    """Write a mask whose `left` columns of 20 are missing."""
    mask = np.zeros((12, 20), np.uint8)
    mask[:, :left] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def columns(mask):
    """Return how many of the columns, from the left, are missing."""
    assert mask.dtype == np.bool_
    assert mask.shape == (12, 20)
    count = int(mask[0].sum())
    assert (mask == (np.arange(20) < count)).all()
    return count


def test_a_named_mask():
    assert columns(MaskSource(MaskSpec("left")).mask_for(PICTURE, source()).mask) == 10


@pytest.mark.parametrize("name", ["half", "random", "strokes"])
def test_random_masks_depend_on_seed_and_relative_name_alone(name):
    masks = MaskSource(MaskSpec(name))

    def mask(relative, *, seed=0, root="/photos"):
        return masks.mask_for(PICTURE, source(relative, root), seed=seed).mask.tobytes()

    assert mask("a.png") == mask("a.png", root="/elsewhere")
    assert len({mask(f"{number}.png") for number in range(20)}) > 1
    assert len({mask("a.png", seed=seed) for seed in range(20)}) > 1


def test_random_masks_do_not_depend_on_the_shard(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.png").touch()
    inputs = list_inputs([tmp_path])
    masks = MaskSource(MaskSpec("random"))
    whole = {picture.relative: masks.mask_for(PICTURE, picture).mask.tobytes() for picture in inputs}
    for index in (1, 2):
        for picture in take_shard(inputs, (index, 2)):
            assert masks.mask_for(PICTURE, picture).mask.tobytes() == whole[picture.relative]


def test_a_name_that_is_no_utf8():
    name = os.fsdecode(b"a\xff.png")
    assert MaskSource(MaskSpec("random")).mask_for(PICTURE, source(name)).mask.any()


def test_one_file_for_all_is_resized():
    mask = np.zeros((6, 10), np.uint8)
    mask[:, :2] = 255
    assert columns(MaskSource(file=mask[..., None]).mask_for(PICTURE, source()).mask) == 4


def test_a_mask_for_each(tmp_path):
    write_mask(tmp_path / "a.png", left=3)
    write_mask(tmp_path / "sub" / "a_mask.png", left=4)
    masks = MaskSource(folder=MaskFolder(tmp_path))
    assert columns(masks.mask_for(PICTURE, source("a.jpg")).mask) == 3
    assert columns(masks.mask_for(PICTURE, source("sub/a.jpg")).mask) == 4
    with pytest.raises(ImageFileError, match=r"/photos/b\.jpg: expected a mask in .*, found none by this name"):
        masks.mask_for(PICTURE, source("b.jpg"))


def test_a_mask_for_a_picture_that_was_named_by_a_relative_path(tmp_path, monkeypatch):
    write_mask(tmp_path / "masks" / "a.png", left=3)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    (picture,) = list_inputs(["photos/a.jpg"])
    assert columns(MaskSource(folder=MaskFolder("masks")).mask_for(PICTURE, picture).mask) == 3


def test_a_damaged_mask_names_picture_and_mask(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ImageFileError, match=r"/photos/a\.jpg: cannot read its mask: .*a\.png: expected a picture"):
        MaskSource(folder=MaskFolder(tmp_path)).mask_for(PICTURE, source("a.jpg"))


def test_transparency():
    alpha = np.full((12, 20, 1), 255, np.uint8)
    alpha[:, :5] = 0
    picture = np.concatenate([PICTURE, alpha], axis=2)
    assert columns(MaskSource(alpha=True).mask_for(picture, source()).mask) == 5
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: expected an alpha channel, found none"):
        MaskSource(alpha=True).mask_for(PICTURE, source())


def test_a_colour():
    picture = PICTURE.copy()
    picture[:, :6] = (250, 0, 250)
    masks = MaskSource(color=(255, 0, 255), color_tolerance=5)
    assert columns(masks.mask_for(picture, source()).mask) == 6
    assert columns(dataclasses.replace(masks, color_tolerance=4).mask_for(picture, source()).mask) == 0


def test_operations_hold_for_every_source():
    mask = np.zeros((12, 20, 1), np.uint8)
    mask[:, 15:] = 255
    spec = MaskSpec(invert=True, dilate_px=1)
    assert columns(MaskSource(spec, file=mask).mask_for(PICTURE, source()).mask) == 16
    assert columns(MaskSource(MaskSpec("right", invert=True, dilate_px=1)).mask_for(PICTURE, source()).mask) == 11


def test_a_rectangle_outside_the_picture():
    spec = MaskSpec("rectangle", x=100, y=100, width=5, height=5)
    with pytest.raises(ImageFileError, match=r"/photos/a\.png: Expected"):
        MaskSource(spec).mask_for(PICTURE, source())


def test_block_means_are_those_of_the_named_mask():
    assert MaskSource(MaskSpec("lowres", blocks=4)).blocks == 4
    assert MaskSource(MaskSpec("full")).blocks == 0
    assert MaskSource(MaskSpec("lowres", blocks=4), alpha=True).blocks == 0

"""dcgan-sample and the cache of decoded pictures, over files, folders and links of others."""

import os

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from dcgan.cli import cache_command
from dcgan.samples.cli import sample_command
from dcgan.errors import DatasetError, OptionError
from dcgan.pictures.marks import MARK
from dcgan.pictures.replacing import check_replaceable
from dcgan.training.dataset import cache_pictures
from dcgan.training.sources import open_source
from tests.dcgan.helpers import make_pictures
from tests.foreign import assert_kept, foreign_trees, plant, snapshot

KEY = "0123456789abcdef0123"
CACHE_NAMES = (f"{KEY}.uint8", f"{KEY}.json", MARK, f"{KEY}.txt")


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(each) for each in arguments])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def cache_in(folder, root):
    if not (root / "toys.npy").exists():  # its time is a part of what it is known by
        np.save(root / "toys.npy", make_pictures(8))
    return cache_pictures([open_source(root / "toys.npy")], size=16, channels=3, cache_dir=folder)


@settings(max_examples=40, deadline=None)
@given(tree=foreign_trees(["a.png"]), overwrite=st.booleans())
@example(tree={"a.png": ("file", b"theirs")}, overwrite=True)
@example(tree={"a.png": ("broken link", b"")}, overwrite=False)
@example(tree={"a.png": ("broken link", b"")}, overwrite=True)
@example(tree={"a.png": ("link to a file", b"theirs")}, overwrite=True)
@example(tree={"a.png": ("folder", b"theirs")}, overwrite=True)
def test_samples_replace_nothing_of_others(model_path, tmp_path_factory, tree, overwrite):
    root = tmp_path_factory.mktemp("sample")
    (root / "out").mkdir()
    plant(root / "out", tree)
    theirs = snapshot(root)
    option = ["--overwrite"] if overwrite else []
    result = run(sample_command, "--model", model_path, "--count", 1, "--output", root / "out/a.png", *option)
    assert result.exit_code == (2 if "a.png" in tree else 0)
    assert_kept(theirs, root)


def test_a_link_to_a_picture_is_not_replaced(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "theirs.png")
    check_replaceable(tmp_path / "theirs.png", overwrite=True)
    with pytest.raises(OptionError, match="exists; --overwrite replaces it"):
        check_replaceable(tmp_path / "theirs.png", overwrite=False)
    (tmp_path / "a.png").symlink_to(tmp_path / "theirs.png")
    os.mkfifo(tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        for overwrite in (False, True):
            with pytest.raises(OptionError, match="exists, and is no picture"):
                check_replaceable(tmp_path / name, overwrite=overwrite)


@settings(max_examples=40, deadline=None)
@given(tree=foreign_trees(CACHE_NAMES), decoded=st.booleans())
@example(tree={f"{KEY}.uint8": ("file", b"theirs")}, decoded=False)
@example(
    tree={f"{KEY}.uint8": ("file", b"theirs"), f"{KEY}.json": ("file", b"{}"), MARK: ("file", b"{}")}, decoded=True
)
@example(tree={f"{KEY}.uint8": ("link to a file", b"theirs"), "notes.txt": ("file", b"theirs")}, decoded=False)
def test_the_cache_removes_nothing_of_others(tmp_path_factory, tree, decoded):
    """Files of others lie there before; of a folder with a mark they have no business."""
    root = tmp_path_factory.mktemp("cache")
    folder = root / "cache"
    folder.mkdir()
    plant(folder, tree | {"notes.txt": ("file", b"theirs")})
    theirs = snapshot(root)
    if decoded:
        cache_in(folder, root)
    assert run(cache_command, "--cache-dir", folder).stdout.splitlines()[-1].split()[3] == str(int(decoded))
    assert run(cache_command, "--cache-dir", folder, "--clear").stdout.startswith(f"removed {int(decoded)} datasets")
    assert_kept(theirs, root)


def test_a_folder_that_the_cache_fills_is_marked(tmp_path):
    """There, what a killed run left is removed as well; a link is not."""
    folder = tmp_path / "cache"
    cache_in(folder, tmp_path)
    assert "decoded pictures" in (folder / MARK).read_text()
    (folder / f"{KEY}.uint8").write_bytes(b"of a run that was killed before the index")
    (tmp_path / "theirs").write_bytes(b"theirs")
    (folder / f"{KEY}.json").symlink_to(tmp_path / "theirs")
    assert run(cache_command, "--cache-dir", folder, "--clear").stdout.startswith("removed 2 datasets")
    assert sorted(path.name for path in folder.iterdir()) == [MARK, f"{KEY}.json"]
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_nothing_is_decoded_over_a_link(tmp_path):
    folder = tmp_path / "cache"
    key = cache_in(folder, tmp_path).key
    for suffix in ("uint8", "json"):
        (folder / f"{key}.{suffix}").unlink()
    (folder / f"{key}.uint8").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="expected no link here"):
        cache_in(folder, tmp_path)
    assert (folder / f"{key}.uint8").is_symlink()

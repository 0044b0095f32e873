"""Alignment of a folder without dlib: what it writes, and what it leaves alone."""

import json
import os
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcgan.errors import FaceCompletionError
from dcgan.faces import align_folder as module
from dcgan.faces.align_config import AlignConfig
from dcgan.faces.align_folder import align_folder
from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from tests.dcgan.faces.helpers import make_face
from tests.foreign import assert_kept, foreign_trees, message_of, plant, snapshot, without_unfinished

NAMES = ("a.png", "a.face2.png", "b.png", "align.jsonl", ".align.jsonl.files", ".dcgan.json", ".lock")


class TwoFaces:
    """Takes the place of dlib's detector."""

    def detect(self, picture):
        return [make_face(8, 8, 24, 24), make_face(30, 8, 16, 16)]


def align(root, *, overwrite=False, select="all"):
    with mock.patch.multiple(module, check_installed=lambda path: None, _make_detector=lambda config: TwoFaces()):
        config = AlignConfig(select=select, size=8, min_face=1)
        return align_folder(root / "in", root / "out", config, workers=1, overwrite=overwrite)


@pytest.mark.parametrize(("select", "faces"), [("all", 1), ("largest", 1)])
def test_a_degenerate_face_costs_itself_alone(tmp_path, select, faces):
    """The landmarks of the larger face lie on one line."""
    write_photographs(tmp_path)
    flat = make_face(8, 8, 24, 24)
    flat.landmarks[:] = 5.0
    with mock.patch.object(TwoFaces, "detect", return_value=[flat, make_face(30, 8, 16, 16)]):
        assert align(tmp_path, select=select).faces == 2 * faces
    line = json.loads((tmp_path / "out" / "align.jsonl").read_text().splitlines()[1])
    assert [note.startswith("the face at 8,8,24,24 is left out: ") for note in line["notes"]] == [True]
    with mock.patch.object(TwoFaces, "detect", return_value=[flat]):
        assert align(tmp_path, select=select, overwrite=True).no_face == 2
    lines = (tmp_path / "out" / "align.jsonl").read_text().splitlines()
    assert "not on one line" in json.loads(lines[1])["reason"]


def change(path, brightness):
    """Write another picture of the same size."""
    save_picture(path, np.full((48, 64, 3), brightness, np.uint8))


def test_a_photograph_that_has_changed_is_aligned_again(tmp_path):
    write_photographs(tmp_path)
    align(tmp_path)
    os.utime(tmp_path / "in" / "b.jpg", ns=(1, 1))  # copied, for instance
    assert align(tmp_path).existing == 2
    change(tmp_path / "in" / "a.png", 200)
    with mock.patch.object(TwoFaces, "detect", return_value=[make_face(8, 8, 24, 24)]):
        summary = align(tmp_path)
    assert (summary.aligned, summary.faces, summary.existing) == (1, 1, 1)
    lines = [json.loads(line) for line in (tmp_path / "out" / "align.jsonl").read_text().splitlines()[1:]]
    assert [line["photograph"] for line in lines] == ["b.jpg", "a.png"]
    assert lines[1]["notes"] == ["the photograph has changed since it was aligned; it was aligned again"]
    assert read_picture(tmp_path / "out" / "a.png").mean() > 150
    assert not (tmp_path / "out" / "a.face2.png").exists()  # of the face that it no longer has
    assert (tmp_path / "out" / "b.face2.png").exists()
    assert align(tmp_path).existing == 2


def test_a_photograph_that_could_not_be_read_is_tried_again_when_it_has_changed(tmp_path):
    write_photographs(tmp_path)
    (tmp_path / "in" / "a.png").write_bytes(b"half a copy")
    assert align(tmp_path).failed == 1
    assert align(tmp_path).existing == 2
    change(tmp_path / "in" / "a.png", 200)
    assert align(tmp_path).aligned == 1


def test_only_crops_of_ours_are_removed(tmp_path):
    write_photographs(tmp_path)
    align(tmp_path)
    (tmp_path / "theirs.png").write_bytes(b"theirs")
    path = tmp_path / "out" / "align.jsonl"
    path.write_text(path.read_text().replace('"a.face2.png"', '"../theirs.png"'))
    change(tmp_path / "in" / "a.png", 200)
    assert align(tmp_path).faces == 2
    assert (tmp_path / "theirs.png").read_bytes() == b"theirs"


def write_photographs(root):
    (root / "in").mkdir()
    for name in ("a.png", "b.jpg"):
        save_picture(root / "in" / name, np.full((48, 64, 3), 90, np.uint8))


@settings(max_examples=40, deadline=None)
@given(tree=foreign_trees(NAMES), first=st.booleans(), calls=st.lists(st.booleans(), min_size=1, max_size=2))
def test_nothing_of_others_changes(tmp_path_factory, tree, first, calls):
    root = tmp_path_factory.mktemp("align")
    write_photographs(root)
    if first:
        align(root)
        for name in tree.keys() & set(os.listdir(root / "out")) - {".lock"}:  # theirs take the place of ours
            if name not in ("a.png", "a.face2.png", "b.png"):  # listed as ours
                (root / "out" / name).unlink()
        tree = without_unfinished(tree, [".align.jsonl.files"])
    own = snapshot(root / "out")
    plant(root / "out", tree)
    theirs = {name: content for name, content in snapshot(root).items() if name not in own}
    for overwrite in calls:
        assert "overwrite" not in message_of(align, root, overwrite=overwrite)
        assert_kept(theirs, root)


def test_crops_of_others_are_refused_before_the_record_changes(tmp_path):
    write_photographs(tmp_path)
    align(tmp_path, select="largest")
    before = (tmp_path / "out" / "align.jsonl").read_bytes()
    (tmp_path / "out" / "a.face2.png").write_bytes(b"theirs")
    with pytest.raises(FaceCompletionError, match=r"a\.face2\.png: exists, and this program has not written it"):
        align(tmp_path, overwrite=True)
    assert (tmp_path / "out" / "align.jsonl").read_bytes() == before


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of version 0.1.0"])
def test_own_crops_are_replaced(tmp_path, marked):
    write_photographs(tmp_path)
    align(tmp_path)
    out = tmp_path / "out"
    assert json.loads((out / ".dcgan.json").read_text())["kind"] == "aligned faces"
    if not marked:
        (out / ".dcgan.json").unlink()
        (out / ".align.jsonl.files").unlink()
    (out / "a.png").write_bytes(b"")
    assert align(tmp_path).existing == 2
    assert align(tmp_path, overwrite=True).faces == 4
    assert (out / "a.png").stat().st_size > 0


def test_crops_of_a_stopped_run_are_ours(tmp_path):
    write_photographs(tmp_path)
    with mock.patch.object(module.JsonLines, "append", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        align(tmp_path)
    original, appended = module.JsonLines.append, []

    def stop(self, record):
        if "photograph" in record:
            raise KeyboardInterrupt
        original(self, record)
        appended.append(record)

    with mock.patch.object(module.JsonLines, "append", stop), pytest.raises(KeyboardInterrupt):
        align(tmp_path)
    assert [line["file"] for line in appended] == ["a.png", "a.face2.png"]
    assert (tmp_path / "out" / "a.face2.png").exists()
    assert align(tmp_path).faces == 4


def test_what_was_guessed_is_in_the_record(tmp_path):
    write_photographs(tmp_path)
    picture = Image.fromarray(np.full((48, 64, 3), 90, np.uint8))
    picture.save(tmp_path / "in" / "c.gif", save_all=True, append_images=[picture.rotate(180).point(lambda v: 255 - v)])
    align(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "out" / "align.jsonl").read_text().splitlines()[1:]]
    assert [line.get("notes") for line in lines] == [None, None, ["first of 2 frames"]]


def test_crops_of_a_photograph_elsewhere_are_not_replaced(tmp_path):
    write_photographs(tmp_path)
    align(tmp_path)
    before = snapshot(tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    write_photographs(other)
    (other / "out").symlink_to(tmp_path / "out", target_is_directory=True)
    assert align(other).existing == 2  # the same pictures
    change(other / "in" / "a.png", 200)
    with pytest.raises(FaceCompletionError, match=r"a\.png: the crops of this name are those of .*; choose another"):
        align(other)
    assert snapshot(tmp_path / "out") == before

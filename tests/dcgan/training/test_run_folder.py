import contextlib
import dataclasses
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan.config import ModelConfig, TrainConfig
from dcgan.errors import RunError
from dcgan.pictures.records import write_whole
from dcgan.training.run_folder import RUN, begin_run, locked_run
from tests.dcgan.helpers import one_line
from tests.foreign import assert_kept, foreign_trees, message_of, plant, snapshot

WANTED = {
    "model": dataclasses.asdict(ModelConfig()),
    "train": dataclasses.asdict(TrainConfig()),
    "dataset": {"names": [], "pictures": 40, "key": "key"},
}
OWN = ("losses.csv", "tensorboard/events.out.tfevents.1.host", "samples/step-0000500.png", "model.safetensors")
THEIRS = ("notes.txt", "samples/mine.png", "samples/step-1.png", "snapshots/last.safetensors", "mine/step-0000001.png")


def begin(folder, *, overwrite=False, wanted=WANTED):
    with locked_run(folder):
        begin_run(folder, wanted, overwrite=overwrite)


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_mark_and_the_configuration(tmp_path):
    begin(tmp_path)
    assert json.loads((tmp_path / ".dcgan.json").read_text()).items() >= {"kind": "training run", "format": 1}.items()
    assert json.loads((tmp_path / "config.json").read_text()) == WANTED


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of version 0.1.0"])
def test_overwrite_removes_what_a_run_wrote_and_nothing_else(tmp_path, marked):
    begin(tmp_path)
    write(tmp_path, [*OWN, *THEIRS])
    if not marked:
        (tmp_path / ".dcgan.json").unlink()
    begin(tmp_path)
    assert set(files(tmp_path)) >= {*OWN, *THEIRS}
    begin(tmp_path, overwrite=True)
    assert files(tmp_path) == sorted([".dcgan.json", ".lock", "config.json", *THEIRS])
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", [*RUN.files, *RUN.folders])
def test_a_folder_of_others_is_refused(tmp_path, name, overwrite):
    write(tmp_path, [f"{name}/file" if name in RUN.folders else name])
    before = files(tmp_path)
    with pytest.raises(RunError) as error:
        begin(tmp_path, overwrite=overwrite)
    assert str(tmp_path / name) in one_line(error)
    assert "overwrite" not in one_line(error)
    assert files(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"model": 1, "train": {}, "dataset": {}}', '{"model": {}, "train": {}, "dataset": {}}'],
)
def test_a_configuration_that_is_not_ours(tmp_path, content, overwrite):
    for marked in (False, True):
        if marked:
            (tmp_path / "config.json").unlink()
            begin(tmp_path)
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(RunError, match="expected the settings of a training run; choose another") as error:
            begin(tmp_path, overwrite=overwrite)
        assert "overwrite" not in one_line(error)
        assert (tmp_path / "config.json").read_text() == content


@pytest.mark.parametrize("name", [*RUN.files, *RUN.folders, "samples/step-0000500.png", ".dcgan.json"])
def test_links_are_neither_followed_nor_replaced(tmp_path, name):
    folder, target = tmp_path / "run", tmp_path / "target"
    for started in (False, True):
        if started:
            begin(folder)
        write(target, ["step-0000500.png"])
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target if name in RUN.folders else target / "step-0000500.png")
        for overwrite in (False, True):
            with pytest.raises(RunError):
                begin(folder, overwrite=overwrite)
            assert link.is_symlink()
            assert files(target) == ["step-0000500.png"]
        link.unlink()
        if link.parent != folder:
            link.parent.rmdir()


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ({"kind": "evaluation", "format": 1, "version": "0.2.0"}, "holds 'evaluation', expected 'training run'"),
        ({"kind": "training run", "format": 2, "version": "9.0"}, r"written by dcgan 9\.0, which is later"),
        ({"kind": "training run"}, "expected the mark of a training run"),
        ([], "expected the mark of a training run"),
    ],
)
def test_marks_of_others(tmp_path, mark, message):
    (tmp_path / ".dcgan.json").write_text(json.dumps(mark))
    with pytest.raises(RunError, match=message) as error:
        begin(tmp_path, overwrite=True)
    one_line(error)
    assert os.listdir(tmp_path) == [".dcgan.json"]


def test_other_settings_are_refused_and_epochs_may_change(tmp_path):
    begin(tmp_path)
    begin(tmp_path, wanted={**WANTED, "train": {**WANTED["train"], "epochs": 1}})
    with pytest.raises(RunError, match=r"train\.seed was 0, now 1"):
        begin(tmp_path, wanted={**WANTED, "train": {**WANTED["train"], "seed": 1}})


PROPERTY_NAMES = (*RUN.files, *RUN.folders, "samples/step-0000500.png", "samples/mine.png", ".dcgan.json", ".lock")


def pretend_to_train(folder, *, overwrite):
    """Write the files of a training where its folder is not refused."""
    begin(folder, overwrite=overwrite)
    for name in ("losses.csv", "checkpoint.safetensors", "model.safetensors", "samples/step-0000500.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        with write_whole(folder / name) as file:
            file.write(b"ours")


@settings(max_examples=60, deadline=None)
@given(tree=foreign_trees(PROPERTY_NAMES), first=st.booleans(), calls=st.lists(st.booleans(), min_size=1, max_size=2))
def test_nothing_of_others_changes(tmp_path_factory, tree, first, calls):
    folder = tmp_path_factory.mktemp("run") / "run"
    if first:
        pretend_to_train(folder, overwrite=False)
        for name in tree.keys() & {"config.json", ".dcgan.json"}:  # theirs take the place of ours
            (folder / name).unlink()
        # In a folder of ours these names are ours.
        own_names = {*RUN.files, "samples/step-0000500.png"} - {"config.json"}
        tree = {name: entry for name, entry in tree.items() if name not in own_names or entry[0] != "file"}
    own = snapshot(folder)
    plant(folder, tree)
    theirs = {name: content for name, content in snapshot(folder.parent).items() if name not in own}
    for overwrite in calls:
        with contextlib.suppress(OSError):  # a folder of others in the place of a file
            assert "overwrite" not in message_of(pretend_to_train, folder, overwrite=overwrite)
        assert_kept(theirs, folder.parent)

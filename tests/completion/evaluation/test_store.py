import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completion.evaluation.faces import Faces
from completion.evaluation.report import COLUMNS
from completion.evaluation.store import EVALUATION, locked_store
from dcgan.errors import FaceCompletionError
from dcgan.pictures.records import write_whole
from tests.dcgan.helpers import one_line
from tests.foreign import assert_kept, foreign_trees, message_of, plant, snapshot

SETTINGS = {"faces": "a", "model": "b", "seed": 0, "batch_size": 64}
OWN = (
    *("masks/center.npz", "completed/center-telea.npz", "completed/random-gone.npz", "measured/left-balanced.npz"),
    *("sheets/medium.png", "plots/hole_psnr.png", "faces.npz", "results.csv", "results.json", "report.md"),
)
THEIRS = ("notes.md", "masks/face.png", "masks/face.npz", "plots/mine.png", "sheets/mine/center.png", "completed/a.npz")


def begin(folder, *, overwrite=False, settings=SETTINGS):
    with locked_store(folder) as store:
        store.begin(settings, overwrite=overwrite)


def write(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("marked", [True, False], ids=["marked", "of version 0.1.0"])
def test_overwrite_removes_what_an_evaluation_wrote_and_nothing_else(tmp_path, marked):
    begin(tmp_path)
    write(tmp_path, [*OWN, *THEIRS])
    if not marked:
        (tmp_path / ".dcgan.json").unlink()
    begin(tmp_path)
    assert set(files(tmp_path)) >= {*OWN, *THEIRS}
    begin(tmp_path, overwrite=True)
    assert files(tmp_path) == sorted([".dcgan.json", ".lock", "settings.json", *THEIRS])


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", [*EVALUATION.files, *EVALUATION.folders])
def test_a_folder_of_others_is_refused(tmp_path, name, overwrite):
    write(tmp_path, [f"{name}/file" if name in EVALUATION.folders else name])
    before = files(tmp_path)
    with pytest.raises(FaceCompletionError) as error:
        begin(tmp_path, overwrite=overwrite)
    assert str(tmp_path / name) in one_line(error)
    assert "overwrite" not in one_line(error)
    assert files(tmp_path) == before


def test_every_plot_is_known():
    assert all(EVALUATION.folders["plots"].fullmatch(f"{name}.png") for name in COLUMNS)


PROPERTY_NAMES = (*EVALUATION.files, *EVALUATION.folders, "masks/mine.png", "plots/mine/a.png", ".dcgan.json", ".lock")


def pretend_to_evaluate(folder, *, overwrite):
    """Write the files of an evaluation where its folder is not refused."""
    with locked_store(folder) as store:
        store.begin(SETTINGS, overwrite=overwrite)
        store.save_faces(Faces(["a.png"], np.zeros((1, 2, 2, 3), np.uint8)))
        store.save_masks("center", np.ones((1, 2, 2), np.bool_))
        for name in ("results.csv", "results.json", "report.md", "plots/hole_psnr.png"):
            with write_whole(folder / name) as file:
                file.write(b"ours")


@settings(max_examples=60, deadline=None)
@given(tree=foreign_trees(PROPERTY_NAMES), first=st.booleans(), calls=st.lists(st.booleans(), min_size=1, max_size=2))
def test_nothing_of_others_changes(tmp_path_factory, tree, first, calls):
    folder = tmp_path_factory.mktemp("evaluation") / "evaluation"
    if first:
        pretend_to_evaluate(folder, overwrite=False)
        for name in tree.keys() & {"settings.json", ".dcgan.json"}:  # theirs take the place of ours
            (folder / name).unlink()
        # In a folder of ours these names are ours.
        own_names = set(EVALUATION.files) - {"settings.json"}
        tree = {name: entry for name, entry in tree.items() if name not in own_names or entry[0] != "file"}
    own = snapshot(folder)
    plant(folder, tree)
    theirs = {name: content for name, content in snapshot(folder.parent).items() if name not in own}
    for overwrite in calls:
        assert "overwrite" not in message_of(pretend_to_evaluate, folder, overwrite=overwrite)
        assert_kept(theirs, folder.parent)

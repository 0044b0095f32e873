import pytest

from completion.evaluation.report import COLUMNS
from completion.evaluation.store import EVALUATION, locked_store
from dcgan.errors import FaceCompletionError
from tests.dcgan.helpers import one_line

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

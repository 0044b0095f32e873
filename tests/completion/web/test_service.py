"""Requests without a browser: files in, files out, in a folder of their own."""

import json
import threading
import time

import numpy as np
import pytest

from completion.web.service import BusyError, Service, StoppedError, Wanted, wanted_from
from dcgan.errors import CompletionError, ImageFileError, OptionError
from dcgan.pictures.files import read_file
from dcgan.pictures.saving import save_picture
from tests.completion.helpers import make_picture


@pytest.fixture
def service(tmp_path, encoded_path):
    (tmp_path / "private").mkdir()
    return Service(tmp_path / "private", model=str(encoded_path), seconds=60)


@pytest.fixture
def picture(tmp_path):
    pixels = make_picture(96, 80, seed=1)
    save_picture(tmp_path / "a photo.png", pixels)
    return tmp_path / "a photo.png"


def hole(height=96, width=80):
    mask = np.zeros((height, width), bool)
    mask[20:40, 30:50] = True
    return mask


def test_known_pixels_stay_to_the_bit(service, picture):
    completed = service.complete(picture, hole(), Wanted("telea"))
    (path,) = completed.paths
    assert path.name == "a photo-completed.png"
    before, after = read_file(picture).pixels, read_file(path).pixels
    changed = (before != after).any(axis=2)
    assert changed.any()
    assert not changed[~hole()].any()
    assert completed.record["input"] == "a photo.png"
    assert completed.record["output"] == "a photo-completed.png"
    assert str(service.folder) not in json.dumps(completed.record)
    assert read_file(picture).pixels.shape == before.shape


def test_result_is_that_of_complete_images(service, picture, tmp_path, run):
    save_picture(tmp_path / "mask.png", hole().astype(np.uint8) * 255)
    ours = service.complete(picture, hole(), Wanted("biharmonic"))
    options = ("--method", "biharmonic", "--mask-file", tmp_path / "mask.png", "--output", tmp_path / "out")
    assert run(picture, *options).exit_code == 0
    assert ours.paths[0].read_bytes() == (tmp_path / "out" / "a photo.png").read_bytes()


def test_a_result_of_a_result_has_one_ending(service, picture):
    first = service.complete(picture, hole(), Wanted("telea"))
    second = service.complete(first.paths[0], hole(), Wanted("telea"))
    assert second.paths[0].name == "a photo-completed.png"


def test_variations(service, picture):
    completed = service.complete(picture, hole(), Wanted("balanced", variations=2, picture_is="aligned"))
    assert [path.name for path in completed.paths] == ["a photo-completed-1.png", "a photo-completed-2.png"]
    assert completed.record["spread"] >= 0


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../etc/passwd.png", "passwd-completed.png"),
        ("..\\..\\boot.png", "boot-completed.png"),
        ("a\x1b[31m\n.png", "a_[31m_-completed.png"),
        ("..", "picture-completed.png"),
        ("x" * 300 + ".png", "x" * 100 + "-completed.png"),
    ],
)
def test_names_stay_in_the_folder_of_their_request(service, picture, name, saved):
    completed = service.complete(picture, hole(), Wanted("telea"), name=name)
    assert completed.paths[0] == completed.folder / "output" / saved


def test_what_fails_leaves_nothing(service, tmp_path, picture):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(CompletionError) as caught:
        service.complete(tmp_path / "text.png", hole(), Wanted("telea"))
    assert str(caught.value).startswith("text.png: ")
    with pytest.raises(CompletionError, match=r"a photo\.png: "):
        service.complete(picture, hole(10, 400), Wanted("telea"))
    with pytest.raises(ImageFileError) as caught:
        service.read(tmp_path / "text.png")
    assert str(tmp_path) not in str(caught.value)
    assert list(service.folder.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"method": "latent"},
        {"method": "../x"},
        {"seed": -1},
        {"seed": 10**30},
        {"variations": 0},
        {"variations": 2, "method": "fast"},
        {"form": "jpeg"},
        {"picture_is": "landscape"},
        {"face_box": (1, 2, 3)},
        {"face_box": (1, 2, 0, 4)},
        {"face_box": (1, 2, 3, 4), "picture_is": "aligned"},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError, match="Received"):
        Wanted(**options)


@pytest.mark.parametrize("seed", [None, -1, 1.5, 1e20, float("inf"), float("nan")])
def test_wrong_seeds_of_a_form(seed):
    with pytest.raises(OptionError, match="Expected `seed` as a whole number"):
        wanted_from(seed=seed)


def test_one_at_a_time_and_a_few_that_wait(service, picture):
    inside, let_go = threading.Event(), threading.Event()
    service = Service(service.folder, model=service.model, waiting=1)

    def hold(share):
        inside.set()
        assert let_go.wait(60)

    stop, results = threading.Event(), []
    first = threading.Thread(target=lambda: service.complete(picture, hole(), Wanted("telea"), on_progress=hold))
    first.start()
    assert inside.wait(60)

    def second():
        try:
            service.complete(picture, hole(), Wanted("telea"), stop=stop)
        except StoppedError as error:
            results.append(error)

    waiting = threading.Thread(target=second)
    waiting.start()
    while service._places._value:
        time.sleep(0.01)
    with pytest.raises(BusyError, match="wait"):
        service.complete(picture, hole(), Wanted("telea"))
    stop.set()
    waiting.join(60)
    assert len(results) == 1
    let_go.set()
    first.join(60)
    assert service.complete(picture, hole(), Wanted("telea")).paths


def test_time_limit(service, picture):
    slow = Service(service.folder, model=service.model, seconds=0.0)
    with pytest.raises(StoppedError, match="more than 0 s"):
        slow.complete(picture, hole(), Wanted("telea"), on_progress=lambda share: time.sleep(0.01))
    assert list(service.folder.iterdir()) == []


def test_several_files(service, tmp_path):
    for name in ("a", "b", "c"):
        save_picture(tmp_path / f"{name}.png", make_picture(40, 40, seed=2))
    for name in ("a", "b"):
        save_picture(tmp_path / f"{name}_mask.png", hole(40, 40).astype(np.uint8) * 255)
    pictures = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    masks = [tmp_path / "a_mask.png", tmp_path / "b_mask.png"]
    *rows, folder = service.complete_many(pictures, masks, Wanted("telea"))
    assert sorted((row.name, row.status) for row in rows) == [
        ("a.png", "completed"),
        ("b.png", "completed"),
        ("c.png", "failed"),
    ]
    assert "expected a mask in masks" in next(row.told for row in rows if row.name == "c.png")
    assert {path.name for path in folder.iterdir()} >= {"a.png", "b.png", "manifest.jsonl"}
    assert str(service.folder) not in (folder / "manifest.jsonl").read_text()


@pytest.mark.parametrize(("pictures", "masks"), [(0, 1), (1, 0)])
def test_several_files_and_none(service, picture, pictures, masks):
    with pytest.raises(OptionError, match="Received: none"):
        list(service.complete_many([picture] * pictures, [picture] * masks, Wanted("telea")))
    assert list(service.folder.iterdir()) == []


def test_two_files_of_one_name(service, picture, tmp_path):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / picture.name
    twin.write_bytes(picture.read_bytes())
    with pytest.raises(OptionError, match="twice"):
        list(service.complete_many([picture, twin], [picture], Wanted("telea")))


def test_old_requests_are_removed(service, picture):
    completed = service.complete(picture, hole(), Wanted("telea"))
    assert service.remove_old(seconds=3600) == 0
    assert completed.paths[0].exists()
    assert service.remove_old(seconds=-1) == 1
    assert not completed.folder.exists()


def test_samples_on_the_way_to_the_next_seed(service):
    ends = [service.draw(4, seed=seed, truncation=1.0, way=0.0) for seed in (3, 4)]
    assert ends[0].shape[0] == 4
    assert (service.draw(4, seed=3, truncation=1.0, way=1.0) == ends[1]).all()
    assert (service.draw(4, seed=3, truncation=1.0, way=0.5) != ends[0]).any()

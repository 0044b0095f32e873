import json
import os
import threading
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcgan.config import ModelConfig
from dcgan.errors import DatasetError, ImageFileError
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import crop_square, resize_picture
from dcgan.pictures.marks import MARK
from dcgan.training.cache_limit import cache_limit, clear_cache
from dcgan.training.dataset import TrainingBatches, cache_pictures, default_cache_dir
from dcgan.training.launch import load_pictures
from dcgan.training.sources import FolderSource, open_source
from tests.dcgan.helpers import leave_behind, make_pictures, one_line


class CountingSource:
    """Pictures in memory; counts how often one is read, and fails for those in `bad`."""

    native_size = native_channels = None

    def __init__(self, pictures, *, bad=(), version="1"):
        self.pictures, self.bad, self.version, self.reads = pictures, set(bad), version, 0

    def __len__(self):
        return len(self.pictures)

    def identity(self):
        return [f"{self.version} {index}" for index in range(len(self))]

    def name(self, index):
        return f"picture {index}"

    def read(self, index, channels, *, on_note=None):
        self.reads += 1
        if index in self.bad:
            raise ImageFileError(f"{self.name(index)}: damaged")
        return self.pictures[index]


def cache(source, folder, *, size=16, **options):
    return cache_pictures([source], size=size, channels=3, cache_dir=folder, **options)


def test_pictures_are_cut_to_the_middle_and_averaged(tmp_path):
    wide = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    data = cache(CountingSource([wide]), tmp_path)
    np.testing.assert_array_equal(data.pictures[0], resize_picture(crop_square(wide), (16, 16)))


def test_the_middle_share_of_pictures(tmp_path):
    wide = np.random.default_rng(0).integers(0, 256, (48, 56, 3), np.uint8)
    data = cache(CountingSource([wide]), tmp_path, crop=2 / 3)
    np.testing.assert_array_equal(data.pictures[0], resize_picture(wide[8:40, 12:44], (16, 16)))
    assert data.key != cache(CountingSource([wide]), tmp_path).key
    for crop in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="`crop` above 0, at most 1"):
            cache(CountingSource([wide]), tmp_path, crop=crop)


def test_pictures_are_decoded_once_and_mapped(tmp_path):
    pictures = make_pictures(5)
    source, calls = CountingSource(pictures), []
    first = cache(source, tmp_path, progress=lambda done, total: calls.append((done, total)))
    second = cache(source, tmp_path)
    assert source.reads == 5
    assert calls == [(5, 5)]
    assert first.key == second.key
    for data in (first, second):
        assert isinstance(data.pictures, np.memmap)
        assert not data.pictures.flags.writeable
        np.testing.assert_array_equal(data.pictures, pictures)


def test_order_is_kept_over_several_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan.training.dataset.CHUNK", 4)
    pictures = make_pictures(11)
    np.testing.assert_array_equal(cache(CountingSource(pictures), tmp_path).pictures, pictures)


def test_key_depends_on_pictures_and_form(tmp_path):
    source = CountingSource(make_pictures(2))
    keys = {cache(source, tmp_path).key, cache(source, tmp_path, size=8).key}
    source.version = "2"
    keys.add(cache(source, tmp_path).key)
    keys.add(cache_pictures([source, source], size=16, channels=3, cache_dir=tmp_path).key)
    assert len(keys) == 4


def test_a_changed_folder_is_decoded_anew(tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for index, picture in enumerate(make_pictures(3)):
        save_picture(folder / f"{index}.png", picture)
    first = cache(FolderSource(folder), tmp_path / "cache")
    save_picture(folder / "3.png", make_pictures(1, seed=9)[0])
    second = cache(FolderSource(folder), tmp_path / "cache")
    assert first.key != second.key
    assert (len(first.pictures), len(second.pictures)) == (3, 4)


def test_unreadable_pictures_are_left_out_and_named(tmp_path):
    pictures = make_pictures(4)
    source = CountingSource(pictures, bad=[1, 3])
    for _ in range(2):  # the second time from the cache
        data = cache(source, tmp_path)
        assert data.unreadable == ["picture 1: damaged", "picture 3: damaged"]
        np.testing.assert_array_equal(data.pictures, pictures[[0, 2]])


def test_guesses_about_values_are_told_from_the_cache_too(tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    for name, kind, top in (("a.tif", np.float32, 1), ("b.tif", np.int32, 255), ("c.png", np.uint8, 255)):
        Image.fromarray((np.linspace(0, 1, 400).reshape(20, 20) * top).astype(kind)).save(faces / name)
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.write(faces / "a.tif", "a.tif")
    notes = [
        f"{faces / 'a.tif'}: floating-point values of 0 to 1 are read as black to white",
        f"{faces / 'b.tif'}: integers of 0 to 2,147,483,647 that do not exceed 255 are read as 0 to 255",
        f"{tmp_path / 'faces.zip'}:a.tif: floating-point values of 0 to 1 are read as black to white",
    ]
    sources = [open_source(faces), open_source(tmp_path / "faces.zip")]
    for _ in range(2):  # the second time from the cache
        data = cache_pictures(sources, size=16, channels=3, cache_dir=tmp_path / "cache")
        assert (data.guessed, len(data.pictures)) == (notes, 4)
    lines = []
    load_pictures(sources, ModelConfig(size=16), cache_dir=tmp_path / "cache", progress=False, report=lines.append)
    assert lines == ["3 pictures are read with a guess:", *(f"  {note}" for note in notes)]
    del data
    clear_cache(tmp_path / "cache")  # knows the dataset by its index
    assert not list((tmp_path / "cache").glob("*.uint8"))


def test_more_than_half_unreadable(tmp_path):
    with pytest.raises(DatasetError) as error:
        cache(CountingSource(make_pictures(4), bad=[1, 2, 3]), tmp_path)
    assert one_line(error) == "3 of 4 pictures cannot be read, the first: picture 1: damaged"
    assert os.listdir(tmp_path) == [MARK]


def test_nothing_to_train_on(tmp_path):
    with pytest.raises(DatasetError, match="expected pictures in the dataset, found none"):
        cache(CountingSource(make_pictures(0)), tmp_path)
    np.save(tmp_path / "empty.npy", make_pictures(0))
    with pytest.raises(DatasetError, match="expected pictures in the dataset, found none"):
        cache(open_source(tmp_path / "empty.npy"), tmp_path)


def test_cache_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="file: cannot write the decoded pictures") as error:
        cache(CountingSource(make_pictures(2)), tmp_path / "file")
    one_line(error)


@pytest.mark.parametrize("damage", ["no index", "damaged index", "foreign index", "no data", "short data"])
def test_incomplete_caches_are_made_again(tmp_path, damage):
    source = CountingSource(make_pictures(3))
    key = cache(source, tmp_path).key
    data_path, index_path = tmp_path / f"{key}.uint8", tmp_path / f"{key}.json"
    if damage == "no index":
        index_path.unlink()
        data_path.write_bytes(b"interrupted")
    elif damage == "damaged index":
        index_path.write_text("{")
    elif damage == "foreign index":
        index_path.write_text(json.dumps([1, 2]))
    elif damage == "no data":
        data_path.unlink()
    else:
        data_path.write_bytes(data_path.read_bytes()[:-1])
    np.testing.assert_array_equal(cache(source, tmp_path).pictures, source.pictures)
    assert source.reads == 6


def test_old_leftovers_of_a_killed_run_are_removed(tmp_path):
    new, old = leave_behind(tmp_path / "a.uint8"), leave_behind(tmp_path / "b.uint8")
    os.utime(old, (0, 0))
    cache(CountingSource(make_pictures(2)), tmp_path)
    assert new.exists()  # another process may be writing it
    assert not old.exists()


def test_two_at_once_do_not_disturb_each_other(tmp_path):
    pictures, results = make_pictures(20), []
    threads = [
        threading.Thread(target=lambda: results.append(cache(CountingSource(pictures), tmp_path))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for data in results:
        np.testing.assert_array_equal(data.pictures, pictures)
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.name != MARK) == [".json", ".uint8"]


def keys_in(folder):
    return {path.stem for path in folder.iterdir() if path.suffix == ".uint8"}


def cache_of(version, folder, *, count=4):
    """Decode a dataset of about 3 KB for every four pictures and return its key."""
    return cache(CountingSource(make_pictures(count), version=version), folder).key


def test_the_least_recently_used_datasets_make_room(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE_GB", "0.00001")  # 10,000 bytes: three datasets
    (tmp_path / "notes.uint8").write_bytes(bytes(9999))
    first, second, third = (cache_of(version, tmp_path) for version in "123")
    for age, key in enumerate([second, first, third]):
        os.utime(tmp_path / f"{key}.uint8", (age, age))
        os.utime(tmp_path / f"{key}.json", (age, age))
    assert cache_of("2", tmp_path) == second  # used again, so the first is the oldest
    fourth = cache_of("4", tmp_path)
    assert keys_in(tmp_path) == {second, third, fourth, "notes"}
    assert not (tmp_path / f"{first}.json").exists()


def test_room_is_made_before_pictures_are_decoded(tmp_path, monkeypatch):
    monkeypatch.setenv("DCGAN_CACHE_GB", "0.000005")
    old, seen = cache_of("1", tmp_path), []
    source = CountingSource(make_pictures(4), version="2")
    cache(source, tmp_path, progress=lambda done, total: seen.append(keys_in(tmp_path)))
    assert old not in seen[0]


def test_the_dataset_in_use_is_kept_beyond_the_limit(tmp_path, monkeypatch):
    kept = cache_of("1", tmp_path)
    other = cache_of("2", tmp_path)
    monkeypatch.setenv("DCGAN_CACHE_GB", "0")
    assert keys_in(tmp_path) == {kept, other}
    assert cache_of("1", tmp_path) == kept
    assert keys_in(tmp_path) == {kept}


@pytest.mark.parametrize("text", ["much", "-1", "nan"])
def test_limits_that_are_no_numbers(tmp_path, monkeypatch, text):
    monkeypatch.setenv("DCGAN_CACHE_GB", text)
    with pytest.raises(ValueError, match="Expected DCGAN_CACHE_GB as a number of gigabytes, at least 0") as error:
        cache_of("1", tmp_path)
    one_line(error)


@pytest.mark.parametrize(("text", "limit"), [("", 8e9), ("0.5", 5e8), ("inf", float("inf"))])
def test_limits(monkeypatch, text, limit):
    monkeypatch.setenv("DCGAN_CACHE_GB", text)
    assert cache_limit() == limit


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "dcgan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir().parts[-2:] == (".cache", "dcgan")


NUMBERED = np.arange(256, dtype=np.uint8)[:, None, None, None]  # a picture's only pixel is its number


def stream(count, *, batch_size=4, **options):
    return TrainingBatches(NUMBERED[:count], batch_size=batch_size, latent_dim=3, **options)


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in ("pictures", "latents"))


@given(count=st.integers(4, 40), batch_size=st.integers(2, 4), seed=st.integers(0, 2**40), passes=st.integers(1, 3))
def test_a_pass_visits_each_picture_at_most_once(count, batch_size, seed, passes):
    batches = stream(count, batch_size=batch_size, seed=seed)
    steps = count // batch_size
    assert batches.steps_per_pass == steps
    for number in range(passes):
        seen = [int(value) for step in range(steps) for value in batches[number * steps + step]["pictures"].flat]
        assert len(seen) == len(set(seen)) == steps * batch_size
        assert set(seen) <= set(range(count))


@given(count=st.integers(4, 30), seed=st.integers(0, 2**40), first=st.integers(0, 50), flip=st.booleans())
def test_a_resumed_stream_is_the_tail_of_an_unbroken_one(count, seed, first, flip):
    whole = stream(count, seed=seed, flip=flip)
    tail = stream(count, seed=seed, flip=flip, first_step=first)
    assert all(same(whole[first + step], tail[step]) for step in range(6))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**40), steps=st.permutations(range(8)))
def test_a_batch_depends_on_seed_and_step_alone(seed, steps):
    batches = stream(10, seed=seed)
    straight = [stream(10, seed=seed)[step] for step in range(8)]
    assert all(same(batches[step], straight[step]) for step in steps)


def test_seeds_and_passes_differ():
    batches = stream(40, batch_size=40)
    assert not same(batches[0], batches[1])
    assert not same(batches[0], stream(40, batch_size=40, seed=1)[0])
    orders = [stream(40, batch_size=4)[step]["pictures"].ravel().tolist() for step in (0, 10)]
    assert orders[0] != orders[1]


def test_latents_fill_the_box():
    latents = np.concatenate([stream(40, batch_size=40)[step]["latents"] for step in range(20)])
    assert latents.dtype == np.float32
    assert latents.shape == (800, 3)
    assert -1 <= latents.min() < -0.98
    assert 0.98 < latents.max() <= 1


def test_half_of_the_pictures_are_mirrored():
    pictures = make_pictures(64)
    plain = TrainingBatches(pictures, batch_size=64, latent_dim=2, flip=False)[0]["pictures"]
    np.testing.assert_array_equal(plain, pictures)  # one batch holds them all, in the order of the file
    drawn = TrainingBatches(pictures, batch_size=64, latent_dim=2, flip=True)
    for step in range(3):
        batch = drawn[step]["pictures"]
        mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(batch, pictures, strict=True)]
        assert all(
            np.array_equal(a, b[:, ::-1] if turned else b)
            for a, b, turned in zip(batch, pictures, mirrored, strict=True)
        )
        assert 16 < sum(mirrored) < 48
    np.testing.assert_array_equal(pictures, make_pictures(64))  # the training set itself stays as it is


def test_iterating_goes_on_for_ever():
    batches = stream(4)
    assert batches.num_batches is None
    assert all(same(batch, batches[step]) for step, batch in zip(range(5), batches, strict=False))


def test_fewer_pictures_than_a_batch():
    with pytest.raises(DatasetError, match="expected at least one batch of 4 pictures, found 3"):
        stream(3)


def test_pictures_that_are_not_square_are_counted_from_the_cache_too(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, shape in (("a", (8, 8, 3)), ("b", (8, 9, 3)), ("c", (8, 12, 3)), ("d", (12, 8, 3))):
        save_picture(folder / f"{name}.png", np.zeros(shape, np.uint8))
    for _ in range(2):
        lines = []
        data = load_pictures([open_source(folder)], ModelConfig(size=8), report=lines.append, cache_dir=tmp_path / "c")
        assert data.cut == 2
        assert lines == ["2 pictures are not square: the middle square is used"]
    del data
    clear_cache(tmp_path / "c")  # knows the dataset by its index
    assert not list((tmp_path / "c").glob("*.uint8"))


def test_what_is_left_out_of_a_file_is_told(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "two.tif", save_all=True, append_images=frames[1:])
    data = cache_pictures([open_source(tmp_path / "in")], size=8, channels=3, cache_dir=tmp_path / "c")
    assert data.guessed == [f"{tmp_path / 'in' / 'two.tif'}: first of 2 frames"]

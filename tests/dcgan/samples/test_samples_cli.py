import json

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from dcgan.pictures.files import read_picture
from dcgan.pictures.saving import save_picture
from dcgan.samples.cli import inspect_command, sample_command
from dcgan.samples.description import lines_of
from dcgan.samples.nearest import PictureIndex
from dcgan.training.sources import open_source
from tests.dcgan.helpers import make_pictures


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sample(model_path):
    def run(*arguments):
        words = [str(each) for each in (*arguments, "--model", model_path)]
        result = CliRunner().invoke(sample_command, words)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run


def refused(*arguments):
    result = CliRunner().invoke(sample_command, [str(each) for each in arguments])
    assert result.exit_code in (1, 2)
    return result.stderr.splitlines()[-1]


def test_a_way_begins_and_ends_with_the_seeds_pictures(here, sample):
    assert sample("--interpolate", "3,8", "--count", "5", "way.png") == "way.png\n"
    way = read_picture("way.png")
    assert way.shape == (20, 5 * 18 + 2, 3)
    for seed, column in ((3, 0), (8, 4)):
        sample("--count", "1", "--seed", seed, f"{seed}.png")
        alone = read_picture(f"{seed}.png")[2:18, 2:18]
        np.testing.assert_array_equal(way[2:18, 2 + 18 * column :][:, :16], alone)


def test_a_film_can_be_replaced(here, sample):
    for _ in range(2):
        sample("--interpolate", "3,8", "--count", "3", "way.mp4", "--overwrite")
    (here / "other.mp4").write_text("something else")
    assert "is no picture" in refused("--interpolate", "3,8", "other.mp4", "--overwrite")


@pytest.mark.parametrize("name", ["way.gif", "way.webp", "way.mp4"])
def test_a_way_as_a_film(here, sample, name):
    sample("--interpolate", "3,8,1", "--count", "6", name)
    if name.endswith(".mp4"):
        import cv2

        film = cv2.VideoCapture(name)
        frames = 0
        while film.read()[0]:
            frames += 1
        assert frames >= 12
    else:
        with Image.open(name) as film:
            assert film.n_frames > 6


def test_a_sum_has_the_averages_above_and_itself_in_the_middle(here, sample):
    sample("--arithmetic", "0,1,2 - 3,4", "--count", "9", "sum.png")
    assert read_picture("sum.png").shape == (4 * 18 + 2, 3 * 18 + 2, 3)
    assert (read_picture("sum.png")[2:18, 2 + 2 * 18 : 18 + 2 * 18] == 255).all()  # two averages, three columns


def test_a_picture_on_stdout_is_that_of_the_file(here, sample, model_path):
    sample("--count", "4", "four.png")
    written = (here / "four.png").read_bytes()
    for words in (("-",), ("--output", "-")):
        result = CliRunner().invoke(sample_command, ["--count", "4", "--model", str(model_path), *words])
        assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, written, "")
    faces = here / "faces"
    sample("--separate", "--count", "3", "--output", faces)
    result = CliRunner().invoke(sample_command, ["--model", str(model_path), "--nearest", str(faces), "-"])
    assert result.stdout_bytes.startswith(b"\x89PNG")
    assert "sample 0: " in result.stderr
    for words in (("--separate",), ("--evolution", ".")):
        assert f"Expected one picture for - (stdout). Received: {words[0]}" in refused(*words, "-")
    assert not (here / "-").exists()


def test_truncated_samples_are_alike(here, sample):
    sample("--count", "16", "whole.png")
    sample("--count", "16", "--truncation", "0.1", "less.png")
    whole, less = (
        read_picture(name)[2:].astype(float)[:72, 2:74].reshape(4, 18, 4, 18, 3)[:, :16, :, :16]
        for name in ("whole.png", "less.png")
    )
    assert less.std(axis=(0, 2)).mean() < 0.5 * whole.std(axis=(0, 2)).mean()


def test_separate_pictures(here, sample):
    assert sample("--separate", "--count", "3") == "samples\n"
    sample("--count", "3", "grid.png")
    grid = read_picture("grid.png")
    np.testing.assert_array_equal(read_picture("samples/0001.png"), grid[2:18, 20:36])
    before = (here / "samples" / "0000.png").read_bytes()
    assert refused("--separate", "--count", "4").endswith("0000.png exists; --overwrite replaces it.")
    assert (here / "samples" / "0000.png").read_bytes() == before
    assert not (here / "samples" / "0003.png").exists()


def test_nearest_pictures(here, sample, model_path):
    """A sample that is in the dataset is found, mirrored or not, at distance 0."""
    sample("--separate", "--count", "2", "--output", "known")
    for number, picture in enumerate(make_pictures(5)):
        save_picture(f"known/other-{number}.png", picture)
    save_picture("known/0001.png.jpg", make_pictures(1, seed=9)[0])
    mirrored = read_picture("known/0001.png")[:, ::-1]
    (here / "known" / "0001.png").unlink()
    save_picture("known/turned.png", np.ascontiguousarray(mirrored))
    out = sample("--nearest", "known", "--count", "2", "near.png").splitlines()
    assert out[0] == "sample 0: 0.0 grey levels from known/0000.png"
    assert out[1] == "sample 1: 0.0 grey levels from known/turned.png"
    assert out[2].startswith("the nearest of 8 pictures, at 32 pixels, are 0.0 or more grey levels away; half of")
    assert out[3] == "near.png"
    assert read_picture("near.png").shape == (2 * 18 + 2, 5 * 18 + 2, 3)


def test_pictures_that_cannot_be_read_are_said(here, sample):
    (here / "some").mkdir()
    save_picture("some/one.png", make_pictures(1)[0])
    (here / "some" / "two.png").write_text("no picture")
    out = sample("--nearest", "some", "--count", "1", "near.png").splitlines()
    assert out[1].endswith("grey levels away")
    assert out[2] == "1 pictures cannot be read and are left out"


def test_distances_of_an_index(tmp_path):
    for value in (10, 20, 60):
        save_picture(tmp_path / f"{value}.png", np.full((32, 32, 1), value, np.uint8))
    index = PictureIndex([open_source(tmp_path)], channels=1)
    found = index.find(np.full((1, 64, 64, 1), 22, np.uint8), count=2)[0]
    assert [index.name(row)[-6:] for row in found.rows] == ["20.png", "10.png"]
    assert found.distances == pytest.approx((2.0, 12.0), abs=1e-3)
    assert index.typical() == pytest.approx(10.0, abs=1e-3)


def test_the_film_of_a_run(here, finished):
    result = CliRunner().invoke(sample_command, ["--evolution", str(finished[0]), "film.gif"])
    assert (result.exit_code, result.stdout) == (0, "film.gif\n")
    with Image.open("film.gif") as film:
        assert film.n_frames == 2
    (here / "empty").mkdir()
    assert "expected a run folder with samples/step-*.png" in refused("--evolution", "empty", "other.gif")
    assert "Expected a film's suffix, .gif, .webp, .mp4." in refused("--evolution", finished[0], "film.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--interpolate", "3"), "two or more seeds as in 3,8,20. Received: '3'"),
        (("--interpolate", "3,x"), "two or more seeds"),
        (("--interpolate", "3,8", "--count", "1"), "--count of at least 2 with --interpolate"),
        (("--interpolate", "3,8", "--arithmetic", "1"), "--interpolate and --arithmetic exclude each other."),
        (("--arithmetic", "1 + 70"), "numbers of samples from 0 to 63"),
        (("--truncation", "2"), "a truncation above 0, at most 1 with uniform latents"),
        (("a.png", "--output", "b.png"), "named twice"),
        (("--separate", "--arithmetic", "1"), "--separate and --arithmetic exclude each other."),
        (("--interpolate", ""), "two or more seeds as in 3,8,20. Received: ''"),
        (("--arithmetic", ""), "numbers of samples as in"),
        (("--interpolate", "3,8", "--count", "9000"), "--count of at most 3611 with a way of these pictures"),
        (("--interpolate", "3,8", "--seed", "1"), "--seed has no effect"),
        (("--crop", "0.5"), "--crop has no effect"),
        (("--evolution", ".", "--count", "2", "a.gif"), "--count has no effect"),
        (("--interpolate", "3,8", "a.xyz"), "expected a picture's suffix, received '.xyz'"),
        (("--nearest", ".", "a.gif4"), "expected a picture's suffix"),
        (("--nearest", "."), "expected pictures"),
    ],
)
def test_what_cannot_be_drawn(here, model_path, arguments, message):
    model = () if "--evolution" in arguments else ("--model", model_path)
    assert message in refused(*arguments, *model)
    assert [path.name for path in here.iterdir()] == []


def test_a_model_is_described(model_path):
    result = CliRunner().invoke(inspect_command, [str(model_path), "--json"])
    description = json.loads(result.stdout)
    assert description["model"]["size"] == 16
    assert description["networks"].keys() >= {"generator", "discriminator"}
    assert len(description["sha256"]) == 64
    text = CliRunner().invoke(inspect_command, ["faces-128"]).stdout
    assert "networks     " in text
    assert "encoder 7,966,916" in text
    assert "wide-train-celeba.zip, wide-train-lfw.zip" in text


def test_what_is_no_model(tmp_path):
    path = tmp_path / "a.safetensors"
    odd = {"dataset": [1], "train": "x", "last": None, "encoder": 3, "networks": {}, "model": {}, "bytes": 1}
    names = ("name", "path", "sha256", "written_by", "terms", "recipe")
    assert any(line.startswith("train") for line in lines_of(odd | dict.fromkeys(names, "")))
    for data in (b"", b"no model at all, but some bytes"):
        path.write_bytes(data)
        result = CliRunner().invoke(inspect_command, [str(path)])
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
    assert isinstance(inspect_command, click.Command)

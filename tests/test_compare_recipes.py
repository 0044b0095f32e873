"""scripts/compare_recipes.py: a trial, its distances, and the same distances from what it leaves."""

import json
import zipfile

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from dcgan.config import ModelConfig
from dcgan.encoder import build_encoder
from dcgan.model_file import save_model
from dcgan.networks import build_discriminator, build_generator
from tests.scripts import imported

SIZE = 16


@pytest.fixture(scope="module")
def compare():
    with imported("compare_recipes") as module:
        yield module


@pytest.fixture
def work(tmp_path):
    config = ModelConfig(size=SIZE, filters=4, latent_dim=8)
    networks = build_generator(config), build_discriminator(config)
    save_model(tmp_path / "model.safetensors", *networks, config=config, encoder=build_encoder(config))
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "part0.zip", "w") as file:
        for index in range(20):
            _, data = cv2.imencode(".png", rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8))
            file.writestr(f"{index}.png", data.tobytes())
    return tmp_path


def run(compare, work, *options):
    given = ["--model", work / "model.safetensors", "--size", SIZE, "--samples", 12, *options, work]
    done = CliRunner().invoke(compare.main, [str(each) for each in given], catch_exceptions=False)
    assert done.exit_code == 0
    return {path.stem: json.loads(path.read_text()) for path in (work / "out").glob("*.json")}


def test_a_trial_is_measured_at_once_and_again_from_its_grid(compare, work):
    options = ["--only", "plain", "--seeds", 1, "--seconds", 0.1, "--filters", 4, "--batch", 4]
    found = run(compare, work, *options, "--precision", "float32")
    assert set(found) == {"plain-0"}
    row = found["plain-0"]
    assert (row["name"], row["seed"], row["samples"]) == ("plain", 0, 12)
    assert row["pictures"] > 0
    assert row["kernel"][1] <= row["kernel"][0] <= row["kernel"][2]
    table = (work / "out" / "table.md").read_text()
    assert table.splitlines()[2].startswith(f"| plain | {row['pictures']} | {row['kernel'][0]:.4f} [")

    path = work / "out" / "plain-0.json"
    path.write_text(json.dumps({key: row[key] for key in ("name", "seed", "pictures", "samples")}))
    again = run(compare, work, "--measure")["plain-0"]
    assert again["kernel"] == pytest.approx(row["kernel"])
    assert again["frechet"] == pytest.approx(row["frechet"])
    assert (work / "out" / "table.md").read_text() == table


def test_the_nearest_recipe_comes_first(compare, tmp_path):
    for name, seed, kernel in (("plain", 1, 0.3), ("plain", 0, 0.1), ("spectral", 0, 0.05), ("unmeasured", 0, None)):
        row = {"name": name, "seed": seed, "pictures": 1000 + seed}
        if kernel is not None:
            row |= {"kernel": [kernel, kernel - 0.01, kernel + 0.01], "frechet": 1.0 + seed}
        (tmp_path / f"{name}-{seed}.json").write_text(json.dumps(row))
    lines = compare.write_table(tmp_path).splitlines()
    assert lines[2:] == [
        "| spectral | 1,000 | 0.0500 [0.0400, 0.0600] | 1.000 |",
        "| plain | 1,000; 1,001 | 0.1000 [0.0900, 0.1100]; 0.3000 [0.2900, 0.3100] | 1.000; 2.000 |",
    ]


def test_a_grid_is_read_as_it_was_written(compare, tmp_path):
    pictures = np.repeat(np.linspace(0, 255, 6).astype(np.uint8), 8 * 8 * 3).reshape(6, 8, 8, 3)
    compare.write_grid(tmp_path / "grid.jpg", pictures, columns=3)
    read = compare.read_grid(tmp_path / "grid.jpg", 8)
    assert read.shape == pictures.shape
    assert np.abs(read.astype(int)[:, 2:-2, 2:-2] - pictures[:, 2:-2, 2:-2]).max() < 16

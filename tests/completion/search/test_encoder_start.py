"""Completing from the encoder: the preset "fast", and searches that begin where the encoder points."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

from completion import complete
from completion.config import PRESETS, SearchConfig, choose_search
from completion.search.adam import LatentSearch, Problem
from dcgan.encoder import offset_shape
from dcgan.errors import FaceCompletionError
from dcgan.pictures.files import save_picture
from masks import make_mask
from tests.completion.helpers import SIZE, CommandLine, center_hole, make_picture, read, write_pictures

FAST = PRESETS["fast"]


def make_problem(count=3, *, blocks=0):
    pictures = np.stack([make_picture(seed=seed) for seed in range(count)]).astype(np.float32) / 127.5 - 1.0
    known = np.broadcast_to(np.float32(~center_hole()), (count, SIZE, SIZE)).copy()
    return Problem(pictures, known * 0 if blocks else known, blocks)


def test_the_encoder_sees_nothing_of_the_hole(encoded):
    search, problem = LatentSearch(encoded, FAST), make_problem()
    hidden = problem.targets.copy()
    hidden[:, center_hole()] = 0.7
    one, other = search.guess(problem), search.guess(dataclasses.replace(problem, targets=hidden))
    assert np.array_equal(one.latents, other.latents)
    assert np.array_equal(one.offset, other.offset)


def test_the_encoder_sees_block_means_and_no_more(encoded):
    search, problem = LatentSearch(encoded, FAST), make_problem(blocks=4)
    part = SIZE // 4
    shuffled = problem.targets.copy()
    shuffled[:, :part, :part] = shuffled[:, :part, :part][:, ::-1, ::-1]  # the block's mean stays
    one, other = (search.guess(each).latents for each in (problem, dataclasses.replace(problem, targets=shuffled)))
    assert np.allclose(one, other, atol=1e-5)
    brighter = problem.targets.copy()
    brighter[:, :part, :part] += 0.3
    assert not np.allclose(one, search.guess(dataclasses.replace(problem, targets=brighter)).latents, atol=1e-5)


def test_fast_is_the_encoder_and_the_generator(encoded):
    search, problem = LatentSearch(encoded, FAST), make_problem()
    guess = search.guess(problem)
    assert guess.offset.shape == (3, *offset_shape(encoded.config))
    assert guess.offset.any()
    found = search.run(problem, guess.latents, guess=guess)
    assert np.array_equal(found.latents, guess.latents)
    assert np.allclose(found.generated, search.generate(guess.latents, guess), atol=1e-6)
    assert not np.allclose(found.generated, search.generate(guess.latents), atol=1e-3)
    difference = np.abs(found.generated - problem.targets).mean(axis=3)
    weights = np.array(search.prepare(problem)[1])[..., 0]
    assert found.contextual == pytest.approx((difference * weights).sum(axis=(1, 2)), abs=1e-5)


def test_a_search_from_the_encoder_gets_no_worse(encoded):
    problem = make_problem()
    start = LatentSearch(encoded, FAST)
    guess = start.guess(problem)
    before = start.run(problem, guess.latents, guess=guess)
    config = dataclasses.replace(FAST, iterations=20, perceptual_weight=0.0)
    after = LatentSearch(encoded, config).run(problem, guess.latents, guess=guess)
    assert (after.contextual <= before.contextual + 1e-6).all()
    assert after.contextual.mean() < before.contextual.mean()


def test_a_batch_is_its_members(encoded):
    pictures = [make_picture(seed=seed) for seed in range(3)]
    together = complete(pictures, center_hole(), model=encoded, config=FAST, batch_size=8)
    for index, picture in enumerate(pictures):
        alone = complete([picture], center_hole(), model=encoded, config=FAST)
        assert np.abs(alone.generated[0] - together.generated[index]).max() < 1e-4
        known = ~center_hole()
        assert np.array_equal(together.pictures[index][known], picture[known])


def test_candidates_begin_around_the_first(encoded):
    config = dataclasses.replace(FAST, candidates=3)
    result = complete([make_picture()], center_hole(), model=encoded, config=config, keep="all")
    first, *others = result.latents
    alone = complete([make_picture()], center_hole(), model=encoded, config=FAST)
    assert np.allclose(first, alone.latents[0], atol=1e-5)
    assert all(np.abs(other - first).max() > 0.01 for other in others)
    assert np.abs(result.latents).max() <= 1.0


@pytest.mark.parametrize("name", ["full", "lowres", "random"])
def test_any_mask(encoded, name):
    blocks = 4 if name == "lowres" else 0
    result = complete([make_picture()], make_mask(name, (SIZE, SIZE)), model=encoded, config=FAST, blocks=blocks)
    assert np.isfinite(result.generated).all()


def test_monte_carlo_keeps_the_offset(encoded):
    config = dataclasses.replace(FAST, search="hmc", hmc_samples=2, hmc_leapfrog_steps=2)
    result = complete([make_picture()], center_hole(), model=encoded, config=config)
    search = LatentSearch(encoded, FAST)
    assert not np.allclose(result.generated, search.generate(result.latents), atol=1e-3)


def test_a_model_without_an_encoder_is_refused(prior):
    with pytest.raises(FaceCompletionError, match="expected a model with an encoder, this one has none"):
        complete([make_picture()], center_hole(), model=prior, config="fast")


def test_no_steps_need_an_encoder():
    with pytest.raises(ValueError, match="`iterations` of at least 1"):
        SearchConfig(iterations=0)


def test_command_line(encoded_path, model_path, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    output = tmp_path / "out"
    run = CommandLine(encoded_path)
    run(folder, "--output", output, "--quality", "fast", "--grid")
    assert sorted(path.name for path in output.iterdir() if not path.name.startswith(".")) == [
        "a.png",
        "b.png",
        "grid.png",
        "manifest.jsonl",
    ]
    refused = CommandLine(model_path)(folder, "--output", tmp_path / "other", "--quality", "fast", code=1)
    assert "dcgan-train-encoder" in refused.output


def test_variations_are_ranked_and_differ(encoded, encoded_path, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png"])
    output = tmp_path / "out"
    CommandLine(encoded_path)(folder, "--output", output, "--variations", "3", "--iterations", "3")
    pictures = [read(output / f"a.candidate-{number}.png") for number in (1, 2, 3)]
    assert all((one != other)[center_hole()].any() for one, other in itertools.combinations(pictures, 2))
    assert all(np.array_equal(one[~center_hole()], pictures[0][~center_hole()]) for one in pictures)
    record = json.loads((output / "manifest.jsonl").read_text())
    holes = [picture[center_hole()].astype(float) for picture in pictures]
    apart = [np.abs(one - other).mean() for one, other in itertools.combinations(holes, 2)]
    assert record["spread"] == pytest.approx(np.mean(apart), abs=1e-3)
    config = choose_search("variations", candidates=3, iterations=3)
    result = complete([make_picture()], center_hole(), model=encoded, config=config, keep="all")
    assert (np.diff(result.score) >= 0).all()


def test_variations_where_nothing_is_missing(encoded_path, tmp_path):
    """Such a picture has no spread, and the others are completed."""
    folder = write_pictures(tmp_path / "in", ["a.png", "b.png"])
    (tmp_path / "masks").mkdir()
    save_picture(tmp_path / "masks" / "a.png", np.zeros((SIZE, SIZE, 1), np.uint8))
    save_picture(tmp_path / "masks" / "b.png", np.uint8(255) * center_hole()[..., None])
    options = ["--mask-dir", tmp_path / "masks", "--variations", "2", "--iterations", "2", "--output", tmp_path / "out"]
    CommandLine(encoded_path)(folder, *options)
    records = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert {record["status"]: "spread" in record for record in records} == {"untouched": False, "completed": True}


@pytest.mark.parametrize("quality", ["balanced", "best"])
def test_without_an_encoder_the_latent_space_is_searched(prior, model_path, quality, tmp_path):
    searched = complete([make_picture()], center_hole(), model=prior, config=quality)
    config = choose_search("latent", candidates=choose_search(quality).candidates)
    assert np.array_equal(
        searched.latents, complete([make_picture()], center_hole(), model=prior, config=config).latents
    )
    folder = write_pictures(tmp_path / "in", ["a.png"])
    result = CommandLine(model_path)(folder, "--output", tmp_path / "out", "--quality", quality, "--iterations", "2")
    assert "has no encoder (dcgan-train-encoder trains one): the latent space is searched instead" in result.stderr


@pytest.mark.parametrize("quality", ["balanced", "best"])
def test_qualities_fit_the_known_pixels_no_worse_than_fast(encoded, quality):
    pictures = [make_picture(seed=seed) for seed in range(3)]
    fast, searched = (complete(pictures, center_hole(), model=encoded, config=name) for name in ("fast", quality))
    assert (searched.contextual <= fast.contextual + 0.01).all()
    assert searched.contextual.mean() < fast.contextual.mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quality", "fast", "--preset", "latent"], "--quality and --preset exclude each other"),
        (["--quality", "fast", "--search", "hmc"], "--search hmc goes with --preset"),
        (["--variations", "3", "--keep", "best"], "--variations and --keep exclude each other"),
        (["--variations", "3", "--quality", "best"], "--variations and --quality exclude each other"),
        (["--variations", "3", "--method", "telea"], "--variations goes with --method dcgan"),
    ],
)
def test_options_that_exclude_each_other(encoded_path, options, message, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png"])
    command = ["--model", str(encoded_path), str(folder), "--output", str(tmp_path / "out"), *options]
    assert message in CommandLine(encoded_path).invoke(command, code=2).stderr


def test_a_film_needs_a_search(encoded_path, tmp_path):
    folder = write_pictures(tmp_path / "in", ["a.png"])
    command = ["--model", str(encoded_path), str(folder), "--output", str(tmp_path / "out"), "--gif"]
    stderr = CommandLine(encoded_path).invoke(command, code=2).stderr
    assert "Expected a search for --gif, with --iterations or --preset." in stderr
    assert not (tmp_path / "out" / "a.png").exists()
    CommandLine(encoded_path).invoke([*command, "--iterations", "2"])
    assert (tmp_path / "out" / "search.gif").exists()

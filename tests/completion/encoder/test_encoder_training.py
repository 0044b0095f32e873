import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops
from safetensors.numpy import load_file

from completion.encoder import train as encoder_training
from completion.encoder.cli import train_encoder_command
from completion.encoder.config import EncoderTrainConfig
from completion.encoder.data import DamagedBatches
from completion.encoder.trainer import (
    build_critic,
    build_encoder_trainer,
    gradient_penalty,
    push_pull_blend,
    wide_share,
)
from completion.encoder.network_input import encoder_input, push_pull
from completion.search.encoder_input import spread_block_means
from dcgan.config import ModelConfig, RunConfig
from dcgan.errors import ModelFileError, OptionError, RunError
from dcgan.model_file import Prior, load_model
from dcgan.networks import build_discriminator, build_generator
from dcgan.pictures.saving import save_picture
from dcgan.pictures.values import to_float
from dcgan.training.checkpoint import averaged_weights, restore_checkpoint
from tests.dcgan.helpers import cached, make_pictures

SETTINGS = EncoderTrainConfig(epochs=2, batch_size=8, learning_rate=1e-2, adversarial_weight=0.01, feature_weight=0.1)
RUN = RunConfig(interval_steps=2, checkpoint_seconds=0, sample_steps=10)


@pytest.fixture(scope="module")
def data():
    return cached(make_pictures(40))


def train(data, folder, prior, *, settings=SETTINGS, run=RUN, **options):
    return encoder_training.train_encoder(
        data, folder, prior=prior, settings=settings, run=run, progress=False, **options
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data, prior):
    folder, lines = tmp_path_factory.mktemp("runs") / "unbroken", []
    train(data, folder, prior, report=lines.append)
    return folder, lines


def test_input_hides_what_is_missing():
    pictures = np.array([[[[0.5], [0.25]]]], np.float32)
    known = np.array([[[[1.0], [0.0]]]], np.float32)
    nothing = np.zeros_like(pictures)
    seen = ops.convert_to_numpy(encoder_input(pictures, known, nothing))
    assert seen.tolist() == [[[[0.5, 1.0], [0.5, 0.0]]]]  # the hole has its neighbour's value
    means = np.full_like(pictures, 0.75)
    assert ops.convert_to_numpy(encoder_input(pictures, known * 0, means)).tolist() == [[[[0.75, 0.0], [0.75, 0.0]]]]
    assert not ops.convert_to_numpy(encoder_input(np.full_like(pictures, 9.0), known * 0, nothing)).any()


def test_a_pixel_known_in_part_is_seen_as_it_is():
    pictures = np.array([[[[0.5], [-0.25], [0.0]]]], np.float32)
    known = np.array([[[[0.5], [0.125], [0.0]]]], np.float32)
    seen = ops.convert_to_numpy(encoder_input(pictures, known, np.zeros_like(pictures)))[0, 0]
    assert seen[:2].tolist() == [[0.5, 0.5], [-0.25, 0.125]]


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (8, 8), (12, 12), (28, 28)])
def test_holes_are_filled_from_a_pyramid_of_means(shape):
    rng = np.random.default_rng(0)
    known = (rng.random((2, *shape, 1)) < 0.5).astype(np.float32)
    known[:, 0, 0] = 1.0
    pictures = np.full((2, *shape, 3), 0.25, np.float32)
    assert np.allclose(push_pull(pictures * known, known), 0.25, atol=1e-5)  # one colour stays it
    pictures = rng.uniform(-1, 1, pictures.shape).astype(np.float32) * known
    filled = ops.convert_to_numpy(push_pull(pictures, known))
    assert np.allclose(filled * known, pictures)
    assert (filled <= pictures.max() + 1e-5).all()
    assert (filled >= pictures.min() - 1e-5).all()
    assert not ops.convert_to_numpy(push_pull(pictures * 0, known * 0)).any()


def test_fine_detail_beside_a_hole_and_a_mean_far_from_it():
    """A hole takes its border's value near its border, and the far side's on the far side."""
    picture, known = np.zeros((1, 16, 16, 1), np.float32), np.ones((1, 16, 16, 1), np.float32)
    picture[:, :, 8:] = 1.0
    known[:, 4:12, 4:12] = 0.0
    filled = ops.convert_to_numpy(push_pull(picture * known, known))[0, 8, :, 0]
    assert (np.diff(filled) >= -1e-6).all()
    assert filled[4] < 0.3
    assert filled[11] > 0.7


def test_one_known_pixel_of_four_decides_its_coarse_pixel():
    """Two known corners of 4 by 4 pixels: 1, 0 and their mean on the grid of 2 by 2, which is then enlarged."""
    picture, known = np.zeros((1, 4, 4, 1), np.float32), np.zeros((1, 4, 4, 1), np.float32)
    picture[:, 0, 0] = 1.0
    known[:, 0, 0] = known[:, 3, 3] = 1.0
    filled = ops.convert_to_numpy(push_pull(picture, known))[0, ..., 0]
    assert filled[0, 1] == filled[1, 0] == pytest.approx(0.75 * 1.0 + 0.25 * 0.5)
    assert filled[0, 3] == pytest.approx(0.5)
    assert filled[2, 3] == pytest.approx(0.25 * 0.5)


def test_block_means_are_spread():
    picture = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    spread = spread_block_means(picture, 2)[0, ..., 0]
    assert spread.tolist() == [[2.5, 2.5, 4.5, 4.5]] * 2 + [[10.5, 10.5, 12.5, 12.5]] * 2


def test_batches_are_a_function_of_seed_and_step(data):
    settings = dataclasses.replace(SETTINGS, seed=3, moved=0.5, framed=0.5, worn=0.5)
    one, same = (DamagedBatches(data.pictures, settings) for _ in range(2))
    same.first_step = 2
    for name, part in one[5].items():
        assert np.array_equal(part, same[3][name])
    other = DamagedBatches(data.pictures, dataclasses.replace(settings, seed=4))
    assert not np.array_equal(one[5]["known"], other[5]["known"])


def test_files_of_a_run(finished, prior):
    folder, lines = finished
    names = sorted(os.listdir(folder))
    assert names == [
        ".dcgan.json",
        ".lock",
        "checkpoint.safetensors",
        "config.json",
        "losses.csv",
        "model.safetensors",
        "samples",
        "tensorboard",
    ]
    header = (folder / "losses.csv").read_text().splitlines()[0]
    losses = ["picture_loss", "hole_loss", "latent_picture_loss", "latent_hole_loss"]
    losses += ["adversarial_loss", "feature_loss", "critic_loss"]
    assert header.split(",") == ["step", "epoch", *losses, "pictures_per_second"]
    assert lines[-1].startswith("step 10, epoch 2.0/2: ")
    model = load_model(folder / "model.safetensors")
    assert model.encoder is not None
    assert model.info["encoder"]["last"]["step"] == 10
    for ours, theirs in zip(model.generator.get_weights(), prior.generator.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert json.loads((folder / "config.json").read_text())["model"]["sha256"] == prior.sha256


def test_tight_pictures_are_the_middle_of_the_frame(data):
    """Half of the rows of a pass are tight; around their middle nothing is known, nor compared."""
    settings = EncoderTrainConfig(batch_size=16, flip=False)
    tight = np.full_like(data.pictures, 255)
    batches = DamagedBatches(data.pictures, settings, tight=tight, margin=0.5)
    assert batches.steps_per_pass == 5
    counts = []
    for step in range(5):
        batch = batches[step]
        is_tight = (batch["pictures"] == 255).all(axis=(1, 2, 3))
        counts.append(is_tight.sum())
        assert (batch["inside"][~is_tight] == 1).all()
        for inside in batch["inside"][is_tight, :, :, 0]:
            assert inside.sum() == 8 * 8
            assert inside[4:12, 4:12].all()
        assert not (batch["known"] > batch["inside"]).any()
        assert not batch["means"][is_tight].any()
    assert sum(counts) == 40


def test_what_is_outside_the_truth_costs_nothing(data, prior):
    """Neither in the error of the picture, nor in that of the hole, nor for the critic."""
    settings = dataclasses.replace(SETTINGS, log_weight=0.1)
    trainer = build_encoder_trainer(prior, settings, steps=10)
    batch = DamagedBatches(data.pictures, settings)[0]
    batch["inside"][:, :, :6] = batch["known"][:, :, :6] = 0
    changed = {**batch, "pictures": batch["pictures"].copy()}
    changed["pictures"][:, :, :6] = 99
    answers = trainer.call(batch)
    expected, found = (float(trainer.compute_loss(x=each, y_pred=answers, training=False)) for each in (batch, changed))
    assert found == expected
    changed["pictures"][:, :, 6:] = 99
    assert float(trainer.compute_loss(x=changed, y_pred=answers, training=False)) != expected


def test_the_logarithm_of_the_squared_error_by_hand(data, prior):
    trainer = build_encoder_trainer(prior, dataclasses.replace(SETTINGS, hole_weight=0.0, log_weight=2.0), steps=10)
    real, completed = (to_float(data.pictures[start : start + 4]) for start in (0, 4))
    known = np.ones((4, 16, 16, 1), np.float32)
    known[:, 4:9, 3:12] = 0.0
    total, parts = trainer._reconstruction_loss(real, completed, real, known=known, inside=np.ones_like(known))
    squares = np.square(completed - real)[:, 4:9, 3:12].mean(axis=(1, 2, 3))
    assert float(parts["log_loss"]) == pytest.approx(np.log(squares + 1e-4).mean(), rel=1e-4)
    assert float(total) == pytest.approx(2.0 * float(parts["log_loss"]), rel=1e-4)


@pytest.mark.exhaustive
def test_a_run_with_offsets_for_several_maps(data, tmp_path):
    config = ModelConfig(size=16, filters=2, latent_dim=4)
    prior = Prior.of_networks(build_generator(config), build_discriminator(config), config)
    with pytest.raises(OptionError, match="`offset_maps` from 1 to 1"):
        train(data, tmp_path / "run", prior, settings=dataclasses.replace(SETTINGS, offset_maps=2))
    assert not (tmp_path / "run").exists()
    config = ModelConfig(size=32, filters=2, latent_dim=4, margin=0.25)
    prior = Prior.of_networks(build_generator(config), build_discriminator(config), config)
    wide, tight = (cached(make_pictures(count, size=32)) for count in (20, 4))
    settings = EncoderTrainConfig(epochs=1, batch_size=8, log_weight=0.1, hole_weight=0.0, offset_maps=2)
    settings = dataclasses.replace(settings, moved=0.5, framed=0.5, worn=0.5)
    path = train(wide, tmp_path / "run", prior, settings=settings, tight=tight)
    model = load_model(path)
    assert model.config == dataclasses.replace(config, offset_maps=2)
    assert len(model.encoder.outputs) == 3
    assert json.loads((tmp_path / "run" / "config.json").read_text())["dataset"]["tight_pictures"] == 4
    lines = []
    train(wide, tmp_path / "run", prior, settings=settings, tight=tight, report=lines.append)  # a whole run is resumed
    assert lines[0].startswith("going on from step 3")


def test_the_encoder_learns(data, prior):
    """The loss of one batch that comes again and again falls; generator and discriminator stay as they are."""
    frozen = [weight.copy() for weight in prior.generator.get_weights()]
    trainer = build_encoder_trainer(prior, dataclasses.replace(SETTINGS, adversarial_weight=0.0), steps=60)
    batch = DamagedBatches(data.pictures, SETTINGS)[0]
    losses = [trainer.train_on_batch(batch, return_dict=True)["loss"]]
    trainer.reset_metrics()
    for _ in range(40):
        trainer.reset_metrics()
        losses.append(trainer.train_on_batch(batch, return_dict=True)["loss"])
    assert losses[-1] < 0.9 * losses[0]  # an untrained generator can do no better
    for ours, theirs in zip(frozen, prior.generator.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_run_that_was_stopped_goes_on(finished, data, prior, tmp_path, monkeypatch):
    """Interrupted while it exports, the same call ends where an unbroken run does."""

    class StoppedError(Exception):
        pass

    original = encoder_training._Training.export
    calls = []

    def export(self, last_step):
        calls.append(last_step["step"])
        if len(calls) == 1:
            raise StoppedError
        return original(self, last_step)

    monkeypatch.setattr(encoder_training._Training, "export", export)
    folder = tmp_path / "run"
    with pytest.raises(StoppedError):
        train(data, folder, prior, run=dataclasses.replace(RUN, sample_steps=6))
    lines = []
    train(data, folder, prior, report=lines.append)
    assert lines[0].startswith("going on from step 5")  # what is due at a step comes before its checkpoint
    assert lines[0].endswith("(epoch 1.0)")
    one, two = (load_file(path / "checkpoint.safetensors") for path in (finished[0], folder))
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_the_averaged_weights_are_exported(finished, prior):
    """To half precision; the raw weights, which the run itself goes on from, are others."""
    trainer = build_encoder_trainer(prior, SETTINGS, steps=10)
    restore_checkpoint(finished[0] / "checkpoint.safetensors", trainer)
    averaged = averaged_weights(trainer)[0]
    exported = load_model(finished[0] / "model.safetensors").encoder
    for variable, average, raw in zip(exported.weights, averaged, trainer.encoder.get_weights(), strict=True):
        if variable.trainable:
            assert np.allclose(variable.numpy(), average, rtol=1e-3, atol=1e-6), variable.path
            assert not np.allclose(variable.numpy(), raw, rtol=1e-2, atol=1e-4), variable.path


def test_the_exported_statistics_are_those_of_the_averaged_weights(finished, data):
    """Shown damaged pictures it has not settled on, every BatchNorm gets what it takes for mean 0 and variance 1."""
    encoder = load_model(finished[0] / "model.safetensors").encoder
    norms = [layer for layer in encoder.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = keras.Model(encoder.input, [norm.input for norm in norms])
    batch = DamagedBatches(data.pictures, EncoderTrainConfig(batch_size=40, seed=5))[0]
    seen = encoder_input(to_float(batch["pictures"]), batch["known"].astype(np.float32), batch["means"])
    for norm, values in zip(norms, before(seen, training=False), strict=True):
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        pixels = ops.convert_to_numpy(values).reshape(-1, len(mean))
        assert np.abs((pixels.mean(axis=0) - mean) / np.sqrt(variance)).max() < 0.15, norm.name
        assert np.abs(np.log(pixels.var(axis=0) / variance)).max() < 0.3, norm.name


@pytest.mark.exhaustive
def test_a_run_starts_from_an_encoder(finished, data, prior, tmp_path):
    """With a rate of next to nothing the weights stay those it started from."""
    first = load_model(finished[0] / "model.safetensors")
    settings = dataclasses.replace(SETTINGS, epochs=1, learning_rate=1e-12, adversarial_weight=0.0)
    started = load_model(train(data, tmp_path, prior, settings=settings, start_from=first))
    weights = zip(started.encoder.trainable_weights, first.encoder.trainable_weights, strict=True)
    assert all(np.allclose(one, other, atol=1e-6) for one, other in weights)


def test_only_an_encoder_of_the_same_shape_is_started_from(data, prior, tmp_path):
    with pytest.raises(ModelFileError, match="expected a model with an encoder to start from"):
        train(data, tmp_path, prior, start_from=prior)


def test_another_model_is_refused(finished, data, prior, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "copy")
    other = Prior(prior.config, prior.tensors, sha256="0" * 64)
    with pytest.raises(RunError, match=r"model\.sha256 was"):
        train(data, folder, other)


@pytest.mark.parametrize(
    "field", ["epochs", "batch_size", "learning_rate", "beta_1", "latent_weight", "ema_momentum", "precision"]
)
def test_wrong_settings_are_refused(field):
    with pytest.raises(ValueError, match=f"`{field}`"):
        EncoderTrainConfig(**{field: "float8" if field == "precision" else -1})


def test_command_line(model_path, tmp_path, monkeypatch):
    """A folder with a broken picture in, a model with an encoder out; the same command has nothing left to do."""
    monkeypatch.chdir(tmp_path)
    for index, picture in enumerate(make_pictures(16, size=20)):
        (tmp_path / "faces").mkdir(exist_ok=True)
        save_picture(tmp_path / "faces" / f"{index}.png", picture)
    (tmp_path / "faces" / "broken.png").write_text("no picture")
    options = ["--model", str(model_path), "--dataset", "faces", "--cache-dir", "cache", "--run-dir", "run"]
    options += ["--epochs", "1", "--batch-size", "8"]
    result = CliRunner().invoke(train_encoder_command, options)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{os.path.join('run', 'model.safetensors')}\n"
    assert "1 pictures cannot be read and are left out:" in result.stderr
    assert load_model("run/model.safetensors").encoder is not None
    assert CliRunner().invoke(train_encoder_command, options).exit_code == 0
    refused = CliRunner().invoke(train_encoder_command, [*options, "--seed", "1"])
    assert refused.exit_code == 1
    assert "train.seed was 0, now 1" in refused.stderr
    wrong = CliRunner().invoke(train_encoder_command, [*options, "--epochs", "0"])
    assert wrong.exit_code == 2
    assert "Expected --epochs from 1 to 1,000,000" in wrong.stderr


def test_a_blended_picture_has_the_known_pixels_and_no_smooth_error():
    rng = np.random.default_rng(0)
    real = rng.uniform(-0.5, 0.5, (2, 16, 16, 3)).astype(np.float32)
    known = np.ones((2, 16, 16, 1), np.float32)
    known[0, 4:12, 4:12] = 0.0
    known[1, ::2] = 0.0
    blended = ops.convert_to_numpy(push_pull_blend(real + 0.25, real, known))
    assert np.allclose(blended, real, atol=1e-5)  # an error of one colour is seen at the known pixels
    drawn = rng.uniform(-0.5, 0.5, real.shape).astype(np.float32)
    blended = ops.convert_to_numpy(push_pull_blend(drawn, real, known))
    assert np.allclose(blended * known, real * known, atol=1e-6)
    unknown = np.zeros_like(known)
    assert np.array_equal(ops.convert_to_numpy(push_pull_blend(drawn, real, unknown)), drawn)


def test_the_share_of_a_hole_far_from_known_pixels():
    known = np.ones((4, 32, 32, 1), np.float32)
    known[0] = 0.0
    known[1, ::2] = 0.0
    known[2, 4:28, 4:28] = 0.0  # 24 pixels wide, of which 16 by 16 are more than 4 from the border
    inside = np.ones_like(known)
    share = ops.convert_to_numpy(wide_share(known, inside, distance=4))
    assert share == pytest.approx([1.0, 0.0, (16 / 24) ** 2, 0.0])
    inside[:, :, :16] = 0.0  # the left half's truth is unknown
    inside[1] = 0.0
    share = ops.convert_to_numpy(wide_share(known, inside, distance=8))
    assert share == pytest.approx([1.0, 0.0, (4 * 8) / (24 * 12), 0.0])


def test_the_critic_is_the_discriminator_and_shows_its_maps(prior):
    pictures = to_float(make_pictures(3))
    logits, *maps = build_critic(prior)(pictures, training=False)
    assert np.allclose(logits, prior.discriminator(pictures, training=False), atol=1e-5)
    assert [tuple(each.shape[1:3]) for each in maps] == [(8, 8), (4, 4)]


def test_features_of_the_true_picture_cost_nothing(prior, data):
    """The critic's losses reach the encoder only through pictures with wide holes."""
    settings = dataclasses.replace(SETTINGS, adversarial_weight=0.0, feature_weight=1.0)
    trainer = build_encoder_trainer(prior, settings, steps=10)
    batch = DamagedBatches(data.pictures, SETTINGS)[0]
    real, hole = to_float(batch["pictures"]), np.ones((8, 16, 16, 1), np.float32)
    _, parts = trainer._critic_losses(real, real, np.ones(8, np.float32), hole=hole, training=False)
    assert float(parts["feature_loss"]) == pytest.approx(0.0, abs=1e-5)
    _, parts = trainer._critic_losses(real, -real, np.zeros(8, np.float32), hole=hole, training=False)
    assert float(parts["feature_loss"]) == float(parts["adversarial_loss"]) == 0.0
    _, parts = trainer._critic_losses(real, -real, np.ones(8, np.float32), hole=hole, training=False)
    assert float(parts["feature_loss"]) > 0.01


def test_a_critic_of_patches(prior, data):
    """Every part of the hole is judged by itself; parts that are known cost nothing."""
    settings = dataclasses.replace(SETTINGS, adversarial_weight=0.0, feature_weight=0.0, patch_weight=2.0)
    assert settings.has_critic
    trainer = build_encoder_trainer(prior, settings, steps=10)
    assert trainer.critic.outputs[-1].shape[1:] == (4, 4, 1)  # of this small model, on its last feature map
    real = to_float(data.pictures[:8])
    hole = np.zeros((8, 16, 16, 1), np.float32)
    hole[:, :8, :8] = 1.0
    weights = np.ones(8, np.float32)
    total, parts = trainer._critic_losses(real, -real, weights, hole=hole, training=False)
    logits = np.asarray(trainer.critic(-real, training=False)[-1], np.float32)[:, :2, :2]
    assert float(parts["patch_loss"]) == pytest.approx(float(np.log1p(np.exp(-logits)).mean()), rel=1e-3)
    expected = 2.0 * parts["patch_loss"] + parts["critic_patch_loss"] + parts["critic_loss"]
    assert float(total) == pytest.approx(float(expected), rel=1e-5)
    _, parts = trainer._critic_losses(real, -real, 0.0 * weights, hole=hole, training=False)
    assert float(parts["patch_loss"]) == 0.0


@pytest.mark.exhaustive
def test_a_run_with_a_critic_of_patches(data, prior, tmp_path):
    settings = dataclasses.replace(SETTINGS, patch_weight=0.1)
    path = train(data, tmp_path / "run", prior, settings=settings)
    assert path.exists()
    rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    assert "critic_patch_loss" in rows[0]


def test_the_gradient_penalty_is_the_squared_norm_of_the_critics_gradient():
    """That of a linear critic is the same everywhere."""
    inputs = keras.Input((16, 16, 3))
    layer = keras.layers.Dense(1, use_bias=False)
    critic = keras.Model(inputs, [layer(keras.layers.Flatten()(inputs))[:, 0], inputs])  # logits and a feature map
    real = np.zeros((512, 16, 16, 3), np.float32)
    seed = keras.random.SeedGenerator(1)
    penalty = gradient_penalty(critic, real, critic(real)[:1], seed=seed, training=False)
    expected = np.square(np.asarray(layer.kernel)).sum()
    assert float(penalty) == pytest.approx(float(expected), rel=0.3)  # an estimate, by 512 draws of the noise


@pytest.mark.exhaustive
def test_a_run_with_a_gradient_penalty(data, prior, tmp_path):
    settings = dataclasses.replace(SETTINGS, patch_weight=0.1, gradient_penalty=1.0)
    train(data, tmp_path / "run", prior, settings=settings)
    rows = (tmp_path / "run" / "losses.csv").read_text().splitlines()
    assert "penalty_loss" in rows[0]

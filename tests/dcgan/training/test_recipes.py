"""Each recipe trains, and its model completes a picture; losses and which network is updated."""

import dataclasses
import math

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from completion import complete
from completion.config import SearchConfig
from dcgan import recipes
from dcgan.cli import train_command
from dcgan.config import LOSSES, ModelConfig, TrainConfig
from dcgan.errors import OptionError
from dcgan.model_file import load_model
from dcgan.recipes import RECIPES, Recipe, find_recipe
from dcgan.sampling import draw_latents, latents_from, sample
from dcgan.training.dataset import TrainingBatches, Updates
from dcgan.training.gan import SkippingAdam, build_gan, gradient_penalty
from dcgan.training.losses import discriminator_loss, generator_loss

SMALL = ModelConfig(size=16, filters=4, latent_dim=8)


def pictures(count, side, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, channels), dtype=np.uint8)


def train(tmp_path, *arguments, name="run", count=8, side=64, channels=3):
    np.save(tmp_path / "data.npy", pictures(count, side, channels))
    folder = tmp_path / name
    options = ["--dataset", str(tmp_path / "data.npy"), "--run-dir", str(folder), "--quiet", "--epochs", "1"]
    result = CliRunner().invoke(train_command, [*options, "--cache-dir", str(tmp_path / "cache"), *arguments])
    assert result.exit_code == 0, result.output
    return load_model(str(folder / "model.safetensors"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_and_its_model_completes(tmp_path, name):
    recipe = RECIPES[name]
    model = ModelConfig(**{**recipe.model})
    small = ["--filters", "4", "--batch-size", "4"] + (["--dense", "4"] if model.dense else [])
    prior = train(tmp_path, "--recipe", name, *small, side=model.size, channels=model.channels)
    expected = dataclasses.replace(model, filters=4, dense=4 if model.dense else 0)
    assert prior.config == expected
    assert prior.info["train"].get("recipe") == name
    settings = TrainConfig(**{**recipe.train, "recipe": name, "epochs": 1, "batch_size": 4})
    assert prior.info["train"] == settings.to_dict()
    picture = pictures(1, model.size, model.channels, seed=1)[0]
    mask = np.zeros(picture.shape[:2], np.bool_)
    mask[4:9, 4:9] = True
    result = complete(picture, mask, model=prior, method=SearchConfig(iterations=2))
    np.testing.assert_array_equal(result.pictures[0][~mask], picture[~mask])
    assert sample(prior, 2).shape == (2, *picture.shape)


def test_options_override_a_recipe(tmp_path):
    arguments = ["--recipe", "mnist-28", "--latent", "uniform", "--size", "16", "--filters", "2", "--batch-size", "8"]
    prior = train(tmp_path, *arguments, side=28, channels=1)
    assert (prior.config.latent, prior.config.size, prior.config.dropout) == ("uniform", 16, 0.3)
    assert prior.config.channels == 1


def test_a_new_recipe_is_one_entry(tmp_path, monkeypatch):
    mine = Recipe("tiny", "a test", model={"size": 16, "filters": 2}, train={"batch_size": 2, "loss": "hinge"})
    monkeypatch.setitem(recipes.RECIPES, "mine", mine)
    prior = train(tmp_path, "--recipe", "mine", side=16)
    assert (prior.config.filters, prior.info["train"]["loss"]) == (2, "hinge")


def test_the_list_and_an_unknown_name(tmp_path):
    result = CliRunner().invoke(train_command, ["--list-recipes"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(RECIPES)
    result = CliRunner().invoke(train_command, ["--recipe", "mnist", "--dataset", str(tmp_path)])
    assert result.exit_code == 2
    assert "Expected a recipe of faces-64, " in result.output
    with pytest.raises(OptionError, match="Received: mnist"):
        find_recipe("mnist")


def test_a_recipe_out_of_range_is_refused_where_it_is_written():
    with pytest.raises(OptionError, match="`dropout` in"):
        Recipe("", "", model={"dropout": 2.0})


def test_settings_of_earlier_runs_are_written_as_before():
    assert TrainConfig().to_dict().keys() == {
        "epochs", "batch_size", "learning_rate", "discriminator_learning_rate", "beta_1", "label_smoothing",
        "ema_momentum", "flip", "precision", "seed",
    }  # fmt: skip
    assert TrainConfig(r1=2.0).to_dict()["r1"] == 2.0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"loss": "wasserstein"}, "`loss` to be one of"),
        ({"initializer": "he"}, "`initializer` to be one of"),
        ({"generator_steps": 0}, "`generator_steps` from 1 to 16"),
        ({"pretrain_steps": -1}, "`pretrain_steps` from 0 to"),
        ({"balance": 0.5}, "`balance` of 0, or from 1 to 1e"),
        ({"r1": -1.0}, "`r1` from 0 to 1e"),
        ({"weight_decay": math.inf}, "`weight_decay` in"),
    ],
)
def test_settings_out_of_range(options, expected):
    with pytest.raises(OptionError, match=expected):
        TrainConfig(**options)


class TestLatents:
    def test_normal_latents(self):
        z = draw_latents(4000, 3, seed=1, distribution="normal")
        np.testing.assert_allclose([z.mean(), z.std()], [0.0, 1.0], atol=0.03)
        assert np.abs(z).max() > 3.0

    def test_batches_have_the_models_latents(self):
        batches = TrainingBatches(pictures(64, 8, 1), batch_size=64, latent_dim=50, latent="normal")
        assert np.abs(batches[0]["latents"]).max() > 2.0
        rng = np.random.default_rng(0)
        assert np.abs(latents_from(rng, (1000,), "uniform")).max() <= 1.0


class TestLosses:
    """At logits 0.5 of real and -1 of generated pictures."""

    @pytest.mark.parametrize(
        ("kind", "discriminator", "generator"),
        [
            ("minimax", math.log1p(math.exp(-0.5)) + math.log1p(math.exp(-1.0)), math.log1p(math.e)),
            ("least-squares", 0.5 * (0.25 + 1.0), 0.5 * 4.0),
            ("hinge", 0.5 + 0.0, 1.0),
            ("relativistic", math.log1p(math.exp(-1.5)), math.log1p(math.exp(1.5))),
        ],
    )
    def test_by_hand(self, kind, discriminator, generator):
        real, fake = np.float32([0.5, 0.5]), np.float32([-1.0, -1.0])
        assert float(discriminator_loss(real, fake, kind=kind)) == pytest.approx(discriminator, rel=1e-5)
        assert float(generator_loss(fake, real, kind=kind)) == pytest.approx(generator, rel=1e-5)

    @pytest.mark.parametrize("kind", LOSSES)
    def test_each_lowers_the_discriminators_loss(self, kind):
        gan = build_gan(SMALL, TrainConfig(loss=kind, label_smoothing=0.0, learning_rate=2e-3))
        batch = {"pictures": np.full((8, 16, 16, 3), 200, np.uint8), "latents": draw_latents(8, 8)}
        losses = [gan.train_on_batch(batch, return_dict=True)["discriminator_loss"] for _ in range(12)]
        gan.reset_metrics()
        assert gan.train_on_batch(batch, return_dict=True)["discriminator_loss"] < losses[0]


class TestPenalty:
    def test_the_gradient_of_a_linear_network(self):
        """It is the kernel itself, whatever the picture."""
        inputs = keras.Input((4, 4, 1))
        flat = keras.layers.Flatten()(inputs)
        network = keras.Model(inputs, keras.layers.Reshape(())(keras.layers.Dense(1)(flat)))
        kernel = network.trainable_variables[0]
        value = gradient_penalty(network, np.random.default_rng(0).normal(size=(3, 4, 4, 1)).astype(np.float32))
        assert float(value) == pytest.approx(float(np.square(np.asarray(kernel.numpy())).sum()), rel=1e-4)

    @pytest.mark.parametrize("loss", ["minimax", "relativistic"])
    def test_it_flattens_the_discriminator(self, loss):
        real = pictures(8, 16, 3)
        batch = {"pictures": real, "latents": draw_latents(8, 8)}
        norms = []
        for r1 in (0.0, 100.0):
            config = dataclasses.replace(SMALL, discriminator_norm="none")
            gan = build_gan(config, TrainConfig(loss=loss, r1=r1, learning_rate=2e-3))
            for _ in range(15):
                gan.train_on_batch(batch)
            norms.append(float(gradient_penalty(gan.discriminator, real / np.float32(127.5) - 1.0)))
        assert norms[1] < 0.5 * norms[0]


class TestUpdates:
    def weights(self, gan):
        return [
            np.concatenate([np.ravel(np.array(each.numpy())) for each in network.trainable_variables])
            for network in (gan.generator, gan.discriminator)
        ]

    def steps(self, settings, count, batches=None):
        """Return, for each step, whether generator and discriminator were changed."""
        gan = build_gan(SMALL, settings)
        updates = Updates.of(settings)
        batches = batches or TrainingBatches(pictures(8, 16, 3), batch_size=8, latent_dim=8, updates=updates)
        changed, before = [], self.weights(gan)
        for step in range(count):
            gan.train_on_batch(batches[step])
            after = self.weights(gan)
            changed.append(tuple(bool((old != new).any()) for old, new in zip(before, after, strict=True)))
            before = after
        return changed

    def test_twice_the_generator(self):
        changed = self.steps(TrainConfig(generator_steps=2, learning_rate=1e-3), 4)
        assert changed == [(True, True), (True, False), (True, True), (True, False)]

    def test_twice_the_discriminator(self):
        changed = self.steps(TrainConfig(discriminator_steps=2, learning_rate=1e-3), 4)
        assert changed == [(True, True), (False, True), (True, True), (False, True)]
        with pytest.raises(OptionError, match="one of `generator_steps` and `discriminator_steps` to be 1"):
            TrainConfig(discriminator_steps=2, generator_steps=2)

    def test_the_penalty_comes_now_and_then(self):
        """A lazy R1 changes the discriminator's weights in its own steps alone, as strongly as in all together."""
        settings = TrainConfig(r1=10.0, r1_interval=4, batch_size=8)
        updates = Updates.of(settings)
        assert [updates.at(step)["penalty_on"] for step in range(5)] == [True, False, False, False, True]
        assert "penalty_on" not in Updates.of(TrainConfig(r1_interval=4)).at(0)
        config = dataclasses.replace(SMALL, discriminator_norm="none")
        norms = {}
        for interval in (1, 4):
            gan = build_gan(config, dataclasses.replace(settings, r1_interval=interval, learning_rate=2e-3, r1=100.0))
            batches = TrainingBatches(
                pictures(8, 16, 3),
                batch_size=8,
                latent_dim=8,
                updates=Updates.of(dataclasses.replace(settings, r1_interval=interval)),
            )
            for step in range(24):
                gan.train_on_batch(batches[step])
            norms[interval] = float(gradient_penalty(gan.discriminator, batches.pictures / np.float32(127.5) - 1.0))
        assert norms[4] < 3.0 * norms[1] + 1e-3

    def test_first_the_discriminator_alone(self):
        changed = self.steps(TrainConfig(pretrain_steps=2, learning_rate=1e-3), 4)
        assert changed == [(False, True), (False, True), (True, True), (True, True)]

    def test_the_stronger_network_waits(self):
        """At the beginning both losses are those of a coin; a balance of 1 leaves out the smaller one's network."""
        changed = self.steps(TrainConfig(balance=1.0, learning_rate=1e-3, label_smoothing=0.0), 1)
        assert changed == [(False, True)]  # log 2 against 2 log 2
        assert self.steps(TrainConfig(balance=9.0, learning_rate=1e-3), 1) == [(True, True)]

    def test_adam_keeps_its_moments_where_there_is_no_gradient(self):
        variable = keras.Variable([1.0, 2.0])
        adam = SkippingAdam(0.1)
        adam.build([variable])
        adam.apply([keras.ops.convert_to_tensor([1.0, 1.0])])
        kept = [np.array(each.numpy()) for each in (variable, *adam._momentums, *adam._velocities)]
        adam.apply([keras.ops.zeros(2)])
        for each, old in zip((variable, *adam._momentums, *adam._velocities), kept, strict=True):
            np.testing.assert_array_equal(each.numpy(), old)

    def test_a_run_that_goes_on_knows_its_step(self, tmp_path):
        """The flags come with the batch of a step, so that a resumed run has those of an unbroken one."""
        updates = Updates(3, 4)
        first = TrainingBatches(pictures(8, 16, 3), batch_size=4, latent_dim=8, updates=updates)
        later = TrainingBatches(pictures(8, 16, 3), batch_size=4, latent_dim=8, updates=updates, first_step=5)
        for name in ("generator_on", "discriminator_on"):
            np.testing.assert_array_equal(first[7][name], later[2][name])

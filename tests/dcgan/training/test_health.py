"""Each sign shows on a network that is broken in that way, and on no other."""

import dataclasses
import json

import numpy as np
import pytest

from dcgan.config import ModelConfig, TrainConfig
from dcgan.sampling import draw_latents
from dcgan.training.gan import build_gan
from dcgan.training.health import SIGNS, WARM_UP_STEPS, Health
from dcgan.training.probe import Probe, spread
from tests.dcgan.helpers import make_pictures

MODEL = ModelConfig(size=16, filters=4, latent_dim=8)
PICTURES, LATENTS = make_pictures(32), draw_latents(32, 8)


@pytest.fixture
def gan():
    """Return a DCGAN whose samples differ as much as pictures do, and whose discriminator knows nothing."""
    gan = build_gan(MODEL, TrainConfig())
    rng = np.random.default_rng(0)
    for network, scale in ((gan.generator, 0.3), (gan.discriminator, 0.1)):
        for variable in network.trainable_variables:
            if variable.name == "kernel":
                variable.assign(rng.normal(0.0, scale, variable.shape))
    return gan


def shown(gan):
    """Return the names of the signs that show in a network."""
    figures = Probe(gan, PICTURES, LATENTS)()
    return {sign.name for sign in SIGNS if sign.shows(figures)}


def test_a_network_in_order(gan):
    figures = Probe(gan, PICTURES, LATENTS)()
    assert shown(gan) == set()
    assert figures.real_logits.shape == figures.fake_logits.shape == (32,)
    assert all(np.isfinite(value) for value in figures.scalars().values())


def test_a_collapsed_generator(gan):
    gan.generator.get_layer("project").kernel.assign(np.zeros((8, 4 * 4 * 8)))
    gan.generator.get_layer("norm0").beta.assign(np.full(8, 0.5))
    assert "mode collapse" in shown(gan)


def test_a_saturated_output(gan):
    gan.generator.get_layer("up1").bias.assign(np.full(3, 50.0))
    assert "saturated output" in shown(gan)


def test_dead_units(gan):
    gan.generator.get_layer("norm1").beta.assign(np.full(4, -1000.0))
    assert "dead units" in shown(gan)


def test_a_discriminator_that_is_too_strong(gan):
    """One that weighs the mean brightness, which samples of a white picture give away."""
    gan.generator.get_layer("up1").bias.assign(np.full(3, 50.0))
    for network in (gan.discriminator,):
        for variable in network.trainable_variables:
            if variable.name == "kernel":
                variable.assign(np.full(variable.shape, -0.1))
    figures = Probe(gan, PICTURES, LATENTS)()
    strong = dataclasses.replace(figures, real_logits=np.linspace(5, 6, 32), fake_logits=np.linspace(-6, -5, 32))
    assert SIGNS[0].shows(strong)
    assert SIGNS[0].shows(dataclasses.replace(figures, fake_gradient=1e-5))


def test_a_sign_must_show_several_times_and_is_said_once(gan, tmp_path):
    gan.generator.get_layer("norm1").beta.assign(np.full(4, -1000.0))
    figures = Probe(gan, PICTURES, LATENTS)()
    health = Health(tmp_path / "health.jsonl")
    said = [health.look(step, figures) for step in (1, 2, *range(WARM_UP_STEPS, WARM_UP_STEPS + 4))]
    dead = [[line for line in lines if line.startswith("dead units at step")] for lines in said]
    assert [len(lines) for lines in dead] == [0, 0, 0, 1, 0, 0]
    record = json.loads((tmp_path / "health.jsonl").read_text().splitlines()[0])
    assert record["step"] == WARM_UP_STEPS + 1
    assert record["advice"] in said[3][0]


def test_what_was_found_after_the_checkpoint_is_dropped(tmp_path):
    path = tmp_path / "health.jsonl"
    path.write_text(
        '{"step": 3, "sign": "a"}\nbroken\n[1]\n{"step": 9, "sign": "b"}\n{"step": 8, "sign": "divergence"}\n'
    )
    health = Health(path, first_step=5)
    health.note(6, "c", "advice")
    assert [json.loads(line)["sign"] for line in path.read_text().splitlines()] == ["a", "divergence", "c"]


def test_spread_by_hand():
    assert spread(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])) == pytest.approx(10.0 / 3.0)

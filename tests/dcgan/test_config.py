import dataclasses
import re
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan.config import ModelConfig, RunConfig, TrainConfig, doublings, start_size


@pytest.mark.parametrize(
    ("size", "start", "count"),
    [(8, 4, 1), (16, 4, 2), (28, 7, 2), (32, 4, 3), (40, 5, 3), (64, 4, 4), (96, 6, 4), (128, 4, 5), (36, 9, 2)],
)
def test_doubling_rule(size, start, count):
    assert (start_size(size), doublings(size)) == (start, count)


@given(st.integers(8, 1024).filter(lambda size: size % 2 == 0))
def test_doublings_are_the_most_that_leave_a_whole_number_of_at_least_four(size):
    count = doublings(size)
    assert start_size(size) * 2**count == size
    assert start_size(size) >= 4
    assert start_size(size) % 2 == 1 or start_size(size) // 2 < 4


@pytest.mark.parametrize("size", [0, 1, 4, 6, 7, 27, 63, -8])
def test_sizes_that_cannot_be_halved(size):
    with pytest.raises(
        ValueError, match=rf"Expected `size` to be an even number of at least 8\. Received: size={size}"
    ):
        doublings(size)


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (ModelConfig, {"size": 27}, "Expected `size` to be an even number of at least 8. Received: size=27"),
        (ModelConfig, {"size": 10**6}, "Expected `size` from 8 to 1024. Received: size=1000000"),
        (ModelConfig, {"channels": 2}, "Expected `channels` to be 1 or 3. Received: channels=2"),
        (ModelConfig, {"channels": 4}, "Expected `channels` from 1 to 3. Received: channels=4"),
        (ModelConfig, {"latent_dim": 0}, "Expected `latent_dim` from 1 to 4096. Received: latent_dim=0"),
        (ModelConfig, {"filters": 1025}, "Expected `filters` from 1 to 1024. Received: filters=1025"),
        (ModelConfig, {"kernel_size": 1}, "Expected `kernel_size` from 2 to 16. Received: kernel_size=1"),
        (
            ModelConfig,
            {"discriminator_norm": "layer"},
            "Expected `discriminator_norm` to be one of ('batch', 'spectral', 'batch-all', 'none'). Received: "
            "discriminator_norm='layer'",
        ),
        (TrainConfig, {"epochs": 0}, "Expected `epochs` from 1 to 1000000. Received: epochs=0"),
        (TrainConfig, {"batch_size": 1}, "Expected `batch_size` from 2 to 65536. Received: batch_size=1"),
        (TrainConfig, {"learning_rate": 0.0}, "Expected a positive `learning_rate`. Received: learning_rate=0.0"),
        (TrainConfig, {"learning_rate": math.nan}, "Expected a positive `learning_rate`. Received: learning_rate=nan"),
        (TrainConfig, {"learning_rate": math.inf}, "Expected a positive `learning_rate`. Received: learning_rate=inf"),
        (
            TrainConfig,
            {"discriminator_learning_rate": -1.0},
            "Expected a positive `discriminator_learning_rate`. Received: discriminator_learning_rate=-1.0",
        ),
        (TrainConfig, {"beta_1": 1.0}, "Expected `beta_1` in [0, 1). Received: beta_1=1.0"),
        (
            TrainConfig,
            {"label_smoothing": 0.5},
            "Expected `label_smoothing` in [0, 0.5). Received: label_smoothing=0.5",
        ),
        (TrainConfig, {"ema_momentum": 1.0}, "Expected `ema_momentum` in [0, 1). Received: ema_momentum=1.0"),
        (
            TrainConfig,
            {"precision": "float16"},
            "Expected `precision` to be one of ('float32', 'mixed_bfloat16'). Received: precision='float16'",
        ),
        (TrainConfig, {"seed": -1}, "Expected `seed` from 0 to 4294967295. Received: seed=-1"),
        (RunConfig, {"interval_steps": 0}, "Expected `interval_steps` of at least 1. Received: interval_steps=0"),
        (
            RunConfig,
            {"checkpoint_seconds": -1.0},
            "Expected `checkpoint_seconds` of at least 0. Received: checkpoint_seconds=-1.0",
        ),
        (RunConfig, {"sample_steps": 0}, "Expected `sample_steps` of at least 1. Received: sample_steps=0"),
        (RunConfig, {"snapshot_epochs": -1}, "Expected `snapshot_epochs` of at least 0. Received: snapshot_epochs=-1"),
    ],
)
def test_values_out_of_range(build, options, message):
    with pytest.raises(ValueError, match=r"^Expected") as error:
        build(**options)
    assert str(error.value) == message


@pytest.mark.parametrize("value", [64.0, "64", True, None, [64]])
def test_whole_numbers_must_be_ints(value):
    with pytest.raises(TypeError, match="Expected `size` to be a whole number from 8 to 1024"):
        ModelConfig(size=value)


@pytest.mark.parametrize("config", [ModelConfig(), TrainConfig(), RunConfig()])
def test_configurations_are_frozen(config):
    name = dataclasses.fields(config)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, 1)


def test_from_dict_takes_exactly_the_fields():
    values = dataclasses.asdict(ModelConfig(size=16))
    assert ModelConfig.from_dict(values) == ModelConfig(size=16)
    with pytest.raises(ValueError, match="Expected the keys"):
        ModelConfig.from_dict(values | {"depth": 3})
    with pytest.raises(ValueError, match="Expected the keys"):
        ModelConfig.from_dict({"size": 16})
    with pytest.raises(TypeError, match=r"Expected a dict\. Received: list"):
        ModelConfig.from_dict([])


def test_a_configuration_of_an_earlier_version_widens_eight_times():
    earlier = {"size": 64, "channels": 3, "latent_dim": 100, "filters": 64, "kernel_size": 4}
    earlier |= {"discriminator_norm": "batch"}
    assert ModelConfig.from_dict(earlier) == ModelConfig()
    assert ModelConfig().to_dict() == earlier  # so that an earlier version reads it, and a run that it began goes on
    wider = ModelConfig(size=128, widening=16)
    assert ModelConfig.from_dict(wider.to_dict()) == wider
    framed = ModelConfig(margin=0.25, offset_maps=3)
    assert framed.to_dict() == earlier | {"offset_maps": 3, "margin": 0.25}
    assert ModelConfig.from_dict(framed.to_dict()) == framed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"latent": "box"}, "`latent` to be one of ('uniform', 'normal')"),
        ({"upsampling": "bilinear"}, "`upsampling` to be one of ('transposed', 'resize')"),
        ({"activation": "elu"}, "`activation` to be one of ('relu', 'leaky')"),
        ({"output": "linear"}, "`output` to be one of ('tanh', 'sigmoid')"),
        ({"output_bias": None}, "`output_bias` to be one of (True, False)"),
        ({"logits": 3}, "`logits` to be one of (1, 2)"),
        ({"dropout": 1.0}, "`dropout` in [0, 1)"),
        ({"generator_dropout": -0.1}, "`generator_dropout` in [0, 1)"),
        ({"dense": -1}, "`dense` from 0 to 8192"),
    ],
)
def test_choices_of_the_networks(options, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        ModelConfig(**options)


def test_the_choices_are_in_the_file():
    config = ModelConfig(latent="normal", upsampling="resize", output_bias=False, dropout=0.3, dense=5, logits=2)
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert (config.latent_bound, ModelConfig().latent_bound) == (3.0, 1.0)


@pytest.mark.parametrize("margin", [-0.1, 1.5, float("nan")])
def test_a_margin_out_of_range(margin):
    with pytest.raises(ValueError, match="`margin` from 0 to 1"):
        ModelConfig(margin=margin)

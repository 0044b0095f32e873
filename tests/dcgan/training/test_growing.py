import dataclasses

import numpy as np
import pytest

from dcgan.config import ModelConfig
from dcgan.model_file import Prior
from dcgan.networks import build_discriminator, build_generator
from dcgan.training.growing import check_start, copy_weights

SMALL = ModelConfig(size=16, filters=8, latent_dim=8)
LARGE = dataclasses.replace(SMALL, size=32, filters=4)


def weights_of(network):
    return {layer.name: layer.get_weights() for layer in network.layers if layer.get_weights()}


def start_with(config, norm="batch"):
    config = dataclasses.replace(config, discriminator_norm=norm)
    networks = build_generator(config, seed=7), build_discriminator(config, seed=7)
    for network in networks:
        for layer in network.layers:
            layer.set_weights([weights + 1.0 for weights in layer.get_weights()])
    return Prior.of_networks(*networks, config)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_the_inner_levels_are_those_of_the_smaller_model(norm):
    start = start_with(SMALL, norm)
    config = dataclasses.replace(LARGE, discriminator_norm=norm)
    generator, discriminator = build_generator(config), build_discriminator(config)
    new = weights_of(generator), weights_of(discriminator)
    copy_weights(start, generator, discriminator)
    grown, small = (weights_of(generator), weights_of(discriminator)), start
    deep = "spectral_down" if norm == "spectral" else "down"
    same = {"project": "project", "norm0": "norm0", "up0": "up0", "norm1": "norm1"}
    for name, other in same.items():
        for one, two in zip(grown[0][name], weights_of(small.generator)[other], strict=True):
            np.testing.assert_array_equal(one, two)
    logit = "spectral_logit" if norm == "spectral" else "logit"
    for name, other in {f"{deep}2": f"{deep}1", logit: logit}.items():
        for one, two in zip(grown[1][name], weights_of(small.discriminator)[other], strict=True):
            np.testing.assert_array_equal(one, two)
    for network, names in ((0, ("up1", "up2", "norm2")), (1, (f"{deep}0", f"{deep}1"))):
        for name in names:
            for one, two in zip(grown[network][name], new[network][name], strict=True):
                np.testing.assert_array_equal(one, two)


def test_an_equal_model_is_copied_whole():
    start = start_with(SMALL)
    generator, discriminator = build_generator(SMALL), build_discriminator(SMALL)
    copy_weights(start, generator, discriminator)
    for ours, theirs in ((generator, start.generator), (discriminator, start.discriminator)):
        for one, two in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_64_pixels_grow_to_128():
    large = ModelConfig(size=128, filters=32, widening=16)
    assert large.widths == [32, *ModelConfig(size=64, filters=64).widths]
    check_start(ModelConfig(size=64, filters=64), large)
    with pytest.raises(ValueError, match=r"the channels \[64, 128, 256, 256\]\. Received: .* \[64, 128, 256, 512\]"):
        check_start(ModelConfig(size=64, filters=64), dataclasses.replace(large, widening=8))


@pytest.mark.parametrize(
    "change", [{"filters": 8}, {"size": 64}, {"latent_dim": 9}, {"kernel_size": 5}, {"channels": 1}, {"size": 24}]
)
def test_other_models_are_refused(change):
    with pytest.raises(ValueError, match="one of half its size with twice its filters"):
        check_start(SMALL, dataclasses.replace(LARGE, **change))

"""Recipes of trainings that were published, by name: `dcgan-train --recipe NAME`. Pure standard library.

A recipe is the settings of the networks and of the training. Options of the command override it, and the model's file
says which recipe it was. A new recipe is one entry of `RECIPES`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from dcgan.config import ModelConfig, TrainConfig
from dcgan.errors import OptionError

__all__ = ["RECIPES", "Recipe", "find_recipe"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of a published training.

    Attributes
    ----------
    about : str
        What it is, in a line.
    source : str
        Where it was published, and what is different here.
    model, train : dict
        The fields of `ModelConfig` and `TrainConfig` that are not their defaults.
    """

    about: str
    source: str
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    train: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        ModelConfig(**self.model)  # raises where a value is out of range
        TrainConfig(**self.train)


RECIPES: dict[str, Recipe] = {
    "faces-64": Recipe(
        "tight faces of 64 pixels, as the bundled model",
        "this project; MODEL_CARD.md",
        train={"epochs": 21},
    ),
    "faces-128": Recipe(
        "wide faces of 128 pixels, as the bundled model's first training on processors",
        "this project; MODEL_CARD.md. The networks begin with those of a model of 64 pixels (--start-from)",
        model={"size": 128, "filters": 32, "widening": 16, "margin": 0.25, "offset_maps": 4},
        train={"epochs": 20},
    ),
    "amos2016": Recipe(
        "64 pixels, the generator updated twice for each update of the discriminator",
        "Amos 2016, 'Image completion with deep learning in TensorFlow', after Radford et al. 2016",
        model={"kernel_size": 5},
        train={"epochs": 25, "generator_steps": 2, "label_smoothing": 0.0, "ema_momentum": 0.0, "flip": False},
    ),
    "radford2016": Recipe(
        "64 pixels, 1024-512-256-128 feature maps, kernels of 5x5, batches of 128",
        "Radford et al. 2016, arXiv:1511.06434, section 4",
        model={"kernel_size": 5, "filters": 128},
        train={"epochs": 5, "batch_size": 128, "label_smoothing": 0.0, "ema_momentum": 0.0, "flip": False},
    ),
    "softmax-64": Recipe(
        "64 pixels, BatchNorm in every layer of the discriminator, two logits with softmax cross-entropy",
        "a class-based DCGAN tutorial for faces (2019): generator 1024-512-256-128, discriminator 64-128-256-512; here "
        "both have the generator's widths",
        model={"kernel_size": 5, "filters": 128, "discriminator_norm": "batch-all", "logits": 2},
        train={"epochs": 25, "label_smoothing": 0.0, "ema_momentum": 0.0, "flip": False},
    ),
    "mnist-28": Recipe(
        "digits of 28 pixels: no bias and leaky ReLU in the generator, dropout in the discriminator, normal latents",
        "TensorFlow's DCGAN tutorial (2019); here the feature maps are 128-64, at 7 and 14 pixels",
        model={
            "size": 28,
            "channels": 1,
            "kernel_size": 5,
            "latent": "normal",
            "activation": "leaky",
            "output_bias": False,
            "discriminator_norm": "none",
            "dropout": 0.3,
        },
        train={
            "epochs": 60,
            "batch_size": 256,
            "learning_rate": 1e-4,
            "beta_1": 0.9,
            "label_smoothing": 0.0,
            "ema_momentum": 0.0,
            "flip": False,
        },
    ),
    "mnist-28-pretrain": Recipe(
        "digits of 28 pixels: sigmoid and interpolation in the generator, the discriminator first alone for 300 steps",
        "O'Reilly's GAN tutorial (2017): a discriminator of two convolutions of 5x5 and two dense layers of truncated "
        "normal weights; here the convolutions have strides in place of pooling",
        model={
            "size": 28,
            "channels": 1,
            "kernel_size": 5,
            "filters": 32,
            "latent": "normal",
            "upsampling": "resize",
            "output": "sigmoid",
            "discriminator_norm": "none",
            "dense": 1024,
        },
        train={
            "epochs": 50,
            "batch_size": 50,
            "learning_rate": 1e-4,
            "discriminator_learning_rate": 3e-4,
            "beta_1": 0.9,
            "label_smoothing": 0.0,
            "ema_momentum": 0.0,
            "flip": False,
            "pretrain_steps": 300,
            "initializer": "truncated",
        },
    ),
    "mnist-28-balanced": Recipe(
        "digits of 28 pixels: dropout and weight decay in both networks, the stronger one is not updated",
        "an MNIST and LFW DCGAN tutorial (2017)",
        model={
            "size": 28,
            "channels": 1,
            "kernel_size": 5,
            "discriminator_norm": "none",
            "dropout": 0.3,
            "generator_dropout": 0.3,
            "dense": 128,
        },
        train={"epochs": 50, "label_smoothing": 0.0, "flip": False, "balance": 2.0, "weight_decay": 1e-4},
    ),
    "lfw-40": Recipe(
        "faces of 40 pixels in colour, otherwise as mnist-28-balanced with more filters",
        "the same tutorial (2017)",
        model={
            "size": 40,
            "kernel_size": 5,
            "discriminator_norm": "none",
            "filters": 128,
            "dropout": 0.3,
            "generator_dropout": 0.3,
            "dense": 256,
        },
        train={"epochs": 50, "label_smoothing": 0.0, "balance": 2.0, "weight_decay": 1e-4},
    ),
}


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name.

    Raises
    ------
    OptionError
        There is none of this name.
    """
    if name not in RECIPES:
        raise OptionError(f"Expected a recipe of {', '.join(RECIPES)}. Received: {name}")
    return RECIPES[name]

"""Pictures, settings and files of these tests."""

import contextlib
import importlib.util

import numpy as np
import pytest

from dcgan.config import ModelConfig, RunConfig, TrainConfig
from dcgan.pictures.records import write_whole

TOY = ModelConfig(size=16, filters=4, latent_dim=8)
SETTINGS = TrainConfig(epochs=4, batch_size=8, ema_momentum=0.9)
RUN = RunConfig(interval_steps=3, checkpoint_seconds=0, sample_steps=10)

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")


def make_pictures(count, *, size=16, channels=3, seed=0):
    """Return pictures with a bright disc on a dark ground, (N, size, size, channels) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    centers = rng.uniform(0.3, 0.7, (count, 2, 1, 1))
    discs = np.hypot(y - centers[:, 0], x - centers[:, 1])[..., None] < 0.25  # (N, size, size, 1)
    colors = rng.uniform(150, 250, (count, 1, 1, channels))
    noise = rng.uniform(0, 40, (count, size, size, channels))
    return np.where(discs, colors, noise).astype(np.uint8)


def cached(pictures):
    """Return pictures as a decoded training set."""
    from dcgan.training.dataset import CachedPictures

    return CachedPictures(pictures, "key", [])


def one_line(error):
    """Return an error's message after checking that it is a single line."""
    message = str(error.value if hasattr(error, "value") else error)
    assert message
    assert "\n" not in message
    return message


def leave_behind(path):
    """Do as a run that is killed while it writes a file, and return its temporary file."""
    before = set(path.parent.iterdir())
    with contextlib.suppress(KeyboardInterrupt), write_whole(path):
        (leftover,) = set(path.parent.iterdir()) - before
        kept = leftover.rename(leftover.with_suffix(".kept"))
        raise KeyboardInterrupt
    return kept.rename(leftover)

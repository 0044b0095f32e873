"""Observations and latents for the tests of the search."""

import numpy as np

from completion.search.observation import Observations, observe
from dcgan.faces.placement import Placement
from tests.completion.helpers import SIZE, center_hole, make_picture


def draw_latents(count, *, seed=0, latent_dim=8):
    return np.random.default_rng(seed).uniform(-1, 1, (count, latent_dim)).astype(np.float32)


def observe_all(count, *, mask=None, blocks=0):
    """Return an observation of each of `count` pictures."""
    mask, placement = center_hole() if mask is None else mask, Placement.whole((SIZE, SIZE), SIZE)
    return [observe(make_picture(seed=seed), mask, placement, blocks=blocks) for seed in range(count)]


def generated_observations(search, count, *, seed=0, mask=None):
    """Return observations of pictures that the generator can make."""
    known = (~center_hole() if mask is None else ~mask).astype(np.float32)
    targets = search.generate(draw_latents(count, seed=1000 + seed))
    return Observations(targets, np.repeat(known[None], count, axis=0))


def generated_block_means(search, count, *, blocks=4):
    """Return observations of the block means of pictures that the generator can make."""
    targets = search.generate(draw_latents(count, seed=1000))
    part = SIZE // blocks
    means = targets.reshape(count, blocks, part, blocks, part, -1).mean(axis=(2, 4))
    spread = means.repeat(part, axis=1).repeat(part, axis=2)
    return Observations(spread, np.zeros((count, SIZE, SIZE), np.float32), blocks)

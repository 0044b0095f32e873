"""Batches that scripts/train_on_gpu.py makes with JAX, which the extra of no command needs: skipped without it."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="scripts/device_batches.py runs on JAX")
from tests.scripts import imported

SIZE = 32


@pytest.fixture(scope="module")
def batches():
    with imported("device_batches") as module:
        yield module


@pytest.fixture(scope="module")
def store(batches):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (12, SIZE, SIZE, 3), np.uint8)
    masks = np.zeros((2, SIZE, SIZE), bool)
    masks[:, 8:20, 8:20] = True
    tight = np.arange(12) >= 8
    return batches.Store(*(jax.numpy.asarray(each) for each in (pictures, tight, masks)), jax.numpy.int32(12))


def batch_of(batches, store, **shares):
    shares = batches.Shares(**({"moved": 0.0, "framed": 0.0, "worn": 0.0, "blocks": 0.0} | shares))
    made = batches.damaged_batch(jax.random.key(3), store, size=64, tight_side=2 / 3, shares=shares)
    return {name: np.asarray(values) for name, values in made.items()}


@pytest.mark.exhaustive
def test_pictures_without_variety_are_those_of_the_store(batches, store):
    batch = batch_of(batches, store)
    known = np.asarray(store.pictures)
    both = np.concatenate([known, known[:, :, ::-1]])
    wide = batch["inside"].all(axis=(1, 2, 3))
    assert 0 < wide.sum() < len(wide)
    for picture in batch["pictures"][wide]:
        assert (both == picture).all(axis=(1, 2, 3)).any()
    assert (batch["seen"] == batch["pictures"]).all()
    assert (batch["known"][wide, 8:20, 8:20] == 0).all()
    assert batch["known"][wide].sum() == wide.sum() * (SIZE**2 - 144)


@pytest.mark.exhaustive
def test_tight_pictures_lie_in_the_middle(batches, store):
    batch = batch_of(batches, store)
    tight = ~batch["inside"].all(axis=(1, 2, 3))
    sides = np.sqrt(batch["inside"][tight].sum(axis=(1, 2, 3)))
    assert np.abs(sides - SIZE * 2 / 3).max() <= 1
    assert not (batch["known"] > batch["inside"]).any()


def test_worn_pictures_differ_in_what_is_seen(batches, store):
    batch = batch_of(batches, store, worn=1.0)
    differs = (batch["seen"] != batch["pictures"]).any(axis=(1, 2, 3))
    assert 0.3 < differs.mean() < 0.9  # noise in 40%, JPEG in 35%


def test_block_means(batches, store):
    batch = batch_of(batches, store, blocks=1.0)
    coarse = batch["means"].any(axis=(1, 2, 3))
    assert coarse.any()
    assert not batch["known"][coarse].any()
    means = (batch["means"][coarse][0] + 1) * 127.5
    assert abs(means.mean() - batch["pictures"][coarse][0].mean()) < 0.1


def test_generators_see_wide_pictures(batches, store):
    batch = batches.plain_batch(jax.random.key(0), store, size=64, latent_dim=5)
    known = np.asarray(store.pictures)[:8]
    both = np.concatenate([known, known[:, :, ::-1]])
    for picture in np.asarray(batch["pictures"]):
        assert (both == picture).all(axis=(1, 2, 3)).any()
    assert batch["latents"].shape == (64, 5)

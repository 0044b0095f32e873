"""Batches for a GPU, made there: pictures, masks and the look of old photographs, in JAX.

What `completion.encoder.data.DamagedBatches` makes on the CPU is drawn here, from the same distributions, where the
networks are, so that a GPU does not wait for batches. The pictures lie in the GPU's memory; the masks are a bank that
`completion.encoder.masks` has drawn beforehand.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from completion.encoder.variety import LUMINANCE, SHIFT_MAX, STRIP_MAX, TURN_MAX, ZOOM_MAX

__all__ = ["Shares", "Store", "damaged_batch", "plain_batch"]

Array = Any

BLUR_RADIUS = 5  # pixels; sigma is at most 1.6
BLOCKS = (4, 8, 16)
LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)  # JPEG's example quantization, ITU-T T.81 (1992), table K.1
CHROMA_TABLE = np.full((8, 8), 99.0, np.float32)  # table K.2
CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)


@dataclasses.dataclass(frozen=True)
class Shares:
    """To what share of the pictures something is done, each in [0, 1]; see `EncoderTrainConfig`."""

    moved: float = 0.6
    framed: float = 0.25
    worn: float = 0.35
    blocks: float = 0.04


@dataclasses.dataclass(frozen=True)
class Store:
    """What batches are drawn from, in the device's memory.

    Attributes
    ----------
    pictures : uint8 array (N, S, S, 3)
    tight : bool array (N,)
        Whether a picture shows the tight square of the frame alone.
    masks : bool array (M, S, S)
        True = missing.
    count : int32 array ()
        Rows of `pictures` that are filled.
    """

    pictures: Array
    tight: Array
    masks: Array
    count: Array


jax.tree_util.register_dataclass(Store, ["pictures", "tight", "masks", "count"], [])


def plain_batch(key: Array, store: Store, *, size: int, latent_dim: int) -> dict[str, Array]:
    """Return `size` wide pictures, half of them mirrored, and latents z, as `dcgan.training.gan.DCGAN` takes them."""
    keys = jax.random.split(key, 4)
    candidates = jax.random.randint(keys[0], (2, size), 0, store.count)
    rows = jnp.where(store.tight[candidates[0]], candidates[1], candidates[0])
    spare = jax.random.randint(keys[3], (16, size), 0, store.count)
    for row in spare:  # tight pictures are drawn again; after 17 draws, one of a million is left
        rows = jnp.where(store.tight[rows], row, rows)
    pictures = _mirrored(keys[1], store.pictures[rows])
    return {"pictures": pictures, "latents": jax.random.uniform(keys[2], (size, latent_dim), minval=-1.0, maxval=1.0)}


def damaged_batch(key: Array, store: Store, *, size: int, tight_side: float, shares: Shares) -> dict[str, Array]:
    """Return a batch as `completion.encoder.data.DamagedBatches` describes it.

    Parameters
    ----------
    key : JAX key
    store : Store
    size : int
        Pictures in the batch.
    tight_side : float
        Side of the tight square as a share of the frame's.
    shares : Shares

    Returns
    -------
    dict of str to array
        "pictures", "seen", "known", "inside" and "means".
    """
    keys = iter(jax.random.split(key, 12))
    rows = jax.random.randint(next(keys), (size,), 0, store.count)
    pictures = _mirrored(next(keys), store.pictures[rows]).astype(jnp.float32)
    is_tight = store.tight[rows]
    coarse = jax.random.bernoulli(next(keys), shares.blocks, (size,)) & ~is_tight  # only block means are known
    moved, framed, worn = (
        jax.random.bernoulli(next(keys), share, (size,)) & ~coarse
        for share in (shares.moved, shares.framed, shares.worn)
    )
    pictures, inside = _misplaced(next(keys), pictures, moved, jnp.where(is_tight, tight_side, 1.0))
    inside &= ~(framed & ~is_tight)[:, None, None] | _framed(next(keys), size, pictures.shape[1], tight_side)
    truth, seen = _worn(next(keys), pictures)
    truth, seen = (jnp.where(worn[:, None, None, None], new, pictures) for new in (truth, seen))
    masks = store.masks[jax.random.randint(next(keys), (size,), 0, store.masks.shape[0])]
    known = inside & ~masks & ~coarse[:, None, None]
    means = _block_means(next(keys), truth) / 127.5 - 1.0
    return {
        "pictures": jnp.clip(jnp.round(truth), 0, 255).astype(jnp.uint8),
        "seen": jnp.clip(jnp.round(seen), 0, 255).astype(jnp.uint8),
        "known": known[..., None].astype(jnp.uint8),
        "inside": inside[..., None].astype(jnp.uint8),
        "means": jnp.where(coarse[:, None, None, None], means, 0.0),
    }


def _mirrored(key: Array, pictures: Array) -> Array:
    """Mirror half of the pictures."""
    return jnp.where(jax.random.bernoulli(key, 0.5, (len(pictures), 1, 1, 1)), pictures[:, :, ::-1], pictures)


def _misplaced(key: Array, pictures: Array, moved: Array, scale: Array) -> tuple[Array, Array]:
    """Return pictures, moved, turned and zoomed where `moved`, and where they do not lie beyond their edge."""
    count, size = pictures.shape[:2]
    first, second, third = jax.random.split(key, 3)
    zoom = jnp.exp(jax.random.uniform(first, (count,), minval=-1.0, maxval=1.0) * math.log(ZOOM_MAX))
    turn = jnp.radians(jax.random.uniform(second, (count,), minval=-TURN_MAX, maxval=TURN_MAX))
    shift = jax.random.uniform(third, (count, 2), minval=-SHIFT_MAX, maxval=SHIFT_MAX) * size
    scale = scale * jnp.where(moved, zoom, 1.0)
    turn, shift = jnp.where(moved, turn, 0.0), jnp.where(moved[:, None], shift, 0.0)
    middle = (size - 1) / 2.0
    y, x = jnp.meshgrid(jnp.arange(size) - middle, jnp.arange(size) - middle, indexing="ij")
    x, y = x[None] - shift[:, 0, None, None], y[None] - shift[:, 1, None, None]
    cos, sin = (part[:, None, None] for part in (jnp.cos(turn) / scale, jnp.sin(turn) / scale))
    from_x, from_y = cos * x - sin * y + middle, sin * x + cos * y + middle  # where each pixel comes from
    inside = (jnp.abs(from_x - middle) <= middle + 0.5) & (jnp.abs(from_y - middle) <= middle + 0.5)
    left, top = jnp.floor(from_x), jnp.floor(from_y)
    flat = pictures.reshape(count, size * size, 3)

    def at(row: Array, column: Array) -> Array:
        index = jnp.clip(row, 0, size - 1).astype(jnp.int32) * size + jnp.clip(column, 0, size - 1).astype(jnp.int32)
        return jnp.take_along_axis(flat, index.reshape(count, -1, 1), axis=1).reshape(pictures.shape)

    right, down = (from_x - left)[..., None], (from_y - top)[..., None]
    upper = at(top, left) * (1.0 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1.0 - right) + at(top + 1, left + 1) * right
    return upper * (1.0 - down) + lower * down, inside


def _framed(key: Array, count: int, size: int, tight_side: float) -> Array:
    """Return, for each picture, the tight square, or what lies on one side of a photograph's border: bool (B, S, S)."""
    first, second, third = jax.random.split(key, 3)
    middle = (size - 1) / 2.0
    y, x = jnp.meshgrid(jnp.arange(size) - middle, jnp.arange(size) - middle, indexing="ij")
    square = jnp.maximum(jnp.abs(x), jnp.abs(y)) < tight_side * size / 2.0
    sides = jnp.stack([x, y, -x, -y]) + middle  # distances to the four edges
    side = sides[jax.random.randint(first, (count,), 0, 4)]
    strip = side >= jax.random.uniform(second, (count, 1, 1), minval=0.05, maxval=STRIP_MAX) * size
    is_square = jax.random.bernoulli(third, 0.6 if tight_side < 1.0 else 0.0, (count, 1, 1))
    return jnp.where(is_square, square[None], strip)


def _worn(key: Array, pictures: Array) -> tuple[Array, Array]:
    """Return truth and what is seen of it, float32 (B, S, S, 3); see `completion.encoder.variety.wear`."""
    count = len(pictures)
    keys = iter(jax.random.split(key, 24))

    def chance(share: float) -> Array:
        return jax.random.bernoulli(next(keys), share, (count, 1, 1, 1))

    def uniform(low: float, high: float, *, channels: int = 1) -> Array:
        return jax.random.uniform(next(keys), (count, 1, 1, channels), minval=low, maxval=high)

    grey = (pictures @ LUMINANCE)[..., None] / 255.0
    strength = uniform(0.1, 0.6)
    powers = jnp.concatenate([1.0 - 0.6 * strength, jnp.ones_like(strength), 1.0 + strength], axis=3)
    order = jnp.argsort(uniform(0.0, 1.0, channels=3), axis=3)
    powers = jnp.where(chance(0.2), jnp.take_along_axis(powers, order, axis=3), powers)
    powers = jnp.where(chance(0.5), 1.0, powers)  # grey
    values = jnp.where(chance(0.45), 255.0 * jnp.maximum(grey, 1e-6) ** powers, pictures)
    low, high = uniform(0.0, 70.0), uniform(170.0, 255.0)
    faded = (low + values * ((high - low) / 255.0)) * uniform(0.92, 1.0, channels=3)
    values = jnp.where(chance(0.35), faded, values)
    values = jnp.where(chance(0.3), _blurred(values, uniform(0.4, 1.6)), values)
    truth = jnp.clip(jnp.round(values), 0.0, 255.0)

    noise = jax.random.normal(next(keys), pictures.shape)
    noise = jnp.where(chance(0.5), noise[..., :1], noise)
    noise = jnp.where(chance(0.5), _blurred(noise, uniform(0.4, 1.0)), noise)
    noise *= uniform(2.0, 20.0) / jnp.maximum(jnp.std(noise, axis=(1, 2, 3), keepdims=True), 1e-6)
    seen = jnp.clip(jnp.round(jnp.where(chance(0.4), truth + noise, truth)), 0.0, 255.0)
    return truth, jnp.where(chance(0.35), _compressed(seen, jnp.floor(uniform(15.0, 75.0))), seen)


def _blurred(values: Array, sigma: Array) -> Array:
    """Return pictures blurred by Gaussians of their own width, `sigma`, (B, 1, 1, 1)."""
    offsets = jnp.arange(-BLUR_RADIUS, BLUR_RADIUS + 1)
    weights = jnp.exp(-0.5 * (offsets / sigma) ** 2)  # (B, 1, 1, 2 * BLUR_RADIUS + 1)
    weights /= weights.sum(axis=3, keepdims=True)
    for axis in (1, 2):
        size = values.shape[axis]
        widths = [(BLUR_RADIUS, BLUR_RADIUS) if each == axis else (0, 0) for each in range(4)]
        padded = jnp.pad(values, widths, mode="reflect")
        parts = [jax.lax.slice_in_dim(padded, start, start + size, axis=axis) for start in range(2 * BLUR_RADIUS + 1)]
        values = sum(weights[..., index : index + 1] * part for index, part in enumerate(parts))
    return values


def _compressed(pictures: Array, quality: Array) -> Array:
    """Return pictures as JPEG gives them back, with halved chroma; `quality`, (B, 1, 1, 1), as libjpeg counts it."""
    scale = jnp.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality)
    index = np.arange(8)
    basis = np.cos((2 * index[None] + 1) * index[:, None] * np.pi / 16.0).astype(np.float32) / 2.0
    basis[0] /= np.sqrt(2.0).astype(np.float32)  # rows are the DCT's orthonormal functions

    def through(plane: Array, table: np.ndarray) -> Array:
        count, size = plane.shape[:2]
        steps = jnp.clip(jnp.floor((table * scale + 50.0) / 100.0), 1.0, 255.0)[:, :, :, None].reshape(
            count, 1, 8, 1, 8
        )
        blocks = plane.reshape(count, size // 8, 8, size // 8, 8)
        turned = jnp.einsum("ui,bricj,vj->brucv", basis, blocks, basis)
        kept = jnp.round(turned / steps) * steps
        return jnp.einsum("ui,brucv,vj->bricj", basis, kept, basis).reshape(count, size, size)

    ycc = pictures @ TO_YCC.T
    luma = through(ycc[..., 0] - 128.0, LUMA_TABLE) + 128.0
    count, size = pictures.shape[:2]
    halves = ycc[..., 1:].reshape(count, size // 2, 2, size // 2, 2, 2).mean(axis=(2, 4))
    chroma = jnp.stack([through(halves[..., channel], CHROMA_TABLE) for channel in range(2)], axis=3)
    chroma = jax.image.resize(chroma, (count, size, size, 2), "bilinear")
    back = jnp.concatenate([luma[..., None], chroma], axis=3) @ np.linalg.inv(TO_YCC).T.astype(np.float32)
    return jnp.clip(jnp.round(back), 0.0, 255.0)


def _block_means(key: Array, pictures: Array) -> Array:
    """Return the means of 4x4, 8x8 or 16x16 equal parts, at random, each spread over its part."""
    count, size = pictures.shape[:2]
    chosen = jax.random.randint(key, (count, 1, 1, 1), 0, len(BLOCKS))
    result = pictures
    for index, blocks in enumerate(BLOCKS):
        part = size // blocks
        means = pictures.reshape(count, blocks, part, blocks, part, 3).mean(axis=(2, 4))
        result = jnp.where(chosen == index, means.repeat(part, axis=1).repeat(part, axis=2), result)
    return result

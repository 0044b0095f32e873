"""What the encoder sees of a damaged picture, in Keras operations: for training.

`completion.search.encoder_input` has the same in NumPy, for completion; a test compares them.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from typing import Any

from keras import ops

__all__ = ["encoder_input", "push_pull"]

Tensor = Any


def encoder_input(pictures: Tensor, known: Tensor, means: Tensor) -> Tensor:
    """Return the encoder's input: each picture with its holes filled, and how much of each pixel is known.

    Parameters
    ----------
    pictures : (B, H, W, C) float32 in [-1, 1]; anything where nothing is known
    known : (B, H, W, 1) float32 in [0, 1], the known share of each pixel
    means : (B, H, W, C) float32 in [-1, 1], see `spread_block_means`, where no more is known of a picture; else 0

    Returns
    -------
    (B, H, W, C + 1) float32
        Known pixels are the picture's own; the holes are those of `push_pull`, or the block means.
    """
    visible = ops.cast(known > 0.0, "float32")
    seen = pictures * visible
    return ops.concatenate([seen + (1.0 - visible) * (push_pull(seen, known) + means), known], axis=3)


def push_pull(pictures: Tensor, known: Tensor) -> Tensor:
    """Fill holes with what a pyramid of ever coarser means knows there: smooth, and cheap enough for every batch.

    Source: Gortler et al. 1996, "The Lumigraph", section 3.4.

    Parameters
    ----------
    pictures : (B, H, W, C) float32, 0 where nothing is known
    known : (B, H, W, 1) float32 in [0, 1]

    Returns
    -------
    (B, H, W, C) float32
        0 where nothing is known of the whole picture.
    """
    height, width = pictures.shape[1:3]
    if max(height, width) == 1:
        return pictures * ops.cast(known > 0.0, "float32")
    weighed, share = (
        ops.average_pool(part, 2, strides=2, padding="same") for part in (pictures * known, known)
    )  # "pull"
    coarse = push_pull(weighed / ops.maximum(share, 1e-6), ops.minimum(4.0 * share, 1.0))
    filled = ops.image.resize(coarse, (height, width), interpolation="bilinear", data_format="channels_last")  # "push"
    return pictures * known + filled * (1.0 - known)

"""What the solvers share that fill a hole from the known pixels around it: checks, the hole's window, the filling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Window", "check_mask", "check_pictures", "fill_hole", "hole_window"]

Window = tuple[slice, slice]


def check_mask(mask: NDArray[np.bool_]) -> None:
    """Raise ValueError unless `mask` is a bool array (H, W)."""
    if mask.ndim != 2:
        raise ValueError(f"Expected `mask` of shape (H, W). Received: {mask.shape}.")
    if mask.dtype != np.bool_:
        raise ValueError(f"Expected `mask` of dtype bool. Received: {mask.dtype}.")


def check_pictures(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask_shape: tuple[int, ...]
) -> None:
    """Raise ValueError unless both are float arrays (H, W, C) or (B, H, W, C), alike, and of the mask's size."""
    for name, array in (("generated", generated), ("original", original)):
        if array.ndim not in (3, 4):
            raise ValueError(f"Expected `{name}` of shape (H, W, C) or (B, H, W, C). Received: {array.shape}.")
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"Expected `{name}` of a floating-point dtype. Received: {array.dtype}.")
    if generated.shape != original.shape:
        raise ValueError(f"Expected `generated` of `original`'s shape {original.shape}. Received: {generated.shape}.")
    if original.shape[-3:-1] != mask_shape:
        raise ValueError(f"Expected `mask` of shape {original.shape[-3:-1]}. Received: {mask_shape}.")


def hole_window(mask: NDArray[np.bool_], *, reach: int = 1) -> Window:
    """Return the hole's bounding box and `reach` rings of pixels around it, as far as the picture has them."""
    bounds = []
    for axis in (0, 1):
        used = np.flatnonzero(mask.any(axis=1 - axis))
        start, stop = (int(used[0]) - reach, int(used[-1]) + 1 + reach) if used.size else (0, 0)
        bounds.append(slice(max(start, 0), min(stop, mask.shape[axis])))
    return bounds[0], bounds[1]


def fill_hole(
    generated: NDArray[np.floating],
    original: NDArray[np.floating],
    *,
    window: Window,
    hole: NDArray[np.bool_],
    ring: NDArray[np.bool_],
    solve: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.floating]:
    """Return a copy of `original` whose hole holds `generated` plus what continues original - generated into it.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
    window : of the hole in the picture
    hole, ring : bool array (window's height, window's width)
        The N missing pixels, and the K known ones that decide them; none where nothing is known.
    solve : called with the ring's residual original - generated of one picture, (K, C)
        Returns the hole's, (N, C).

    Returns
    -------
    float array of the same shape and of `original`'s dtype
    """
    result = original.copy()
    if not hole.any():
        return result
    batches = [array if array.ndim == 4 else array[np.newaxis] for array in (generated, original, result)]
    # One at a time, so that a picture's bytes do not depend on its neighbours in the batch.
    for new, old, out in zip(*(batch[:, *window] for batch in batches), strict=True):
        pixels = new[hole]  # (N, C)
        if ring.any():
            pixels = pixels + solve(old[ring].astype(np.float64) - new[ring])
        out[hole] = pixels
    return result

"""Shared parts of the blending methods: argument checks, the window around a hole, filling a hole from its ring."""

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
        raise TypeError(f"Expected `mask` of dtype bool. Received: {mask.dtype}.")


def check_pictures(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask_shape: tuple[int, ...]
) -> None:
    """Raise ValueError unless both are float arrays of one shape, (H, W, C) or (B, H, W, C), and of the mask's size."""
    for name, array in (("generated", generated), ("original", original)):
        if array.ndim not in (3, 4):
            raise ValueError(f"Expected `{name}` of shape (H, W, C) or (B, H, W, C). Received: {array.shape}.")
        if not np.issubdtype(array.dtype, np.floating):
            raise TypeError(f"Expected `{name}` of a floating-point dtype. Received: {array.dtype}.")
    if generated.shape != original.shape:
        raise ValueError(f"Expected `generated` of `original`'s shape {original.shape}. Received: {generated.shape}.")
    if original.shape[-3:-1] != mask_shape:
        raise ValueError(f"Expected `mask` of shape {original.shape[-3:-1]}. Received: {mask_shape}.")


def hole_window(mask: NDArray[np.bool_], *, reach: int = 1) -> Window:
    """Return the slices of the hole's bounding box with a margin of `reach` pixels, clipped to the picture.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.
    reach : int, default 1
        Width of the margin in pixels.

    Returns
    -------
    tuple of (slice, slice)
        Rows and columns; both empty if the mask is.
    """
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
    """Return a copy of `original` with `generated` plus the interpolated residual original - generated in the hole.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, the same for both.
    window : tuple of (slice, slice)
        Rows and columns of the picture that contain the hole and its ring.
    hole : bool array (h, w)
        The N missing pixels of the window.
    ring : bool array (h, w)
        The K known pixels of the window that the interpolation reads; none if no pixel of the picture is known.
    solve : callable
        Called with the residual of one picture on the ring, (K, C); returns the residual in the hole, (N, C).

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        Known pixels are copies of the original's.
    """
    result = original.copy()
    if not hole.any():
        return result
    batches = [array if array.ndim == 4 else array[np.newaxis] for array in (generated, original, result)]
    # One picture at a time: its result must not depend on the rest of the batch, bit for bit.
    for new, old, out in zip(*(batch[:, *window] for batch in batches), strict=True):
        pixels = new[hole]  # (N, C)
        if ring.any():
            pixels = pixels + solve(old[ring].astype(np.float64) - new[ring])
        out[hole] = pixels
    return result

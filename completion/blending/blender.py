"""Blending: put the generated region into the photograph so that no seam shows.

Only missing pixels change, whatever the method: known pixels are copied, so what hides the seam happens inside the
hole. Pictures are float, in any range; a mask is bool, True = missing.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from completion.blending.biharmonic import BiharmonicSolver, biharmonic_blend
from completion.blending.geometry import GeometrySolver, geometry_blend
from completion.blending.holes import check_mask, check_pictures, hole_window
from completion.blending.poisson import PoissonSolver, poisson_blend

__all__ = ["BLENDERS", "Blender", "biharmonic_blend", "feather_blend", "geometry_blend", "paste", "poisson_blend"]

Solver = PoissonSolver | BiharmonicSolver | GeometrySolver

#: The cross-fade's default width is this part of the picture's shorter side, and at least `FEATHER_MIN_PX`.
FEATHER_FRACTION = 1 / 16
FEATHER_MIN_PX = 2.0

#: What a `Blender` keeps: solvers, and missing pixels in all of them. That is less than 1 GB, see the solvers' notes.
MAX_SOLVERS = 8
MAX_UNKNOWNS = 1_000_000


def paste(
    generated: NDArray[np.floating], original: NDArray[np.floating], mask: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture as it is.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
    """
    check_mask(mask)
    check_pictures(generated, original, mask.shape)
    return np.where(mask[..., np.newaxis], generated.astype(original.dtype, copy=False), original)


def feather_blend(
    generated: NDArray[np.floating],
    original: NDArray[np.floating],
    mask: NDArray[np.bool_],
    *,
    width_px: float | None = None,
) -> NDArray[np.floating]:
    """Fill the hole with the generated picture, and fade it to the known pixels along the hole's border.

    A missing pixel at the distance d from the nearest known one is given the generated value and the share
    w(d) = (1 + cos(pi min(d / width, 1))) / 2 of the difference between original and generated at that known pixel.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
    mask : bool array (H, W)
        True = missing; shared by all pictures.
    width_px : float, optional
        How far the fade reaches into the hole, in pixels. By default `FEATHER_FRACTION` of the picture's shorter side,
        at least `FEATHER_MIN_PX`.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        Where nothing is known the generated picture is returned.
    """
    result = paste(generated, original, mask)
    width = max(FEATHER_FRACTION * min(mask.shape), FEATHER_MIN_PX) if width_px is None else width_px
    if not width > 0:
        raise ValueError(f"Expected `width_px` above 0. Received: {width_px}.")
    if mask.all() or not mask.any():
        return result
    rows, columns = hole_window(mask)  # the nearest known pixel is never outside
    distance, (ys, xs) = ndimage.distance_transform_edt(mask[rows, columns], return_indices=True)
    near = (distance > 0) & (distance < width)
    nearest = (..., ys[near] + rows.start, xs[near] + columns.start, slice(None))
    weight = 0.5 + 0.5 * np.cos(np.pi / width * distance[near])
    window = result[..., rows, columns, :]
    window[..., near, :] += weight[:, np.newaxis] * (original[nearest].astype(np.float64) - generated[nearest])
    return result


#: The blending methods, for the command line and for `Blender`. Each is called as f(generated, original, mask).
BLENDERS: dict[str, Callable[..., NDArray[np.floating]]] = {
    "auto": geometry_blend,
    "poisson": poisson_blend,
    "biharmonic": biharmonic_blend,
    "feather": feather_blend,
    "none": paste,
}


class Blender:
    """Blend batches in which each picture has its own mask, and remember what masks that come again have cost.

    A picture's result does not depend on the other pictures of its batch, to the last bit.

    Parameters
    ----------
    method : str
        A name in `BLENDERS`.
    max_solvers : int
        Number of masks whose solver is kept, the latest used ones.
    max_unknowns : int
        Number of missing pixels, summed over the masks, up to which solvers are kept. The latest one is kept however
        large it is, so that one mask for a folder of large photographs is prepared once.

    Raises
    ------
    ValueError
        The method is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> masks = np.zeros((2, 8, 8), bool)
    >>> masks[0, 2:6, 2:6] = masks[1, :, :4] = True
    >>> original = np.full((2, 8, 8, 3), 0.5, np.float32)
    >>> generated = original - 0.25  # right but for its brightness
    >>> result = Blender("poisson")(generated, original, masks)
    >>> bool(np.allclose(result, original))
    True
    """

    def __init__(
        self, method: str = "auto", *, max_solvers: int = MAX_SOLVERS, max_unknowns: int = MAX_UNKNOWNS
    ) -> None:
        if method not in BLENDERS:
            raise ValueError(f"Expected `method` to be one of {', '.join(BLENDERS)}. Received: {method!r}.")
        if max_solvers < 1:
            raise ValueError(f"Expected `max_solvers` of at least 1. Received: {max_solvers}.")
        self.method = method
        self._max_solvers = max_solvers
        self._max_unknowns = max_unknowns
        self._solvers: OrderedDict[bytes, Solver] = OrderedDict()  # the latest used one comes last

    def __call__(
        self,
        generated: NDArray[np.floating],
        original: NDArray[np.floating],
        masks: NDArray[np.bool_],
        *,
        side_px: int | None = None,
    ) -> NDArray[np.floating]:
        """Fill the hole of each picture.

        Parameters
        ----------
        generated, original : float array (B, H, W, C)
            Pictures in any range, both in the same one.
        masks : bool array (B, H, W)
            True = missing.
        side_px : int, optional
            The longer side of the pictures, where the arrays are windows cut out of them with two pixels around the
            holes; "auto" measures holes by it. By default the arrays' own.

        Returns
        -------
        float array (B, H, W, C) of `original`'s dtype
            Known pixels are copies of the original's. The others may leave the range of the pictures.
        """
        if original.ndim != 4:
            raise ValueError(f"Expected `original` of shape (B, H, W, C). Received: {original.shape}.")
        if masks.shape != original.shape[:3]:
            raise ValueError(f"Expected `masks` of shape {original.shape[:3]}. Received: {masks.shape}.")
        if masks.dtype != np.bool_:
            raise ValueError(f"Expected `masks` of dtype bool. Received: {masks.dtype}.")
        check_pictures(generated, original, masks.shape[1:])

        sharing: dict[bytes, list[int]] = {}
        for i, mask in enumerate(masks):
            sharing.setdefault(_mask_key(mask), []).append(i)
        result = np.empty_like(original)
        for key, members in sharing.items():
            mask = masks[members[0]]
            if self.method in ("feather", "none"):
                result[members] = BLENDERS[self.method](generated[members], original[members], mask)
            else:
                solver = self._solver(mask, key, side_px=side_px or max(mask.shape))
                result[members] = solver.blend(generated[members], original[members])
        return result

    def _solver(self, mask: NDArray[np.bool_], key: bytes, *, side_px: int) -> Solver:
        """Return the mask's solver, a kept one where there is one."""
        if self.method == "auto":
            key += side_px.to_bytes(8, "big")
        if key in self._solvers:
            self._solvers.move_to_end(key)
            return self._solvers[key]
        unknowns = int(np.count_nonzero(mask))
        # Make room first: preparing a large solver takes more memory than keeping it.
        while self._solvers and (
            len(self._solvers) >= self._max_solvers
            or unknowns + sum(solver.n_unknowns for solver in self._solvers.values()) > self._max_unknowns
        ):
            self._solvers.popitem(last=False)
        self._solvers[key] = self._prepare(mask, side_px)
        return self._solvers[key]

    def _prepare(self, mask: NDArray[np.bool_], side_px: int) -> Solver:
        """Return a new solver."""
        if self.method == "auto":
            return GeometrySolver(mask, side_px=side_px)
        return PoissonSolver(mask) if self.method == "poisson" else BiharmonicSolver(mask)


def _mask_key(mask: NDArray[np.bool_]) -> bytes:
    """Return a digest that tells masks apart, by size as well as by content."""
    digest = hashlib.blake2b(repr(mask.shape).encode(), digest_size=16)
    digest.update(np.packbits(mask).tobytes())
    return digest.digest()

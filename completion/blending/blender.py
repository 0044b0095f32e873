"""Blending: insert the generated region into the photograph without a visible seam.

All methods change missing pixels only; known pixels are copied. Pictures are float arrays in any range; a mask is a
bool array, True = missing. `BLENDERS` lists the methods by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from completion.blending.biharmonic import BiharmonicSolver, biharmonic_blend
from completion.blending.geometry import GeometrySolver, geometry_blend
from completion.blending.holes import check_mask, check_pictures, hole_window
from completion.blending.poisson import PoissonSolver, poisson_blend

__all__ = [
    "BLENDERS",
    "BlendMethod",
    "BlendSolver",
    "Blender",
    "Fade",
    "biharmonic_blend",
    "feather_blend",
    "geometry_blend",
    "paste",
    "poisson_blend",
]

Pictures = NDArray[np.floating]
Mask = NDArray[np.bool_]

#: Default width of the cross-fade as a fraction of the picture's shorter side; at least `FEATHER_MIN_PX`.
FEATHER_FRACTION = 1 / 16
FEATHER_MIN_PX = 2.0

#: Limits of a `Blender`'s cache: number of solvers, and missing pixels summed over them. They take less than 1 GB, see
#: the notes of the solver classes.
MAX_SOLVERS = 8
MAX_UNKNOWNS = 1_000_000


class BlendSolver(Protocol):
    """A blending prepared for one mask: everything that depends on the mask alone is computed on construction.

    Attributes
    ----------
    n_unknowns : int
        Number of missing pixels that are solved for.
    """

    n_unknowns: int

    def blend(self, generated: Pictures, original: Pictures) -> Pictures:
        """Return the original pictures, (H, W, C) or (B, H, W, C), with the generated ones in the hole."""
        ...


@dataclasses.dataclass(frozen=True)
class BlendMethod:
    """A blending method: a function and, where it solves an equation over the hole, the solver class behind it.

    Attributes
    ----------
    function : callable
        Called as ``function(generated, original, mask)`` with float pictures (H, W, C) or (B, H, W, C) and one bool
        mask (H, W), True = missing, for all of them. Returns the blended pictures. It changes missing pixels only, and
        treats each picture of a batch on its own.
    solver : callable, optional
        Called as ``solver(mask)``; returns a `BlendSolver` whose results are bit-identical to those of `function`. A
        `Blender` keeps it for further pictures with the same mask. By default the method has none, and `function` is
        called for every picture.
    uses_side : bool, default False
        Whether the method depends on the picture's side as well; solver and function then take it as `side_px`.
    """

    function: Callable[..., Pictures]
    solver: Callable[..., BlendSolver] | None = None
    uses_side: bool = False

    def __call__(self, generated: Pictures, original: Pictures, mask: Mask) -> Pictures:
        """Return the blended pictures; see `function`."""
        return self.function(generated, original, mask)


def paste(generated: Pictures, original: Pictures, mask: Mask) -> Pictures:
    """Fill the hole with the unchanged generated picture.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range.
    mask : bool array (H, W)
        True = missing; shared by all pictures.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        Known pixels are copies of the original's.
    """
    check_mask(mask)
    check_pictures(generated, original, mask.shape)
    return np.where(mask[..., np.newaxis], generated.astype(original.dtype, copy=False), original)


def feather_blend(
    generated: Pictures,
    original: Pictures,
    mask: Mask,
    *,
    width_px: float | None = None,
    side_px: int | None = None,
) -> Pictures:
    """Fill the hole with the generated picture, cross-faded to the known pixels along the hole's border.

    A missing pixel at the distance d from the nearest known pixel q gets the generated value plus
    w(d) (original - generated)(q), with the weight w(d) = (1 + cos(pi min(d / width, 1))) / 2.

    Parameters
    ----------
    generated, original : float array (H, W, C) or (B, H, W, C)
        Pictures in any range, the same for both.
    mask : bool array (H, W)
        True = missing; shared by all pictures.
    width_px : float, optional
        Width of the cross-fade inside the hole, in pixels, above 0. By default `FEATHER_FRACTION` of `side_px`, at
        least `FEATHER_MIN_PX`.
    side_px : int, optional
        Side of the whole picture, or of the face's frame, where the arrays are crops of it. By default the arrays'
        shorter side.

    Returns
    -------
    float array of the same shape and of `original`'s dtype
        Known pixels are copies of the original's. If no pixel is known, the generated picture.

    Raises
    ------
    ValueError
        An array has a wrong shape or dtype, or `width_px` is not above 0.
    """
    result = paste(generated, original, mask)
    width = max(FEATHER_FRACTION * (side_px or min(mask.shape)), FEATHER_MIN_PX) if width_px is None else width_px
    if not width > 0:
        raise ValueError(f"Expected `width_px` above 0. Received: {width_px}.")
    if not mask.all() and mask.any():
        Fade(mask, width).apply(result, generated, original)
    return result


class Fade:
    """Where a hole is cross-faded, and with which weights; see `feather_blend`.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing; neither nowhere nor everywhere.
    width : float
        Of the cross-fade, in pixels.
    """

    def __init__(self, mask: Mask, width: float) -> None:
        from scipy import ndimage  # takes 0.2 s

        # The nearest known pixel of every missing one lies in this window.
        self._window = rows, columns = hole_window(mask)
        distance, (ys, xs) = ndimage.distance_transform_edt(mask[rows, columns], return_indices=True)
        self._faded = (distance > 0) & (distance < width)
        self._nearest = (..., ys[self._faded] + rows.start, xs[self._faded] + columns.start, slice(None))
        self._weight = (0.5 + 0.5 * np.cos(np.pi / width * distance[self._faded]))[:, np.newaxis]

    def apply(self, result: Pictures, generated: Pictures, original: Pictures) -> None:
        """Add the cross-fade to `result`, which is pasted; arrays (..., H, W, C)."""
        crop = result[(..., *self._window, slice(None))]
        nearest = self._nearest
        crop[..., self._faded, :] += self._weight * (original[nearest].astype(np.float64) - generated[nearest])


#: All blending methods by name. A new method is an entry here and its name in `completion.config.BLEND_NAMES`.
BLENDERS = {
    "auto": BlendMethod(geometry_blend, solver=GeometrySolver, uses_side=True),
    "poisson": BlendMethod(poisson_blend, solver=PoissonSolver),
    "biharmonic": BlendMethod(biharmonic_blend, solver=BiharmonicSolver),
    "feather": BlendMethod(feather_blend, uses_side=True),
    "none": BlendMethod(paste),
}


class Blender:
    """Blend batches in which each picture has its own mask; cache the solvers of repeated masks.

    Each thread that calls it has a cache of its own: SciPy (1.17) does not give back the memory of a factorised matrix
    that another thread drops than the one that made it.

    A picture's result is bit-identical for any other pictures in its batch.

    Parameters
    ----------
    method : str, default "auto"
        A name in `BLENDERS`.
    max_solvers : int, default 8
        Maximum number of cached solvers of a thread, at least 1. The least recently used solver is dropped first.
    max_unknowns : int, default 1,000,000
        Maximum number of missing pixels, summed over the cached solvers. The latest solver is cached regardless of its
        size, so that one mask for a folder of large photographs is prepared once.

    Attributes
    ----------
    method : str
        The name of the blending method.

    Raises
    ------
    ValueError
        The method is unknown, or `max_solvers` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> masks = np.zeros((2, 8, 8), bool)
    >>> masks[0, 2:6, 2:6] = masks[1, :, :4] = True
    >>> original = np.full((2, 8, 8, 3), 0.5, np.float32)
    >>> generated = original - 0.25  # correct except for the brightness
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
        self._own = threading.local()
        self._max_solvers = max_solvers
        self._max_unknowns = max_unknowns

    @property
    def _solvers(self) -> OrderedDict[tuple[bytes, int | None], BlendSolver]:
        """The calling thread's solvers, the least recently used first."""
        if not hasattr(self._own, "solvers"):
            self._own.solvers = OrderedDict()
        solvers: OrderedDict[tuple[bytes, int | None], BlendSolver] = self._own.solvers
        return solvers

    @property
    def needs_solver(self) -> bool:
        """Whether the method solves an equation over the hole: its time and memory grow with the hole."""
        return BLENDERS[self.method].solver is not None

    def __call__(
        self, generated: Pictures, original: Pictures, masks: NDArray[np.bool_], *, side_px: int | None = None
    ) -> Pictures:
        """Fill the hole of each picture.

        Parameters
        ----------
        generated, original : float array (B, H, W, C)
            Pictures in any range, the same for both.
        masks : bool array (B, H, W)
            True = missing.
        side_px : int, optional
            Side of the whole pictures, or of the faces' frames, in pixels, where the arrays are crops around the holes
            with a margin of two pixels: "auto" compares the holes' depths with it, and the width of "feather" is a
            share of it. By default a side of the arrays.

        Returns
        -------
        float array (B, H, W, C) of `original`'s dtype
            Known pixels are copies of the original's. Missing pixels may leave the range of the pictures.

        Raises
        ------
        ValueError
            An array has a wrong shape or dtype.
        """
        if original.ndim != 4:
            raise ValueError(f"Expected `original` of shape (B, H, W, C). Received: {original.shape}.")
        if masks.shape != original.shape[:3]:
            raise ValueError(f"Expected `masks` of shape {original.shape[:3]}. Received: {masks.shape}.")
        if masks.dtype != np.bool_:
            raise TypeError(f"Expected `masks` of dtype bool. Received: {masks.dtype}.")
        check_pictures(generated, original, masks.shape[1:])

        method = BLENDERS[self.method]
        rows_by_mask: dict[bytes, list[int]] = {}
        for row, mask in enumerate(masks):
            rows_by_mask.setdefault(_mask_digest(mask), []).append(row)
        result = np.empty_like(original)
        for digest, rows in rows_by_mask.items():
            mask = masks[rows[0]]
            if method.solver is None:
                own = {"side_px": side_px} if method.uses_side else {}
                result[rows] = method.function(generated[rows], original[rows], mask, **own)
            else:
                side = (side_px or max(mask.shape)) if method.uses_side else None
                solver = self._cached_solver(method.solver, mask, key=(digest, side))
                result[rows] = solver.blend(generated[rows], original[rows])
        return result

    def _cached_solver(
        self, prepare: Callable[..., BlendSolver], mask: Mask, *, key: tuple[bytes, int | None]
    ) -> BlendSolver:
        """Return the solver of a mask's digest and the picture's side; prepare it where it is not in the cache."""
        solvers = self._solvers
        if key in solvers:
            solvers.move_to_end(key)
            return solvers[key]
        # Make room first: preparing a large solver takes more memory than keeping it.
        self._make_room(solvers, int(np.count_nonzero(mask)))
        side = key[1]
        solver = prepare(mask) if side is None else prepare(mask, side_px=side)
        self._make_room(solvers, solver.n_unknowns)
        solvers[key] = solver
        return solver

    def _make_room(self, solvers: OrderedDict[tuple[bytes, int | None], BlendSolver], unknowns: int) -> None:
        """Drop solvers from a cache until one with so many missing pixels has its place."""
        while solvers and (
            len(solvers) >= self._max_solvers
            or unknowns + sum(solver.n_unknowns for solver in solvers.values()) > self._max_unknowns
        ):
            solvers.popitem(last=False)


def _mask_digest(mask: Mask) -> bytes:
    """Return a digest of a mask's shape and content."""
    digest = hashlib.blake2b(repr(mask.shape).encode(), digest_size=16)
    digest.update(np.packbits(mask).tobytes())
    return digest.digest()

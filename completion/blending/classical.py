"""Classical filling, without a model: OpenCV's inpainting, and interpolation of the known pixels.

These methods are the baselines for the model, and the better choice where known pixels are dense. They need neither a
model nor TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from completion.blending.blender import Blender
from completion.blending.geometry import hole_depths
from completion.blending.holes import hole_window

__all__ = ["AUTO_SHARE", "FILLERS", "ClassicalFiller", "fill_classical", "has_narrow_holes"]

#: The method "auto" interpolates if no hole is deeper than this fraction of the picture's longer side. On faces of 128
#: pixels biharmonic interpolation is at least as good as the blended DCGAN up to this depth (random masks up to 90%,
#: grids of step 2 to 6, a square of a twentieth of the side), and worse for deeper holes.
AUTO_SHARE = 1 / 20
#: In pictures up to this side, that of the bundled model, the DCGAN is better at every depth, and "auto" interpolates
#: only holes one pixel deep, where the difference is invisible. See docs/benchmarks.md.
AUTO_SIDE_PX = 64

REACH_PX = 8  # margin of known pixels around a hole that OpenCV is given; it reads none farther away
RADIUS_PX = 3.0  # radius of the neighbourhood in OpenCV's methods, as in the examples of its documentation

Pictures = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]
Fill = Callable[[Pictures, Masks], None]


def fill_classical(method: str, pictures: Pictures, masks: Masks) -> Pictures:
    """Fill the missing regions of pictures from their known pixels alone.

    Parameters
    ----------
    method : str
        "telea" (Telea 2004, fast marching) or "ns" (Bertalmio et al. 2001, Navier-Stokes), both OpenCV's; "harmonic" or
        "biharmonic", the solution of the discrete equation, clipped to the range of the known pixels.
    pictures : uint8 array (B, H, W, C)
        C is 1 or 3. Missing pixels are never read.
    masks : bool array (B, H, W)
        True = missing. Each picture needs at least one known pixel; a mask may be empty.

    Returns
    -------
    uint8 array (B, H, W, C)
        Known pixels are copies of the pictures'.

    Raises
    ------
    ValueError
        The method is unknown, an array has a wrong shape or dtype, or a mask hides its whole picture.

    References
    ----------
    A. Telea, "An image inpainting technique based on the fast marching method", 2004.
    M. Bertalmio, A. L. Bertozzi and G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting", 2001.
    S. B. Damelin and N. S. Hoang, "On surface completion and image inpainting by biharmonic functions", 2018.

    Examples
    --------
    >>> import numpy as np
    >>> ramp = np.arange(0, 80, 10, dtype=np.uint8).reshape(1, 1, 8, 1)
    >>> masks = np.array([0, 0, 0, 1, 1, 0, 0, 0], bool).reshape(1, 1, 8)
    >>> fill_classical("biharmonic", np.where(masks[..., None], 99, ramp), masks).ravel().tolist()
    [0, 10, 20, 30, 40, 50, 60, 70]
    """
    return ClassicalFiller(method)(pictures, masks)


def has_narrow_holes(mask: npt.NDArray[np.bool_]) -> bool:
    """Tell whether interpolation is at least as good as the model for a mask; see `AUTO_SHARE`.

    Parameters
    ----------
    mask : bool array (H, W)
        True = missing.

    Raises
    ------
    ValueError
        The mask has a wrong shape or dtype.

    Examples
    --------
    >>> from masks import make_mask
    >>> has_narrow_holes(make_mask("random", (128, 128))), has_narrow_holes(make_mask("center", (128, 128)))
    (True, False)
    """
    depth = hole_depths(mask)[1].max(initial=0.0)
    side = max(mask.shape)
    limit = AUTO_SHARE * side if side > AUTO_SIDE_PX else 1.0
    return bool(depth <= limit)


class ClassicalFiller:
    """Fill batch after batch like `fill_classical`; cache the solvers of repeated masks.

    Parameters
    ----------
    method : str
        A name in `FILLERS`.

    Attributes
    ----------
    method : str
        The name of the method.

    Raises
    ------
    ValueError
        The method is unknown.
    """

    def __init__(self, method: str) -> None:
        if method not in FILLERS:
            raise ValueError(f"Expected `method` to be one of {', '.join(FILLERS)}. Received: {method!r}.")
        self.method = method
        self._fill = FILLERS[method]()

    def __call__(self, pictures: Pictures, masks: Masks) -> Pictures:
        """Fill the missing regions of pictures; see `fill_classical`."""
        result = pictures.copy()
        self.fill(result, masks)
        return result

    def fill(self, pictures: Pictures, masks: Masks) -> None:
        """Fill the missing regions of pictures in place; see `fill_classical`."""
        _check(pictures, masks)
        if masks.any():
            self._fill(pictures, masks)


def _interpolation(blend: str) -> Fill:
    """Return what interpolates by a blending method and caches its solvers."""
    blender = Blender(blend)
    return lambda pictures, masks: _interpolate(blender, pictures, masks)


def _opencv(flag: int) -> Fill:
    """Return what fills by one of OpenCV's methods."""

    def fill(pictures: Pictures, masks: Masks) -> None:
        for picture, mask in zip(pictures, masks, strict=True):
            if mask.any():
                window = hole_window(mask, reach=REACH_PX)
                part, hole = picture[window], mask[window]
                part[hole] = _inpaint(part, hole, flag)[hole]

    return fill


#: Each classical method by name: called once, it returns what fills pictures (B, H, W, C) in place, given their masks.
FILLERS: dict[str, Callable[[], Fill]] = {
    "telea": lambda: _opencv(cv2.INPAINT_TELEA),
    "ns": lambda: _opencv(cv2.INPAINT_NS),
    "biharmonic": lambda: _interpolation("biharmonic"),
    "harmonic": lambda: _interpolation("poisson"),
}


def _interpolate(blender: Blender, pictures: Pictures, masks: Masks) -> None:
    """Fill in place: interpolation is blending with a generated picture of zeros."""
    window = (slice(None), *hole_window(np.logical_or.reduce(masks), reach=2))
    holes = masks[window]
    original = pictures[window].astype(np.float32)
    original[holes] = 0.0
    blended = blender(np.zeros_like(original), original, holes)
    for picture, mask, values, hole in zip(pictures, masks, blended, holes, strict=True):
        if hole.any():
            known = ~mask[..., None]
            low = picture.min(axis=(0, 1), where=known, initial=255)
            high = picture.max(axis=(0, 1), where=known, initial=0)
            picture[mask] = np.clip(np.rint(values[hole]), low, high)


def _inpaint(picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], flag: int) -> npt.NDArray[np.uint8]:
    """Return OpenCV's inpainting of one picture, (H, W, C)."""
    visible = np.where(mask[..., np.newaxis], np.uint8(0), picture)
    if min(mask.shape) > 1:
        filled = cv2.inpaint(visible, mask.astype(np.uint8), RADIUS_PX, flag)
        return filled.reshape(picture.shape)  # OpenCV drops the axis of a single channel
    # For a colour picture of one row or column OpenCV returns uninitialised memory: repeat the row or column around it.
    filled = _inpaint(np.pad(visible, ((1, 1), (1, 1), (0, 0)), "edge"), np.pad(mask, 1, "edge"), flag)
    return filled[1:-1, 1:-1]


def _check(pictures: Pictures, masks: Masks) -> None:
    """Raise ValueError or TypeError unless shapes and dtypes agree and each picture has a known pixel."""
    if pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
        raise ValueError(f"Expected `pictures` of shape (B, H, W, 1 or 3). Received: {pictures.shape}.")
    if pictures.dtype != np.uint8:
        raise TypeError(f"Expected `pictures` of dtype uint8. Received: {pictures.dtype}.")
    if masks.shape != pictures.shape[:3]:
        raise ValueError(f"Expected `masks` of shape {pictures.shape[:3]}. Received: {masks.shape}.")
    if masks.dtype != np.bool_:
        raise TypeError(f"Expected `masks` of dtype bool. Received: {masks.dtype}.")
    full = np.flatnonzero(masks.all(axis=(1, 2)))
    if full.size:
        raise ValueError(f"Expected a known pixel of every picture. Received: none of picture {full[0]}.")

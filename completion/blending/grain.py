"""Synthesise grain: give a smooth filled region the fine texture of its surroundings.

A model of 64 pixels generates no detail finer than its pixels, so in a larger photograph the filled region is visibly
smooth. The fine detail of the photograph (pores, film grain, noise) is sampled from a patch of known skin and extended
as a texture with the same spectrum: white noise convolved with the patch, the asymptotic discrete spot noise of
Galerne, Gousseau and Morel 2011, "Random phase textures: theory and synthesis", doi:10.1109/TIP.2010.2052822.
"""

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["grain_like"]

SIGMA = 0.7  # standard deviation of the Gaussian that separates fine from coarse detail, in the model's pixels
PATCH = 4  # side of the patch, in the model's pixels
PATCH_MIN_PX, PATCH_MAX_PX = 8, 96  # limits of its side, in the photograph's pixels
QUANTILE = (
    0.3  # the patch's rank by energy among all patches: plain skin, neither eyes nor an overexposed or blurred area
)
TILE_PX = 512  # period of the texture

Texture = npt.NDArray[np.float32]


def grain_like(
    picture: npt.NDArray[np.uint8],
    known: npt.NDArray[np.bool_],
    *,
    scale: float,
    shape: tuple[int, int],
    seed: int = 0,
) -> Texture | None:
    """Return a random texture with the spectrum of the fine detail at known pixels.

    Parameters
    ----------
    picture : uint8 array (H, W, C)
        The photograph, or a crop of it.
    known : bool array (H, W)
        True where grain may be sampled.
    scale : float
        Side of one pixel of the model in pixels of the picture. Coarser detail is not reproduced.
    shape : tuple of (int, int)
        Height and width of the texture in pixels.
    seed : int, default 0
        Seed of the noise, at least 0.

    Returns
    -------
    float32 array (height, width, C), or None
        Texture of mean 0 in grey levels, to be added to a picture. None if no patch is wholly known, or if the picture
        is no finer than the model (`scale` of at most 1).
    """
    strength = min(max(scale - 1.0, 0.0), 1.0)
    side = int(min(max(round(PATCH * scale), PATCH_MIN_PX), PATCH_MAX_PX))
    if strength == 0.0 or min(known.shape) < side:
        return None
    sigma = SIGMA * min(scale, PATCH_MAX_PX / PATCH)  # detail coarser than the patch cannot be reproduced
    patch = _plain_patch(_fine_detail(picture, known, sigma), known, side)
    if patch is None:
        return None
    window = np.hanning(side + 2)[1:-1]
    window = np.outer(window, window)[..., None]
    spot = (patch - patch.mean(axis=(0, 1))) * window / np.sqrt((window**2).sum())
    noise = np.random.default_rng(seed).standard_normal((TILE_PX, TILE_PX))
    spectrum = np.fft.rfft2(noise)[..., None] * np.fft.rfft2(spot, (TILE_PX, TILE_PX), axes=(0, 1))
    tile = strength * np.fft.irfft2(spectrum, (TILE_PX, TILE_PX), axes=(0, 1)).astype(np.float32)
    rows, columns = (np.arange(length) % TILE_PX for length in shape)
    return tile[rows[:, None], columns]


def _fine_detail(picture: npt.NDArray[np.uint8], known: npt.NDArray[np.bool_], sigma: float) -> Texture:
    """Return the picture minus its Gaussian mean over known pixels, (H, W, C); 0 at unknown pixels."""
    weight = known.astype(np.float32)
    known_weights = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
    fine = np.empty(picture.shape, np.float32)
    for channel in range(picture.shape[2]):
        values = picture[..., channel] * weight
        fine[..., channel] = values - weight * cv2.GaussianBlur(values, (0, 0), sigma) / known_weights
    return fine


def _plain_patch(fine: Texture, known: npt.NDArray[np.bool_], side: int) -> Texture | None:
    """Return a square of known pixels with little detail; None if no square of this side is known."""
    whole = cv2.erode(known.astype(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT)
    whole[: side // 2] = whole[:, : side // 2] = 0  # a square that begins outside the picture
    centers = np.argwhere(whole > 0)
    centers = centers[(centers + (side - side // 2) <= known.shape).all(axis=1)]
    if not len(centers):
        return None
    energy = cv2.blur((fine**2).sum(axis=2), (side, side))[tuple(centers.T)]
    top, left = centers[np.argsort(energy, kind="stable")[int(QUANTILE * len(energy))]] - side // 2
    return fine[top : top + side, left : left + side]

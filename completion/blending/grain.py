"""Give a smooth filling the grain of its surroundings.

A model of 64 pixels draws nothing finer than its own pixels, and enlarged it stands out from the photograph as a smooth
spot. What is finer there (pores, film grain, noise) is taken from a patch of known skin and continued as a texture of
the same spectrum: white noise convolved with the patch, the asymptotic discrete spot noise of Galerne, Gousseau and
Morel 2011, "Random phase textures: theory and synthesis", doi:10.1109/TIP.2010.2052822.
"""

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["grain_like"]

SIGMA = 0.7  # of the Gaussian that parts fine from coarse, in the model's pixels
PATCH = 4  # side of the patch, in the model's pixels
PATCH_MIN_PX, PATCH_MAX_PX = 8, 96
QUANTILE = 0.3  # of all patches in order of their energy: plain skin, neither eyes nor a burnt-out or blurred spot
TILE_PX = 512  # the texture repeats after so many pixels

Texture = npt.NDArray[np.float32]


def grain_like(
    picture: npt.NDArray[np.uint8],
    known: npt.NDArray[np.bool_],
    *,
    scale: float,
    shape: tuple[int, int],
    seed: int = 0,
) -> Texture | None:
    """Return a texture like the fine detail of the known pixels.

    Parameters
    ----------
    picture : (H, W, C) uint8
    known : (H, W) bool, which pixels the grain may be taken from
    scale : pixels along one of the model's; what is coarser than that is left out
    shape : (height, width) of the texture
    seed : of the noise

    Returns
    -------
    (height, width, C) float32 or None
        To be added, in grey levels, of mean 0. None where no patch is known, or the picture is no finer than the model.
    """
    strength = min(max(scale - 1.0, 0.0), 1.0)
    side = int(min(max(round(PATCH * scale), PATCH_MIN_PX), PATCH_MAX_PX))
    if strength == 0.0 or min(known.shape) < side:
        return None
    sigma = SIGMA * min(scale, PATCH_MAX_PX / PATCH)  # nothing coarser than the patch can be continued
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
    """Return what is finer than a Gaussian, (H, W, C); 0 where nothing is known."""
    weight = known.astype(np.float32)
    shares = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
    fine = np.empty(picture.shape, np.float32)
    for channel in range(picture.shape[2]):
        values = picture[..., channel] * weight
        fine[..., channel] = values - weight * cv2.GaussianBlur(values, (0, 0), sigma) / shares
    return fine


def _plain_patch(fine: Texture, known: npt.NDArray[np.bool_], side: int) -> Texture | None:
    """Return a square of known pixels with little detail in it; None where no square is known."""
    whole = cv2.erode(known.astype(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT)
    whole[: side // 2] = whole[:, : side // 2] = 0  # a square that begins outside
    centers = np.argwhere(whole > 0)
    centers = centers[(centers + (side - side // 2) <= known.shape).all(axis=1)]
    if not len(centers):
        return None
    energy = cv2.blur((fine**2).sum(axis=2), (side, side))[tuple(centers.T)]
    top, left = centers[np.argsort(energy, kind="stable")[int(QUANTILE * len(energy))]] - side // 2
    return fine[top : top + side, left : left + side]

"""Where a face lies in a picture: an affine map from the picture's pixels to the model's frame.

The frame is the square that the model sees. An aligned picture is its own frame; a face in a photograph lies in a frame
that is moved, scaled, turned and sheared as the face is. Both are a `Placement`. Coordinates are (x, y) with pixel
centres at integers. Only known pixels are averaged, so nothing that a mask hides reaches the model.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import numpy.typing as npt

from dcgan.faces.alignment import compose_transforms, invert_transform, warp_crop, transform_points, transform_scale
from dcgan.pictures.values import (
    KNOWN_MIN,
    WHOLE_PIXELS_MAX,
    enlarge,
    known_means,
    known_sums,
    lanczos_matrix,
    resize_picture,
    to_float,
)

__all__ = ["Placement", "Window"]

ENLARGED_MAX = 8  # largest factor of the exact Lanczos enlargement; beyond it warpAffine's cubic kernel interpolates
ROUNDING = 1e-6  # in pixels of the frame

Points = npt.NDArray[np.float64]
Window = tuple[slice, slice]  # rows and columns of a picture


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """An affine map from a picture's pixels to the model's frame.

    Attributes
    ----------
    transform : float64 array (2, 3)
        (x, y, 1) in the picture to (x, y) in the frame, both in pixels with centres at integers.
    size : int
        Side of the frame in pixels.
    whole_side_px : int, optional
        Side of an aligned picture's frame in pixels of the picture; the transform has it but for rounding.
    """

    transform: Points
    size: int
    whole_side_px: int | None = None

    @classmethod
    def whole(cls, shape: tuple[int, ...], size: int, *, share: float = 1.0) -> Placement:
        """Return the placement of an aligned picture: centred in the frame, its aspect ratio kept.

        Parameters
        ----------
        shape : tuple of int
            (height, width, ...) of the picture.
        size : int
            Side of the frame in pixels.
        share : float, default 1
            Longer side of the picture as a share of the frame's. Below 1, the surroundings of the picture are unknown,
            and its longer side is rounded to a whole number of frame pixels; above 1, it goes beyond the frame.

        Examples
        --------
        >>> Placement.whole((2, 2), 4).transform.tolist()
        [[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]]
        >>> Placement.whole((2, 2), 4, share=0.5).transform.tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
        """
        height, width = shape[:2]
        side = max(height, width)
        if share > 1.0:
            scale = share * size / side
            left, top = ((size - scale * each) / 2.0 + 0.5 * scale - 0.5 for each in (width, height))
            return cls(np.array([[scale, 0.0, left], [0.0, scale, top]]), size, round(side / share))
        inner = max(2, size - 2 * round((1.0 - share) * size / 2.0))
        inner_height, inner_width = max(1, round(height * inner / side)), max(1, round(width * inner / side))
        top, left = (size - inner_height) // 2, (size - inner_width) // 2
        scales = inner_width / width, inner_height / height
        offsets = (left + 0.5 * scales[0] - 0.5, top + 0.5 * scales[1] - 0.5)
        frame_px = round(side * size / inner)
        return cls(np.array([[scales[0], 0.0, offsets[0]], [0.0, scales[1], offsets[1]]]), size, frame_px)

    @property
    def scale(self) -> float:
        """Number of picture pixels along one frame pixel, in the direction in which there are most."""
        return transform_scale(self.transform)

    @property
    def side_px(self) -> int:
        """Side of the frame in pixels of the picture."""
        return self.whole_side_px or round(self.size * self.scale)

    def window(self, shape: tuple[int, ...], *, margin: float = 0.0) -> Window:
        """Return the rows and columns of a picture that the frame overlaps; empty where it lies outside.

        Parameters
        ----------
        shape : tuple of int
            (height, width, ...) of the picture.
        margin : float, optional
            Pixels of the frame that are added on each side.
        """
        near, far = -0.5 - margin, self.size - 0.5 + margin
        corners = transform_points(
            invert_transform(self.transform), [(near, near), (far, near), (near, far), (far, far)]
        )  # (4, 2)
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
        left, right = (int(np.clip(place, 0, shape[1])) for place in (low[0], high[0]))
        top, bottom = (int(np.clip(place, 0, shape[0])) for place in (low[1], high[1]))
        return slice(top, bottom), slice(left, right)

    def distance(self, window: Window) -> npt.NDArray[np.float32]:
        """Return the distance of pixels to the centre of the frame, in half sides: at most 1 inside the frame.

        Parameters
        ----------
        window : tuple of slice
            Rows and columns of the picture.

        Returns
        -------
        float32 array (rows, columns)
            The larger of the distances along the frame's two axes.

        Examples
        --------
        >>> identity = Placement(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), 4)
        >>> identity.distance((slice(0, 1), slice(0, 6)))
        array([[0.75, 0.75, 0.75, 0.75, 1.25, 1.75]], dtype=float32)
        """
        y, x = np.ogrid[window[0], window[1]]
        distance = np.zeros((y.size, x.size), np.float32)
        for row in np.asarray(self.transform, np.float64):
            along = row[0] * x + row[1] * y + (row[2] - (self.size - 1) / 2.0)
            np.maximum(distance, np.abs(along) * (2.0 / self.size), out=distance, casting="same_kind")
        return distance

    def covers(self, shape: tuple[int, ...]) -> bool:
        """Tell whether the frame holds every pixel of a picture of the shape (height, width, ...)."""
        height, width = shape[:2]
        corners = transform_points(
            self.transform, [(-0.5, -0.5), (width - 0.5, -0.5), (-0.5, height - 0.5), (width - 0.5, height - 0.5)]
        )
        near, far = -0.5 - ROUNDING, self.size - 0.5 + ROUNDING
        return bool((corners >= near).all() and (corners <= far).all())

    def view(
        self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Resample a picture and its mask to the frame.

        Parameters
        ----------
        picture : uint8 array (H, W, C)
        mask : bool array (H, W)
            True = missing.

        Returns
        -------
        target : float32 array (size, size, C)
            Means of the known pixels, in [-1, 1]; 0 where nothing is known and where the picture ends.
        known : float32 array (size, size)
            The share of each frame pixel that is known, in [0, 1].
        """
        inner = self._inner(picture.shape)
        return self._view_upright(picture, mask, inner) if inner else self._view_warped(picture, mask)

    def place(
        self, generated: npt.NDArray[np.float32], window: Window, shape: tuple[int, ...]
    ) -> npt.NDArray[np.float32]:
        """Resample a generated face to a window of the picture; the inverse of `view`.

        Parameters
        ----------
        generated : float32 array (size, size, C)
        window : tuple of slice
            Rows and columns of the picture.
        shape : tuple of int
            (height, width, ...) of the picture.

        Returns
        -------
        float32 array (rows, columns, C)
            Interpolated with a Lanczos kernel where the picture is finer than the frame, otherwise area means. Beyond
            the frame its border values are repeated.
        """
        inner = self._inner(shape)
        return self._place_upright(generated, window, shape, inner) if inner else self._place_warped(generated, window)

    def _inner(self, shape: tuple[int, ...]) -> Window | None:
        """Return the part of the frame that the whole picture fills exactly, or None where it is not like that."""
        (a, b, x), (c, d, y) = np.asarray(self.transform, np.float64)
        if b != 0.0 or c != 0.0 or a <= 0.0 or d <= 0.0:
            return None
        height, width = shape[:2]
        left, top = x - 0.5 * a + 0.5, y - 0.5 * d + 0.5
        borders = np.array([top, top + d * height, left, left + a * width])
        whole = np.rint(borders)
        if np.abs(borders - whole).max() > ROUNDING or whole.min() < 0 or whole.max() > self.size:
            return None
        first, last, start, stop = (int(border) for border in whole)
        return slice(first, last), slice(start, stop)

    def _view_upright(
        self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], inner: Window
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return `view` of a picture that fills a rectangle of whole frame pixels."""
        height, width, channels = picture.shape
        inner_shape = (inner[1].stop - inner[1].start, inner[0].stop - inner[0].start)  # OpenCV's order
        if height * width > WHOLE_PIXELS_MAX:
            return self._view_in_strips(picture, mask, inner)
        share = (~mask).astype(np.float32)  # (H, W)
        shrinks = inner_shape[0] <= width and inner_shape[1] <= height
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        means, inner_share = known_means(
            (to_float(picture[..., channel]) for channel in range(channels)),
            share,
            lambda values: cv2.resize(values, inner_shape, interpolation=method),
        )
        target = np.zeros((self.size, self.size, channels), np.float32)
        known = np.zeros((self.size, self.size), np.float32)
        target[inner] = np.clip(means, -1.0, 1.0)
        if not shrinks:  # an enlarged pixel is known or not; interpolated shares would only blur the mask
            inner_share = cv2.resize(share, inner_shape, interpolation=cv2.INTER_NEAREST)
        known[inner] = np.where(inner_share > KNOWN_MIN, inner_share, 0.0)
        return target, known

    def _view_in_strips(
        self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], inner: Window
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return `_view_upright` of a large picture, strip by strip, so that no plane of it is held in float."""
        rows, columns = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
        sums, shares = known_sums(picture, mask, (rows, columns))
        target = np.zeros((self.size, self.size, picture.shape[2]), np.float32)
        known = np.zeros((self.size, self.size), np.float32)
        is_known = shares > KNOWN_MIN
        target[inner] = np.where(
            is_known[..., None], np.clip(sums / np.maximum(shares, KNOWN_MIN)[..., None], -1, 1), 0
        )
        known[inner] = np.where(is_known, np.minimum(shares, 1.0), 0.0)
        return target, known

    def _view_warped(
        self, picture: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return `view` for any affine map."""
        size, channels = self.size, picture.shape[2]
        rows, columns = self.window(picture.shape, margin=2.0)
        share = (~mask[rows, columns]).astype(np.float32)
        if not share.any():
            return np.zeros((size, size, channels), np.float32), np.zeros((size, size), np.float32)
        scale = self.scale
        factor = max(1, math.ceil(scale - 0.1))
        from_window = compose_transforms(self.transform, np.array([[1.0, 0.0, columns.start], [0.0, 1.0, rows.start]]))
        means, known = known_means(
            (to_float(picture[rows, columns, channel]) for channel in range(channels)),
            share,
            lambda values: warp_crop(values, from_window, size, factor=factor),
        )
        is_known = known > KNOWN_MIN
        if scale < 1.0:  # as in _view_upright
            known = warp_crop(share, from_window, size, factor=factor, nearest=True)
        known = np.where(is_known & (known > KNOWN_MIN), np.minimum(known, 1.0), np.float32(0.0))
        return np.clip(means, -1.0, 1.0), known

    def _place_upright(
        self, generated: npt.NDArray[np.float32], window: Window, shape: tuple[int, ...], inner: Window
    ) -> npt.NDArray[np.float32]:
        """Return `place` for a picture that fills a rectangle of whole frame pixels."""
        height, width = shape[:2]
        if max(height, width) <= self.size:
            return resize_picture(generated[inner], (height, width))[window]
        inner_height, inner_width = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
        rows, columns = np.arange(height)[window[0]], np.arange(width)[window[1]]
        centers_y = (rows + 0.5) * (inner_height / height) - 0.5 + inner[0].start
        centers_x = (columns + 0.5) * (inner_width / width) - 0.5 + inner[1].start
        stretched = np.tensordot(lanczos_matrix(centers_y, self.size), generated, (1, 0))  # (rows, size, C)
        return np.matmul(lanczos_matrix(centers_x, self.size), stretched)  # (rows, columns, C)

    def _place_warped(self, generated: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.float32]:
        """Return `place` for any affine map."""
        scale = self.scale
        # The Lanczos enlargement is exact; warpAffine alone samples at 1/32 pixel.
        factor = min(ENLARGED_MAX, max(1, math.ceil(scale)))
        large = enlarge(generated, factor)
        finer = max(1, math.ceil(1.0 / scale - 0.1))  # supersampling of the picture where the frame is finer than it
        height, width = window[0].stop - window[0].start, window[1].stop - window[1].start
        # From the supersampled window's pixels to those of the enlarged face.
        to_window = np.array([[1.0 / finer, 0.0, window[1].start], [0.0, 1.0 / finer, window[0].start]])
        to_window[:, 2] -= (finer - 1) / (2.0 * finer)
        matrix = factor * compose_transforms(self.transform, to_window) + np.array([[0.0, 0.0, (factor - 1) / 2.0]] * 2)
        placed = cv2.warpAffine(
            large,
            matrix,
            (width * finer, height * finer),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if finer > 1:
            placed = cv2.resize(placed, (width, height), interpolation=cv2.INTER_AREA)
        return placed.reshape(height, width, generated.shape[2])

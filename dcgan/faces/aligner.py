"""Where the face lies in an aligned picture that may be misplaced, and how sure that is.

A small network looks at the known pixels of the frame, without its edge, and predicts the shift, the size and the turn
of the face against the place at which wide aligned faces have it: the localisation network of a spatial transformer
(Jaderberg et al. 2015, arXiv:1506.02025, section 3.1). Its weights come with the package; scripts/train_aligner.py has
trained them.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ALIGNER_SIZE", "EDGE", "FRAME_MARGIN", "PLACES", "UNITS", "WIDTHS", "FacePlace", "find_place"]

ALIGNER_SIZE = 64  # side of the frame that the network sees, in pixels
FRAME_MARGIN = 0.25  # of that frame; see `dcgan.config.ModelConfig.margin`
EDGE = 0.1  # of the frame's side, which is not seen on each side
PLACES = 4  # shift to the right and down, in sides; logarithm of the factor; turn in radians, counter-clockwise
UNITS = (0.05, 0.05, 0.1, 0.1)  # of each, in the network's outputs
WIDTHS = (32, 64, 128, 256)
WEIGHTS = Path(__file__).parent / "aligner.safetensors"
FACE_RADIUS = 0.25  # of the face's points around the frame's middle, in sides

Values = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class FacePlace:
    """The predicted place of a face in a frame.

    Attributes
    ----------
    mean, deviation : float64 array (4,)
        The shift to the right and down in sides of the frame, the natural logarithm of the size's factor, and the turn
        in radians, counter-clockwise; and the standard deviation of each.
    """

    mean: Values
    deviation: Values

    @property
    def distance(self) -> float:
        """How far the face's points are from their places, root mean square, in sides of the frame."""
        return _distance(self.mean)

    @property
    def doubt(self) -> float:
        """The standard deviation of `distance`."""
        return _distance(self.deviation)

    def transform(self, size: int) -> Values:
        """Return the affine map (2, 3) of a frame of `size` pixels from a face at its place to this one."""
        factor, cos, sin = math.exp(self.mean[2]), math.cos(self.mean[3]), math.sin(self.mean[3])
        linear = factor * np.array([[cos, sin], [-sin, cos]])
        middle = np.full(2, (size - 1) / 2.0)
        return np.column_stack([linear, middle + self.mean[:2] * size - linear @ middle])


def _distance(place: Values) -> float:
    """Return how far points at `FACE_RADIUS` are moved, root mean square."""
    return math.sqrt(float(place[:2] @ place[:2]) + FACE_RADIUS**2 * float(place[2:] @ place[2:]))


def find_place(target: npt.NDArray[np.float32], known: npt.NDArray[np.float32]) -> FacePlace:
    """Predict the place of the face in a frame.

    Parameters
    ----------
    target : float32 array (64, 64, 1 or 3)
        The frame with `FRAME_MARGIN`, in [-1, 1]; anything where nothing is known.
    known : float32 array (64, 64)
        The known share of each pixel, in [0, 1].

    Returns
    -------
    FacePlace
    """
    hidden = round(EDGE * ALIGNER_SIZE)
    inner = np.zeros_like(known)
    inner[hidden:-hidden, hidden:-hidden] = known[hidden:-hidden, hidden:-hidden] > 0.0
    color = np.repeat(target, 3 // target.shape[2], axis=2)
    seen = np.concatenate([color * inner[..., None], inner[..., None]], axis=2)
    answer = _session().run(["places"], {"seen": seen[None].astype(np.float32)})[0][0].astype(np.float64)
    units = np.array(UNITS)
    return FacePlace(answer[:PLACES] * units, np.exp(np.clip(answer[PLACES:], -6.0, 3.0)) * units)


@functools.cache
def _session() -> Any:
    """Return the network, loaded when it is first asked."""
    import safetensors.numpy

    from dcgan.inference import start_session
    from dcgan.onnx_graph import aligner_graph

    return start_session(aligner_graph(safetensors.numpy.load(WEIGHTS.read_bytes())))

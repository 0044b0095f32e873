"""Distances that see faces: in the embedding of dlib's face recognition network (King 2017).

Pixel errors forgive blur; a person does not. The network maps a face to 128 numbers so that pictures of one person lie
within about 0.6 of each other (Euclidean) and those of two people do not.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh, svdvals

from dcgan.errors import FaceCompletionError
from dcgan.faces.detector import find_model_file
from dcgan.pictures.values import resize_picture

__all__ = ["EMBEDDING_DIM", "FaceEmbedder", "frechet_distance", "identity_distance"]

EMBEDDING_DIM = 128
CHIP_SIZE = 150  # what the network takes
BATCH_SIZE = 32
NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
INSTALL = "pip install 'dcgan-face-completion[evaluate]'"

Embeddings = npt.NDArray[np.float64]


class FaceEmbedder:
    """dlib's face recognition network.

    Raises
    ------
    FaceCompletionError
        dlib or the network's file is not installed.

    Notes
    -----
    The network wants a chip of 150x150 pixels, and is given the whole aligned picture at that size. That is a tighter
    frame than dlib's own: by the two templates (inner eye corners and bottom lip, landmarks 39, 42 and 57) a picture in
    our alignment covers the columns 0.09 to 0.91 and the rows 0.18 to 0.97 of dlib's chip with its padding of 0.25, so
    faces appear 1.23 times as wide and 1.27 times as high as it expects. Read distances against each other and not
    against dlib's threshold of 0.6. They tell people apart all the same: of 79 pairs of one person's pictures at 64x64
    and as many of two people's, the area under the ROC curve is 0.976 (0.987 in dlib's frame), and a blurred centre of
    an eighth, a quarter, a half, three quarters of the side is 0.22, 0.40, 0.56, 0.68 from the whole face
    (`scripts/check_face_distance.py --count 2188`).
    """

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise FaceCompletionError(f"Face distances need dlib, which is not installed: {INSTALL}") from error
        self.network: Any = dlib.face_recognition_model_v1(str(find_model_file(NETWORK, install=INSTALL)))

    def __call__(self, pictures: npt.NDArray[np.uint8]) -> Embeddings:
        """Return the embeddings of aligned faces.

        Parameters
        ----------
        pictures : (B, H, W, 3) uint8

        Returns
        -------
        (B, 128) float64
        """
        if pictures.ndim != 4 or pictures.shape[3] != 3:
            raise ValueError(f"Expected `pictures` as (B, H, W, 3). Received: {pictures.shape}")
        parts = [np.empty((0, EMBEDDING_DIM))]
        for start in range(0, len(pictures), BATCH_SIZE):
            faces = pictures[start : start + BATCH_SIZE]
            chips = [np.ascontiguousarray(resize_picture(face, (CHIP_SIZE, CHIP_SIZE))) for face in faces]
            parts.append(np.array(self.network.compute_face_descriptor(chips), np.float64))
        return np.concatenate(parts)


def identity_distance(first: Embeddings, second: Embeddings) -> Embeddings:
    """Return the Euclidean distance of each pair of embeddings.

    Parameters
    ----------
    first, second : (B, D) float

    Returns
    -------
    (B,) float64

    Examples
    --------
    >>> identity_distance(np.array([[3.0, 0.0]]), np.array([[0.0, 4.0]])).tolist()
    [5.0]
    """
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(f"Expected two arrays of one shape (B, D). Received: {first.shape}, {second.shape}")
    return np.linalg.norm(first - second, axis=1)


def frechet_distance(first: Embeddings, second: Embeddings) -> float:
    """Return the squared Fréchet distance between the normal distributions of two sets of rows.

    Lower is better; 0 for equal sets. It depends on the number of rows (fewer rows, greater distance), so compare only
    distances of as many.

    Parameters
    ----------
    first : (N, D) float, N of at least 2
    second : (M, D) float, M of at least 2

    References
    ----------
    Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X, eq. 16; Heusel et al. 2017, arXiv:1706.08500, eq. 6.

    Examples
    --------
    >>> rows = np.array([[-1.0], [1.0]])
    >>> frechet_distance(rows, rows + 3.0)
    9.0
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or min(len(first), len(second)) < 2:
        received = f"{first.shape}, {second.shape}"
        raise ValueError(f"Expected (N, D) and (M, D) with at least 2 rows each. Received: {received}")
    shift = first.mean(axis=0) - second.mean(axis=0)
    roots = _covariance_root(first), _covariance_root(second)
    # trace((C1 C2)^(1/2)) is the sum of the singular values of C1^(1/2) C2^(1/2). Unlike the root of the product it is
    # real whatever the rounding, and exists where the covariances are singular (fewer rows than dimensions).
    mixed = svdvals(roots[0] @ roots[1].T).sum()
    variances = (roots[0] ** 2).sum() + (roots[1] ** 2).sum()
    return max(0.0, float(shift @ shift + variances - 2 * mixed))


def _covariance_root(rows: Embeddings) -> Embeddings:
    """Return a matrix R, (D, D), such that R^T R is the covariance of the rows."""
    values, vectors = eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T

import importlib.metadata
import importlib.util
import sys
import types

import numpy as np
import pytest
from scipy.linalg import sqrtm
from skimage import data

from completion.evaluation.face_distance import (
    EMBEDDING_DIM,
    NETWORK,
    FaceEmbedder,
    identity_distance,
)
from dcgan.distances import frechet_distance
from dcgan.errors import FaceCompletionError


def normal_rows(mean, covariance, *, count=500, seed=0):
    """Rows whose mean and covariance are exactly these."""
    rows = np.random.default_rng(seed).normal(size=(count, len(mean)))
    rows -= rows.mean(axis=0)
    whitened = rows @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(rows, rowvar=False)))).T
    return whitened @ np.linalg.cholesky(np.array(covariance)).T + np.array(mean)


def test_frechet_distance_of_normal_distributions_with_one_axis():
    # Of N(m, s^2) and N(n, t^2): (m - n)^2 + (s - t)^2.
    assert frechet_distance(normal_rows([1.0], [[4.0]]), normal_rows([4.0], [[25.0]], seed=1)) == pytest.approx(18.0)


def test_frechet_distance_against_the_closed_form():
    means = np.array([0.0, 1.0, -1.0]), np.array([0.5, 0.0, 2.0])
    rng = np.random.default_rng(5)
    covariances = [(half := rng.normal(size=(3, 3))) @ half.T + 0.1 * np.eye(3) for _ in range(2)]
    rows = [
        normal_rows(mean, covariance, seed=i)
        for i, (mean, covariance) in enumerate(zip(means, covariances, strict=True))
    ]
    mixed = sqrtm(covariances[0] @ covariances[1]).real
    expected = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * mixed)
    assert frechet_distance(*rows) == pytest.approx(expected)
    assert frechet_distance(*rows[::-1]) == pytest.approx(expected)


def test_frechet_distance_with_fewer_rows_than_dimensions():
    rows = np.random.default_rng(6).normal(size=(5, 128))
    assert frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-10)
    assert frechet_distance(rows, rows[::-1] + 0.5) == pytest.approx(32.0)  # a shift of 0.5 on 128 axes
    assert frechet_distance(rows, np.random.default_rng(7).normal(size=(4, 128))) > 1


def test_identity_distance_by_hand():
    first = np.array([[0.0, 0.0], [1.0, 1.0]])
    second = np.array([[3.0, 4.0], [1.0, 1.0]])
    assert identity_distance(first, second).tolist() == [5.0, 0.0]


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"Expected two arrays of one shape .* Received: \(2, 3\), \(1, 3\)"):
        identity_distance(np.zeros((2, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"Expected .* at least 2 rows"):
        frechet_distance(np.zeros((1, 3)), np.zeros((2, 3)))


class FakeNetwork:
    """Stands for dlib's: keeps what it was given."""

    def __init__(self, path):
        self.path, self.chips = path, []

    def compute_face_descriptor(self, chips):
        self.chips += chips
        return [[float(chip.mean())] * EMBEDDING_DIM for chip in chips]


@pytest.fixture
def fake_dlib(monkeypatch, tmp_path):
    """A dlib whose network needs no weights."""
    monkeypatch.setitem(sys.modules, "dlib", types.SimpleNamespace(face_recognition_model_v1=FakeNetwork))
    file = types.SimpleNamespace(name=NETWORK, locate=lambda: tmp_path / NETWORK)
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [types.SimpleNamespace(name="other"), file])


def test_the_network_gets_chips_of_its_size(fake_dlib, tmp_path):
    embed = FaceEmbedder()
    assert embed.network.path == str(tmp_path / NETWORK)
    pictures = np.full((40, 16, 16, 3), np.arange(40, dtype=np.uint8)[:, None, None, None])
    embeddings = embed(pictures)
    assert embeddings.shape == (40, 128)
    np.testing.assert_array_equal(embeddings[:, 0], np.arange(40))  # in order, over several batches
    assert {chip.shape for chip in embed.network.chips} == {(150, 150, 3)}
    assert all(chip.flags.c_contiguous and chip.dtype == np.uint8 for chip in embed.network.chips)
    assert embed(pictures[:0]).shape == (0, 128)
    with pytest.raises(ValueError, match=r"Expected `pictures` as \(B, H, W, 3\)"):
        embed(pictures[..., :1])


def test_what_is_not_installed_is_named(fake_dlib, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(FaceCompletionError, match=rf"{NETWORK} of face_recognition_models is needed.*pip"):
        FaceEmbedder()

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    with pytest.raises(FaceCompletionError, match="face_recognition_models"):
        FaceEmbedder()
    monkeypatch.setitem(sys.modules, "dlib", None)  # importing it fails
    with pytest.raises(FaceCompletionError, match=r"Face distances need dlib, .* pip install"):
        FaceEmbedder()


@pytest.mark.skipif(not importlib.util.find_spec("dlib"), reason="dlib is not installed")
def test_the_distance_grows_with_the_damage():
    face = data.astronaut()[24:184, 148:308]  # the astronaut's face, roughly as our alignment frames it
    damaged = []
    for side in (0, 24, 60, 120):
        picture = face.copy()
        start = (160 - side) // 2
        picture[start : start + side, start : start + side] = 128
        damaged.append(picture)
    embeddings = FaceEmbedder()(np.stack(damaged))
    distances = identity_distance(embeddings, np.repeat(embeddings[:1], 4, axis=0))
    assert distances[0] == 0
    assert (np.diff(distances) > 0).all()

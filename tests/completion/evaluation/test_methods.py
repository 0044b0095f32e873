import dataclasses

import numpy as np
import pytest

from completion.config import METHODS, SearchConfig
from completion.evaluation.methods import make_compared_method
from tests.completion.helpers import center_hole, make_picture


@pytest.mark.parametrize("name", METHODS)
def test_every_method_leaves_known_pixels_and_ignores_hidden_ones(encoded, name, monkeypatch):
    if isinstance(METHODS[name], SearchConfig):
        monkeypatch.setitem(METHODS, name, dataclasses.replace(METHODS[name], iterations=2))
    method = make_compared_method(name, encoded, rows=3)
    assert method.name == name
    pictures = np.stack([make_picture(seed=seed) for seed in range(2)])
    hole = np.stack([center_hole()] * 2)
    completed = method.fill(pictures, hole)
    assert (completed.shape, completed.dtype) == (pictures.shape, np.uint8)
    np.testing.assert_array_equal(completed[~hole], pictures[~hole])
    assert (completed[hole] != pictures[hole]).mean() > 0.5
    other = np.where(hole[..., None], np.uint8(255) - pictures, pictures)
    np.testing.assert_array_equal(method.fill(other, hole), completed)
    np.testing.assert_array_equal(method.fill(pictures[1:], hole[1:]), completed[1:])  # padded to as many rows


def test_an_unknown_method():
    with pytest.raises(ValueError, match=r"Expected a method among balanced, .*\. Received: 'magic'"):
        make_compared_method("magic", None, rows=1)

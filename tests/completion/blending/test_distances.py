import numpy as np
import pytest
from scipy import ndimage

from completion.blending.distances import distance_to_known, label_holes, with_neighbours


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("shape", [(1, 9), (37, 50), (64, 64)])
def test_they_are_scipys(shape, share):
    mask = np.random.default_rng(3).random(shape) < share
    mask[0, 0] = False
    np.testing.assert_array_equal(with_neighbours(mask), ndimage.binary_dilation(mask))
    np.testing.assert_allclose(distance_to_known(mask), ndimage.distance_transform_edt(mask), atol=1e-5)
    labels, count = label_holes(mask)
    expected, expected_count = ndimage.label(mask)
    assert count == expected_count
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == count + 1  # one number for each hole


def test_parts_of_a_larger_mask():
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6, 2:6] = True
    np.testing.assert_array_equal(with_neighbours(mask[1:, 1:]), ndimage.binary_dilation(mask[1:, 1:]))
    assert label_holes(mask[:, ::2])[1] == 1

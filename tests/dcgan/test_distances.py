import numpy as np
import pytest

from dcgan.distances import frechet_distance, kernel_distance


def normal(count, mean=0.0, seed=0):
    return np.random.default_rng(seed).normal(mean, 1.0, (count, 6))


def test_kernel_distance_by_hand():
    # Blocks of two rows in one dimension: k(x, y) = (x y + 1) ** 3.
    first, second = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([[2.0], [2.0], [2.0], [2.0]])
    # Within: k(0, 1) = 1; k(2, 2) = 125; between: (k(0, 2) + k(1, 2)) / 2 = (1 + 27) / 2 = 14.
    assert kernel_distance(first, second).mean == pytest.approx(1.0 + 125.0 - 2.0 * 14.0)


def test_kernel_distance_has_no_bias():
    """Of samples of one distribution it is 0 within its interval, however few they are; Frechet's is not."""
    found = kernel_distance(normal(2000), normal(2000, seed=1))
    assert found.low < 0.0 < found.high
    assert frechet_distance(normal(100), normal(100, seed=1)) > 3.0 * frechet_distance(
        normal(2000), normal(2000, seed=1)
    )


def test_kernel_distance_grows_with_the_shift():
    near, far = (kernel_distance(normal(400), normal(400, mean=mean, seed=1)) for mean in (0.5, 1.0))
    assert 0.0 < near.low < near.high < far.low


@pytest.mark.parametrize("shapes", [((3, 2), (9, 2)), ((9, 2), (9, 3)), ((9,), (9, 2))])
def test_sets_that_cannot_be_compared(shapes):
    with pytest.raises(ValueError, match="with at least 4 rows each"):
        kernel_distance(*(np.zeros(shape) for shape in shapes))

import numpy as np
import pytest

from completion.evaluation.bootstrap import mean_interval


def test_the_interval_of_a_normal_sample_is_the_textbook_one():
    values = np.random.default_rng(0).normal(5.0, 2.0, 2000)
    mean, low, high = mean_interval(values, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert mean == values.mean()
    assert low == pytest.approx(mean - half, abs=0.1 * half)
    assert high == pytest.approx(mean + half, abs=0.1 * half)


def test_the_interval_holds_the_true_mean_as_often_as_it_says():
    samples = np.random.default_rng(1).exponential(1.0, (60, 400))  # 400 samples of 60, far from normal
    _, low, high = mean_interval(samples, confidence=0.9)
    assert 0.85 < ((low < 1.0) & (high > 1.0)).mean() < 0.94


def test_two_values_by_hand():
    # A draw of two from {0, 1} has mean 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
    assert mean_interval(np.array([0.0, 1.0])) == (0.5, 0.0, 1.0)
    assert mean_interval(np.array([0.0, 1.0]), confidence=0.4) == (0.5, 0.5, 0.5)


def test_equal_values_have_no_width():
    values = np.full((7, 2), 0.1)
    mean, low, high = mean_interval(values)
    np.testing.assert_allclose([low, high], [mean, mean], rtol=1e-15)


def test_columns_share_their_draws():
    values = np.random.default_rng(2).normal(size=(50, 3))
    together = mean_interval(values, seed=4)
    for column in range(3):
        alone = mean_interval(values[:, column], seed=4)
        np.testing.assert_allclose([part[column] for part in together], alone, rtol=0, atol=1e-12)


def test_paired_differences_are_narrower():
    rng = np.random.default_rng(3)
    hardness = rng.normal(0, 5, 100)
    first, second = hardness + rng.normal(0, 0.1, 100), hardness + 1 + rng.normal(0, 0.1, 100)
    _, low, high = mean_interval(second - first)
    assert 0.9 < low < high < 1.1
    alone = mean_interval(second)
    assert alone.high - alone.low > 10 * (high - low)


def test_the_same_seed_gives_the_same_bytes():
    values = np.random.default_rng(4).normal(size=(30, 2))
    one, two, three = (np.array(mean_interval(values, seed=seed)).tobytes() for seed in (1, 1, 2))
    assert one == two != three


@pytest.mark.parametrize(
    ("values", "options", "line"),
    [
        (np.zeros(0), {}, "`values`"),
        (np.zeros((2, 2, 2)), {}, "`values`"),
        (np.zeros(2), {"resamples": 0}, "`resamples` of at least 1"),
        (np.zeros(2), {"confidence": 1.0}, "`confidence` in"),
    ],
)
def test_wrong_arguments(values, options, line):
    with pytest.raises(ValueError, match=f"Expected .*{line}"):
        mean_interval(values, **options)

import numpy as np
import pytest

from dcgan.training.losses import discriminator_loss, generator_loss

REAL = np.array([0.0, 2.0], np.float32)
FAKE = np.array([0.0, -1.0], np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_undecided_discriminator_loses_log_four():
    zeros = np.zeros(3, np.float32)
    assert float(discriminator_loss(zeros, zeros)) == pytest.approx(np.log(4.0))
    assert float(generator_loss(zeros)) == pytest.approx(np.log(2.0))


def test_against_the_definition():
    expected = -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1.0 - sigmoid(FAKE)))
    assert float(discriminator_loss(REAL, FAKE)) == pytest.approx(expected, rel=1e-6)
    assert float(generator_loss(FAKE)) == pytest.approx(-np.mean(np.log(sigmoid(FAKE))), rel=1e-6)


def test_label_smoothing_is_one_sided():
    p = sigmoid(REAL)
    expected = -np.mean(0.9 * np.log(p) + 0.1 * np.log(1.0 - p)) - np.mean(np.log(1.0 - sigmoid(FAKE)))
    assert float(discriminator_loss(REAL, FAKE, label_smoothing=0.1)) == pytest.approx(expected, rel=1e-6)


def test_large_logits_stay_finite():
    large = np.array([1e4, -1e4], np.float32)
    assert float(discriminator_loss(large, large)) == pytest.approx(1e4, rel=1e-6)
    assert float(generator_loss(large)) == pytest.approx(5e3, rel=1e-6)

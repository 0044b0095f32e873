import keras
import numpy as np
from keras import ops

from dcgan.autodiff import compile_function, value_and_grad
from dcgan.networks import build_generator
from tests.dcgan.helpers import TOY

Z = np.random.default_rng(0).uniform(-1, 1, (3, 8)).astype(np.float32)


def toy_function(z, scale):
    """Return a smooth loss for each row, and the rows' sums."""
    return ops.sum(ops.sin(scale * z) * z**2, axis=1), ops.sum(z, axis=1)


def analytic(z, scale):
    return scale * np.cos(scale * z) * z**2 + 2 * z * np.sin(scale * z)


def test_against_the_formula():
    for run in (value_and_grad(toy_function), compile_function(value_and_grad(toy_function))):
        (values, extra), gradient = run(Z, np.float32(3.0))
        np.testing.assert_allclose(values, np.sum(np.sin(3 * Z) * Z**2, axis=1), rtol=1e-5)
        np.testing.assert_allclose(extra, Z.sum(axis=1), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(gradient, analytic(Z, 3.0), rtol=1e-4, atol=1e-5)


def test_against_finite_differences_of_the_generator():
    generator = build_generator(TOY)
    generator.set_weights([10.0 * weight if weight.ndim > 1 else weight for weight in generator.get_weights()])
    target = np.random.default_rng(1).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)

    def loss(z):
        return ops.mean((generator(z, training=False) - target) ** 2, axis=(1, 2, 3)), ()

    (values, _), gradient = value_and_grad(loss)(ops.convert_to_tensor(Z))
    assert np.array(values).shape == (3,)
    direction = np.random.default_rng(2).normal(size=Z.shape).astype(np.float32)
    step = 1e-2
    ahead, behind = (np.array(loss(Z + sign * step * direction)[0]) for sign in (1, -1))
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(np.sum(np.array(gradient) * direction, axis=1), expected, rtol=2e-2, atol=1e-4)


def test_a_row_does_not_depend_on_its_neighbours():
    run = value_and_grad(toy_function)
    _, together = run(Z, np.float32(2.0))
    for row in range(len(Z)):
        _, alone = run(Z[row : row + 1], np.float32(2.0))
        np.testing.assert_array_equal(np.array(together)[row], np.array(alone)[0])


def test_this_process_runs_the_engine_that_was_chosen():
    assert keras.backend.backend() in ("tensorflow", "jax")

"""The two things that Keras does not offer on both engines: a gradient with respect to an input, and compilation.

The only module that knows which engine runs.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["compile_function", "value_and_grad"]

Tensor = Any


def value_and_grad(
    function: Callable[..., tuple[Tensor, Tensor]],
) -> Callable[..., tuple[tuple[Tensor, Tensor], Tensor]]:
    """Return a function that gives `function`'s value and the gradient of its sum by the first argument.

    Parameters
    ----------
    function : (x, *args) -> (values, extra)
        `values` is (B,), one loss for each picture, of which ``values[i]`` depends on ``x[i]`` alone; then the gradient
        of the sum is the gradient of each. `extra` is carried along.

    Returns
    -------
    (x, *args) -> ((values, extra), gradient)
        The gradient has the shape of `x`.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def tensorflow_version(x: Tensor, *args: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                x = tf.convert_to_tensor(x)
                tape.watch(x)
                values, extra = function(x, *args)
                total = tf.reduce_sum(values)
            return (values, extra), tape.gradient(total, x)

        return tensorflow_version

    import jax

    def summed(x: Tensor, *args: Any) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        values, extra = function(x, *args)
        return values.sum(), (values, extra)

    differentiated = jax.value_and_grad(summed, has_aux=True)

    def jax_version(x: Tensor, *args: Any) -> tuple[tuple[Tensor, Tensor], Tensor]:
        (_, pair), gradient = differentiated(x, *args)
        return pair, gradient

    return jax_version


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of tensors; traced anew for new shapes, on TensorFlow at most twice.

    XLA stays off on TensorFlow: on a CPU it is more than ten times slower for these convolutions than oneDNN.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=False, reduce_retracing=True)
    import jax

    return jax.jit(function)

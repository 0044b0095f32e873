"""Gradients with respect to an input, and compilation: what Keras does not offer on both engines.

All direct calls of TensorFlow are in this module, and those of JAX but for `dcgan.training.devices`.
"""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import keras

__all__ = ["compile_function", "computed_now", "value_and_grad"]

Tensor = Any


def value_and_grad(
    function: Callable[..., tuple[Tensor, Tensor]],
) -> Callable[..., tuple[tuple[Tensor, Tensor], Tensor]]:
    """Return a function that computes the values of `function` and their gradient with respect to its first argument.

    Parameters
    ----------
    function : callable
        ``function(x, *args)`` returns ``(values, extra)``. `values` is a tensor of float32, shape (B,): one loss for
        each picture, where ``values[i]`` depends on ``x[i]`` only. The gradient of the sum of `values` is then the
        gradient of each loss. `extra` is returned unchanged.

    Returns
    -------
    callable
        ``(x, *args)`` to ``((values, extra), gradient)``, where `gradient` has the shape of `x`.
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
    """Compile a function of tensors.

    JAX traces the function again for each new shape of its arguments. TensorFlow relaxes the shapes after the first
    change, so it traces at most twice. XLA stays off on TensorFlow: on a CPU it is more than ten times slower than
    oneDNN for these convolutions.

    Parameters
    ----------
    function : callable
        Takes tensors and returns tensors, or nested structures of them.

    Returns
    -------
    callable
        The compiled function, with the same arguments and results.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=False, reduce_retracing=True)
    import jax

    return jax.jit(function)


def computed_now() -> AbstractContextManager[Any]:
    """Return a context in which values are computed at once, also while a function is traced for compilation.

    A network that is built and given its weights while another function is traced would keep its first weights.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.init_scope()
    import jax

    return jax.ensure_compile_time_eval()

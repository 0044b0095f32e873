"""Spread a training over the devices of this machine, where the engine can."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from contextlib import AbstractContextManager, nullcontext

import keras

__all__ = ["data_parallel"]


def data_parallel(batch_size: int) -> AbstractContextManager[object]:
    """Return a context in which each batch is divided among all devices; on one device it changes nothing.

    Networks must be built and trained inside the context. The losses and BatchNorm's statistics stay those of the whole
    batch, so a run gives the same model, to rounding, on any number of devices. JAX only: Keras divides no batches on
    TensorFlow.

    Raises
    ------
    ValueError
        The batch cannot be divided evenly.
    """
    if keras.backend.backend() != "jax":
        return nullcontext()
    devices = keras.distribution.list_devices()
    if len(devices) == 1:
        return nullcontext()
    if batch_size % len(devices):
        raise ValueError(
            f"Expected `batch_size` to be a multiple of the {len(devices)} devices. Received: batch_size={batch_size}"
        )
    return keras.distribution.DataParallel(devices=devices).scope()

"""Data-parallel training on all devices of a machine, on engines that support it."""

from dcgan import engine  # noqa: F401  (chooses the engine before keras is imported)

from contextlib import AbstractContextManager, nullcontext

import keras
from dcgan.errors import OptionError

__all__ = ["data_parallel"]


def data_parallel(batch_size: int) -> AbstractContextManager[object]:
    """Return a context manager in which each batch is split across all devices.

    Networks must be built and trained inside the context. Losses and BatchNorm statistics are computed over the whole
    batch, so the number of devices changes the trained model by rounding errors only. With one device, the context has
    no effect; neither has it on TensorFlow, for which Keras has no data parallelism.

    Parameters
    ----------
    batch_size : int
        Pictures in a batch.

    Returns
    -------
    context manager
        The context.

    Raises
    ------
    ValueError
        `batch_size` is not a multiple of the number of devices.
    """
    if keras.backend.backend() != "jax":
        return nullcontext()
    devices = keras.distribution.list_devices()
    if len(devices) == 1:
        return nullcontext()
    if batch_size % len(devices):
        raise OptionError(
            f"Expected `batch_size` to be a multiple of the {len(devices)} devices. Received: batch_size={batch_size}"
        )
    return keras.distribution.DataParallel(devices=devices).scope()

"""Which device Keras's engine computes on, TensorFlow or JAX: for searches and training."""

from __future__ import annotations

from typing import Any

from dcgan.device import Device, absent_gpu, check_device_name, gpu_name, gpu_number
from dcgan.errors import OptionError
from dcgan.terminal import one_line

__all__ = ["engine_device", "steer_engine", "steer_quietly"]


def steer_engine(wanted: str) -> None:
    """Have Keras's engine compute on a device, for the whole process.

    To be called before anything is computed: TensorFlow cannot change its device afterwards, and JAX takes memory of
    all GPUs when it first computes. "auto" changes nothing and starts nothing: TensorFlow then computes on the first
    GPU that it finds, JAX on the first GPU, or with all of them where `dcgan.training.devices` spreads a batch.

    Parameters
    ----------
    wanted : str
        See `dcgan.device.check_device_name`.

    Raises
    ------
    OptionError
        There is no such device here, or the engine computes on another one already.
    EngineError
        Keras or its engine is not installed.
    """
    wanted = check_device_name(wanted)
    if wanted == "auto":
        return
    if _engine() == "tensorflow":
        _steer_tensorflow(wanted)
    else:
        _steer_jax(wanted)


def steer_quietly(wanted: str) -> Device:
    """Steer the engine, start it without its notices, and return its device; see `steer_engine`."""
    from dcgan.quiet import quiet_import

    with quiet_import():
        try:
            steer_engine(wanted)
            return engine_device()
        except OptionError as error:  # where one leaves the context, the notices are printed
            refused = error
    raise refused


def engine_device() -> Device:
    """Return the device on which Keras's engine computes; starts the engine."""
    if _engine() == "tensorflow":
        import tensorflow as tf

        visible, all_gpus = tf.config.get_visible_devices("GPU"), tf.config.list_physical_devices("GPU")
        return Device(gpu_name(all_gpus.index(visible[0]))) if visible else Device()
    import jax

    default = jax.config.jax_default_device
    device = jax.devices(default)[0] if default is None or isinstance(default, str) else default
    return Device(gpu_name(device.local_hardware_id or 0)) if device.platform in ("gpu", "cuda", "rocm") else Device()


def _engine() -> str:
    """Return the engine's name."""
    from dcgan.engine import choose_engine

    return choose_engine()


def _steer_tensorflow(wanted: str) -> None:
    """Show TensorFlow one GPU or none; of a GPU it takes memory as it needs it, for others compute there as well."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    chosen = []
    if wanted != "cpu":
        if gpu_number(wanted) >= len(found):
            raise absent_gpu(wanted, "TensorFlow", len(found))
        chosen = [found[gpu_number(wanted)]]
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            if not tf.config.experimental.get_memory_growth(gpu):
                tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise OptionError(
            f"Expected `device` before TensorFlow computes for the first time. Received: {wanted!r}; it computes on "
            f"{engine_device().name} already"
        ) from error


def _steer_jax(wanted: str) -> None:
    """Make a device the default of JAX, and where JAX has not started yet, the only one that it starts."""
    import jax

    if wanted == "cpu":
        jax.config.update("jax_platforms", "cpu")  # no effect where JAX has started
        jax.config.update("jax_default_device", "cpu")
        return
    number = gpu_number(wanted)
    jax.config.update("jax_cuda_visible_devices", str(number))  # no effect where JAX has started
    found, why = _gpus_of_jax()
    chosen = [device for device in found if device.local_hardware_id == number]
    if not chosen:
        raise absent_gpu(wanted, "JAX", None, why)
    jax.config.update("jax_default_device", chosen[0])


def _gpus_of_jax() -> tuple[list[Any], str]:
    """Return the GPUs that JAX has, and why there are none."""
    import jax

    try:
        return list(jax.devices("gpu")), ""
    except RuntimeError as error:
        return [], f"JAX finds no such GPU here ({one_line(error)})"

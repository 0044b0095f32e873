"""Select the Keras engine (Keras calls it backend) before Keras is imported for the first time.

Every module that imports keras imports this module first. The default is TensorFlow, or JAX where TensorFlow is not
installed. The environment variable ``KERAS_BACKEND`` overrides the default.
"""

import importlib.util
import os
import sys

__all__ = ["ENGINES", "choose_engine"]

ENGINES = ("tensorflow", "jax")


def choose_engine() -> str:
    """Select the engine and return its name.

    If Keras is already imported, its engine is kept. Otherwise ``KERAS_BACKEND`` decides. If that is not set, the first
    of `ENGINES` that is installed is used.

    Returns
    -------
    str
        "tensorflow" or "jax".

    Raises
    ------
    ImportError
        No engine is installed, or Keras runs on an engine that this project does not support.
    """
    name = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:  # the engine is fixed, perhaps by Keras's configuration file
        name = sys.modules["keras"].config.backend()
    if name is None:
        installed = [engine for engine in ENGINES if importlib.util.find_spec(engine)]
        if not installed:
            raise ImportError("Expected TensorFlow or JAX to be installed. Received: neither.")
        name = os.environ["KERAS_BACKEND"] = installed[0]
    if name not in ENGINES:
        raise ImportError(f"Expected Keras's backend to be one of {', '.join(ENGINES)}. Received: {name}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides TensorFlow's start-up notices
    return name


choose_engine()

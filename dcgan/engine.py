"""Choose the Keras engine before Keras is imported for the first time.

Every module that imports keras imports this one first. TensorFlow is the default; JAX serves where TensorFlow is not
installed. ``KERAS_BACKEND`` in the environment overrides both.
"""

import importlib.util
import os
import sys

__all__ = ["ENGINES", "choose_engine"]

ENGINES = ("tensorflow", "jax")


def choose_engine() -> str:
    """Set and return the engine's name; an imported Keras's wins, then the user's ``KERAS_BACKEND``.

    Raises
    ------
    ImportError
        Neither engine is installed, or Keras runs on one that this project does not support.
    """
    name = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:  # it has chosen already, perhaps from its own configuration file
        name = sys.modules["keras"].config.backend()
    if name is None:
        installed = [engine for engine in ENGINES if importlib.util.find_spec(engine)]
        if not installed:
            raise ImportError("Expected TensorFlow or JAX to be installed. Received: neither.")
        name = os.environ["KERAS_BACKEND"] = installed[0]
    if name not in ENGINES:
        raise ImportError(f"Expected Keras's backend to be one of {', '.join(ENGINES)}. Received: {name}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up notices are not for our users
    return name


choose_engine()

"""Select the Keras engine (Keras calls it backend) before Keras is imported for the first time.

Every module that imports keras imports this module first. The default is TensorFlow, or JAX where TensorFlow is not
installed. The environment variable ``KERAS_BACKEND`` overrides the default. Completing with an encoder or a classical
method needs neither: see `dcgan.inference`.
"""

import importlib.util
import os
import sys

from dcgan.errors import EngineError

__all__ = ["ENGINES", "choose_engine"]

ENGINES = ("tensorflow", "jax")
INSTALL = "pip install 'tensorflow>=2.18,<3' 'keras>=3.15,<4'"


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
    EngineError
        Keras or its engine is not installed, or Keras runs on an engine that this project does not support.
    """
    name = os.environ.get("KERAS_BACKEND")
    if "keras" in sys.modules:  # the engine is fixed, perhaps by Keras's configuration file
        name = sys.modules["keras"].config.backend()
    if name is None:
        installed = [engine for engine in ENGINES if importlib.util.find_spec(engine)]
        name = os.environ["KERAS_BACKEND"] = installed[0] if installed else ENGINES[0]
    if name not in ENGINES:
        raise EngineError(f"expected Keras's backend to be one of {', '.join(ENGINES)}, received {name}")
    missing = [package for package in ("keras", name) if not importlib.util.find_spec(package)]
    if missing:
        raise EngineError(
            "training, searches of the latent space, variations and exports to Keras need Keras and TensorFlow or JAX; "
            f"not installed: {', '.join(missing)} ({INSTALL})"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides TensorFlow's start-up notices
    return name


choose_engine()

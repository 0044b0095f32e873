"""The platform's folder for what can be made or fetched again: decoded datasets, and models of the hub."""

import os
from pathlib import Path

__all__ = ["MODELS_FOLDER", "cache_folder"]

MODELS_FOLDER = "models"  # in the cache folder; the decoded datasets lie in the cache folder itself


def cache_folder() -> Path:
    """Return the folder.

    Returns
    -------
    Path
        $XDG_CACHE_HOME/dcgan; by default ~/.cache/dcgan on Linux, and what platformdirs says elsewhere.
    """
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "dcgan"
    import platformdirs

    return platformdirs.user_cache_path("dcgan", appauthor=False)

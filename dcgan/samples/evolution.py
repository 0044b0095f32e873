"""The film of a training: how the samples of the same latents became what they are."""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dcgan.errors import DatasetError
from dcgan.pictures.files import read_picture

__all__ = ["read_evolution"]

FRAMES_MAX = 240
STEP = re.compile(r"step-(\d+)\.png$")


def read_evolution(run_dir: Path) -> list[npt.NDArray[np.uint8]]:
    """Return the sample grids of a run folder in the order of their steps.

    Parameters
    ----------
    run_dir : Path
        Of dcgan-train or dcgan-train-encoder.

    Returns
    -------
    list of uint8 array (H, W, C)
        At most 240, the first and the last among them; where there are more, evenly chosen ones.

    Raises
    ------
    DatasetError
        The folder has no sample grids, or one of another size.
    ImageFileError
        One cannot be read.
    """
    found = {int(match[1]): path for path in run_dir.glob("samples/*") if (match := STEP.search(path.name))}
    if not found:
        raise DatasetError(f"{run_dir}: expected a run folder with samples/step-*.png, found none")
    steps = sorted(found)
    chosen = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), FRAMES_MAX)).round().astype(int))
    frames = [read_picture(found[steps[index]], channels=3) for index in chosen]
    shapes = {frame.shape for frame in frames}
    if len(shapes) > 1:
        raise DatasetError(f"{run_dir}: expected sample grids of one size, found {len(shapes)}")
    return frames

"""The folder of an evaluation: what is done is kept, so that a run that was stopped goes on.

    settings.json              what must not change when a run goes on
    faces.npz                  names and pictures
    masks/MASK.npz             a bit for each pixel of each face
    completed/MASK-METHOD.npz  completed pictures and seconds, of as many faces as are done
    measured/MASK-METHOD.npz   metrics, and the faces' embeddings where there is a network

The report is written beside them by `completion.evaluation.report`.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from completion.evaluation.config import EVALUATION_MASKS
from completion.evaluation.faces import Faces
from completion.evaluation.metrics import PICTURE_METRICS
from dcgan.errors import FaceCompletionError
from dcgan.pictures.marks import FolderKind, check_folder, clear_folder, mark_folder
from dcgan.pictures.records import locked, write_whole
from dcgan.training.run_folder import check_config

__all__ = ["EvaluationStore", "locked_store"]

MASK = f"({'|'.join(EVALUATION_MASKS)})"
PLOT = f"({'|'.join((*PICTURE_METRICS, 'identity', 'frechet', 'seconds'))})"
PAIR = re.compile(MASK + r"-[a-z0-9_]+\.npz")  # a mask and a method, which may be one of an earlier version


def _is_settings(found: dict[str, Any]) -> bool:
    """Tell whether a JSON object is the settings of an evaluation."""
    settings = found.get("evaluation")
    return len(found) == 1 and isinstance(settings, dict) and settings.keys() >= {"faces", "model", "seed"}


EVALUATION = FolderKind(
    name="evaluation",
    record="settings.json",
    is_record=_is_settings,
    files=("settings.json", "faces.npz", "results.csv", "results.json", "report.md"),
    folders={
        "masks": re.compile(MASK + r"\.npz"),
        "completed": PAIR,
        "measured": PAIR,
        "sheets": re.compile(MASK + r"\.png"),
        "plots": re.compile(PLOT + r"\.png"),
    },
)

Arrays = dict[str, npt.NDArray[Any]]


@contextmanager
def locked_store(folder: Path) -> "Iterator[EvaluationStore]":
    """Make the folder and keep other processes out of it.

    Parameters
    ----------
    folder : Path
        The evaluation's folder.

    Yields
    ------
    EvaluationStore
        What the folder keeps.

    Raises
    ------
    FaceCompletionError
        The folder holds files or links that no evaluation wrote where an evaluation would write, another process is
        evaluating into it, or the system refuses to write, now or while the folder is in use.
    """
    check_folder(folder, EVALUATION)  # before the lock's file appears in a folder of others
    with locked(folder, busy="another process is evaluating into it"):
        yield EvaluationStore(folder)


class EvaluationStore:
    """Arrays by name in an evaluation's folder; each file appears whole or not at all.

    Parameters
    ----------
    folder : Path
        Exists; the caller holds its lock.

    Attributes
    ----------
    folder : Path
        The same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, settings: dict[str, Any], *, overwrite: bool = False) -> None:
        """Write the settings, or refuse to go on with an evaluation that has others.

        Parameters
        ----------
        settings : dict
            What the kept pictures depend on; values that JSON can hold.
        overwrite : bool, default False
            Remove an earlier evaluation first, and nothing else that lies in the folder.

        Raises
        ------
        FaceCompletionError
            The folder holds an evaluation with other settings, or files that no evaluation wrote.
        """
        if check_folder(self.folder, EVALUATION):
            clear_folder(self.folder, EVALUATION, leftovers_only=not overwrite)
        mark_folder(self.folder, EVALUATION.name)
        check_config(self.folder / EVALUATION.record, {"evaluation": settings})
        for name in EVALUATION.folders:
            (self.folder / name).mkdir(exist_ok=True)

    def save_faces(self, faces: Faces) -> None:
        """Keep the faces.

        Parameters
        ----------
        faces : Faces
            Their names and pictures.
        """
        self._save("faces", {"names": np.array(faces.names), "pictures": faces.pictures})

    def faces(self) -> Faces:
        """Return the faces.

        Returns
        -------
        Faces
            As they were saved.

        Raises
        ------
        FaceCompletionError
            The file is damaged or missing.
        """
        arrays = self._load("faces")
        return Faces([str(name) for name in arrays["names"]], arrays["pictures"])

    def save_masks(self, mask: str, masks: npt.NDArray[np.bool_]) -> None:
        """Keep a mask for each face, packed to a bit for each pixel.

        Parameters
        ----------
        mask : str
            Name of the mask.
        masks : ndarray of bool, shape (N, H, W)
            True = missing.
        """
        self._save(f"masks/{mask}", {"bits": np.packbits(masks), "shape": np.array(masks.shape)})

    def masks(self, mask: str) -> npt.NDArray[np.bool_]:
        """Return the mask of each face.

        Parameters
        ----------
        mask : str
            Name of the mask.

        Returns
        -------
        ndarray of bool, shape (N, H, W)
            True = missing.

        Raises
        ------
        FaceCompletionError
            The file is damaged or missing.
        """
        arrays = self._load(f"masks/{mask}")
        shape = tuple(arrays["shape"])
        return np.unpackbits(arrays["bits"], count=int(np.prod(shape))).reshape(shape).astype(np.bool_)

    def save_completed(
        self, mask: str, method: str, *, pictures: npt.NDArray[np.uint8], seconds: npt.NDArray[np.float64]
    ) -> None:
        """Keep the pictures that are done so far.

        Parameters
        ----------
        mask : str
            Name of the mask.
        method : str
            Name of the method.
        pictures : ndarray of uint8, shape (D, H, W, 3)
            The completed pictures of the first D faces.
        seconds : ndarray of float64, shape (D,)
            How long each took.
        """
        self._save(f"completed/{mask}-{method}", {"pictures": pictures, "seconds": seconds})

    def completed(self, mask: str, method: str) -> Arrays:
        """Return the pictures that are done so far.

        Parameters
        ----------
        mask : str
            Name of the mask.
        method : str
            Name of the method.

        Returns
        -------
        dict of str to ndarray
            "pictures", uint8 of shape (D, H, W, 3), and "seconds", float64 of shape (D,); empty where nothing is done.

        Raises
        ------
        FaceCompletionError
            The file is damaged.
        """
        return self._load(f"completed/{mask}-{method}", missing_ok=True)

    def save_measured(self, mask: str, method: str, arrays: Arrays) -> None:
        """Keep what was measured.

        Parameters
        ----------
        mask : str
            Name of the mask.
        method : str
            Name of the method.
        arrays : dict of str to ndarray
            One row for each face in every array.
        """
        self._save(f"measured/{mask}-{method}", arrays)

    def measured(self, mask: str, method: str) -> Arrays:
        """Return what was measured.

        Parameters
        ----------
        mask : str
            Name of the mask.
        method : str
            Name of the method.

        Returns
        -------
        dict of str to ndarray
            One row for each face in every array; empty where nothing was measured.

        Raises
        ------
        FaceCompletionError
            The file is damaged.
        """
        return self._load(f"measured/{mask}-{method}", missing_ok=True)

    def _save(self, name: str, arrays: Arrays) -> None:
        """Write arrays, whole or not at all."""
        with write_whole(self.folder / f"{name}.npz") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle

    def _load(self, name: str, *, missing_ok: bool = False) -> Arrays:
        """Return arrays by name; where there is no such file and that may be, none."""
        path = self.folder / f"{name}.npz"
        if missing_ok and not path.exists():
            return {}
        try:
            # Of a damaged file NumPy would leave its own handle open.
            with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, TypeError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise FaceCompletionError(f"{path}: damaged ({error}); start over with --overwrite") from error

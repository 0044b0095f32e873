"""Errors that a caller can do something about.

    FaceCompletionError            base of them all
    ├── ImageFileError             a picture cannot be read or written
    ├── DatasetError               a training set holds nothing to train on
    ├── NoFaceError                no face can be found in a photograph
    ├── CompletionError            a method cannot complete a picture
    ├── ModelFileError             a model file is damaged, foreign or absent
    └── RunError                   a training run's folder cannot be used

Wrong arguments raise ValueError or TypeError as everywhere in Python.
"""

__all__ = [
    "CompletionError",
    "DatasetError",
    "FaceCompletionError",
    "ImageFileError",
    "ModelFileError",
    "NoFaceError",
    "RunError",
]


class FaceCompletionError(Exception):
    """Base class of this project's errors."""


class ImageFileError(FaceCompletionError):
    """A picture file cannot be read or written."""


class DatasetError(FaceCompletionError):
    """A training set is missing, unreadable or empty."""


class CompletionError(FaceCompletionError):
    """A method cannot complete a picture: nothing of it is known, for example."""


class ModelFileError(FaceCompletionError):
    """A model file is missing, damaged, or not one of ours."""


class NoFaceError(FaceCompletionError):
    """No face can be found in a photograph, or none where the user says that there is one."""


class RunError(FaceCompletionError):
    """A training run's folder is locked or belongs to another configuration."""

"""Named errors, for failures that a caller can handle.

    FaceCompletionError            base class
    ├── ImageFileError             a picture file cannot be read or written
    ├── DatasetError               a training set is missing, unreadable or too small
    ├── NoFaceError                no face is found in a photograph
    ├── CompletionError            a method cannot complete a picture
    ├── ModelFileError             a model file is missing, damaged, or not a model of this project
    ├── EngineError                Keras or its engine is missing, or a GPU fails; an ImportError as well
    └── RunError                   a run folder cannot be used, or the training diverged

Wrong arguments raise TypeError, where their type or dtype is wrong, or ValueError, where their shape or value is. A
ValueError of a setting, which may come from a command's option, is an

    OptionError(ValueError)        a setting is out of its range or does not go with another

    FallbackWarning                something else is done in place of what was asked for
"""

__all__ = [
    "CompletionError",
    "DatasetError",
    "EngineError",
    "FaceCompletionError",
    "FallbackWarning",
    "ImageFileError",
    "ModelFileError",
    "NoFaceError",
    "OptionError",
    "RunError",
]


class FaceCompletionError(Exception):
    """Base class of the errors of this project."""


class ImageFileError(FaceCompletionError):
    """A picture file cannot be read or written."""


class DatasetError(FaceCompletionError):
    """A training set is missing, unreadable, or smaller than one batch."""


class CompletionError(FaceCompletionError):
    """A method cannot complete a picture: nothing of it is known, for example."""


class ModelFileError(FaceCompletionError):
    """A model file is missing, damaged, or not a model of this project."""


class NoFaceError(FaceCompletionError):
    """No face is found in a photograph, or none at the place given by the user."""


class EngineError(FaceCompletionError, ImportError):
    """What trains and searches, Keras with TensorFlow or JAX, is not installed, or a GPU does not take a model."""


class RunError(FaceCompletionError):
    """A run folder is locked, damaged or made with other settings, cannot be written, or its training diverged."""


class OptionError(ValueError):
    """A setting is out of its range, or does not go with another one: wrong usage, where it is a command's option."""


class FallbackWarning(UserWarning):
    """Something else is done in place of what was asked for: a search in place of an encoder that a model lacks."""

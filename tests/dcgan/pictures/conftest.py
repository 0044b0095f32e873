import pytest

from dcgan.pictures.files import PictureFile
from tests.told import checked


@pytest.fixture(autouse=True)
def documented_notes(monkeypatch):
    """Every note about a file is in docs/inputs.md."""
    monkeypatch.setattr(PictureFile, "__init__", checked(PictureFile))

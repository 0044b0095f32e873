import pytest

from masks import DrawnMask
from tests.told import checked


@pytest.fixture(autouse=True)
def documented_notes(monkeypatch):
    """Every note about a mask is in docs/inputs.md."""
    monkeypatch.setattr(DrawnMask, "__init__", checked(DrawnMask))

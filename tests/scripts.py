"""The programs of scripts/, as modules."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent.parent / "scripts"


@contextmanager
def imported(name: str) -> Iterator[ModuleType]:
    """Import a program; where modules are looked for is afterwards as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module(name)

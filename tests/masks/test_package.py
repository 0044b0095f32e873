import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import masks
from masks.table import MASKS

ROOT = Path(masks.__file__).parents[1]
MODULES = sorted(module.name for module in pkgutil.iter_modules(masks.__path__))
FUNCTIONS = {function: home for home, function in (mask.function.split(".") for mask in MASKS.values())}


def test_all_is_enforced():
    assert len(masks.__all__) == len(set(masks.__all__))
    assert dir(masks) == sorted(masks.__all__)
    assert set(masks.__all__) == set(masks._HOMES)
    public = {
        name: module
        for module in MODULES
        if not module.startswith("_") and module != "table"
        for name in importlib.import_module(f"masks.{module}").__all__
    }
    public.pop("MASK_SUFFIXES")
    assert public == masks._HOMES


def test_every_named_mask_is_a_function_of_this_package():
    expected = {f"suggest_{name}" if mask.takes_picture else f"{name}_mask" for name, mask in MASKS.items()}
    assert expected == set(FUNCTIONS)
    assert masks._HOMES.items() >= FUNCTIONS.items()


@pytest.mark.parametrize("name", masks.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(masks, name)
    assert isinstance(value, tuple) or value.__doc__


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(masks.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "masks." in (node.module or "")]
    seen = {alias.name: node.module.removeprefix("masks.") for node in imports for alias in node.names}
    assert seen.pop("MASKS") == "table"
    assert {name: home for name, home in masks._HOMES.items() if name not in FUNCTIONS or name in seen} == seen


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'masks' has no attribute 'nothing'"):
        _ = masks.nothing


def test_the_spec_needs_only_the_standard_library():
    code = (
        "import sys, masks, masks.spec, masks.table, masks.color, masks.matching; masks.MaskSpec(); masks.MaskFolder; "
        "sys.exit(str([name for name in ('numpy', 'cv2') if name in sys.modules] or ''))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""


def test_masks_import_neither_of_the_other_packages():
    for path in Path(masks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"dcgan", "completion", "keras", "tensorflow"}


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    assert doctest.testmod(importlib.import_module(f"masks.{module}")).failed == 0

import ast
import doctest
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dcgan
from dcgan.errors import EngineError
from dcgan.engine import ENGINES, choose_engine
from dcgan.quiet import quiet_import

ROOT = Path(dcgan.__file__).parents[1]
MODULES = sorted(
    module.name.removeprefix("dcgan.") for module in pkgutil.walk_packages(dcgan.__path__, "dcgan.") if not module.ispkg
)


def test_all_is_enforced():
    assert sorted(dcgan.__all__) == dcgan.__all__
    assert set(dcgan.__all__) == set(dcgan._HOMES)
    assert dir(dcgan) == sorted([*dcgan.__all__, "__version__"])
    for name, home in dcgan._HOMES.items():
        module = importlib.import_module(f"dcgan.{home}")
        assert name in module.__all__
        assert getattr(dcgan, name) is getattr(module, name)
        assert getattr(dcgan, name).__doc__


@pytest.mark.parametrize("name", MODULES)
def test_modules_name_what_is_public(name):
    module = importlib.import_module(f"dcgan.{name}")
    assert sorted(module.__all__) == sorted(set(module.__all__))
    for public in module.__all__:
        assert hasattr(module, public)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(dcgan.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "dcgan." in (node.module or "")]
    assert {alias.name: node.module.removeprefix("dcgan.") for node in imports for alias in node.names} == dcgan._HOMES


def test_unknown_names():
    with pytest.raises(AttributeError, match="module 'dcgan' has no attribute 'nothing'"):
        _ = dcgan.nothing


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, dcgan, dcgan.config, dcgan.errors, dcgan.cli; dcgan.ModelConfig; dcgan.ModelFileError; "
        "sys.exit(str([name for name in ('numpy', 'keras', 'tensorflow', 'jax', 'PIL') if name in sys.modules] or ''))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stderr.strip() == ""


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(f"dcgan.{name}")).failed == 0


def test_errors_have_one_base():
    from dcgan import errors

    for name in errors.__all__:
        base = Warning if name.endswith("Warning") else errors.FaceCompletionError
        assert issubclass(getattr(errors, name), ValueError if name == "OptionError" else base)
        assert name in errors.__doc__


class TestEngine:
    @pytest.fixture(autouse=True)
    def fresh(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "keras", raising=False)
        monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # so that what the tests set is put back

    def installed(self, monkeypatch, *names):
        monkeypatch.delenv("KERAS_BACKEND")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: name in names or None)

    def test_tensorflow_comes_first(self, monkeypatch):
        self.installed(monkeypatch, "jax", "tensorflow", "keras")
        assert choose_engine() == os.environ["KERAS_BACKEND"] == "tensorflow"

    def test_jax_serves_without_tensorflow(self, monkeypatch):
        self.installed(monkeypatch, "jax", "keras")
        assert choose_engine() == os.environ["KERAS_BACKEND"] == "jax"

    def test_neither(self, monkeypatch):
        self.installed(monkeypatch)
        with pytest.raises(
            EngineError, match=r"not installed: keras, tensorflow \(pip install 'tensorflow>=2\.18,<3' "
        ):
            choose_engine()

    def test_keras_alone_is_missing(self, monkeypatch):
        self.installed(monkeypatch, "jax")
        with pytest.raises(EngineError, match=r"not installed: keras \("):
            choose_engine()

    @pytest.mark.parametrize("name", ENGINES)
    def test_the_users_choice_wins(self, monkeypatch, name):
        monkeypatch.setenv("KERAS_BACKEND", name)
        assert choose_engine() == name

    def test_engines_that_are_not_supported(self, monkeypatch):
        monkeypatch.setenv("KERAS_BACKEND", "torch")
        with pytest.raises(ImportError, match="to be one of tensorflow, jax, received torch"):
            choose_engine()

    def test_an_imported_keras_has_chosen_already(self, monkeypatch):
        keras = type("keras", (), {"config": type("config", (), {"backend": staticmethod(lambda: "numpy")})})
        monkeypatch.setitem(sys.modules, "keras", keras)
        with pytest.raises(ImportError, match="received numpy"):
            choose_engine()


class TestQuietImport:
    def test_notices_are_held_back(self, capfd):
        with quiet_import():
            os.write(2, b"a notice from C++")
        assert capfd.readouterr().err == ""
        os.write(2, b"heard again")
        assert capfd.readouterr().err == "heard again"

    def test_an_exception_brings_them_back(self, capfd):
        def failing():
            with quiet_import():
                os.write(2, b"the reason")
                raise ImportError

        with pytest.raises(ImportError):
            failing()
        assert capfd.readouterr().err == "the reason"

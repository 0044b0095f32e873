import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import pytest

from tests.completion.helpers import CommandLine, make_prior


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory):
    return make_prior(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def model_path(toy_model):
    return toy_model[0]


@pytest.fixture(scope="session")
def prior(toy_model):
    return toy_model[1]


@pytest.fixture(scope="session")
def grey_model(tmp_path_factory):
    return make_prior(tmp_path_factory.mktemp("models"), channels=1)


@pytest.fixture
def run(model_path):
    return CommandLine(model_path)

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

import numpy as np
import pytest

from tests.completion.helpers import CommandLine, make_prior
from tests.told import checked


@pytest.fixture(autouse=True)
def documented_notes(monkeypatch):
    """Every note about a picture, its file and its mask is in docs/inputs.md."""
    from completion.folder.run import Done
    from completion.methods import Work
    from masks import DrawnMask

    for kind in (Done, Work, DrawnMask):
        monkeypatch.setattr(kind, "__init__", checked(kind))


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
def encoded_path(prior, tmp_path_factory):
    """Return the toy model's file with an encoder whose offset is not 0."""
    from dcgan.encoder import build_encoder
    from dcgan.model_file import save_model

    encoder = build_encoder(prior.config, seed=4)
    rng = np.random.default_rng(0)
    weights = [weight if weight.any() else rng.normal(0, 0.1, weight.shape) for weight in encoder.get_weights()]
    encoder.set_weights(weights)
    path = tmp_path_factory.mktemp("models") / "encoded.safetensors"
    save_model(path, prior.generator, prior.discriminator, config=prior.config, encoder=encoder)
    return path


@pytest.fixture(scope="session")
def encoded(encoded_path):
    from dcgan.model_file import load_model

    return load_model(encoded_path)


@pytest.fixture(scope="session")
def grey_model(tmp_path_factory):
    return make_prior(tmp_path_factory.mktemp("models"), channels=1)


@pytest.fixture
def run(model_path):
    return CommandLine(model_path)
